//! What to do next: a pure function of policy, state, what was observed, and the clocks.
//!
//! The order is the protocol's: *open question → heal → kill → next step*. A fact that is missing
//! yields [`Step::Look`]; nothing is guessed. Reads no clock, sends nothing, keeps nothing.

mod account;
mod advance;
mod caller;
mod first_key;
mod guards;
mod heal;
mod idle;
mod kill;
mod lockout;
mod preflight;
mod question;
mod request;
mod retire;
mod rules;
mod step;
mod view;

pub use rules::Rules;
pub use step::{Step, WaitFor};

use super::class::Class;
use super::clocks::Stamp;
use super::facts::Observed;
use super::state::{Adoption, Effect, Event, ParkReason, State};
use question::Open;
use view::{Found, View};

/// The next step of one secret.
#[must_use]
pub fn next_step(rules: &Rules, state: &State, seen: &Observed, at: &Stamp) -> Step {
    let view = View::new(rules, state, seen, at);
    match decide(&view) {
        Ok(step) | Err(step) => step,
    }
}

fn decide(v: &View<'_>) -> Found<Step> {
    let open = question::open(v)?;
    if let Open::Waiting(wait) = open {
        // Nothing but the kill of a key that no open question touches.
        return match kill::kill(v) {
            Ok(Some(step)) | Err(step @ (Step::Look(_) | Step::Record(_) | Step::Do(_))) => {
                Ok(step)
            }
            Ok(None) | Err(_) => Ok(wait),
        };
    }
    if v.state.adoption != Adoption::Adopted {
        return idle::first_contact(v);
    }
    if let Some(step) = heal::heal(v)? {
        return Ok(step);
    }
    // A kill that has to wait must not hold up the rotation that ends the wait.
    let fallback = match kill::kill(v) {
        Ok(Some(step)) | Err(step @ (Step::Look(_) | Step::Record(_) | Step::Do(_))) => {
            return Ok(step);
        }
        Ok(None) => None,
        Err(step) => Some(step),
    };
    let own = match machine(v) {
        Ok(step) | Err(step) => step,
    };
    if let Some(step) = lockout::answer(v, &own) {
        return Ok(step);
    }
    Ok(match (own, fallback) {
        (Step::Wait { ms, .. }, Some(other @ Step::Wait { ms: sooner, .. })) if sooner < ms => {
            other
        }
        (Step::Rest, Some(other)) | (Step::Wait { .. }, Some(other @ Step::Trouble { .. })) => {
            other
        }
        (step, _) => step,
    })
}

/// Requests, then the machine's own next step.
fn machine(v: &View<'_>) -> Found<Step> {
    if let Some(step) = request::weigh(v)? {
        return Ok(step);
    }
    let Some(rotation) = &v.state.rotation else {
        return idle::idle(v);
    };
    let Some(park) = &v.state.parked else {
        return match advance::advance(v, rotation) {
            Ok(step) | Err(step) => Ok(v.bounded(step)),
        };
    };
    if !cures_itself(&park.reason) {
        return Ok(v.wait_for_operator());
    }
    // Trouble cures itself: as soon as a step could be taken, the park is lifted.
    Ok(match advance::advance(v, rotation) {
        Ok(Step::Do(_) | Step::Record(_)) | Err(Step::Do(_) | Step::Record(_)) => {
            Step::Record(vec![Event::Unparked { by_operator: false }])
        }
        Ok(step) | Err(step) => step,
    })
}

/// A failed read, or a throttled request, may succeed later; another policy may let go of a key. A
/// request that was refused for good
/// is not sent again until an operator says so (F5).
fn cures_itself(reason: &ParkReason) -> bool {
    match reason {
        ParkReason::Trouble { class: Class::Retryable, .. }
        | ParkReason::NamedElsewhere { .. }
        | ParkReason::ElsewhereUnreadable { .. } => true,
        ParkReason::Trouble { step, .. } => !Effect::NAMES.contains(&step.as_str()),
        _ => false,
    }
}
