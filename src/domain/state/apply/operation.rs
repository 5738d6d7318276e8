//! Mutations: intended, then settled, and what each outcome leaves behind.

use super::forbidden::forbidden;
use super::key::{pin_lost, set_life};
use super::orphan::orphan;
use super::refused::{refused, unseen};
use super::{Applied, illegal, put_back};
use crate::domain::class::Class;
use crate::domain::clocks::Moment;
use crate::domain::facts::KeyProof;
use crate::domain::ids::{Etag, OperationId, VersionId};
use crate::domain::state::{
    Adoption, Effect, Etags, FirstKey, Life, ManagedKey, NewKey, Origin, OrphanKind, Outcome,
    Phase, Question, StagedVersion, State, UnansweredSince,
};

pub(super) fn intended(
    state: &mut State,
    now: Moment,
    operation: OperationId,
    effect: &Effect,
) -> Applied {
    if operation.0 != state.next_operation.0 + 1 {
        return illegal("intended", "operation numbers run without gaps");
    }
    if let Some(problem) = forbidden(state, effect) {
        return illegal("intended", problem);
    }
    state.next_operation = operation;
    if let (Effect::Install { proof, .. }, Some(FirstKey::Minted { proof: ours, installs, .. })) =
        (effect, state.first.as_mut())
        && ours.as_ref() == Some(proof)
    {
        *installs += 1;
    }
    if let Some(rotation) = state.rotation.as_mut() {
        match effect {
            Effect::Issue { .. } => rotation.creates += 1,
            Effect::Stage { .. } => rotation.attempt += 1,
            Effect::ProbeEtag { .. } => rotation.etag_probed = true,
            Effect::Unstage { .. } | Effect::DropPrevious { .. } => rotation.label_moves += 1,
            _ => {}
        }
    }
    if let Some(open) = state.put_back.as_mut() {
        match effect {
            Effect::Stage { .. } => open.attempt += 1,
            Effect::Unstage { .. } | Effect::DropPrevious { .. } => open.label_moves += 1,
            _ => {}
        }
    }
    if let (Effect::Disable { key, .. }, Some(rotation)) = (effect, state.rotation.as_mut()) {
        // A disable carries what a list showed of the key.
        rotation.unseen.remove(key);
    }
    if let Effect::Delete { key, .. } = effect
        && let Some(managed) = state.keys.get_mut(key)
    {
        managed.deletes += 1;
    }
    let question = Question { effect: effect.clone(), asked: now, seen: false };
    state.questions.insert(operation, question);
    Ok(())
}

pub(super) fn settled(
    state: &mut State,
    now: Moment,
    operation: OperationId,
    outcome: &Outcome,
) -> Applied {
    let Some(question) = state.questions.remove(&operation) else {
        return illegal("settled", "no such open question");
    };
    if question.seen {
        state.unanswered.insert(UnansweredSince(operation, question.asked.clone()));
    }
    match outcome {
        Outcome::NoEffect { class } => return no_effect(state, &question, *class),
        Outcome::Refused { class } => return refused(state, now, question, *class),
        Outcome::Minted { key, .. } => unseen(state, key, &question),
        _ => {}
    }
    match question.effect {
        Effect::Claim { entry } => {
            state.chain = state.chain.max(entry.generation);
            state.claim = (!entry.ended).then_some(entry);
            state.claimed_ms = (!entry.ended).then_some(now.wall_ms);
            Ok(())
        }
        Effect::Issue { .. } => minted(state, now, outcome),
        Effect::Stage { token, base, proof, .. } => staged(state, now, token, base, proof),
        Effect::Promote { from, to } => promoted(state, now, &from, &to, outcome),
        Effect::DropPrevious { version } => {
            if let Some(rotation) = state.rotation.as_mut() {
                rotation.dropped = Some(version.clone());
                rotation.unlabelled = Some((version, now));
            } else if let Some(open) = state.put_back.as_mut() {
                open.unlabelled = Some((version, now));
            }
            Ok(())
        }
        Effect::Unstage { version } => {
            if let Some(rotation) = state.rotation.as_mut() {
                rotation.unlabelled = Some((version, now));
            } else if let Some(open) = state.put_back.as_mut() {
                open.unlabelled = Some((version, now));
            }
            Ok(())
        }
        Effect::ProbeEtag { .. } => {
            let refused = *outcome == Outcome::EtagRefused;
            state.etags = if refused { Etags::Enforced } else { Etags::Ignored };
            Ok(())
        }
        Effect::Install { token, proof, .. } => installed(state, token, &proof),
        // What *current* holds is read again.
        Effect::Clear { .. } => Ok(()),
        Effect::Disable { key, etag, .. } => {
            let life = after_disable(now, etag, outcome);
            set_life(state, &key, life)
        }
        Effect::Enable { key, .. } if *outcome != Outcome::Gone => {
            set_life(state, &key, Life::Live)
        }
        Effect::Enable { key, .. } | Effect::Delete { key, .. } => {
            set_life(state, &key, Life::Deleted { at: now, proven: false })
        }
    }
}

fn after_disable(at: Moment, sent: Option<Etag>, outcome: &Outcome) -> Life {
    match outcome {
        Outcome::Done { etag: pin, ours } => Life::Disabled {
            at,
            sent,
            pinned: pin.is_some(),
            pin: pin.clone(),
            ours: *ours,
            proven: false,
        },
        _ => Life::Deleted { at, proven: false },
    }
}

