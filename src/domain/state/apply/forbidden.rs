//! What must never be sent from a state, whatever was observed: the last gate before an intent.

use crate::domain::state::{
    Adoption, Effect, FirstKey, Life, Origin, Phase, Rotation, Source, State,
};

/// Why an effect must never be sent from this state, whatever was observed (invariants 1, 7, 8, 9).
pub(super) fn forbidden(state: &State, effect: &Effect) -> Option<&'static str> {
    let phase = state.rotation.as_ref().map(|r| r.phase);
    let only_creates_open = state.open_creates() == state.questions.len();
    let kills = matches!(effect, Effect::Disable { key, .. } | Effect::Delete { key, .. }
        if state.is_suspect(key) && !state.touched(key));
    if !(state.questions.is_empty() || kills || state.requests.leak.is_some() && only_creates_open)
    {
        return Some("a question is open");
    }
    match effect {
        Effect::Issue { .. } if is_first(state) => None,
        Effect::Issue { .. } if phase != Some(Phase::Claimed) => Some("a create needs a claim"),
        Effect::Issue { .. } if state.rotation.as_ref().is_some_and(|r| r.creates >= 3) => {
            Some("three creates are the limit")
        }
        Effect::Issue { .. } if state.open_creates() > 1 => Some("two creates are open"),
        Effect::Stage { .. } | Effect::Promote { .. } | Effect::Unstage { .. }
            if state.rotation.is_none() =>
        {
            Some("no rotation is open")
        }
        Effect::Stage { proof, source: Source::Memory, .. }
            if state.rotation.as_ref().and_then(Rotation::new_proof) != Some(proof) =>
        {
            Some("only the new key is in memory")
        }
        Effect::Promote { to, .. } => {
            let staged = state.rotation.as_ref().and_then(|r| {
                if r.old.version == *to {
                    Some(&r.old.proof)
                } else {
                    r.staged.iter().find(|s| s.version == *to).map(|s| &s.proof)
                }
            });
            match staged {
                None => Some("only a version of this rotation is promoted"),
                Some(proof) if state.is_suspect(&proof.key) => Some("a suspect is never promoted"),
                Some(_) => None,
            }
        }
        Effect::ProbeEtag { key, .. } => {
            let new = state.rotation.as_ref().and_then(|r| r.new.as_ref());
            let unused = phase == Some(Phase::Staged) && new.is_some_and(|new| new.key == *key);
            (!unused || state.is_suspect(key)).then_some("etags are tried on an unused new key")
        }
        Effect::Enable { key, .. } if state.is_suspect(key) => Some("a suspect is never enabled"),
        Effect::Enable { key, .. } => match state.keys.get(key).map(|k| &k.life) {
            Some(Life::Disabled { ours: true, .. }) => None,
            _ => Some("only our own disable is undone"),
        },
        Effect::Disable { key, .. } if !state.keys.contains_key(key) && !state.is_suspect(key) => {
            Some("only a managed key, or a suspect, is disabled")
        }
        Effect::Delete { key, .. }
            if state.keys.get(key).is_some_and(|k| k.origin == Origin::Foreign) =>
        {
            Some("a key that is not managed is never deleted")
        }
        Effect::Delete { key, etag, .. } => match state.keys.get(key).map(|k| &k.life) {
            Some(Life::Disabled { pinned: true, pin, .. }) if pin == etag => None,
            Some(Life::Disabled { .. }) => Some("a delete carries the pin"),
            _ => Some("only a key that we disabled is deleted"),
        },
        Effect::Install { .. } if state.rotation.is_some() => Some("a rotation is open"),
        _ => None,
    }
}

/// A first key is minted without a claim: once, and only for a secret that is not adopted (R31).
fn is_first(state: &State) -> bool {
    state.rotation.is_none()
        && state.adoption != Adoption::Adopted
        && state.first == Some(FirstKey::Wanted)
}
