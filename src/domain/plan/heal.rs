//! Heal: *current* does not authenticate, and something that we know of can serve (R11, R13).
//! Runs in every state, parked or not. Never enables or promotes a suspect (R15).

use super::step::Step;
use super::view::{Found, View};
use super::{advance, cures_itself, goes_on, put_back};
use crate::domain::clocks::Moment;
use crate::domain::facts::{Actor, Holding, KeyProof};
use crate::domain::ids::{KeyId, VersionId};
use crate::domain::state::{
    Effect, Event, Life, Park, ParkReason, Phase, Rotation, Source, StagedVersion,
};

/// The healing step, if one is due.
pub(super) fn heal(v: &View<'_>) -> Found<Option<Step>> {
    let Some(store) = v.store_if_clear()? else { return Ok(None) };
    let Some(version) = &store.current else { return Ok(None) };
    let Some(holding) = v.holding_if_clear(version)? else { return Ok(None) };
    let Some(proof) = holding.proof() else { return Ok(None) };
    match v.works_if_clear(proof)? {
        Some(false) => {}
        Some(true) => return works_again(v),
        None => return Ok(None),
    }
    if let Some(step) = undo_our_disable(v, &proof.key)? {
        return Ok(Some(step));
    }
    let Some(rotation) = &v.state.rotation else {
        let back = put_back::put_back(v, version, holding)?;
        return Ok(back.or_else(|| nothing_open(v, &proof.key)));
    };
    if v.is_new(proof) {
        return new_key_died(v, rotation);
    }
    if v.is_old(proof) {
        return old_key_died(v, rotation, version, holding);
    }
    if v.state.is_suspect(&proof.key) || operator_gives_it_up(v) {
        return foreign_died(v, rotation, version, holding);
    }
    // A person's choice, though it does not work: theirs to mend.
    Ok(None)
}

/// A person put a credential there that is rejected, and now says to go on all the same.
fn operator_gives_it_up(v: &View<'_>) -> bool {
    let park = v.state.parked.as_ref();
    v.state.requests.resume && park.is_none_or(|park| park.reason == ParkReason::CurrentChanged)
}

/// Parked, and the machine could go on now: the park is over. What was refused for good stays.
fn lift(v: &View<'_>, rotation: &Rotation) -> Found<Option<Step>> {
    let Some(park) = &v.state.parked else { return Ok(None) };
    if matches!(park.reason, ParkReason::Trouble { .. }) && !cures_itself(&park.reason) {
        return Ok(None);
    }
    match advance::advance(v, rotation) {
        Ok(step) | Err(step) if goes_on(&step) => {
            Ok(Some(Step::record(Event::Unparked { by_operator: false })))
        }
        Err(step @ Step::Look(_)) => Err(step),
        _ => Ok(None),
    }
}

/// *Current* works: what was put back is tidied up, and what was parked for it is over.
fn works_again(v: &View<'_>) -> Found<Option<Step>> {
    match put_back::finish(v) {
        Ok(Some(step)) | Err(step) if goes_on(&step) || matches!(step, Step::Look(_)) => {
            Ok(Some(step))
        }
        // What waits holds neither a kill nor a request up.
        _ => Ok(recovered(v)),
    }
}

fn recovered(v: &View<'_>) -> Option<Step> {
    let park = v.state.parked.as_ref()?;
    if let ParkReason::CurrentOverwritten { key, failing: true } = &park.reason {
        let reason = ParkReason::CurrentOverwritten { key: key.clone(), failing: false };
        return Some(Step::record(Event::Parked { reason }));
    }
    let over = match park.reason {
        ParkReason::CurrentDead | ParkReason::BothDead | ParkReason::NoActor => true,
        ParkReason::CurrentMalformed => v.state.rotation.is_none(),
        _ => false,
    };
    over.then(|| Step::record(Event::Unparked { by_operator: false }))
}

