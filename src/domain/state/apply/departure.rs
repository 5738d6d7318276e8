//! What becomes of a secret whose policy has another name now, or that no policy names (R28).

use super::{Applied, illegal};
use crate::domain::departed::bar;
use crate::domain::ids::PolicyName;
use crate::domain::state::{Adoption, Etags, Requests, State};

pub(super) fn renamed(state: &mut State, policy: &PolicyName) -> Applied {
    state.policy = Some(policy.clone());
    Ok(())
}

/// No longer ours: a policy that names the secret again meets it as at first contact. What was
/// proven, ruled, and numbered stays.
pub(super) fn forgotten(state: &mut State) -> Applied {
    if bar(state).is_some() {
        return illegal("forgotten", "something is open");
    }
    state.forgotten = true;
    state.adoption = Adoption::Unadopted;
    state.requests = Requests::default();
    state.etags = Etags::Unknown;
    state.keys.clear();
    state.known.clear();
    state.owned.clear();
    state.first = None;
    state.decommission = None;
    state.settled = None;
    state.seen_key = None;
    state.baseline = None;
    state.parked = None;
    state.trouble = None;
    state.refused = None;
    state.kept = None;
    Ok(())
}
