//! Guards that stand before a key is disabled or deleted, in one place for every way there
//! (invariants 4, 8, 10). They read; they decide nothing else.

use super::step::WaitFor;
use super::view::{Found, View};
use crate::domain::class::Class;
use crate::domain::facts::KeyProof;
use crate::domain::ids::{KeyId, VersionId};
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

/// The key that *current* names may go for good (R30): the exception to [`may_retire`] by name. Its
/// drain is the caller's.
pub(super) fn may_decommission(v: &View<'_>, key: &KeyId) -> Found<()> {
    let store = v.store()?;
    if store.pending.is_some() && store.pending != store.current {
        return Err(v.park(ParkReason::ForeignPending));
    }
    not_elsewhere(v, key)
}

/// No other policy's consumers may hold the key, by the journal of this very step (R22). An
/// operator's word that it may be retired here goes before.
fn not_elsewhere(v: &View<'_>, key: &KeyId) -> Found<()> {
    if v.state.owned.get(key) == Some(&true) {
        return Ok(());
    }
    let elsewhere = v.elsewhere()?;
    if let Some(other) = elsewhere.keys.get(key) {
        let (key, policy, departed) = (key.clone(), other.policy.clone(), other.departed.clone());
        return Err(v.park(ParkReason::NamedElsewhere { key, policy, departed }));
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

/// Whether *current* or *pending* of this secret names the key, alive or not.
pub(super) fn is_named_here(v: &View<'_>, key: &KeyId) -> Found<bool> {
    let store = v.store()?;
    for version in [&store.current, &store.pending].into_iter().flatten() {
        if v.holding(version)?.proof().is_some_and(|proof| proof.key == *key) {
            return Ok(true);
        }
    }
    Ok(false)
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

/// Whether *pending* is on a version that is somebody else's (R8): we did not put it,
/// and it names no key of ours.
pub(super) fn pending_is_foreign(v: &View<'_>) -> Found<bool> {
    let store = v.store()?;
    match store.pending.as_ref().filter(|p| Some(*p) != store.current.as_ref()) {
        Some(pending) => Ok(!is_ours(v, pending)?),
        None => Ok(false),
    }
}

fn is_ours(v: &View<'_>, version: &VersionId) -> Found<bool> {
    if v.state.rotation.as_ref().is_some_and(|r| r.put(version)) {
        return Ok(true);
    }
    let named = v.holding(version)?.proof();
    Ok(named.is_some_and(|proof| v.state.keys.contains_key(&proof.key)))
}

/// Takes *pending* off a version that holds a key of ours; a foreign one parks (R8).
pub(super) fn unstage(v: &View<'_>, pending: &VersionId) -> super::Step {
    let moves = v.state.label_moves().unwrap_or(u32::MAX);
    match is_ours(v, pending) {
        Ok(true) => {}
        Ok(false) => return v.park(ParkReason::ForeignPending),
        Err(step) => return step,
    }
    if let Err(step) = label_lag(v, pending) {
        return step;
    }
    if moves > MAX_LABEL_MOVES {
        return v.trouble(Class::Unknown, "unstage");
    }
    super::Step::Do(Effect::Unstage { version: pending.clone() })
}

/// A label that we took off may still be seen for a minute (R13).
pub(super) fn label_lag(v: &View<'_>, version: &VersionId) -> Found<()> {
    match v.state.unlabelled() {
        Some((taken, at)) if taken == version && !v.passed(at, v.rules.lag_ms) => {
            Err(super::Step::Wait { reason: WaitFor::ReadsLag, ms: 1_000 })
        }
        _ => Ok(()),
    }
}

/// A store that says yes and shows no effect is not asked for ever.
pub(super) const MAX_LABEL_MOVES: u32 = 12;
