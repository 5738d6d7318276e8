//! Requests of people, weighed only when no question is open: abort, resume, adopt.

use super::account;
use super::claim::{self, Head};
use super::decommission;
use super::step::Step;
use super::view::{Found, View};
use crate::domain::ids::KeyId;
use crate::domain::state::{Event, Held, Life, ParkReason, Phase, Refusal, RequestKind, Rotation};

pub(super) fn weigh(v: &View<'_>) -> Found<Option<Step>> {
    let asked = &v.state.requests;
    if let Some(clear_store) = asked.decommission {
        return decommission::begin(v, clear_store).map(Some);
    }
    if asked.adopt {
        return adopt(v).map(Some);
    }
    if asked.abort {
        return abort(v).map(Some);
    }
    if asked.resume {
        return Ok(Some(resume(v)));
    }
    Ok(None)
}

fn answer(request: RequestKind, refused: Option<Refusal>) -> Event {
    Event::Answered { request, refused }
}

pub(super) fn resume(v: &View<'_>) -> Step {
    if v.state.parked.is_some() {
        return Step::Record(vec![
            Event::Unparked { by_operator: true },
            answer(RequestKind::Resume, None),
        ]);
    }
    // What is open and not parked goes on by itself.
    let refused = v.state.rotation.is_none().then_some(Refusal::NothingOpen);
    Step::record(answer(RequestKind::Resume, refused))
}

/// Up to Verified the new key is rolled back; up to Soaked the old one is put back; then it is too
/// late. A suspect is never put back.
fn abort(v: &View<'_>) -> Found<Step> {
    let refuse = |why| Ok(Step::record(answer(RequestKind::Abort, Some(why))));
    let Some(rotation) = &v.state.rotation else { return refuse(Refusal::NothingOpen) };
    if rotation.phase.before_promote()
        && let Some((_, holding)) = v.current()?
        && holding.proof().is_some_and(|proof| v.is_new(proof))
    {
        // Promoted already, by a late reply or by hand: from there it goes back.
        let because = Some("current names the new key".to_owned());
        return Ok(Step::record(Event::Entered { phase: Phase::Promoted, because }));
    }
    let target = match rotation.phase {
        Phase::Claimed | Phase::Issued | Phase::Staged | Phase::Verified => Phase::RollingBack,
        Phase::Promoted | Phase::Drained | Phase::Disabled | Phase::Soaked => {
            if let Some(why) = old_is_unfit(v, rotation)? {
                return refuse(why);
            }
            Phase::Reverting
        }
        Phase::Deleted => return refuse(Refusal::TooLate),
        Phase::Reverting | Phase::RollingBack => {
            return Ok(Step::record(answer(RequestKind::Abort, None)));
        }
    };
    let mut events = Vec::new();
    if v.state.parked.is_some() {
        events.push(Event::Unparked { by_operator: false });
    }
    events.push(Event::Entered { phase: target, because: Some("abort was asked for".to_owned()) });
    events.push(answer(RequestKind::Abort, None));
    Ok(Step::Record(events))
}

fn old_is_unfit(v: &View<'_>, rotation: &Rotation) -> Found<Option<Refusal>> {
    let old = &rotation.old.proof;
    if v.state.is_suspect(&old.key) {
        return Ok(Some(Refusal::OldKeyUnfit));
    }
    Ok(match v.state.keys.get(&old.key).map(|k| &k.life) {
        Some(Life::Live) => (!v.works(old)?).then_some(Refusal::OldKeyUnfit),
        Some(Life::Disabled { ours: true, .. }) => None,
        Some(Life::Disabled { .. }) => Some(Refusal::OldKeyUnfit),
        Some(Life::Deleted { .. }) | None => Some(Refusal::TooLate),
    })
}

