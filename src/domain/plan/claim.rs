//! The claim stands before every effect of a rotation (R24, invariant 11): it is taken before one
//! starts, looked at again before each mutation, and given up at the end.

use super::step::Step;
use super::view::{Found, View};
use crate::domain::claim::{Claim, Owner};
use crate::domain::state::{Effect, Event, ParkReason, State};

/// Whose the head of the chain is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::domain) enum Head {
    Ours,
    /// Nobody's, or one that an operator told us to follow.
    Free,
    /// An entry that we neither wrote nor were told of.
    Foreign {
        ended: bool,
    },
}

pub(super) fn head(v: &View<'_>) -> Found<Head> {
    Ok(head_of(v.state, v.store()?.claim))
}

/// Reads may lag behind our own entries; what is newer than they are is somebody else's.
pub(in crate::domain) fn head_of(state: &State, seen: Option<Claim>) -> Head {
    let held = state.claim.filter(|held| held.generation == state.chain);
    if let Some(seen) = seen {
        let instead_of_ours =
            held.is_some_and(|held| seen.generation == held.generation && seen.owner != held.owner);
        if seen.generation > state.chain || instead_of_ours {
            return Head::Foreign { ended: seen.ended };
        }
    }
    if held.is_some() { Head::Ours } else { Head::Free }
}

/// Takes the claim. Who comes second gets a conflict, and sees the other's entry.
pub(super) fn take(v: &View<'_>) -> Step {
    let owner = Owner::drawn(v.seen.next_rotation);
    let generation = v.state.chain.next();
    Step::Do(Effect::Claim { entry: Claim { generation, owner, ended: false } })
}

/// Gives the claim up, where we hold it; the next rotation, here or elsewhere, may follow. Where the
/// store cannot be read it is given up another time.
pub(super) fn release(v: &View<'_>) -> Found<()> {
    let Some(held) = v.state.claim else { return Ok(()) };
    if v.store_if_clear()?.is_none() || head(v)? != Head::Ours {
        return Ok(());
    }
    let entry = Claim { generation: v.state.chain.next(), ended: true, ..held };
    Err(Step::Do(Effect::Claim { entry }))
}

/// Lets an effect of a rotation, a decommission, or a put-back pass only under our own claim. Where the store
/// cannot be read the claim was ours when it last could, and a leaked key does not wait for it.
pub(super) fn guarded(v: &View<'_>, step: Step) -> Step {
    let open = v.state.is_at_work();
    if !open || !v.state.questions.is_empty() || !(needs_claim(v, &step) || lifts(v, &step)) {
        return step;
    }
    match v.store_if_clear() {
        Ok(Some(_)) => {}
        Ok(None) => return step,
        Err(look) => return look,
    }
    match head(v) {
        Ok(Head::Foreign { .. }) => v.park(ParkReason::ClaimLost),
        Ok(Head::Free) if needs_claim(v, &step) => v.bounded(take(v)),
        Ok(Head::Ours | Head::Free) => step,
        Err(other) => other,
    }
}

/// The kill of a suspect and the undoing of our own disable touch no label, and nobody else would
/// do them: they do not wait.
fn needs_claim(v: &View<'_>, step: &Step) -> bool {
    match step {
        Step::Do(Effect::Claim { .. } | Effect::Enable { .. }) => false,
        Step::Do(Effect::Disable { key, .. }) => !v.state.is_suspect(key),
        Step::Do(_) => true,
        _ => false,
    }
}

/// What would end our waiting for the claim by itself waits for the claim, too.
fn lifts(v: &View<'_>, step: &Step) -> bool {
    let lost = v.state.parked.as_ref().is_some_and(|park| park.reason == ParkReason::ClaimLost);
    let Step::Record(events) = step else { return false };
    lost && matches!(events.first(), Some(Event::Unparked { by_operator: false }))
}
