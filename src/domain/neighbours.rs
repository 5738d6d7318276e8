//! Which keys a secret's consumers may hold, by the journal's last word: what other policies ask
//! before they retire one (R22). Decides nothing.

use std::collections::BTreeSet;

use super::facts::Fellow;
use super::ids::KeyId;
use super::state::{Adoption, Event, ParkReason, Phase, Rotation, State};

/// Keys that *current* or *pending* of this secret may name. The old key of a rotation is one of
/// them until its drain is over, and again as soon as something may have moved *current* back.
#[must_use]
pub fn named(state: &State) -> BTreeSet<KeyId> {
    if state.adoption != Adoption::Adopted {
        return state.seen_key.iter().cloned().collect();
    }
    let seen = state.seen_key.iter();
    let Some(open) = &state.rotation else {
        let settled = state.settled.iter().map(|settled| &settled.held.proof.key);
        return settled.chain(seen).cloned().collect();
    };
    let old = Some(&open.old.proof.key).filter(|_| old_is_served(state, open));
    open.new.iter().map(|new| &new.key).chain(old).chain(seen).cloned().collect()
}

/// Whether an event says that *current* was looked at, and what it names.
#[must_use]
pub fn tells_current(event: &Event) -> bool {
    matches!(
        event,
        Event::Adopted { .. }
            | Event::ReadOnly { .. }
            | Event::Started { .. }
            | Event::Served { .. }
            | Event::Ended { .. }
            | Event::Entered { phase: Phase::Promoted | Phase::Drained | Phase::RollingBack, .. }
    )
}

/// What a policy of the same group has to know of a secret (F19).
#[must_use]
pub fn fellow(policy: String, state: &State) -> Fellow {
    let open = state.rotation.as_ref();
    let starts = open.is_none() && state.parked.is_none() && state.requests.rotate.is_some();
    let ended = state.last.as_ref().map(|last| last.ended.wall_ms);
    let promoted = open.and_then(|open| open.promoted_at.as_ref()).map(|at| at.wall_ms);
    Fellow {
        policy,
        is_open: open.is_some(),
        claimed_ms: state.claimed_ms.filter(|_| starts && state.claim.is_some()),
        last_ms: ended.max(promoted),
    }
}

fn old_is_served(state: &State, open: &Rotation) -> bool {
    let retiring =
        matches!(open.phase, Phase::Drained | Phase::Disabled | Phase::Soaked | Phase::Deleted);
    // Parked for its neighbours alone, nothing speaks of a move back.
    let undisturbed = state.parked.as_ref().is_none_or(|park| {
        matches!(
            park.reason,
            ParkReason::NamedElsewhere { .. } | ParkReason::ElsewhereUnreadable { .. }
        )
    });
    !(retiring && undisturbed)
}
