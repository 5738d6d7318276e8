//! Requests of people and of the schedule, made and answered.

use super::key::pin_lost;
use super::{Applied, illegal};
use crate::domain::clocks::Moment;
use crate::domain::state::{
    FirstKey, Leak, Origin, Orphan, ParkReason, Refusal, Request, RequestKind, State, Suspect,
};

pub(super) fn requested(state: &mut State, now: Moment, request: &Request) -> Applied {
    state.refused = None;
    match request {
        Request::Rotate { trigger } => state.requests.rotate = Some(*trigger),
        Request::Abort => state.requests.abort = true,
        Request::Resume => state.requests.resume = true,
        Request::Adopt => state.requests.adopt = true,
        Request::Decommission { clear_store } => {
            state.requests.decommission = Some(*clear_store);
        }
        Request::AdoptIssued => {
            state.requests.adopt = true;
            if !state.first.as_ref().is_some_and(FirstKey::is_minted) {
                state.first = Some(FirstKey::Wanted);
            }
        }
        Request::Leak { suspects, kill_first, grace_ms, since_ms } => {
            for key in suspects.keys() {
                let foreign = !state.keys.contains_key(key);
                let suspect = Suspect { reported: now.clone(), dead: None, fate: None, foreign };
                state.suspects.insert(key.clone(), suspect);
            }
            // An abort from before the report is no word about it.
            if let Some(rotation) = state.rotation.as_mut() {
                rotation.aborted = false;
            }
            // A later report adds to the open one; it takes nothing back.
            let open = state.requests.leak.take();
            let mut all = open.as_ref().map_or_else(Default::default, |l| l.suspects.clone());
            all.extend(suspects.keys().cloned());
            let since = open.as_ref().and_then(|l| l.since_ms).into_iter().chain(*since_ms).min();
            state.requests.leak = Some(Leak {
                reported: now,
                kill_first: *kill_first || open.as_ref().is_some_and(|l| l.kill_first),
                grace_ms: open.as_ref().map_or(*grace_ms, |l| l.grace_ms.max(*grace_ms)),
                since_ms: since,
                suspects: all,
                rolled_back: 0,
                compared: false,
            });
        }
    }
    Ok(())
}

pub(super) fn answered(
    state: &mut State,
    request: RequestKind,
    refused: Option<&Refusal>,
) -> Applied {
    match request {
        RequestKind::Rotate => state.requests.rotate = None,
        RequestKind::Abort => state.requests.abort = false,
        RequestKind::Resume => state.requests.resume = false,
        RequestKind::Adopt => {
            state.requests.adopt = false;
            state.first.take_if(|first| !first.is_minted());
        }
        RequestKind::Decommission => state.requests.decommission = None,
        RequestKind::Leak => {}
    }
    state.refused = refused.cloned().map(|refused| (request, refused));
    Ok(())
}

/// A report ends; the set of its suspects outlives it (R16).
pub(super) fn leak_closed(state: &mut State) -> Applied {
    if state.suspects_alive().next().is_some() {
        return illegal("leak_closed", "a suspect is not proven dead");
    }
    state.requests.leak = None;
    state.refused.take_if(|(request, _)| *request == RequestKind::Leak);
    let orphans = &state.orphans;
    state.keys.retain(|key, managed| {
        let sentence = orphans.get(key).and_then(Orphan::sentence);
        managed.origin != Origin::Foreign || sentence.is_some()
    });
    Ok(())
}

pub(super) fn unparked(state: &mut State, now: &Moment, by_operator: bool) -> Applied {
    let Some(park) = state.parked.take() else {
        return illegal("unparked", "nothing is parked");
    };
    if matches!(park.reason, ParkReason::CurrentMovedBack | ParkReason::CurrentChanged) {
        // Nobody looked while it was parked: consumers may have been served either key until now.
        served_until_now(state, now);
    }
    if by_operator {
        // Their word that whoever wrote it is mended.
        state.put_backs.clear();
        if let Some(open) = state.put_back.as_mut() {
            open.attempt_floor = open.attempt;
        }
        if let Some(rotation) = state.rotation.as_mut() {
            rotation.attempt_floor = rotation.attempt;
        }
        for managed in state.keys.values_mut() {
            managed.deletes = 0;
            managed.pins_lost = 0;
        }
        if let ParkReason::KeepsReviving { key } = &park.reason
            && let Some(managed) = state.keys.get_mut(key)
        {
            managed.revivals = 0;
        }
    }
    if by_operator && let Some(leak) = state.requests.leak.as_mut() {
        leak.rolled_back = 0;
    }
    if let (true, ParkReason::PinDiffers { key }) = (by_operator, &park.reason) {
        // The operator's word that the act was meant: disable, pin, and soak again.
        return pin_lost(state, key);
    }
    Ok(())
}

/// Both keys of a rotation that was promoted, or its old key, count as served until this moment.
pub(super) fn served_until_now(state: &mut State, now: &Moment) {
    let Some(rotation) = &state.rotation else { return };
    let new = rotation.new.as_ref().filter(|_| rotation.promoted_at.is_some());
    for key in std::iter::once(&rotation.old.proof.key).chain(new.map(|new| &new.key)) {
        if let Some(managed) = state.keys.get_mut(key) {
            managed.last_served = Some(now.clone());
        }
    }
}
