//! A person's word that an orphan must not live, carried out beside any rotation and any park (R17).
//! It acts only where the machine waits or rests, never parks a rotation, and stops visibly where
//! it cannot go on. Never touches a key that somebody's *current* or *pending* names.

use super::guards;
use super::retire::{Purpose, retire};
use super::step::{Step, WaitFor};
use super::view::{Found, View};
use crate::domain::class::Class;
use crate::domain::facts::Fact;
use crate::domain::ids::KeyId;
use crate::domain::state::{
    Event, Origin, ParkReason, Progress, Ruling, RulingStop, State, Trouble,
};

/// The same step failed this often in a row: the ruling stops.
const MAX_FAILURES: u32 = 4;
/// A conflict says that a read was behind; reads may lag for a minute (R13).
const MAX_CONFLICTS: u32 = 12;
/// What may pass by itself is tried again after this time.
const AGAIN_MS: i64 = 600_000;

/// The machine's own step, or where that waits or rests, the next one of a ruling.
pub(super) fn beside(v: &View<'_>, own: Step) -> Step {
    let Some(sooner) = slack(&own) else { return own };
    match carry_out(v) {
        None => own,
        Some(Step::Wait { ms, .. }) if ms >= sooner => own,
        Some(step) => step,
    }
}

/// How long the machine leaves everything alone, if it does.
fn slack(own: &Step) -> Option<i64> {
    match own {
        // A command that waits for an operator would end here.
        Step::Rest | Step::Wait { reason: WaitFor::Operator, .. } => Some(i64::MAX),
        Step::Wait { ms, .. } => Some(*ms),
        _ => None,
    }
}

fn carry_out(v: &View<'_>) -> Option<Step> {
    if !v.state.questions.is_empty() {
        return None;
    }
    // What the rotation is parked for is no reason to leave a ruling undone.
    let free = State { parked: None, ..v.state.clone() };
    let v = View::new(v.rules, &free, v.seen, v.stamp);
    let mut waits = None;
    for (key, orphan) in &free.orphans {
        let Some((ruling, progress)) = orphan.undone() else { continue };
        if !is_ripe(&v, progress) || is_being_killed(&v, key) {
            continue;
        }
        match next(&v, key, ruling) {
            step @ Step::Wait { .. } => waits = waits.or(Some(step)),
            step => return Some(step),
        }
    }
    waits
}

fn is_ripe(v: &View<'_>, progress: &Progress) -> bool {
    match progress {
        Progress::Open => true,
        Progress::Stopped { why, since } => why.may_pass() && v.passed(since, AGAIN_MS),
        Progress::Done => false,
    }
}

/// A leak report is stronger: the kill loop has it until it is dead.
fn is_being_killed(v: &View<'_>, key: &KeyId) -> bool {
    v.state.suspects.get(key).is_some_and(|suspect| suspect.dead.is_none())
}

fn next(v: &View<'_>, key: &KeyId, ruling: Ruling) -> Step {
    let purpose = Purpose::Ruled { delete: ruling == Ruling::Delete };
    let wanted = guard(v, key).and_then(|()| retire(v, key, purpose));
    let (Ok(Some(step)) | Err(step)) = wanted else {
        // Deletes that came to nothing are not sent for ever.
        return stop(key, RulingStop::DeletesSpent);
    };
    match &step {
        Step::Record(events) => match events.as_slice() {
            [Event::Parked { reason }] => stop(key, because(v, reason)),
            _ => step,
        },
        Step::Trouble { class, step: name } if is_chronic(v, name) => {
            stop(key, failed(v, *class, name))
        }
        Step::Do(effect) if is_chronic(v, effect.name()) => {
            let class = v.state.trouble.as_ref().map_or(Class::Unknown, |trouble| trouble.class);
            stop(key, failed(v, class, effect.name()))
        }
        _ => step,
    }
}

fn stop(key: &KeyId, why: RulingStop) -> Step {
    Step::record(Event::RulingStopped { key: key.clone(), why })
}

fn trouble_at<'a>(v: &View<'a>, step: &str) -> Option<&'a Trouble> {
    v.state.trouble.as_ref().filter(|trouble| trouble.step == step)
}

fn is_chronic(v: &View<'_>, step: &str) -> bool {
    trouble_at(v, step).is_some_and(|trouble| {
        let conflict = trouble.class == Class::Conflict;
        trouble.in_a_row >= if conflict { MAX_CONFLICTS } else { MAX_FAILURES }
    })
}

fn failed(v: &View<'_>, class: Class, step: &str) -> RulingStop {
    let said = trouble_at(v, step).and_then(|trouble| trouble.said.clone());
    RulingStop::Failed { class, step: step.to_owned(), said }
}

/// What would park a rotation stops a ruling, and nothing else.
fn because(v: &View<'_>, reason: &ParkReason) -> RulingStop {
    match reason {
        ParkReason::NoActor => RulingStop::NoActor,
        ParkReason::PinDiffers { .. } => RulingStop::PinDiffers,
        ParkReason::KeepsReviving { .. } => RulingStop::KeepsReviving,
        ParkReason::Trouble { class, step } => failed(v, *class, step),
        other => failed(v, Class::Conflict, other.code()),
    }
}

/// Read at every step: nobody's *current* or *pending* names the key, it is not managed, and another
/// credential authenticates (R22, invariant 10).
fn guard(v: &View<'_>, key: &KeyId) -> Found<()> {
    let managed = v.state.keys.get(key).is_some_and(|k| k.origin != Origin::Foreign);
    if managed || guards::is_named_here(v, key)? {
        return Err(stop(key, RulingStop::NamedHere));
    }
    v.actor(Some(key))?;
    if let (true, Fact::Unclear(class)) = (v.rules.named_actor, &v.seen.named_actor) {
        // Which key the named actor is cannot be told: it may be this one.
        return Err(v.trouble(*class, "named_actor"));
    }
    if v.named_actor_is(Some(key)) {
        return Err(stop(key, RulingStop::IsActor));
    }
    let elsewhere = v.elsewhere()?;
    if let Some(other) = elsewhere.keys.get(key) {
        return Err(stop(key, RulingStop::NamedElsewhere { policy: other.policy.clone() }));
    }
    match elsewhere.unreadable.first() {
        Some(secret) => Err(stop(key, RulingStop::ElsewhereUnreadable { secret: secret.clone() })),
        None => Ok(()),
    }
}
