//! Heal with no rotation open (R13): *current* is rejected, and the settled credential still works.
//! It goes back beside *current*'s other fields, three times a day at most. Never puts back a
//! suspect, and never touches a credential that works: that is a person's choice.

use super::advance::MAX_ATTEMPTS;
use super::claim::{self, Head};
use super::guards::{self, MAX_LABEL_MOVES};
use super::step::{Step, WaitFor};
use super::view::{Found, View};
use super::{cures_itself, is_ripe};
use crate::domain::facts::{Holding, KeyProof};
use crate::domain::ids::{KeyId, VersionId};
use crate::domain::state::{Effect, Event, Held, ParkReason, PutBack, Source};

/// Whoever writes what does not work is answered so often in a day; then a person must mend it.
const MOST_IN_A_DAY: usize = 3;
const DAY_MS: i64 = 24 * 3_600_000;

/// The next step on the way back; `version` is *current*, and what it holds was rejected. `None`
/// where nothing can go back, or only a person can say so.
pub(super) fn put_back(
    v: &View<'_>,
    version: &VersionId,
    holding: &Holding,
) -> Found<Option<Step>> {
    match next(v, version, holding) {
        Ok(Some(Step::Wait { reason: WaitFor::Operator, .. }))
        | Err(Step::Wait { reason: WaitFor::Operator, .. }) => Ok(None),
        other => other,
    }
}

fn next(v: &View<'_>, version: &VersionId, holding: &Holding) -> Found<Option<Step>> {
    let Holding::Key { proof: rejected, .. } = holding else { return Ok(None) };
    if may_lag(v, version) {
        return Err(Step::Wait { reason: WaitFor::ReadsLag, ms: 1_000 });
    }
    let Some(held) = fit(v)? else {
        return Ok(v.state.put_back.as_ref().map(|_| Step::record(Event::PutBackEnded)));
    };
    if is_spent(v) {
        return Ok(stop(v, &rejected.key));
    }
    match &v.state.put_back {
        None => Ok(Some(begin(v, held, &rejected.key))),
        Some(open) => go_back(v, open, &held, version, holding).map(|step| Some(bounded(v, step))),
    }
}

/// What our own move left, or what stood there before an adoption, may still be shown (R13).
fn may_lag(v: &View<'_>, version: &VersionId) -> bool {
    let fresh = v.state.settled.as_ref().is_some_and(|settled| {
        settled.held.version != *version && v.is_within(&settled.since, v.rules.lag_ms)
    });
    v.just_left() == Some(version) || fresh
}

/// The settled credential, where it may go back: it works now, nobody suspects it, a version still
/// holds it, and no other journal has claimed the secret. What cannot be told is tried for a while.
fn fit(v: &View<'_>) -> Found<Option<Held>> {
    let Some(settled) = &v.state.settled else { return Ok(None) };
    let proof = &settled.held.proof;
    let is_there = v.state.keys.get(&proof.key).is_some_and(|managed| !managed.is_gone());
    if !is_there
        || v.state.is_suspect(&proof.key)
        || matches!(claim::head(v)?, Head::Foreign { .. })
    {
        return Ok(None);
    }
    let found = match v.works(proof) {
        Ok(true) => holder(v, &settled.held),
        Ok(false) => Ok(None),
        Err(step) => Err(step),
    };
    match found {
        Err(Step::Trouble { .. }) if v.trouble_is_chronic() => Ok(None),
        other => other,
    }
}

/// The version that it was settled in, or else the one before *current*.
fn holder(v: &View<'_>, settled: &Held) -> Found<Option<Held>> {
    let previous = v.store()?.previous.as_ref();
    for version in [Some(&settled.version), previous].into_iter().flatten() {
        if v.holding(version)?.proof() == Some(&settled.proof) {
            return Ok(Some(Held { proof: settled.proof.clone(), version: version.clone() }));
        }
    }
    Ok(None)
}

/// The last three all fell into one day.
fn is_spent(v: &View<'_>) -> bool {
    let times = &v.state.put_backs;
    times.len() >= MOST_IN_A_DAY && times.first().is_some_and(|first| v.is_within(first, DAY_MS))
}

/// It is there again: no further answer, and a person is told.
fn stop(v: &View<'_>, rejected: &KeyId) -> Option<Step> {
    let reason = ParkReason::CurrentOverwritten { key: rejected.clone(), failing: true };
    let mut events = Vec::new();
    if v.state.put_back.is_some() {
        events.push(Event::PutBackEnded);
    }
    let parked = v.state.parked.as_ref().map(|park| &park.reason);
    if parked.is_none_or(|known| *known != reason && is_about_current(known)) {
        events.push(Event::Parked { reason });
    }
    (!events.is_empty()).then_some(Step::Record(events))
}

fn begin(v: &View<'_>, held: Held, rejected: &KeyId) -> Step {
    let mut events = Vec::new();
    let parked = v.state.parked.as_ref().map(|park| &park.reason);
    let repeats = |known: &ParkReason| matches!(known, ParkReason::CurrentOverwritten { .. });
    if parked.is_some_and(|known| is_about_current(known) && !repeats(known)) {
        events.push(Event::Unparked { by_operator: false });
    }
    let (id, rejected) = (v.seen.next_rotation, rejected.clone());
    events.push(Event::PutBackBegun { id, held, rejected });
    Step::Record(events)
}

