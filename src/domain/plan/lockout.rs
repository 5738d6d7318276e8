//! `--kill-first` where it would lock us out (R18): said once, as an answer that a person is shown.
//! The report stays open; what is spared dies as soon as another credential can serve.

use std::collections::BTreeSet;

use super::kill::is_spared;
use super::step::{Step, WaitFor};
use super::view::View;
use crate::domain::class::Class;
use crate::domain::ids::KeyId;
use crate::domain::state::{Effect, Event, Refusal, RequestKind};

/// The answer that is due where the kill spared the last credential and the machine's own step
/// brings no other nearer.
pub(super) fn answer(v: &View<'_>, own: &Step) -> Option<Step> {
    let leak = v.state.requests.leak.as_ref().filter(|leak| leak.kill_first)?;
    if !is_stuck(v, own) {
        return None;
    }
    let spared = |key: &&KeyId| {
        let alive = v.state.suspects.get(*key).is_some_and(|suspect| suspect.dead.is_none());
        alive && !v.state.touched(key) && is_spared(v, key) == Ok(true)
    };
    let keys: BTreeSet<KeyId> = leak.suspects.iter().filter(spared).cloned().collect();
    let why = (RequestKind::Leak, Refusal::KillFirstLocksOut { keys: keys.clone() });
    if keys.is_empty() || v.state.refused.as_ref() == Some(&why) {
        return None;
    }
    let (request, refused) = why;
    Some(Step::record(Event::Answered { request, refused: Some(refused) }))
}

/// Whether the machine waits for somebody, or for something that fails.
fn is_stuck(v: &View<'_>, own: &Step) -> bool {
    match own {
        Step::Trouble { .. } | Step::Rest => true,
        Step::Wait { reason, .. } => matches!(reason, WaitFor::Operator | WaitFor::Trouble),
        Step::Do(effect) => fails(v, effect),
        Step::Look(_) | Step::Record(_) => false,
    }
}

/// The same effect was refused, or came to nothing again and again.
fn fails(v: &View<'_>, effect: &Effect) -> bool {
    v.state.trouble.as_ref().is_some_and(|trouble| {
        let refused = matches!(trouble.class, Class::Rejected | Class::Misconfigured);
        trouble.step == effect.name() && (refused || v.trouble_is_chronic())
    })
}