/// With no rotation open, and nothing that could go back; a new key may be asked for.
fn nothing_open(v: &View<'_>, current: &KeyId) -> Option<Step> {
    let asked = &v.state.requests;
    let replaces = asked.leak.is_some() && v.state.is_suspect(current);
    let waiting = asked.rotate.is_some() || replaces || asked.adopt || asked.resume;
    if waiting || v.state.parked.is_some() {
        return None;
    }
    Some(Step::record(Event::Parked { reason: ParkReason::CurrentDead }))
}

/// Enables a key that our own disable disabled, if its etag is still the pin.
fn undo_our_disable(v: &View<'_>, key: &KeyId) -> Found<Option<Step>> {
    let Some(managed) = v.state.keys.get(key) else { return Ok(None) };
    let Life::Disabled { ours: true, pinned: true, pin, at, .. } = &managed.life else {
        return Ok(None);
    };
    if v.state.is_suspect(key) {
        return Ok(None);
    }
    let actor = match v.actor(Some(key)) {
        Ok(actor) => actor,
        Err(step @ Step::Look(_)) => return Err(step),
        Err(_) => return Ok(None),
    };
    enable_if_pinned(v, key, pin.as_ref(), actor, at)
}

fn enable_if_pinned(
    v: &View<'_>,
    key: &KeyId,
    pin: Option<&crate::domain::ids::Etag>,
    actor: Actor,
    at: &Moment,
) -> Found<Option<Step>> {
    let listed = match v.keys(&actor) {
        Ok(index) => index.keys.get(key),
        Err(step @ Step::Look(_)) => return Err(step),
        Err(_) => return Ok(None),
    };
    let pinned = listed.filter(|l| l.etag.as_ref() == pin && l.enabled != Some(true));
    if pinned.is_some() {
        return Ok(Some(Step::Do(Effect::Enable { actor, key: key.clone(), etag: pin.cloned() })));
    }
    // The list may not show our own disable yet (R13). No kill is kept waiting for that.
    if v.state.suspects_alive().next().is_none() {
        v.wait_out_lag(at, i64::MAX)?;
    }
    Ok(None)
}

/// Whether a credential of ours could serve: unsuspected, and it works, whoever enabled it.
fn can_serve(v: &View<'_>, proof: &KeyProof) -> Found<bool> {
    let there = v.state.keys.get(&proof.key).is_some_and(|k| !k.is_gone());
    if !there || v.state.is_suspect(&proof.key) {
        return Ok(false);
    }
    Ok(v.works_if_clear(proof)? == Some(true))
}

/// *Current* names the new key, and it is dead: back to the old one, if that works or can.
fn new_key_died(v: &View<'_>, rotation: &Rotation) -> Found<Option<Step>> {
    if rotation.phase == Phase::Reverting {
        return lift(v, rotation);
    }
    let old = &rotation.old.proof;
    let disabled_by_us = v
        .state
        .keys
        .get(&old.key)
        .is_some_and(|k| matches!(k.life, Life::Disabled { ours: true, .. }));
    if can_serve(v, old)? || (disabled_by_us && undo_our_disable(v, &old.key)?.is_some()) {
        return Ok(Some(revert(v, rotation)));
    }
    // Before anything is given up, the old key's state must be clear. A suspect is superseded.
    let unclear = !v.state.is_suspect(&old.key) && v.works_if_clear(old)?.is_none();
    let suspect = rotation.new.as_ref().is_some_and(|new| v.state.is_suspect(&new.key));
    if unclear || suspect || !rotation.phase.after_promote() {
        return Ok(None);
    }
    Ok(v.state.parked.is_none().then(|| v.park(ParkReason::BothDead)))
}

