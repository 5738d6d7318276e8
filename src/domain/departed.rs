//! A secret that no policy names any more, by the journal's word alone: whether something of it is
//! open, what speaks against forgetting it, and which keys would be forgotten (R28). Decides nothing.

use std::collections::BTreeSet;

use super::ids::KeyId;
use super::neighbours::named;
use super::state::{FirstKey, Life, State};

/// Why a secret cannot be forgotten now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bar {
    Rotation,
    /// The key is being decommissioned.
    Decommission,
    /// The settled credential is on its way back to *current*.
    PutBack,
    /// A request whose reply was lost may still land.
    Question,
    /// These are reported leaked and not proven dead.
    Suspects(BTreeSet<KeyId>),
    /// A leak report is open.
    Leak,
    /// A first key is being made.
    FirstKey,
    /// These may be ours, and nobody has ruled on them.
    Orphans(BTreeSet<KeyId>),
}

/// What goes on by itself, if the policy is known: nothing of it may be forgotten.
#[must_use]
pub fn open(state: &State) -> Option<Bar> {
    let suspects: BTreeSet<KeyId> = state.suspects_alive().cloned().collect();
    if state.rotation.is_some() {
        Some(Bar::Rotation)
    } else if state.decommission.is_some() {
        Some(Bar::Decommission)
    } else if state.put_back.is_some() {
        Some(Bar::PutBack)
    } else if !state.questions.is_empty() {
        Some(Bar::Question)
    } else if !suspects.is_empty() {
        Some(Bar::Suspects(suspects))
    } else if state.requests.leak.is_some() {
        Some(Bar::Leak)
    } else {
        state.first.as_ref().is_some_and(FirstKey::is_minted).then_some(Bar::FirstKey)
    }
}

/// What speaks against forgetting a secret.
#[must_use]
pub fn bar(state: &State) -> Option<Bar> {
    let unruled = state.orphans_unruled().map(|(key, _)| key.clone());
    let open_or_stopped = state.orphans.iter().filter(|(_, orphan)| orphan.undone().is_some());
    let undone = open_or_stopped.map(|(key, _)| key.clone());
    let orphans: BTreeSet<KeyId> = unruled.chain(undone).collect();
    open(state).or((!orphans.is_empty()).then_some(Bar::Orphans(orphans)))
}

/// Keys that nobody would remember without us: those that consumers may be served, and those of
/// ours that are not deleted.
#[must_use]
pub fn remembered(state: &State) -> BTreeSet<KeyId> {
    if state.forgotten {
        return BTreeSet::new();
    }
    let live = state.keys.iter().filter(|(_, key)| !matches!(key.life, Life::Deleted { .. }));
    live.map(|(key, _)| key.clone()).chain(named(state)).collect()
}
