//! Orphans: how a key gets on the record, what a person's word does there, and when it goes.

use std::collections::BTreeSet;

use super::{Applied, illegal};
use crate::domain::clocks::Moment;
use crate::domain::ids::KeyId;
use crate::domain::state::{
    Life, Origin, Orphan, OrphanKind, Progress, Ruled, Ruling, RulingStop, State,
};

pub(super) fn orphan(state: &mut State, key: &KeyId, now: &Moment, kind: OrphanKind) {
    if !state.keys.contains_key(key) {
        let fresh = Orphan { since: now.clone(), kind, ruled: None };
        state.orphans.entry(key.clone()).or_insert(fresh);
    }
}

/// Keys that appeared around a leak; the open report has been compared with the list.
pub(super) fn strangers(state: &mut State, now: &Moment, keys: &BTreeSet<KeyId>) -> Applied {
    for key in keys {
        orphan(state, key, now, OrphanKind::Stranger);
    }
    if let Some(leak) = state.requests.leak.as_mut() {
        leak.compared = true;
    }
    Ok(())
}

/// Keys that a create may have minted which was given up: reported, and not doubted again.
pub(super) fn unexplained(state: &mut State, now: &Moment, keys: &BTreeSet<KeyId>) -> Applied {
    for key in keys {
        orphan(state, key, now, OrphanKind::PossiblyMinted);
    }
    if let Some(rotation) = state.rotation.as_mut() {
        rotation.doubts.clear();
    }
    Ok(())
}

/// Earlier versions kept the record of a dead key until somebody ruled on it, and their journals
/// must replay: a ruling on a key that is no orphan any more changes nothing.
pub(super) fn kept(state: &mut State, key: &KeyId) -> Applied {
    if let Some(orphan) = state.orphans.get_mut(key) {
        orphan.ruled = Some(Ruled { ruling: Ruling::Keep, progress: Progress::Done });
    }
    Ok(())
}

/// The word that an orphan must not live. The same word again, or one after a stop, starts anew:
/// whatever was done to the key meanwhile, it is looked at, disabled, and pinned again.
pub(super) fn ruled(state: &mut State, key: &KeyId, ruling: Ruling, done: bool) -> Applied {
    if state.keys.get(key).is_some_and(|managed| managed.origin != Origin::Foreign) {
        return illegal("ruled", "the key is managed");
    }
    let Some(orphan) = state.orphans.get_mut(key) else {
        return illegal("ruled", "the key is not on the record of orphans");
    };
    let stopped = matches!(orphan.undone(), Some((_, Progress::Stopped { .. })));
    let again = orphan.ruled.as_ref().is_some_and(|before| before.ruling == ruling);
    let mut is_off = false;
    if let Some(managed) = state.keys.get_mut(key) {
        if stopped || again {
            managed.life = Life::Live;
        }
        managed.deletes = 0;
        managed.pins_lost = 0;
        managed.revivals = 0;
        is_off = matches!(managed.life, Life::Disabled { proven: true, .. });
    }
    let done = done || ruling == Ruling::Keep || ruling == Ruling::Disable && is_off;
    let progress = if done { Progress::Done } else { Progress::Open };
    orphan.ruled = Some(Ruled { ruling, progress });
    Ok(())
}

pub(super) fn ruling_stopped(
    state: &mut State,
    now: Moment,
    key: &KeyId,
    why: &RulingStop,
) -> Applied {
    match state.orphans.get_mut(key).and_then(|orphan| orphan.ruled.as_mut()) {
        Some(ruled) if ruled.progress != Progress::Done => {
            ruled.progress = Progress::Stopped { why: why.clone(), since: now };
            Ok(())
        }
        _ => illegal("ruling_stopped", "no ruling on this key is open"),
    }
}

/// A key that is gone needs no word. One that is off stays on the record of a person who ruled so;
/// of others it goes: it lives no more, so nobody has to rule on it.
pub(super) fn after_proof(state: &mut State, key: &KeyId, gone: bool) {
    let sentence = state.orphans.get(key).and_then(Orphan::sentence);
    let ruled = state.orphans.get_mut(key).and_then(|orphan| orphan.ruled.as_mut());
    match (sentence, ruled) {
        (Some(Ruling::Disable), Some(ruled)) if !gone => ruled.progress = Progress::Done,
        (Some(_), Some(_)) if !gone => {}
        _ => remove(state, key),
    }
}

pub(super) fn orphans_gone(state: &mut State, keys: &BTreeSet<KeyId>) -> Applied {
    keys.iter().for_each(|key| remove(state, key));
    Ok(())
}

/// The record goes, and with it what was noted of the key's life for a ruling alone.
fn remove(state: &mut State, key: &KeyId) {
    let ruled = state.orphans.remove(key).is_some_and(|orphan| orphan.sentence().is_some());
    if ruled && !state.is_suspect(key) {
        state.keys.remove(key);
    }
}
