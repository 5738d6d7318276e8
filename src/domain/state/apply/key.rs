//! A managed key's life: disabled, pinned, deleted, proven, revived.

use super::orphan::after_proof;
use super::{Applied, illegal};
use crate::domain::clocks::Moment;
use crate::domain::ids::KeyId;
use crate::domain::state::{Event, Evidence, Fate, Life, ManagedKey, Origin, Phase, State};

pub(super) fn key(state: &mut State, event: &Event) -> Applied {
    let (Event::Pinned { key, .. } | Event::PinLost { key } | Event::Revived { key }) = event
    else {
        return illegal("key", "not an event of a key");
    };
    match event {
        Event::Pinned { etag, .. } => {
            match state.keys.get_mut(key).map(|managed| &mut managed.life) {
                Some(Life::Disabled { pin, pinned, .. }) => {
                    pin.clone_from(etag);
                    *pinned = true;
                    Ok(())
                }
                _ => illegal("pinned", "the key is not disabled"),
            }
        }
        Event::PinLost { .. } => pin_lost(state, key),
        _ => {
            if let Some(suspect) = state.suspects.get_mut(key) {
                suspect.dead = None;
                suspect.fate = None;
            }
            match state.keys.get_mut(key) {
                Some(managed) => {
                    managed.revivals += 1;
                    managed.life = Life::Live;
                    Ok(())
                }
                None => illegal("revived", "not a managed key"),
            }
        }
    }
}

/// A suspect that we never managed, or an orphan that a person ruled on, gets a record when it is
/// first acted on.
pub(super) fn set_life(state: &mut State, key: &KeyId, life: Life) -> Applied {
    if !state.keys.contains_key(key) {
        let orphan = state.orphans.get(key);
        if !state.is_suspect(key) && orphan.is_none() {
            // Its record went while the reply was out; who may be acted on is the intent's gate.
            return Ok(());
        }
        let reported = state.suspects.get(key).map(|suspect| &suspect.reported);
        let since = reported.or(orphan.map(|orphan| &orphan.since)).cloned().unwrap_or_default();
        let managed = ManagedKey::new(Origin::Foreign, since, None);
        state.keys.insert(key.clone(), managed);
    }
    if let Some(managed) = state.keys.get_mut(key) {
        managed.life = life;
    }
    Ok(())
}

pub(super) fn pin_lost(state: &mut State, key: &KeyId) -> Applied {
    let Some(managed) = state.keys.get_mut(key) else {
        return illegal("pin_lost", "not a managed key");
    };
    managed.life = Life::Live;
    managed.pins_lost += 1;
    if let Some(rotation) = state.rotation.as_mut()
        && rotation.old.proof.key == *key
        && matches!(rotation.phase, Phase::Disabled | Phase::Soaked)
    {
        rotation.phase = Phase::Drained;
    }
    Ok(())
}

pub(super) fn proven(state: &mut State, now: Moment, key: &KeyId, evidence: &Evidence) -> Applied {
    let known = state.is_suspect(key) || state.is_sentenced(key);
    let absent = matches!(evidence, Evidence::Absent { .. });
    match state.keys.get_mut(key).map(|managed| &mut managed.life) {
        Some(Life::Deleted { proven, .. }) if absent => *proven = true,
        // Somebody else removed it.
        Some(life) if absent => *life = Life::Deleted { at: now.clone(), proven: true },
        Some(Life::Disabled { proven, .. }) => *proven = true,
        Some(Life::Live) => return illegal("proven", "the key was not disabled"),
        // Deleted keys are proven by absence only.
        Some(Life::Deleted { .. }) => return illegal("proven", "absence was not shown"),
        None if known => {}
        None => return illegal("proven", "not a managed key"),
    }
    if let Some(suspect) = state.suspects.get_mut(key) {
        let fate = match evidence {
            Evidence::Rejected { .. } => Fate::Rejected,
            Evidence::ListedDisabled { .. } => Fate::ListedDisabled,
            Evidence::Absent { .. } => Fate::Gone,
        };
        if suspect.is_disabled_by_list() && fate != Fate::ListedDisabled {
            suspect.dead = None;
        }
        suspect.dead.get_or_insert(now);
        suspect.fate = Some(fate);
    }
    let gone = matches!(evidence, Evidence::Absent { .. });
    after_proof(state, key, gone);
    Ok(())
}

/// *Current* names this key now, and another one until now: both drains count from here.
pub(super) fn served(state: &mut State, now: &Moment, key: &KeyId) -> Applied {
    let before = state.seen_key.replace(key.clone());
    for served in before.iter().chain([key]) {
        if let Some(managed) = state.keys.get_mut(served) {
            managed.last_served = Some(now.clone());
        }
    }
    Ok(())
}
