//! What to do next: a pure function of policy, state, what was observed, and the clocks.
//!
//! The order is the protocol's: *open question → heal → kill → next step*. A fact that is missing
//! yields [`Step::Look`]; nothing is guessed. Reads no clock, sends nothing, keeps nothing.

mod account;
mod advance;
mod attribution;
mod caller;
mod claim;
mod decommission;
mod doubt;
mod first_key;
mod foreign;
mod guards;
mod heal;
mod idle;
mod kill;
mod lockout;
mod migration;
mod pace;
mod preflight;
mod put_back;
mod question;
mod request;
mod retire;
mod rules;
mod ruling;
mod step;
mod view;

pub(in crate::domain) use claim::{Head, head_of};
pub(in crate::domain) use preflight::{MAX_VALUE_BYTES, has_too_many_orphans};
pub use rules::{Pace, Rules, certain_ms};
pub use step::{Step, WaitFor};

use super::clocks::Stamp;
use super::facts::Observed;
use super::state::{Adoption, Effect, Event, Park, ParkReason, Phase, Rotation, State};
use question::{Open, RECHECK_MS as QUIESCE_RECHECK_MS};
use view::{Found, View};

/// The next step of one secret.
#[must_use]
pub fn next_step(rules: &Rules, state: &State, seen: &Observed, at: &Stamp) -> Step {
    let view = View::new(rules, state, seen, at);
    match decide(&view) {
        Ok(step) | Err(step) => claim::guarded(&view, step),
    }
}

fn decide(v: &View<'_>) -> Found<Step> {
    let open = question::open(v)?;
    if let Open::Waiting(wait) = open {
        // Nothing but the kill of a key that no open question touches.
        return match kill::kill(v) {
            Ok(Some(step)) => Ok(step),
            Err(step) if goes_on(&step) || matches!(step, Step::Look(_)) => Ok(step),
            Ok(None) | Err(_) => Ok(wait),
        };
    }
    if let Some(step) = decommission::decide(v) {
        return Ok(step);
    }
    if v.state.adoption != Adoption::Adopted {
        return match kill::kill(v) {
            Ok(Some(step)) => Ok(step),
            Err(step) if goes_on(&step) || matches!(step, Step::Look(_)) => Ok(step),
            Ok(None) | Err(_) => match idle::first_contact(v) {
                Ok(step) | Err(step) => Ok(ruling::beside(v, step)),
            },
        };
    }
    if let Some(step) = heal::heal(v)? {
        return Ok(step);
    }
    // A kill that has to wait, or to park, must not hold up the rotation that ends the wait.
    let fallback = match kill::kill(v) {
        Ok(Some(step)) => return Ok(step),
        Err(step) if goes_on(&step) || matches!(step, Step::Look(_)) => return Ok(step),
        Ok(None) => None,
        Err(step) => Some(step),
    };
    let own = match machine(v) {
        Ok(step) | Err(step) => step,
    };
    if let Some(step) = lockout::answer(v, &own) {
        return Ok(step);
    }
    Ok(ruling::beside(v, soonest(own, fallback)))
}

/// The machine's own step, or what a kill waits for where that comes first.
fn soonest(own: Step, fallback: Option<Step>) -> Step {
    match (own, fallback) {
        (Step::Wait { ms, .. }, Some(other @ Step::Wait { ms: sooner, .. })) if sooner < ms => {
            other
        }
        (Step::Rest, Some(other))
        | (Step::Wait { .. }, Some(other @ (Step::Trouble { .. } | Step::Record(_)))) => other,
        (step, _) => step,
    }
}

/// Requests, then the machine's own next step.
fn machine(v: &View<'_>) -> Found<Step> {
    // Under a leak a create may still be open: that bars requests and a start, nothing else.
    let open = !v.state.questions.is_empty();
    if !open && let Some(step) = request::weigh(v)? {
        return Ok(step);
    }
    if !open && let Some(step) = foreign::take_over(v)? {
        return Ok(step);
    }
    let Some(rotation) = &v.state.rotation else {
        let ms = QUIESCE_RECHECK_MS;
        return if open { Ok(Step::Wait { reason: WaitFor::Quiesce, ms }) } else { idle::idle(v) };
    };
    let Some(park) = &v.state.parked else {
        return match advance::advance(v, rotation) {
            Ok(step) | Err(step) => Ok(v.bounded(step)),
        };
    };
    let step = match advance::advance(v, rotation) {
        Ok(step) | Err(step) => step,
    };
    if is_observation(&step) {
        return Ok(step);
    }
    let cures_itself = cures_itself(&park.reason) && is_ripe(v, park);
    let over = cures_itself || leak_overrides(v, rotation, &park.reason);
    // What a refused create has made is found out beside any park.
    let compares = !rotation.refused.is_empty();
    Ok(match step {
        step if over && goes_on(&step) => Step::record(Event::Unparked { by_operator: false }),
        // Everything could be read, and only time is missing: what it was parked for is over.
        Step::Wait { reason: WaitFor::Drain | WaitFor::Soak | WaitFor::Window, .. }
            if cures_itself
                && matches!(
                    park.reason,
                    ParkReason::Trouble { .. } | ParkReason::AckMissing { .. }
                ) =>
        {
            Step::record(Event::Unparked { by_operator: false })
        }
        // What is missing is looked at; the rest is the operator's.
        step if cures_itself || (over || compares) && matches!(step, Step::Look(_)) => step,
        _ => v.wait_for_operator(),
    })
}

/// Whether a machine could do something: send, or record more than a park or what it saw.
fn goes_on(step: &Step) -> bool {
    match step {
        Step::Do(_) => true,
        Step::Record(events) => {
            !matches!(events.first(), Some(Event::Parked { .. })) && !is_observation(step)
        }
        _ => false,
    }
}

/// What *current* was seen to name, and what a refused create made, is recorded beside any park.
fn is_observation(step: &Step) -> bool {
    let Step::Record(events) = step else { return false };
    let [event] = events.as_slice() else { return false };
    matches!(
        event,
        Event::Served { .. }
            | Event::RefusedCompared { .. }
            | Event::Entered { phase: Phase::Promoted, .. }
    )
}

/// A request that came to nothing again and again is tried anew after a while, not at once.
fn is_ripe(v: &View<'_>, park: &Park) -> bool {
    const AGAIN_MS: i64 = 60_000;
    let ParkReason::Trouble { step, .. } = &park.reason else { return true };
    !Effect::NAMES.contains(&step.as_str()) || v.passed(&park.since, AGAIN_MS)
}

/// A leaked new key is given up, and dead keys are replaced, whatever the rotation was parked for
/// (R14): the park was about keys that nobody wants any more.
fn leak_overrides(v: &View<'_>, rotation: &Rotation, reason: &ParkReason) -> bool {
    let suspect = rotation.new.as_ref().is_some_and(|new| v.state.is_suspect(&new.key));
    let dead =
        matches!(reason, ParkReason::BothDead | ParkReason::CurrentDead | ParkReason::NoActor);
    v.state.requests.leak.is_some() && (suspect || dead)
}

fn cures_itself(reason: &ParkReason) -> bool {
    reason.cures_itself()
}
