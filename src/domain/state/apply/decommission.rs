//! A decommission's beginning, its withdrawal, and the policy's retirement (R30).

use super::{Applied, illegal};
use crate::domain::clocks::Moment;
use crate::domain::facts::Actor;
use crate::domain::ids::KeyId;
use crate::domain::state::{Adoption, Decommission, Held, Life, Retired, State};

pub(super) fn begun(
    state: &mut State,
    now: Moment,
    held: &Held,
    clear_store: bool,
    token_life_ms: Option<i64>,
) -> Applied {
    if state.adoption != Adoption::Adopted {
        return illegal("decommission_begun", "the secret is not adopted");
    }
    if state.rotation.is_some() || !state.questions.is_empty() {
        return illegal("decommission_begun", "a rotation or a question is open");
    }
    if let Some(open) = state.decommission.as_mut() {
        if open.held != *held {
            return illegal("decommission_begun", "another key is being decommissioned");
        }
        open.clear_store |= clear_store;
        return Ok(());
    }
    let Some(managed) = state.keys.get_mut(&held.proof.key) else {
        return illegal("decommission_begun", "the key is not managed");
    };
    managed.version = Some(held.version.clone());
    managed.last_served = Some(now.clone());
    managed.deletes = 0;
    managed.pins_lost = 0;
    managed.revivals = 0;
    state.requests.rotate = None;
    state.put_back = None;
    let held = held.clone();
    state.decommission = Some(Decommission { since: now, held, clear_store, token_life_ms });
    Ok(())
}

pub(super) fn withdrawn(state: &mut State) -> Applied {
    let Some(open) = &state.decommission else {
        return illegal("decommission_withdrawn", "nothing is being decommissioned");
    };
    if state.keys.get(&open.held.proof.key).is_none_or(|managed| managed.life != Life::Live) {
        return illegal("decommission_withdrawn", "the key is not alive");
    }
    state.decommission = None;
    state.parked = None;
    Ok(())
}

pub(super) fn retired(state: &mut State, now: Moment) -> Applied {
    if !state.questions.is_empty() {
        return illegal("retired", "a question is open");
    }
    let Some(open) = &state.decommission else {
        return illegal("retired", "nothing is being decommissioned");
    };
    let key = open.held.proof.key.clone();
    let proven = match state.keys.get(&key).map(|managed| &managed.life) {
        Some(Life::Deleted { proven, .. }) => *proven,
        None => true,
        Some(_) => return illegal("retired", "the key is not deleted"),
    };
    state.adoption = Adoption::Retired(Retired { key, since: now, proven });
    state.decommission = None;
    state.settled = None;
    state.seen_key = None;
    state.parked = None;
    state.unanswered.clear();
    state.keys.retain(|_, managed| !managed.is_gone());
    state.owned.clear();
    let requests = &mut state.requests;
    requests.rotate = None;
    requests.abort = false;
    requests.resume = false;
    // Who is not proven dead stays a suspect; there is no key left that could vouch.
    requests.leak = None;
    Ok(())
}

/// The one delete of a key that was not disabled before (R30): of the decommissioned key, called
/// with its own token. A disable would leave nobody to delete it.
pub(super) fn is_own_delete(state: &State, actor: &Actor, key: &KeyId) -> bool {
    let Some(open) = &state.decommission else { return false };
    let by_itself = matches!(actor, Actor::Key(proof) if *proof == open.held.proof);
    by_itself && open.held.proof.key == *key
}
