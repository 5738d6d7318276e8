//! What watching a secret found where nothing is open, in words.

use super::problem::Problem;
use super::refusal::{mends, why_failed};
use crate::domain::class::Class;
use crate::domain::code::{Call, Refused};
use crate::domain::ids::KeyId;
use crate::domain::state::State;

/// A read failed, so that nobody can say whether *current* works.
#[must_use]
pub fn unverified(state: &State, class: Class, said: Option<&str>) -> Problem {
    let why = why_failed(class, said);
    let message = format!(
        "nothing is open, and whether the current credential works could not be verified: {why}. By \
         the journal key {} is current.",
        known(state)
    );
    let code = match class {
        Class::Retryable => Call::Retryable,
        Class::Rejected => Call::Rejected,
        Class::Conflict => Call::Conflict,
        Class::Misconfigured => Call::Misconfigured,
        Class::Unknown => Call::Unknown,
    };
    Problem::new(code, message, mends(class))
}

/// Somebody put another key, which works, into the store as *current*.
#[must_use]
pub fn changed_by_others(policy: &str, state: &State, key: &KeyId) -> Problem {
    let message = format!(
        "somebody changed the store's current credential: it holds key {key}, which works, and not \
         key {}, which was last rotated or adopted. It was left alone; no rotation starts until you \
         adopt it.",
        known(state)
    );
    Problem::new(Refused::CurrentChanged, message, format!("rekeyd adopt {policy}"))
}

fn known(state: &State) -> &str {
    state.settled.as_ref().map_or("", |settled| settled.held.proof.key.as_str())
}