/// The first key's secret is in a version now.
fn installed(state: &mut State, token: VersionId, proof: &KeyProof) -> Applied {
    if state.first.as_ref().and_then(FirstKey::proof) == Some(proof)
        && let Some(managed) = state.keys.get_mut(&proof.key)
    {
        managed.version = Some(token);
    }
    Ok(())
}

pub(super) fn no_effect(state: &mut State, question: &Question, class: Class) -> Applied {
    if matches!(question.effect, Effect::Issue { .. }) && wants_first(state) {
        state.first = Some(FirstKey::Failed { class });
    }
    if matches!(question.effect, Effect::Issue { .. })
        && let Some(rotation) = state.rotation.as_mut()
    {
        if class == Class::Unknown {
            rotation.doubts.push(question.clone());
        } else {
            // It certainly did not happen: it does not count against the limit of three.
            rotation.creates = rotation.creates.saturating_sub(1);
        }
    }
    // A put that was certainly not taken used no token up, and no attempt (R2).
    if matches!(question.effect, Effect::Stage { .. })
        && matches!(class, Class::Retryable | Class::Rejected)
    {
        let rotation = state.rotation.as_mut().map(|rotation| &mut rotation.attempt);
        let open = state.put_back.as_mut().map(|open| &mut open.attempt);
        if let Some(attempt) = rotation.or(open) {
            *attempt = attempt.saturating_sub(1);
        }
    }
    if let Effect::Delete { key, .. } = &question.effect
        && class == Class::Conflict
    {
        return pin_lost(state, key);
    }
    Ok(())
}

pub(super) fn minted(state: &mut State, now: Moment, outcome: &Outcome) -> Applied {
    let (key, proof, origin) = match outcome {
        Outcome::Minted { key, proof } => (key, proof.clone(), Origin::Minted),
        Outcome::Attributed { key } => (key, None, Origin::Attributed),
        Outcome::PossiblyMinted { keys } => {
            for key in keys {
                orphan(state, key, &now, OrphanKind::PossiblyMinted);
            }
            if wants_first(state) {
                state.first = Some(FirstKey::Failed { class: Class::Unknown });
            }
            return Ok(());
        }
        _ => return illegal("settled", "not an outcome of a create"),
    };
    let managed = ManagedKey::new(origin, now.clone(), proof.as_ref().map(|p| p.fingerprint));
    state.keys.insert(key.clone(), managed);
    if wants_first(state) {
        state.first = Some(FirstKey::Minted { key: key.clone(), proof, installs: 0 });
        return Ok(());
    }
    if origin == Origin::Minted
        && let Some(rotation) = state.rotation.as_mut()
    {
        rotation.new = Some(NewKey { key: key.clone(), proof });
        rotation.phase = Phase::Issued;
        rotation.entered = now;
        rotation.verify_failures = 0;
    }
    Ok(())
}

pub(super) fn staged(
    state: &mut State,
    now: Moment,
    token: VersionId,
    base: VersionId,
    proof: KeyProof,
) -> Applied {
    let Some(rotation) = state.rotation.as_mut() else {
        return put_back::staged(state, now, token, base, proof);
    };
    if let Some(managed) = state.keys.get_mut(&proof.key) {
        managed.version = Some(token.clone());
    }
    let new = rotation.new_proof() == Some(&proof);
    rotation.staged.push(StagedVersion { version: token, base, proof });
    if new && rotation.phase == Phase::Issued {
        rotation.phase = Phase::Staged;
        rotation.entered = now;
    }
    Ok(())
}

pub(super) fn promoted(
    state: &mut State,
    now: Moment,
    from: &VersionId,
    to: &VersionId,
    outcome: &Outcome,
) -> Applied {
    let Some(rotation) = state.rotation.as_mut() else {
        return put_back::promoted(state, now, from, to, outcome);
    };
    let staged = rotation.staged.iter().find(|s| s.version == *to);
    let reached = staged.map_or(&rotation.old.proof.key, |s| &s.proof.key).clone();
    // Until this moment consumers may have been served the key that the move left. `from` may be
    // a version that a person edited, so its key is told by what it is not.
    let overtaken = matches!(outcome, Outcome::Overtaken);
    let both = [Some(&rotation.old.proof.key), rotation.new.as_ref().map(|new| &new.key)];
    for key in both.into_iter().flatten().filter(|key| overtaken || **key != reached) {
        if let Some(managed) = state.keys.get_mut(key) {
            managed.last_served = Some(now.clone());
        }
    }
    if overtaken {
        return Ok(());
    }
    rotation.moved = Some((from.clone(), now.clone()));
    rotation.dropped = None;
    let forward = rotation.new.as_ref().is_some_and(|new| new.key == reached);
    if forward && !rotation.phase.after_promote() {
        rotation.phase = Phase::Promoted;
        rotation.entered = now.clone();
    }
    if forward {
        rotation.promoted_at.get_or_insert(now);
    } else if rotation.phase == Phase::Reverting {
        rotation.phase = Phase::RollingBack;
        rotation.entered = now;
    }
    Ok(())
}

/// The create that was settled is a first key's, not one that a superseded rotation left open.
pub(super) fn wants_first(state: &State) -> bool {
    state.adoption != Adoption::Adopted && state.first == Some(FirstKey::Wanted)
}
