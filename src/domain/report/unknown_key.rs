//! The text about a key that somebody reported leaked and that nobody knows: a slip of the keyboard,
//! most likely, while the leaked key lives.

use std::collections::BTreeSet;

use super::problem::{Problem, status};
use crate::domain::code::Concern;
use crate::domain::ids::KeyId;
use crate::domain::policy::diagnostic::nearest;
use crate::domain::state::{ManagedKey, State};

/// So many keys are named.
const MAX_NAMED: usize = 10;

/// `listed`: what the issuer's list holds besides, where it is at hand. `ends` says what became of
/// the report.
#[must_use]
pub fn unknown_key(
    policy: &str,
    key: &KeyId,
    state: &State,
    listed: &BTreeSet<KeyId>,
    ends: &str,
) -> Problem {
    let lives = |(_, managed): &(&KeyId, &ManagedKey)| !managed.is_gone();
    let managed: BTreeSet<&KeyId> = state.keys.iter().filter(lives).map(|(key, _)| key).collect();
    let all = managed.iter().copied().chain(&state.known).chain(listed).filter(|one| *one != key);
    let meant = nearest(key.as_str(), all.map(KeyId::as_str))
        .map_or_else(String::new, |meant| format!(" Did you mean {meant}?"));
    let named: Vec<&str> = managed.iter().take(MAX_NAMED).map(|key| key.as_str()).collect();
    let more = managed.len().saturating_sub(named.len());
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    let said = format!(
        "no key {key} is known to this policy, and the issuer's list does not hold it. {ends}{meant} \
         Known: {}{more}.",
        named.join(", ")
    );
    Problem::new(Concern::UnknownKey, said, status(policy))
}
