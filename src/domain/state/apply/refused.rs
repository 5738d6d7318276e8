//! Creates whose answer is not believed: refused ones, and those that name a key which nothing ever
//! shows (R3). What they may have made is compared with the list, and reported.

use std::collections::BTreeSet;

use super::operation::wants_first;
use super::orphan::orphan;
use super::{Applied, illegal};
use crate::domain::class::Class;
use crate::domain::clocks::Moment;
use crate::domain::ids::KeyId;
use crate::domain::state::{Effect, FirstKey, OrphanKind, Phase, Question, RefusedCreate, State};

/// It stays counted as sent until a list has shown that it made nothing.
pub(super) fn refused(
    state: &mut State,
    answered: Moment,
    question: Question,
    class: Class,
) -> Applied {
    let Effect::Issue { snapshot, .. } = question.effect else {
        return illegal("settled", "not an outcome of this effect");
    };
    let refused = RefusedCreate { snapshot, asked: question.asked, answered, class };
    if wants_first(state) {
        state.first = Some(FirstKey::Failed { class });
        state.first_refused = Some(refused);
    } else if let Some(rotation) = state.rotation.as_mut() {
        rotation.refused.push(refused);
    }
    Ok(())
}

pub(super) fn refused_compared(
    state: &mut State,
    now: &Moment,
    keys: &BTreeSet<KeyId>,
    over: bool,
) {
    for key in keys {
        orphan(state, key, now, OrphanKind::PossiblyMinted);
    }
    state.first_refused = None;
    let Some(rotation) = state.rotation.as_mut() else { return };
    rotation.refused_shown += keys.len();
    if over {
        let nothing = rotation.refused.len().saturating_sub(rotation.refused_shown);
        let nothing = u32::try_from(nothing).unwrap_or(u32::MAX);
        rotation.creates = rotation.creates.saturating_sub(nothing);
        rotation.refused.clear();
        rotation.refused_shown = 0;
    }
}

/// The key of an answer, until something shows that there is such a key.
pub(super) fn unseen(state: &mut State, key: &KeyId, create: &Question) {
    let first = wants_first(state);
    let open = state.rotation.as_mut().filter(|open| !first && open.phase == Phase::Claimed);
    if let Some(rotation) = open {
        rotation.unseen.insert(key.clone(), create.clone());
    }
}

pub(super) fn never_listed(state: &mut State, key: &KeyId) -> Applied {
    let create = state.rotation.as_mut().and_then(|rotation| rotation.unseen.remove(key));
    let (Some(create), Some(rotation)) = (create, state.rotation.as_mut()) else {
        return illegal("never_listed", "no create named that key, or it was seen since");
    };
    rotation.doubts.push(create);
    state.keys.remove(key);
    Ok(())
}