/// What *current* holds is right, or the new key's profile is: an operator's word (R23, R31).
/// Deletes nothing, makes nothing due.
fn adopt(v: &View<'_>) -> Found<Step> {
    let refuse = |why| Ok(Step::record(answer(RequestKind::Adopt, Some(why))));
    if v.state.first.is_some() {
        return refuse(Refusal::AlreadyAdopted);
    }
    if let Some(step) = follow(v)? {
        return Ok(step);
    }
    if let Some(step) = accept_profile(v)? {
        return Ok(step);
    }
    if let Some(step) = own(v)? {
        return Ok(step);
    }
    let Some((version, holding)) = v.current()? else { return refuse(Refusal::NoCurrent) };
    let Some(proof) = holding.proof() else { return refuse(Refusal::CurrentMalformed) };
    let unfit = if v.state.is_suspect(&proof.key) {
        Some(Refusal::OldKeyUnfit)
    } else {
        (!v.works(proof)?).then_some(Refusal::CurrentDead)
    };
    if let Some(why) = unfit {
        // It is not adopted, but it may be rotated away from.
        return Ok(follow_any(v)?.unwrap_or(Step::record(answer(RequestKind::Adopt, Some(why)))));
    }
    if v.state.rotation.is_some() && (v.is_new(proof) || v.is_old(proof)) {
        return refuse(Refusal::NothingOpen);
    }
    let held = Held { proof: proof.clone(), version: version.clone() };
    let mut events = vec![account::adopted(v, held, true)?];
    events.extend(account::owned(v, &proof.key)?);
    events.push(answer(RequestKind::Adopt, None));
    Ok(Step::Record(events))
}

/// Where another journal's claim stands in the way: the word to go on all the same (R26).
pub(super) fn follow(v: &View<'_>) -> Found<Option<Step>> {
    let lost = v.state.parked.as_ref().is_some_and(|park| park.reason == ParkReason::ClaimLost);
    if lost { follow_any(v) } else { Ok(None) }
}

fn follow_any(v: &View<'_>) -> Found<Option<Step>> {
    let Head::Foreign { .. } = claim::head(v)? else { return Ok(None) };
    Ok(v.store()?.claim.map(|head| {
        let mut events = vec![Event::Followed { chain: head.generation }];
        if v.state.parked.is_some() {
            events.push(Event::Unparked { by_operator: true });
        }
        events.push(answer(RequestKind::Adopt, None));
        Step::Record(events)
    }))
}

/// Where a key waits because somebody else names it: the word that it is this policy's (R22).
pub(super) fn own(v: &View<'_>) -> Found<Option<Step>> {
    Ok(owned_where_parked(v)?.map(|owned| {
        Step::Record(vec![
            owned,
            Event::Unparked { by_operator: true },
            answer(RequestKind::Adopt, None),
        ])
    }))
}

/// Where a key waits because another policy names it: the word that it is this one's (R22).
fn owned_where_parked(v: &View<'_>) -> Found<Option<Event>> {
    let owned = |key: &KeyId, elsewhere: &String, retire| {
        Some(Event::Owned { key: key.clone(), elsewhere: elsewhere.clone(), retire })
    };
    Ok(match v.state.parked.as_ref().map(|park| &park.reason) {
        Some(ParkReason::NamedElsewhere { key, policy, .. }) => owned(key, policy, true),
        Some(ParkReason::ElsewhereUnreadable { key, secret }) => owned(key, secret, true),
        Some(ParkReason::PreflightRefused { refusal: Refusal::NamedElsewhere { policy } }) => {
            let current = v.current()?.and_then(|(_, holding)| holding.proof());
            let managed = current.filter(|proof| v.state.keys.contains_key(&proof.key));
            managed.and_then(|proof| owned(&proof.key, policy, false))
        }
        _ => None,
    })
}

fn accept_profile(v: &View<'_>) -> Found<Option<Step>> {
    let differs = v
        .state
        .parked
        .as_ref()
        .is_some_and(|park| matches!(park.reason, ParkReason::ProfileDiffers { .. }));
    let Some(staged) = v.state.rotation.as_ref().and_then(Rotation::staged_new) else {
        return Ok(None);
    };
    if !differs {
        return Ok(None);
    }
    v.holding(&staged.version)?;
    let baseline = account::baseline(v, &staged.proof)?;
    Ok(Some(Step::Record(vec![
        Event::BaselineTaken { baseline },
        Event::Unparked { by_operator: true },
        answer(RequestKind::Adopt, None),
    ])))
}
