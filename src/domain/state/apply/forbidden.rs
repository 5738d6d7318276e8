//! What must never be sent from a state, whatever was observed: the last gate before an intent.

use super::decommission::is_own_delete;
use crate::domain::claim::Claim;
use crate::domain::ids::{Etag, KeyId, VersionId};
use crate::domain::state::{
    Adoption, Effect, FirstKey, Life, Origin, Orphan, Phase, Question, Rotation, Ruling, Source,
    State,
};

type Why = Option<&'static str>;

/// Why an effect must never be sent from this state, whatever was observed (invariants 1, 7, 8, 9).
pub(super) fn forbidden(state: &State, effect: &Effect) -> Why {
    if !may_send(state, effect) {
        return Some("a question is open");
    }
    match effect {
        Effect::Claim { entry } => claim(state, entry),
        Effect::Issue { .. } => create(state),
        Effect::Stage { .. } | Effect::Promote { .. } | Effect::Unstage { .. }
            if state.rotation.is_none() =>
        {
            put_back(state, effect)
        }
        Effect::Stage { proof, source: Source::Memory, .. } => {
            let minted = state.rotation.as_ref().and_then(Rotation::new_proof);
            (minted != Some(proof)).then_some("only the new key is in memory")
        }
        Effect::Promote { to, .. } => promote(state, to),
        Effect::ProbeEtag { key, .. } => probe(state, key),
        Effect::Enable { key, .. } => enable(state, key),
        Effect::Disable { key, .. } => {
            let known =
                state.keys.contains_key(key) || state.is_suspect(key) || state.is_sentenced(key);
            (!known).then_some("only a managed key, a suspect, or an orphan ruled on is disabled")
        }
        Effect::Delete { actor, key, .. } if is_own_delete(state, actor, key) => None,
        Effect::Delete { key, etag, .. } => delete(state, key, etag.as_ref()),
        Effect::Install { .. } => {
            let open = state.rotation.is_some() || state.decommission.is_some();
            open.then_some("a rotation or a decommission is open")
        }
        Effect::Clear { .. } => clear(state),
        Effect::Stage { .. } | Effect::Unstage { .. } | Effect::DropPrevious { .. } => None,
    }
}

/// While a question is open nothing is sent but the same claim again, which is create-once; the kill
/// of a suspect that it does not touch; and, under a leak, whatever a create without an answer does
/// not bar (R1).
fn may_send(state: &State, effect: &Effect) -> bool {
    let only_creates_open = state.open_creates() == state.questions.len();
    let kills = matches!(effect, Effect::Disable { key, .. } | Effect::Delete { key, .. }
        if state.is_suspect(key) && !state.touched(key));
    let again =
        |question: &Question| question.effect == *effect && matches!(effect, Effect::Claim { .. });
    let repeats = state.questions.values().all(again);
    repeats || kills || state.requests.leak.is_some() && only_creates_open
}

/// Generations run without gaps as far as we know the chain; only a claim of ours is ended.
fn claim(state: &State, entry: &Claim) -> Why {
    if entry.generation != state.chain.next() {
        return Some("a claim follows the head of the chain");
    }
    let ours = state.claim.is_some_and(|held| held.owner == entry.owner);
    (entry.ended && !ours).then_some("only our own claim is ended")
}

/// The value goes only after the key that it holds.
fn clear(state: &State) -> Why {
    let Some(open) = state.decommission.as_ref().filter(|open| open.clear_store) else {
        return Some("nobody asked for the value to go");
    };
    let life = state.keys.get(&open.held.proof.key).map(|managed| &managed.life);
    (!matches!(life, None | Some(Life::Deleted { .. }))).then_some("the key is not deleted")
}

fn create(state: &State) -> Why {
    if is_first(state) {
        return None;
    }
    match &state.rotation {
        Some(rotation) if rotation.phase != Phase::Claimed => Some("a create needs a claim"),
        None => Some("a create needs a claim"),
        Some(rotation) if rotation.creates >= 3 => Some("three creates are the limit"),
        Some(_) => (state.open_creates() > 1).then_some("two creates are open"),
    }
}

fn promote(state: &State, to: &VersionId) -> Why {
    let held = state.rotation.as_ref().and_then(|r| {
        let staged = r.staged.iter().find(|s| s.version == *to).map(|s| &s.proof);
        if r.old.version == *to { Some(&r.old.proof) } else { staged }
    });
    match held {
        None => Some("only a version of this rotation is promoted"),
        Some(proof) => state.is_suspect(&proof.key).then_some("a suspect is never promoted"),
    }
}

/// With no rotation open only the settled credential goes back, while nobody suspects it.
fn put_back(state: &State, effect: &Effect) -> Why {
    let Some(open) = &state.put_back else { return Some("no rotation is open") };
    let suspect = state.is_suspect(&open.held.proof.key);
    match effect {
        Effect::Stage { proof, source: Source::Version(_), .. } if *proof == open.held.proof => {
            suspect.then_some("a suspect is never put back")
        }
        Effect::Promote { to, .. } if open.proof_in(to).is_some() => {
            suspect.then_some("a suspect is never promoted")
        }
        Effect::Unstage { .. } => None,
        _ => Some("only the settled credential is put back"),
    }
}

fn probe(state: &State, key: &KeyId) -> Why {
    let unused = state.rotation.as_ref().is_some_and(|rotation| {
        rotation.phase == Phase::Staged && rotation.new.as_ref().is_some_and(|new| new.key == *key)
    });
    (!unused || state.is_suspect(key)).then_some("etags are tried on an unused new key")
}

fn enable(state: &State, key: &KeyId) -> Why {
    if state.is_suspect(key) {
        return Some("a suspect is never enabled");
    }
    match state.keys.get(key).map(|k| &k.life) {
        Some(Life::Disabled { ours: true, .. }) => None,
        _ => Some("only our own disable is undone"),
    }
}

fn delete(state: &State, key: &KeyId, etag: Option<&Etag>) -> Why {
    let managed = state.keys.get(key);
    let word = state.orphans.get(key).and_then(Orphan::sentence);
    if managed.is_some_and(|k| k.origin == Origin::Foreign) && word != Some(Ruling::Delete) {
        return Some("a key that is not managed is never deleted");
    }
    match managed.map(|k| &k.life) {
        Some(Life::Disabled { pinned: true, pin, .. }) if pin.as_ref() == etag => None,
        Some(Life::Disabled { .. }) => Some("a delete carries the pin"),
        _ => Some("only a key that we disabled is deleted"),
    }
}

/// A first key is minted without a claim: once, and only for a secret that is not adopted (R31).
fn is_first(state: &State) -> bool {
    state.rotation.is_none()
        && state.adoption != Adoption::Adopted
        && state.first == Some(FirstKey::Wanted)
}
