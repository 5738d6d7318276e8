//! The keys of one secret as a person is told of them: which live, what each is, and what the store
//! holds instead.

use super::{LiveKey, rfc3339};
use crate::domain::clocks::Moment;
use crate::domain::ids::KeyId;
use crate::domain::state::{Life, ManagedKey, Origin, State};

pub(super) fn store_holds(state: &State) -> Option<&KeyId> {
    let known = current_key(state)?;
    state.seen_key.as_ref().filter(|seen| *seen != known)
}

pub(super) fn requested(state: &State) -> Vec<&'static str> {
    let asked = &state.requests;
    let all = [
        ("leak", asked.leak.is_some()),
        ("rotate", asked.rotate.is_some()),
        ("abort", asked.abort),
        ("resume", asked.resume),
        ("adopt", asked.adopt),
        ("decommission", asked.decommission.is_some()),
    ];
    all.into_iter().filter(|(_, open)| *open).map(|(name, _)| name).collect()
}

pub(super) fn live_keys(state: &State) -> Vec<LiveKey> {
    let live = state.keys.iter().filter(|(_, managed)| managed.life == Life::Live);
    let report = |(key, managed): (&KeyId, &ManagedKey)| LiveKey {
        key_id: key.to_string(),
        role: role(state, key, managed),
        since: rfc3339(since_ms(state, key, &managed.since)),
    };
    let mut keys: Vec<LiveKey> = live.map(report).collect();
    keys.sort_by_key(|key| ROLES.iter().position(|role| *role == key.role));
    keys
}

/// In the order in which they are shown.
const ROLES: [&str; 5] = ["current", "new", "old", "abandoned", "foreign"];

fn since_ms(state: &State, key: &KeyId, since: &Moment) -> i64 {
    let settled = state.settled.as_ref().filter(|settled| settled.held.proof.key == *key);
    settled.and_then(|settled| settled.created_ms).unwrap_or(since.wall_ms)
}

fn role(state: &State, key: &KeyId, managed: &ManagedKey) -> &'static str {
    if managed.origin == Origin::Foreign {
        return "foreign";
    }
    let Some(open) = &state.rotation else {
        let current = state.settled.as_ref().is_some_and(|s| s.held.proof.key == *key);
        return if current { "current" } else { "abandoned" };
    };
    let is_new = open.new.as_ref().is_some_and(|new| new.key == *key);
    let is_old = open.old.proof.key == *key;
    match (is_old, is_new, open.phase.after_promote()) {
        (true, _, true) => "old",
        (true, _, false) | (_, true, true) => "current",
        (_, true, false) => "new",
        _ => "abandoned",
    }
}

/// The key that consumers are served, by the journal's last word.
fn current_key(state: &State) -> Option<&KeyId> {
    state
        .keys
        .iter()
        .find(|(key, managed)| role(state, key, managed) == "current")
        .map(|(key, _)| key)
}

pub(super) fn issued_ms(state: &State) -> Option<i64> {
    let key = current_key(state)?;
    let managed = state.keys.get(key)?;
    let settled = state.settled.as_ref().filter(|settled| settled.held.proof.key == *key);
    let created = settled.and_then(|settled| settled.created_ms);
    created.or((managed.origin != Origin::Adopted).then_some(managed.since.wall_ms))
}
