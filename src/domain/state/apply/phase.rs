//! Phases of the machine: which may follow which, and how a rotation starts and ends.

use std::collections::{BTreeMap, BTreeSet};

use super::{Applied, illegal};
use crate::domain::clocks::Moment;
use crate::domain::ids::{ConsumerName, KeyId, RotationId};
use crate::domain::state::{
    Adoption, Ending, Event, FirstKey, Held, LastRotation, Phase, Rotation, Settled, State, Trigger,
};

pub(super) fn started(state: &mut State, now: Moment, event: &Event) -> Applied {
    let Event::Started { rotation, trigger, old, token_life_ms, kept } = event else {
        return illegal("started", "not a start");
    };
    if state.rotation.is_some() {
        return illegal("started", "another rotation of this secret is open");
    }
    if state.adoption != Adoption::Adopted {
        return illegal("started", "the secret is not adopted");
    }
    if !state.questions.is_empty() {
        return illegal("started", "a question is open");
    }
    let Some(managed) = state.keys.get_mut(&old.proof.key) else {
        return illegal("started", "the old key is not managed");
    };
    managed.version = Some(old.version.clone());
    state.requests.rotate = None;
    state.put_back = None;
    state.seen_key = None;
    state.kept.clone_from(kept);
    state.rotation = Some(Rotation {
        id: *rotation,
        trigger: *trigger,
        started: now.clone(),
        phase: Phase::Claimed,
        entered: now,
        old: old.clone(),
        new: None,
        attempt: 0,
        creates: 0,
        staged: Vec::new(),
        verify_failures: 0,
        promoted_at: None,
        moved: None,
        because: None,
        token_life_ms: *token_life_ms,
        label_moves: 0,
        unlabelled: None,
        dropped: None,
        aborted: false,
        doubts: Vec::new(),
        refused: Vec::new(),
        refused_shown: 0,
        unseen: BTreeMap::new(),
        etag_probed: false,
        accepted: None,
        acked: BTreeSet::new(),
        attempt_floor: 0,
    });
    Ok(())
}

/// Which phase may follow which without an effect of ours in between.
pub(super) fn may_enter(from: Phase, to: Phase) -> bool {
    use Phase::{
        Claimed, Deleted, Disabled, Drained, Issued, Promoted, Reverting, RollingBack, Soaked,
        Staged, Verified,
    };
    match to {
        Claimed => false,
        Issued | Staged => from == Verified,
        Verified => from == Staged,
        // A lost or late promote of ours, or a person's, is seen from anywhere before the end.
        Promoted => {
            from.before_promote() || matches!(from, Reverting | RollingBack | Disabled | Soaked)
        }
        Drained => matches!(from, Promoted | Disabled | Soaked),
        Disabled => from == Drained,
        Soaked => from == Disabled,
        Deleted => matches!(from, Drained | Disabled | Soaked),
        Reverting => from.after_promote(),
        RollingBack => from.before_promote() || from == Reverting,
    }
}

pub(super) fn entered(
    state: &mut State,
    now: Moment,
    phase: Phase,
    because: Option<&String>,
) -> Applied {
    let Some(rotation) = state.rotation.as_mut() else {
        return illegal("entered", "no rotation is open");
    };
    if !may_enter(rotation.phase, phase) {
        return illegal("entered", "that phase cannot follow");
    }
    rotation.phase = phase;
    rotation.entered = now.clone();
    rotation.aborted |= state.requests.abort;
    if matches!(phase, Phase::Reverting | Phase::RollingBack) {
        // Whoever moved to the new key has to move again.
        rotation.acked.clear();
    }
    if because.is_some() {
        rotation.because = because.cloned();
    }
    if let Some(new) = rotation.new.as_ref().filter(|_| phase == Phase::Verified) {
        // Its secret works, so the answer named the key that was made.
        rotation.unseen.remove(&new.key);
    }
    if phase == Phase::Promoted && rotation.promoted_at.is_none() {
        rotation.promoted_at = Some(now.clone());
    }
    let promoted = rotation.promoted_at.is_some();
    if phase == Phase::RollingBack
        && promoted
        && let Some(new) = rotation.new.as_ref().map(|new| new.key.clone())
        && let Some(managed) = state.keys.get_mut(&new)
    {
        // It was current; who moved it back, and when, nobody told us.
        managed.last_served = Some(now.clone());
    }
    let Some(rotation) = state.rotation.as_ref() else { return Ok(()) };
    if phase == Phase::Promoted {
        // Seen, not acknowledged: until now the old key may have been served.
        let old = rotation.old.proof.key.clone();
        if let Some(managed) = state.keys.get_mut(&old) {
            managed.last_served = Some(now);
        }
    }
    Ok(())
}

/// Only the open rotation's new key can be in use.
pub(super) fn acked(state: &mut State, id: RotationId, consumer: &ConsumerName) -> Applied {
    match state.rotation.as_mut() {
        Some(rotation) if rotation.id == id && rotation.phase.after_promote() => {
            rotation.acked.insert(consumer.clone());
            Ok(())
        }
        Some(_) => illegal("acked", "that rotation has not promoted"),
        None => illegal("acked", "no rotation is open"),
    }
}

