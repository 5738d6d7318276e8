//! Heal with no rotation open: begun, its effects, and its end.

use super::{Applied, illegal};
use crate::domain::clocks::Moment;
use crate::domain::facts::KeyProof;
use crate::domain::ids::{KeyId, RotationId, VersionId};
use crate::domain::state::{Adoption, Held, Outcome, PutBack, StagedVersion, State};

/// So many of the latest moves are remembered: as many as a day may have.
const REMEMBERED: usize = 3;

pub(super) fn begun(
    state: &mut State,
    now: Moment,
    id: RotationId,
    held: &Held,
    rejected: &KeyId,
) -> Applied {
    if state.adoption != Adoption::Adopted {
        return illegal("put_back_begun", "the secret is not adopted");
    }
    if state.rotation.is_some() || state.decommission.is_some() || !state.questions.is_empty() {
        return illegal("put_back_begun", "a rotation, a decommission, or a question is open");
    }
    if state.settled.as_ref().map(|settled| &settled.held.proof) != Some(&held.proof) {
        return illegal("put_back_begun", "not the settled credential");
    }
    if state.is_suspect(&held.proof.key) {
        return illegal("put_back_begun", "a suspect is never put back");
    }
    state.put_back = Some(PutBack::new(id, now, held.clone(), rejected.clone()));
    Ok(())
}

pub(super) fn over(state: &mut State) -> Applied {
    if !state.questions.is_empty() {
        return illegal("put_back_ended", "a question is open");
    }
    match state.put_back.take() {
        Some(_) => Ok(()),
        None => illegal("put_back_ended", "nothing is being put back"),
    }
}

pub(super) fn staged(
    state: &mut State,
    now: Moment,
    version: VersionId,
    base: VersionId,
    proof: KeyProof,
) -> Applied {
    let Some(open) = state.put_back.as_mut() else {
        return illegal("settled", "no rotation is open, and nothing is being put back");
    };
    open.staged.push(StagedVersion { version, base, proof });
    open.staged_at = Some(now);
    Ok(())
}

/// Every move counts that may have been the last word: somebody who moves the label again and again
/// is as much to be told as somebody who writes again and again.
pub(super) fn promoted(
    state: &mut State,
    now: Moment,
    from: &VersionId,
    to: &VersionId,
    outcome: &Outcome,
) -> Applied {
    let Some(open) = &state.put_back else {
        return illegal("settled", "no rotation is open, and nothing is being put back");
    };
    let key = open.held.proof.key.clone();
    state.put_backs.push(now.clone());
    if state.put_backs.len() > REMEMBERED {
        state.put_backs.remove(0);
    }
    if let Some(managed) = state.keys.get_mut(&key) {
        managed.last_served = Some(now.clone());
    }
    if matches!(outcome, Outcome::Overtaken) {
        return Ok(());
    }
    state.moved = Some((from.clone(), now));
    if let Some(managed) = state.keys.get_mut(&key) {
        managed.version = Some(to.clone());
    }
    if let Some(settled) = state.settled.as_mut() {
        settled.held.version = to.clone();
    }
    Ok(())
}
