//! Where a policy stands at the end of a command, and what an open rotation leaves for later.

use super::{Asked, Verdict};
use crate::cli::error::Exit;
use crate::domain::clocks::Stamp;
use crate::domain::report::{RUN_ONCE, Subject, due_ms, policy_report, rfc3339};
use crate::domain::state::{Adoption, Life, Phase};

pub(super) fn standing(asked: Asked, subject: &Subject<'_>, now: &Stamp) -> Verdict {
    let (name, state) = (subject.name, subject.state);
    if let Some(said) = left(subject, now) {
        let outcome = if state.rotation.as_ref().is_some_and(|r| r.phase.after_promote()) {
            "current"
        } else {
            "waiting"
        };
        return Verdict::new(name, Exit::Done, outcome, said).next(RUN_ONCE);
    }
    if let Some(held) = policy_report(subject, now).withheld {
        let message = format!("not started yet: {}.", held.message);
        return Verdict::new(name, Exit::Done, "waiting", message).next(RUN_ONCE);
    }
    if let (Adoption::Unadopted, Asked::Nothing) = (&state.adoption, asked) {
        return Verdict::new(
            name,
            Exit::Operator,
            "unadopted",
            "the secret could not be looked at.",
        )
        .next(format!("rekeyd plan {name}"));
    }
    if !state.questions.is_empty() {
        let said = "a request whose reply was lost is still open; nothing else is sent until it is \
                    certain that it can no longer land.";
        return Verdict::new(name, Exit::Done, "waiting", said.to_owned()).next(RUN_ONCE);
    }
    let key = state.settled.as_ref().map(|settled| settled.held.proof.key.to_string());
    let due = due_ms(subject)
        .map_or_else(|| "due on demand only".to_owned(), |ms| format!("next due {}", rfc3339(ms)));
    let message = format!("nothing is open: key {} is current; {due}.", key.unwrap_or_default());
    Verdict::new(name, Exit::Done, "idle", message)
}

/// What an open rotation leaves for later.
pub(super) fn left(subject: &Subject<'_>, now: &Stamp) -> Option<String> {
    let open = subject.state.rotation.as_ref()?;
    let report = policy_report(subject, now).rotation?;
    let old = &open.old.proof.key;
    let new = open.new.as_ref().map(|new| new.key.to_string());
    let wait = match (&report.deadline, report.waiting_for.last()) {
        (Some(deadline), Some(&"window")) => format!("; the policy's window opens {deadline}"),
        (Some(deadline), Some(&"acks")) => {
            let missing = report.acks_missing.join(", ");
            format!("; until {deadline} it waits for the word of {missing}")
        }
        (Some(deadline), Some(what)) => format!("; {what} ends {deadline}"),
        _ => String::new(),
    };
    Some(match new {
        Some(new) if open.phase.after_promote() => {
            let lives = subject.state.keys.get(old).is_some_and(|key| key.life == Life::Live);
            let fate = if lives { "lives on" } else { "is off" };
            format!("key {new} is current; old key {old} {fate} ({}){wait}.", open.phase.name())
        }
        Some(new) if matches!(open.phase, Phase::Reverting | Phase::RollingBack) => format!(
            "the rotation is taken back: key {old} stays or becomes current, and new key {new} is \
             removed{wait}."
        ),
        Some(new) => format!("key {old} is current; new key {new} is {}{wait}.", open.phase.name()),
        None => format!("key {old} is current; the rotation is {}{wait}.", open.phase.name()),
    })
}