pub(super) fn abandoned(state: &mut State, now: Moment, key: &KeyId, because: &str) -> Applied {
    if state.rotation.is_none() {
        return first_abandoned(state, key);
    }
    let Some(rotation) = state.rotation.as_mut() else {
        return illegal("abandoned", "no rotation is open");
    };
    if !rotation.phase.before_promote() || rotation.new.as_ref().map(|n| &n.key) != Some(key) {
        return illegal("abandoned", "not this rotation's unpromoted key");
    }
    rotation.new = None;
    rotation.verify_failures = 0;
    rotation.phase = Phase::Claimed;
    rotation.entered = now;
    rotation.because = Some(because.to_owned());
    if let Some(managed) = state.keys.get_mut(key)
        && !rotation.staged.iter().any(|staged| staged.proof.key == *key)
    {
        // No version holds it and memory lost it: nobody can use it.
        managed.fingerprint = None;
    }
    Ok(())
}

/// A first key that *current* never held: nobody can use it (R31).
fn first_abandoned(state: &mut State, key: &KeyId) -> Applied {
    let is_it =
        |first: &FirstKey| matches!(first, FirstKey::Minted { key: ours, .. } if ours == key);
    if !state.first.as_ref().is_some_and(is_it) {
        return illegal("abandoned", "no rotation is open, and it is no first key");
    }
    state.first = None;
    if let Some(managed) = state.keys.get_mut(key) {
        managed.fingerprint = None;
        managed.version = None;
    }
    Ok(())
}

pub(super) fn rebased(state: &mut State, now: Moment) -> Applied {
    match state.rotation.as_mut() {
        Some(rotation) if rotation.phase == Phase::Verified || rotation.phase == Phase::Staged => {
            rotation.phase = Phase::Issued;
            rotation.entered = now;
            Ok(())
        }
        _ => illegal("rebased", "nothing is staged"),
    }
}

/// `keys`: the last clean list.
pub(super) fn ended(
    state: &mut State,
    now: Moment,
    ending: Ending,
    keys: &BTreeSet<KeyId>,
) -> Applied {
    if !state.questions.is_empty() {
        return illegal("ended", "a question is open");
    }
    let Some(rotation) = state.rotation.take() else {
        return illegal("ended", "no rotation is open");
    };
    if !may_end(rotation.phase, ending) {
        return illegal("ended", "that end does not follow from this phase");
    }
    let Some(held) = survivor(&rotation, ending) else {
        return illegal("ended", "no key survives it");
    };
    state.known.clone_from(keys);
    state.settled = Some(settled(state, held, &now));
    if ending == Ending::Superseded && rotation.accepted.is_some() {
        state.baseline.clone_from(&rotation.accepted);
    }
    if rotation.moved.is_some() {
        state.moved.clone_from(&rotation.moved);
    }
    state.keys.retain(|_, managed| !managed.is_gone());
    state.owned.retain(|key, _| state.keys.contains_key(key));
    if ending != Ending::Superseded {
        state.unanswered.clear();
    }
    if let Some(leak) = state.requests.leak.as_mut().filter(|_| ending == Ending::RolledBack) {
        leak.rolled_back += match (rotation.aborted, rotation.trigger) {
            (true, _) => 2,
            (false, Trigger::Leak) => 1,
            // It was open before the report: its end says nothing about the report's own.
            (false, _) => 0,
        };
    }
    state.seen_key = None;
    state.requests.abort = false;
    state.parked = None;
    state.last = Some(last(&rotation, ending, now));
    Ok(())
}

/// The credential that *current* holds after such an end.
fn survivor(rotation: &Rotation, ending: Ending) -> Option<Held> {
    match ending {
        Ending::RolledBack => Some(rotation.old.clone()),
        Ending::Complete | Ending::Superseded => rotation
            .staged_new()
            .map(|staged| Held { proof: staged.proof.clone(), version: staged.version.clone() }),
    }
}

fn may_end(phase: Phase, ending: Ending) -> bool {
    match ending {
        Ending::Complete => phase == Phase::Deleted,
        Ending::RolledBack => phase == Phase::RollingBack,
        Ending::Superseded => phase.after_promote(),
    }
}

/// A credential that was settled before keeps its age.
fn settled(state: &State, held: Held, now: &Moment) -> Settled {
    if let Some(same) = state.settled.as_ref().filter(|s| s.held.proof == held.proof) {
        return Settled { held, ..same.clone() };
    }
    let minted = state.keys.get(&held.proof.key).map(|key| key.since.clone());
    Settled { held, since: minted.unwrap_or_else(|| now.clone()), created_ms: None }
}

pub(super) fn last(rotation: &Rotation, ending: Ending, ended: Moment) -> LastRotation {
    LastRotation {
        id: rotation.id,
        ending,
        started: rotation.started.clone(),
        ended,
        because: rotation.because.clone(),
    }
}