/// Whether *current* that works again ends this park.
fn is_about_current(reason: &ParkReason) -> bool {
    matches!(
        reason,
        ParkReason::CurrentDead
            | ParkReason::CurrentOverwritten { .. }
            | ParkReason::BothDead
            | ParkReason::NoActor
            | ParkReason::CurrentMalformed
            | ParkReason::ForeignPending
            | ParkReason::TooManyAttempts
            | ParkReason::Trouble { .. }
    )
}

/// The label alone, where no other field differs; else a version with *current*'s other fields.
fn go_back(
    v: &View<'_>,
    open: &PutBack,
    held: &Held,
    current: &VersionId,
    holding: &Holding,
) -> Found<Step> {
    let promote =
        |to: &VersionId| Ok(Step::Do(Effect::Promote { from: current.clone(), to: to.clone() }));
    if open.proof_in(&held.version).is_some() && same_rest(holding, v.holding(&held.version)?) {
        return promote(&held.version);
    }
    if let Some(staged) = open.staged.iter().rev().find(|staged| staged.base == *current) {
        match v.holding(&staged.version)? {
            Holding::Key { proof, .. } if *proof == held.proof => return promote(&staged.version),
            Holding::Absent if !is_shown(v, open) => {
                return Err(Step::Wait { reason: WaitFor::ReadsLag, ms: 1_000 });
            }
            _ => {}
        }
    }
    if guards::pending_is_foreign(v)? {
        return Err(v.park(ParkReason::ForeignPending));
    }
    if open.attempts_spent() >= MAX_ATTEMPTS {
        return Err(v.park(ParkReason::TooManyAttempts));
    }
    Ok(Step::Do(Effect::Stage {
        token: open.next_token(),
        base: current.clone(),
        proof: held.proof.clone(),
        source: Source::Version(held.version.clone()),
    }))
}

fn same_rest(one: &Holding, other: &Holding) -> bool {
    match (one, other) {
        (Holding::Key { rest: one, .. }, Holding::Key { rest: other, .. }) => one == other,
        _ => false,
    }
}

/// Reads no longer lag behind our newest put.
fn is_shown(v: &View<'_>, open: &PutBack) -> bool {
    open.staged_at.as_ref().is_none_or(|at| v.passed(at, v.rules.lag_ms))
}

/// A request that comes to nothing again and again parks; what may pass is tried anew later.
fn bounded(v: &View<'_>, step: Step) -> Step {
    let parked = v.state.parked.as_ref();
    let ripe = |park: &crate::domain::state::Park| {
        let trouble = matches!(park.reason, ParkReason::Trouble { .. });
        trouble && cures_itself(&park.reason) && is_ripe(v, park)
    };
    if parked.is_some_and(ripe) {
        return Step::record(Event::Unparked { by_operator: false });
    }
    v.bounded(step)
}

/// *Current* works again: our labels are tidied, the claim is given up, and it is over. `None` while
/// nothing is being put back.
pub(super) fn finish(v: &View<'_>) -> Found<Option<Step>> {
    let Some(open) = &v.state.put_back else { return Ok(None) };
    let Some((_, current)) = v.current_alive()? else { return Ok(None) };
    let store = v.store()?;
    if let Some(pending) = store.pending.as_ref().filter(|pending| open.put(pending)) {
        return Ok(Some(bounded(v, guards::unstage(v, pending))));
    }
    if let Some(step) = drop_previous(v, open, current)? {
        return Ok(Some(bounded(v, step)));
    }
    for since in &v.state.unanswered {
        v.wait_until(&since.1, v.rules.quiesce_ms, WaitFor::Quiesce)?;
    }
    claim::release(v).map_err(|step| bounded(v, step))?;
    Ok(Some(over(v, open)))
}

/// A roll-back in the console must not bring back what was rejected (R9).
fn drop_previous(v: &View<'_>, open: &PutBack, current: &KeyProof) -> Found<Option<Step>> {
    let store = v.store()?;
    let previous = store.previous.as_ref().filter(|p| Some(*p) != store.current.as_ref());
    let Some(previous) = previous.filter(|_| *current == open.held.proof) else {
        return Ok(None);
    };
    let Some(proof) = v.holding(previous)?.proof() else { return Ok(None) };
    if open.label_moves > MAX_LABEL_MOVES || v.works_if_clear(proof)? != Some(false) {
        return Ok(None);
    }
    guards::label_lag(v, previous)?;
    Ok(Some(Step::Do(Effect::DropPrevious { version: previous.clone() })))
}

/// The third one in a day stands, and a person is told to mend the writer before the next.
fn over(v: &View<'_>, open: &PutBack) -> Step {
    let mut events = Vec::new();
    let parked = v.state.parked.as_ref().map(|park| &park.reason);
    let told = parked.filter(|known| matches!(known, ParkReason::CurrentOverwritten { .. }));
    if told.is_none() && parked.is_some_and(is_about_current) {
        events.push(Event::Unparked { by_operator: false });
    }
    events.push(Event::PutBackEnded);
    let is_free = parked.is_none_or(is_about_current);
    if is_free && (is_spent(v) || told.is_some()) {
        let reason = ParkReason::CurrentOverwritten { key: open.rejected.clone(), failing: false };
        if told != Some(&reason) {
            events.push(Event::Parked { reason });
        }
    }
    Step::Record(events)
}