/// Into Reverting, by way of Promoted where somebody else moved *current* to the new key.
fn revert(v: &View<'_>, rotation: &Rotation) -> Step {
    let mut events = Vec::new();
    if v.state.parked.is_some() {
        events.push(Event::Unparked { by_operator: false });
    }
    if !rotation.phase.after_promote() {
        let because = Some("current names the new key".to_owned());
        events.push(Event::Entered { phase: Phase::Promoted, because });
    }
    let because = Some("the new key stopped working".to_owned());
    events.push(Event::Entered { phase: Phase::Reverting, because });
    Step::Record(events)
}

/// *Current* names the old key, and it is dead: forward, if the new one works.
fn old_key_died(
    v: &View<'_>,
    rotation: &Rotation,
    version: &VersionId,
    holding: &Holding,
) -> Found<Option<Step>> {
    // In memory, or not minted: the machine goes forward by itself.
    let Some(staged) = rotation.staged_new() else { return lift(v, rotation) };
    if let Some(step) = undo_our_disable(v, &staged.proof.key)? {
        return Ok(Some(step));
    }
    if !can_serve(v, &staged.proof)? {
        return Ok(None);
    }
    match rotation.phase {
        // The kill itself disabled it (R18): the machine verifies and goes forward.
        Phase::Staged if v.state.is_suspect(&rotation.old.proof.key) => Ok(None),
        Phase::Staged => Ok(Some(Step::record(Event::Entered {
            phase: Phase::Verified,
            because: Some("the old key stopped working".to_owned()),
        }))),
        Phase::Claimed | Phase::Issued | Phase::Verified => lift(v, rotation),
        _ => move_forward(v, rotation, staged, version, holding).map(Some),
    }
}

/// *Current* names a key that a person put, that is dead, and that was reported leaked or given up:
/// what they chose they no longer want. The new key serves, or else the old one.
fn foreign_died(
    v: &View<'_>,
    rotation: &Rotation,
    version: &VersionId,
    holding: &Holding,
) -> Found<Option<Step>> {
    let old = &rotation.old.proof;
    let staged = match rotation.staged_new() {
        Some(staged) if can_serve(v, &staged.proof)? => Some(staged),
        _ => None,
    };
    // A new key that is not verified, or was given up, serves only where the old one cannot.
    let verified = rotation.phase == Phase::Verified || rotation.phase.after_promote();
    let forward = staged.is_some() && (verified || !can_serve(v, old)?);
    if !forward {
        if let Some(step) = undo_our_disable(v, &old.key)? {
            return Ok(Some(step));
        }
        if !can_serve(v, old)? {
            return Ok(None);
        }
    }
    let theirs = |park: &Park| park.reason == ParkReason::CurrentChanged;
    if v.state.parked.as_ref().is_some_and(theirs) {
        let by_operator = v.state.requests.resume;
        return Ok(Some(Step::record(Event::Unparked { by_operator })));
    }
    match staged.filter(|_| forward) {
        Some(staged) => move_forward(v, rotation, staged, version, holding).map(Some),
        None => advance::back_to_old(v, rotation, version).map(Some),
    }
}

/// Moves *current* to our version again, or to one with *current*'s other fields.
fn move_forward(
    v: &View<'_>,
    rotation: &Rotation,
    staged: &StagedVersion,
    version: &VersionId,
    holding: &Holding,
) -> Found<Step> {
    let same_rest = match (holding, v.holding(&staged.version)?) {
        (Holding::Key { rest: current, .. }, Holding::Key { rest: ours, .. }) => current == ours,
        _ => false,
    };
    if same_rest || staged.base == *version {
        return Ok(Step::Do(Effect::Promote { from: version.clone(), to: staged.version.clone() }));
    }
    if rotation.attempts_spent() >= advance::MAX_ATTEMPTS {
        return Err(v.park(ParkReason::TooManyAttempts));
    }
    Ok(Step::Do(Effect::Stage {
        token: rotation.next_token(),
        base: version.clone(),
        proof: staged.proof.clone(),
        source: Source::Version(staged.version.clone()),
    }))
}
