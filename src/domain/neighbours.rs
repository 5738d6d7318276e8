//! Which keys a secret's consumers may hold, by the journal's last word: what other policies ask
//! before they retire one (R22). Decides nothing.

use std::collections::BTreeSet;

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
