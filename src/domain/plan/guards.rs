//! Guards that stand before a key is disabled or deleted, in one place for every way there
//! (invariants 4, 8, 10). They read; they decide nothing else.

use super::step::WaitFor;
use super::view::{Found, View};
use crate::domain::class::Class;
use crate::domain::facts::KeyProof;
use crate::domain::ids::KeyId;
use crate::domain::state::{Effect, Origin, ParkReason};

/// An unsuspected key may be retired: *current* authenticates, nothing names the key, and nobody
/// has been served it for as long as consumers were promised. Returns *current*'s credential.
pub(super) fn may_retire<'a>(v: &View<'a>, key: &KeyId) -> Found<&'a KeyProof> {
    let Some((_, current)) = v.current_alive()? else {
        return Err(v.park(ParkReason::CurrentDead));
    };
    if current.key == *key {
        return Err(v.park(ParkReason::CurrentMovedBack));
    }
    not_pending(v, key)?;
    if let Some(served) = v.state.keys.get(key).and_then(|k| k.last_served.as_ref()) {
        v.wait_until(served, v.drain_ms(), WaitFor::Drain)?;
    }
    not_elsewhere(v, key)?;
    Ok(current)
}

/// No other policy's consumers may hold the key, by the journal of this very step (R22). An
/// operator's word that it may be retired here goes before.
fn not_elsewhere(v: &View<'_>, key: &KeyId) -> Found<()> {
    if v.state.owned.get(key) == Some(&true) {
        return Ok(());
    }
    let elsewhere = v.elsewhere()?;
    if let Some(other) = elsewhere.keys.get(key) {
        let (key, policy) = (key.clone(), other.policy.clone());
        return Err(v.park(ParkReason::NamedElsewhere { key, policy }));
    }
    // A key of our own making is in no secret that we did not put it in.
    let adopted = v.state.keys.get(key).is_some_and(|k| k.origin == Origin::Adopted);
    match elsewhere.unreadable.first().filter(|_| adopted) {
        Some(secret) => {
            let (key, secret) = (key.clone(), secret.clone());
            Err(v.park(ParkReason::ElsewhereUnreadable { key, secret }))
        }
        None => Ok(()),
    }
}

/// *Pending* must not name the key; where a version of ours still does, the label goes first.
fn not_pending(v: &View<'_>, key: &KeyId) -> Found<()> {
    let store = v.store()?;
    let Some(pending) = store.pending.as_ref().filter(|p| Some(*p) != store.current.as_ref())
    else {
        return Ok(());
    };
    if v.holding(pending)?.proof().is_none_or(|proof| proof.key != *key) {
        return Ok(());
    }
    Err(unstage(v, pending))
}

/// Takes *pending* off a version that holds a key of ours; a foreign one parks (R8).
pub(super) fn unstage(v: &View<'_>, pending: &crate::domain::ids::VersionId) -> super::Step {
    let moves = v.state.rotation.as_ref().map_or(u32::MAX, |r| r.label_moves);
    let ours = v.state.rotation.as_ref().is_some_and(|r| r.put(pending))
        || v.state.keys.values().any(|k| k.version.as_ref() == Some(pending));
    if !ours {
        return v.park(ParkReason::ForeignPending);
    }
    if moves > MAX_LABEL_MOVES {
        return v.trouble(Class::Unknown, "unstage");
    }
    super::Step::Do(Effect::Unstage { version: pending.clone() })
}

/// A store that says yes and shows no effect is not asked for ever.
pub(super) const MAX_LABEL_MOVES: u32 = 12;
