//! `(State, Event) → State`: the only way a state changes, in production, replay, and models.

mod adoption;
mod decommission;
mod departure;
mod forbidden;
mod key;
mod operation;
mod orphan;
mod phase;
mod put_back;
mod refused;
mod request;

use super::{Event, Outcome, Park, ParkReason, RequestKind, State, Trouble};
use crate::domain::clocks::Moment;
use crate::domain::clocks::Stamp;
use crate::domain::ids::OperationId;
use adoption::{adoption, followed, owned, scheduled};
use decommission::{begun, retired, withdrawn};
use departure::{forgotten, renamed};
use key::{key, proven, served};
use operation::{intended, settled};
use orphan::{kept, orphans_gone, ruled, ruling_stopped, strangers, unexplained};
use phase::{abandoned, acked, ended, entered, rebased, started};
use refused::{never_listed, refused_compared};
use request::{answered, leak_closed, requested, unparked};

/// An event that does not fit the state it is applied to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{event} does not fit here: {problem}")]
pub struct IllegalTransition {
    event: &'static str,
    problem: &'static str,
}

type Applied = Result<(), IllegalTransition>;

/// Takes one event in.
///
/// # Errors
/// When the event does not fit: then the journal is not ours, or the caller is wrong.
pub fn apply(mut state: State, at: &Stamp, event: &Event) -> Result<State, IllegalTransition> {
    let now = state.time.moment(at);
    state.time.advance(at);
    take(&mut state, now, event)?;
    Ok(state)
}

fn take(state: &mut State, now: Moment, event: &Event) -> Applied {
    if is_progress(event) {
        state.trouble = None;
    }
    if ends_wait(event) {
        state.withheld = None;
    }
    match event {
        Event::Adopted { .. } | Event::ReadOnly { .. } | Event::BaselineTaken { .. } => {
            adoption(state, now, event)
        }
        Event::Followed { chain } => followed(state, *chain),
        Event::Scheduled { schedule } => {
            scheduled(state, &now, *schedule);
            Ok(())
        }
        Event::Renamed { policy } => renamed(state, policy),
        Event::Forgotten { .. } => forgotten(state),
        Event::Owned { key, retire, .. } => owned(state, key, *retire),
        Event::Requested { request, .. } => requested(state, now, request),
        Event::Answered { request, refused } => answered(state, *request, refused.as_ref()),
        Event::Started { .. } => started(state, now, event),
        Event::Entered { phase, because } => entered(state, now, *phase, because.as_ref()),
        Event::Abandoned { key, because } => abandoned(state, now, key, because),
        Event::Rebased => rebased(state, now),
        Event::Intended { operation, effect } => intended(state, now, *operation, effect),
        Event::Seen { operation } => seen(state, *operation),
        Event::Settled { operation, outcome } => settled(state, now, *operation, outcome),
        Event::Pinned { .. } | Event::PinLost { .. } | Event::Revived { .. } => key(state, event),
        Event::Proven { key, evidence } => proven(state, now, key, evidence),
        Event::Served { key } => served(state, &now, key),
        Event::VerifyFailed => verify_failed(state),
        Event::Strangers { keys } => strangers(state, &now, keys),
        Event::Unexplained { keys } => unexplained(state, &now, keys),
        Event::RefusedCompared { keys, over } => {
            refused_compared(state, &now, keys, *over);
            Ok(())
        }
        Event::NeverListed { key, .. } => never_listed(state, key),
        Event::Kept { key, .. } => kept(state, key),
        Event::Ruled { key, ruling, carried_out_by, .. } => {
            ruled(state, key, *ruling, carried_out_by.is_some())
        }
        Event::RulingStopped { key, why } => ruling_stopped(state, now, key, why),
        Event::OrphansGone { keys } => orphans_gone(state, keys),
        Event::Parked { reason } => parked(state, now, reason),
        Event::Unparked { by_operator } => unparked(state, &now, *by_operator),
        Event::Acked { rotation, consumer, .. } => acked(state, *rotation, consumer),
        Event::Withheld { why } => {
            state.withheld = Some(why.clone());
            Ok(())
        }
        Event::Troubled { class, step, said } => {
            let (class, step, said) = (*class, step.clone(), said.clone());
            troubled(state, Trouble { class, step, said, count: 1, in_a_row: 1, since: now })
        }
        Event::Checkpoint => Ok(()),
        Event::Ended { ending, keys } => ended(state, now, *ending, keys),
        Event::PutBackBegun { id, held, rejected } => {
            put_back::begun(state, now, *id, held, rejected)
        }
        Event::PutBackEnded => put_back::over(state),
        Event::LeakClosed => leak_closed(state),
        Event::DecommissionBegun { held, clear_store, token_life_ms } => {
            begun(state, now, held, *clear_store, *token_life_ms)
        }
        Event::DecommissionWithdrawn => withdrawn(state),
        Event::Retired => retired(state, now),
    }
}

fn seen(state: &mut State, operation: OperationId) -> Applied {
    match state.questions.get_mut(&operation) {
        Some(question) => {
            question.seen = true;
            Ok(())
        }
        None => illegal("seen", "no such open question"),
    }
}

fn verify_failed(state: &mut State) -> Applied {
    match state.rotation.as_mut() {
        Some(rotation) => {
            rotation.verify_failures += 1;
            Ok(())
        }
        None => illegal("verify_failed", "no rotation is open"),
    }
}

/// Whether the failures counted so far are over. A request that came to nothing is no progress.
fn is_progress(event: &Event) -> bool {
    match event {
        Event::Settled { outcome, .. } => {
            !matches!(outcome, Outcome::NoEffect { .. } | Outcome::Refused { .. })
        }
        // The word that a kill would lock us out, while the failure behind it goes on.
        Event::Answered { request: RequestKind::Leak, .. }
        | Event::Troubled { .. }
        | Event::RefusedCompared { .. }
        | Event::Checkpoint
        | Event::Scheduled { .. }
        | Event::Renamed { .. }
        | Event::Parked { .. }
        | Event::Intended { .. }
        | Event::Seen { .. }
        | Event::Served { .. }
        | Event::Acked { .. }
        | Event::Withheld { .. }
        | Event::PinLost { .. } => false,
        _ => true,
    }
}

/// Whether what was held back was done, is wanted no more, or is asked for anew.
fn ends_wait(event: &Event) -> bool {
    matches!(
        event,
        Event::Requested { .. }
            | Event::Answered { request: RequestKind::Rotate, .. }
            | Event::Started { .. }
            | Event::Entered { .. }
            | Event::Abandoned { .. }
            | Event::Rebased
            | Event::Ended { .. }
            | Event::Adopted { .. }
    )
}

fn parked(state: &mut State, now: Moment, reason: &ParkReason) -> Applied {
    state.parked = Some(Park { reason: reason.clone(), since: now });
    Ok(())
}

fn troubled(state: &mut State, fresh: Trouble) -> Applied {
    state.trouble = Some(match state.trouble.take() {
        Some(known) => {
            let same = known.step == fresh.step;
            let in_a_row = if same { known.in_a_row.saturating_add(1) } else { 1 };
            let count = known.count.saturating_add(1);
            Trouble { count, in_a_row, since: known.since, ..fresh }
        }
        None => fresh,
    });
    Ok(())
}

fn illegal(event: &'static str, problem: &'static str) -> Applied {
    Err(IllegalTransition { event, problem })
}
