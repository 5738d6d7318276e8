//! `(State, Event) → State`: the only way a state changes, in production, replay, and models.

use std::collections::BTreeSet;

use super::{
    Adoption, Effect, Ending, Event, Evidence, Held, LastRotation, Leak, Life, ManagedKey, NewKey,
    Origin, Orphan, OrphanKind, Outcome, Park, ParkReason, Phase, Question, Request, RequestKind,
    Rotation, Settled, Source, StagedVersion, State, Suspect, Trouble, UnansweredSince,
};
use crate::domain::class::Class;
use crate::domain::clocks::{Moment, Stamp};
use crate::domain::facts::KeyProof;
use crate::domain::ids::{KeyId, OperationId, VersionId};

/// An event that does not fit the state it is applied to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{event} does not fit here: {problem}")]
pub struct IllegalTransition {
    event: &'static str,
    problem: &'static str,
}

type Applied = Result<(), IllegalTransition>;

fn illegal(event: &'static str, problem: &'static str) -> Applied {
    Err(IllegalTransition { event, problem })
}

/// Takes one event in.
///
/// # Errors
/// When the event does not fit: then the journal is not ours, or the caller is wrong.
pub fn apply(mut state: State, at: &Stamp, event: &Event) -> Result<State, IllegalTransition> {
    let now = state.time.moment(at);
    state.time.advance(at);
    take(&mut state, now, event)?;
    Ok(state)
}

fn take(state: &mut State, now: Moment, event: &Event) -> Applied {
    if is_progress(event) {
        state.trouble = None;
    }
    match event {
        Event::Adopted { .. } | Event::ReadOnly { .. } | Event::BaselineTaken { .. } => {
            adoption(state, now, event);
            Ok(())
        }
        Event::Requested { request, .. } => requested(state, now, request),
        Event::Answered { request, refused } => {
            answered(state, *request);
            state.refused = refused.clone().map(|refused| (*request, refused));
            Ok(())
        }
        Event::Started { .. } => started(state, now, event),
        Event::Entered { phase, because } => entered(state, now, *phase, because.as_ref()),
        Event::Abandoned { key, because } => abandoned(state, now, key, because),
        Event::Rebased => rebased(state, now),
        Event::Intended { operation, effect } => intended(state, now, *operation, effect),
        Event::Seen { operation } => match state.questions.get_mut(operation) {
            Some(question) => {
                question.seen = true;
                Ok(())
            }
            None => illegal("seen", "no such open question"),
        },
        Event::Settled { operation, outcome } => settled(state, now, *operation, outcome),
        Event::Pinned { .. } | Event::PinLost { .. } | Event::Revived { .. } => key(state, event),
        Event::Proven { key, evidence } => proven(state, now, key, evidence),
        Event::Served { key } => served(state, now, key),
        Event::VerifyFailed => match state.rotation.as_mut() {
            Some(rotation) => {
                rotation.verify_failures += 1;
                Ok(())
            }
            None => illegal("verify_failed", "no rotation is open"),
        },
        Event::Strangers { keys } => {
            strangers(state, &now, keys);
            Ok(())
        }
        Event::Kept { key, .. } => match state.orphans.get_mut(key) {
            Some(orphan) => {
                orphan.kept = true;
                Ok(())
            }
            None => illegal("kept", "not an orphan"),
        },
        Event::Parked { reason } => {
            state.parked = Some(Park { reason: reason.clone(), since: now });
            Ok(())
        }
        Event::Unparked { by_operator } => unparked(state, *by_operator),
        Event::Troubled { class, step } => {
            troubled(
                state,
                now,
                Trouble { class: *class, step: step.clone(), count: 1, since: Moment::default() },
            );
            Ok(())
        }
        Event::Checkpoint => Ok(()),
        Event::Ended { ending, keys } => {
            state.known.clone_from(keys);
            ended(state, now, *ending)
        }
        Event::LeakClosed => {
            if state.suspects_alive().next().is_some() {
                return illegal("leak_closed", "a suspect is not proven dead");
            }
            state.requests.leak = None;
            state.keys.retain(|_, managed| managed.origin != Origin::Foreign);
            Ok(())
        }
    }
}

fn served(state: &mut State, now: Moment, key: &KeyId) -> Applied {
    let Some(managed) = state.keys.get_mut(key) else {
        return illegal("served", "not a managed key");
    };
    managed.last_served = Some(now);
    Ok(())
}

fn strangers(state: &mut State, now: &Moment, keys: &BTreeSet<KeyId>) {
    for key in keys {
        orphan(state, key, now, OrphanKind::Stranger);
    }
    if let Some(leak) = state.requests.leak.as_mut() {
        leak.compared = true;
    }
}

/// Whether the failures counted so far are over. A request that came to nothing is no progress.
fn is_progress(event: &Event) -> bool {
    match event {
        Event::Settled { outcome, .. } => !matches!(outcome, Outcome::NoEffect { .. }),
        Event::Troubled { .. }
        | Event::Checkpoint
        | Event::Parked { .. }
        | Event::Intended { .. }
        | Event::Seen { .. }
        | Event::Served { .. }
        | Event::PinLost { .. } => false,
        _ => true,
    }
}

fn adoption(state: &mut State, now: Moment, event: &Event) {
    match event {
        Event::Adopted { policy, held, created_ms, baseline, unmanaged, .. } => {
            let fresh = ManagedKey {
                fingerprint: Some(held.proof.fingerprint),
                origin: Origin::Adopted,
                since: now.clone(),
                version: Some(held.version.clone()),
                last_served: None,
                life: Life::Live,
                revivals: 0,
            };
            let managed = state.keys.entry(held.proof.key.clone()).or_insert(fresh);
            managed.fingerprint = Some(held.proof.fingerprint);
            managed.version = Some(held.version.clone());
            managed.life = Life::Live;
            state.orphans.remove(&held.proof.key);
            if let Some(rotation) = state.rotation.take() {
                state.last = Some(last(&rotation, Ending::Superseded, now.clone()));
            }
            state.policy = Some(policy.clone());
            state.adoption = Adoption::Adopted;
            state.baseline = Some(baseline.clone());
            state.known.extend(unmanaged.iter().cloned());
            state.known.insert(held.proof.key.clone());
            state.settled =
                Some(Settled { held: held.clone(), since: now, created_ms: *created_ms });
            state.parked = None;
            state.requests.adopt = false;
        }
        Event::ReadOnly { policy, reason } => {
            state.policy = Some(policy.clone());
            state.adoption = Adoption::ReadOnly(reason.clone());
        }
        Event::BaselineTaken { baseline } => state.baseline = Some(baseline.clone()),
        _ => {}
    }
}

fn requested(state: &mut State, now: Moment, request: &Request) -> Applied {
    state.refused = None;
    match request {
        Request::Rotate { trigger } => state.requests.rotate = Some(*trigger),
        Request::Abort => state.requests.abort = true,
        Request::Resume => state.requests.resume = true,
        Request::Adopt => state.requests.adopt = true,
        Request::Leak { suspects, kill_first, grace_ms, since_ms } => {
            for key in suspects.keys() {
                let foreign = !state.keys.contains_key(key);
                let suspect = Suspect { reported: now.clone(), dead: None, foreign };
                state.suspects.insert(key.clone(), suspect);
            }
            let mut open = state.requests.leak.take().map_or_else(Default::default, |l| l.suspects);
            open.extend(suspects.keys().cloned());
            state.requests.leak = Some(Leak {
                reported: now,
                kill_first: *kill_first,
                grace_ms: *grace_ms,
                since_ms: *since_ms,
                suspects: open,
                rolled_back: 0,
                compared: false,
            });
        }
    }
    Ok(())
}

fn answered(state: &mut State, request: RequestKind) {
    match request {
        RequestKind::Rotate => state.requests.rotate = None,
        RequestKind::Abort => state.requests.abort = false,
        RequestKind::Resume => state.requests.resume = false,
        RequestKind::Adopt => state.requests.adopt = false,
        RequestKind::Leak => {}
    }
}

fn started(state: &mut State, now: Moment, event: &Event) -> Applied {
    let Event::Started { rotation, trigger, old, token_life_ms } = event else {
        return illegal("started", "not a start");
    };
    if state.rotation.is_some() {
        return illegal("started", "another rotation of this secret is open");
    }
    if state.adoption != Adoption::Adopted {
        return illegal("started", "the secret is not adopted");
    }
    if !state.questions.is_empty() {
        return illegal("started", "a question is open");
    }
    let Some(managed) = state.keys.get_mut(&old.proof.key) else {
        return illegal("started", "the old key is not managed");
    };
    managed.version = Some(old.version.clone());
    state.requests.rotate = None;
    state.rotation = Some(Rotation {
        id: *rotation,
        trigger: *trigger,
        started: now.clone(),
        phase: Phase::Claimed,
        entered: now,
        old: old.clone(),
        new: None,
        attempt: 0,
        creates: 0,
        staged: Vec::new(),
        verify_failures: 0,
        promoted_at: None,
        moved: None,
        because: None,
        token_life_ms: *token_life_ms,
        label_moves: 0,
        aborted: false,
    });
    Ok(())
}

/// Which phase may follow which without an effect of ours in between.
fn may_enter(from: Phase, to: Phase) -> bool {
    use Phase::{
        Claimed, Deleted, Disabled, Drained, Issued, Promoted, Reverting, RollingBack, Soaked,
        Staged, Verified,
    };
    match to {
        Claimed => false,
        Issued | Staged => from == Verified,
        Verified => from == Staged,
        // A lost or late promote of ours, or a person's, is seen from anywhere before the end.
        Promoted => {
            from.before_promote() || matches!(from, Reverting | RollingBack | Disabled | Soaked)
        }
        Drained => matches!(from, Promoted | Disabled | Soaked),
        Disabled => from == Drained,
        Soaked => from == Disabled,
        Deleted => matches!(from, Drained | Disabled | Soaked),
        Reverting => from.after_promote(),
        RollingBack => from.before_promote() || from == Reverting,
    }
}

fn entered(state: &mut State, now: Moment, phase: Phase, because: Option<&String>) -> Applied {
    let Some(rotation) = state.rotation.as_mut() else {
        return illegal("entered", "no rotation is open");
    };
    if !may_enter(rotation.phase, phase) {
        return illegal("entered", "that phase cannot follow");
    }
    rotation.phase = phase;
    rotation.entered = now.clone();
    rotation.aborted |= state.requests.abort;
    if because.is_some() {
        rotation.because = because.cloned();
    }
    if phase == Phase::Promoted && rotation.promoted_at.is_none() {
        rotation.promoted_at = Some(now.clone());
    }
    if phase == Phase::Promoted {
        // Seen, not acknowledged: until now the old key may have been served.
        let old = rotation.old.proof.key.clone();
        if let Some(managed) = state.keys.get_mut(&old) {
            managed.last_served.get_or_insert(now);
        }
    }
    Ok(())
}

fn abandoned(state: &mut State, now: Moment, key: &KeyId, because: &str) -> Applied {
    let Some(rotation) = state.rotation.as_mut() else {
        return illegal("abandoned", "no rotation is open");
    };
    if !rotation.phase.before_promote() || rotation.new.as_ref().map(|n| &n.key) != Some(key) {
        return illegal("abandoned", "not this rotation's unpromoted key");
    }
    rotation.new = None;
    rotation.verify_failures = 0;
    rotation.phase = Phase::Claimed;
    rotation.entered = now;
    rotation.because = Some(because.to_owned());
    if let Some(managed) = state.keys.get_mut(key)
        && !rotation.staged.iter().any(|staged| staged.proof.key == *key)
    {
        // No version holds it and memory lost it: nobody can use it.
        managed.fingerprint = None;
    }
    Ok(())
}

fn rebased(state: &mut State, now: Moment) -> Applied {
    match state.rotation.as_mut() {
        Some(rotation) if rotation.phase == Phase::Verified || rotation.phase == Phase::Staged => {
            rotation.phase = Phase::Issued;
            rotation.entered = now;
            Ok(())
        }
        _ => illegal("rebased", "nothing is staged"),
    }
}

fn intended(state: &mut State, now: Moment, operation: OperationId, effect: &Effect) -> Applied {
    if operation.0 != state.next_operation.0 + 1 {
        return illegal("intended", "operation numbers run without gaps");
    }
    if let Some(problem) = forbidden(state, effect) {
        return illegal("intended", problem);
    }
    state.next_operation = operation;
    if let Some(rotation) = state.rotation.as_mut() {
        match effect {
            Effect::Issue { .. } => rotation.creates += 1,
            Effect::Stage { .. } => rotation.attempt += 1,
            Effect::Unstage { .. } | Effect::DropPrevious { .. } => rotation.label_moves += 1,
            _ => {}
        }
    }
    let question = Question { effect: effect.clone(), asked: now, seen: false };
    state.questions.insert(operation, question);
    Ok(())
}

/// Why an effect must never be sent from this state, whatever was observed (invariants 1, 7, 8, 9).
fn forbidden(state: &State, effect: &Effect) -> Option<&'static str> {
    let phase = state.rotation.as_ref().map(|r| r.phase);
    let only_creates_open = state.open_creates() == state.questions.len();
    let kills = matches!(effect, Effect::Disable { key, .. } | Effect::Delete { key, .. }
        if state.is_suspect(key) && !state.touched(key));
    if !(state.questions.is_empty() || kills || state.requests.leak.is_some() && only_creates_open)
    {
        return Some("a question is open");
    }
    match effect {
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

fn settled(state: &mut State, now: Moment, operation: OperationId, outcome: &Outcome) -> Applied {
    let Some(question) = state.questions.remove(&operation) else {
        return illegal("settled", "no such open question");
    };
    if question.seen {
        state.unanswered.insert(UnansweredSince(operation, question.asked.clone()));
    }
    if let Outcome::NoEffect { class } = outcome {
        let by_etag = matches!(
            question.effect,
            Effect::Disable { .. } | Effect::Enable { .. } | Effect::Delete { .. }
        );
        state.etags_enforced |= by_etag && *class == Class::Conflict;
        return no_effect(state, &question, *class);
    }
    match question.effect {
        Effect::Issue { .. } => minted(state, now, outcome),
        Effect::Stage { token, base, proof, .. } => staged(state, now, token, base, proof),
        Effect::Promote { from, to } => promoted(state, now, &from, &to, outcome),
        Effect::Unstage { .. } | Effect::DropPrevious { .. } | Effect::Install { .. } => Ok(()),
        Effect::Disable { key, etag, .. } => {
            let life = match outcome {
                Outcome::Done { etag: pin, ours } => Life::Disabled {
                    at: now,
                    sent: etag,
                    pinned: pin.is_some(),
                    pin: pin.clone(),
                    ours: *ours,
                    proven: false,
                },
                _ => Life::Deleted { proven: false },
            };
            set_life(state, &key, life)
        }
        Effect::Enable { key, .. } => {
            let life = match outcome {
                Outcome::Gone => Life::Deleted { proven: false },
                _ => Life::Live,
            };
            set_life(state, &key, life)
        }
        Effect::Delete { key, .. } => set_life(state, &key, Life::Deleted { proven: false }),
    }
}

fn no_effect(state: &mut State, question: &Question, class: Class) -> Applied {
    // A create that certainly did not happen does not count against the limit of three.
    if matches!(question.effect, Effect::Issue { .. })
        && class != Class::Unknown
        && let Some(rotation) = state.rotation.as_mut()
    {
        rotation.creates = rotation.creates.saturating_sub(1);
    }
    if let Effect::Delete { key, .. } = &question.effect
        && class == Class::Conflict
    {
        return pin_lost(state, key);
    }
    Ok(())
}

/// A suspect that we never managed gets a record when it is first acted on.
fn set_life(state: &mut State, key: &KeyId, life: Life) -> Applied {
    if !state.keys.contains_key(key) {
        if !state.is_suspect(key) {
            return illegal("settled", "neither managed nor a suspect");
        }
        let since = state.suspects.get(key).map(|s| s.reported.clone()).unwrap_or_default();
        let managed = ManagedKey {
            fingerprint: None,
            origin: Origin::Foreign,
            since,
            version: None,
            last_served: None,
            life: Life::Live,
            revivals: 0,
        };
        state.keys.insert(key.clone(), managed);
    }
    if let Some(managed) = state.keys.get_mut(key) {
        managed.life = life;
    }
    Ok(())
}

fn minted(state: &mut State, now: Moment, outcome: &Outcome) -> Applied {
    let (key, proof, origin) = match outcome {
        Outcome::Minted { key, proof } => (key, proof.clone(), Origin::Minted),
        Outcome::Attributed { key } => (key, None, Origin::Attributed),
        Outcome::PossiblyMinted { keys } => {
            for key in keys {
                orphan(state, key, &now, OrphanKind::PossiblyMinted);
            }
            return Ok(());
        }
        _ => return illegal("settled", "not an outcome of a create"),
    };
    let managed = ManagedKey {
        fingerprint: proof.as_ref().map(|p| p.fingerprint),
        origin,
        since: now.clone(),
        version: None,
        last_served: None,
        life: Life::Live,
        revivals: 0,
    };
    state.keys.insert(key.clone(), managed);
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

fn staged(
    state: &mut State,
    now: Moment,
    token: VersionId,
    base: VersionId,
    proof: KeyProof,
) -> Applied {
    let Some(rotation) = state.rotation.as_mut() else {
        return illegal("settled", "no rotation is open");
    };
    if let Some(managed) = state.keys.get_mut(&proof.key) {
        managed.version = Some(token.clone());
    }
    rotation.staged.push(StagedVersion { version: token, base, proof });
    if rotation.phase == Phase::Issued {
        rotation.phase = Phase::Staged;
        rotation.entered = now;
    }
    Ok(())
}

fn promoted(
    state: &mut State,
    now: Moment,
    from: &VersionId,
    to: &VersionId,
    outcome: &Outcome,
) -> Applied {
    let Some(rotation) = state.rotation.as_mut() else {
        return illegal("settled", "no rotation is open");
    };
    // Whatever the move was, until this moment consumers may have been served the key it left.
    let key_of = |version: &VersionId| {
        rotation
            .staged
            .iter()
            .find(|s| s.version == *version)
            .map_or(&rotation.old.proof.key, |s| &s.proof.key)
            .clone()
    };
    let (left, reached) = (key_of(from), key_of(to));
    for key in [Some(left), matches!(outcome, Outcome::Overtaken).then_some(reached.clone())] {
        if let Some(managed) = key.and_then(|key| state.keys.get_mut(&key)) {
            managed.last_served = Some(now.clone());
        }
    }
    if matches!(outcome, Outcome::Overtaken) {
        return Ok(());
    }
    rotation.moved = Some((from.clone(), now.clone()));
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

fn orphan(state: &mut State, key: &KeyId, now: &Moment, kind: OrphanKind) {
    if !state.keys.contains_key(key) {
        let fresh = Orphan { since: now.clone(), kind, kept: false };
        state.orphans.entry(key.clone()).or_insert(fresh);
    }
}

fn key(state: &mut State, event: &Event) -> Applied {
    let (Event::Pinned { key, .. } | Event::PinLost { key } | Event::Revived { key }) = event
    else {
        return illegal("key", "not an event of a key");
    };
    match event {
        Event::Pinned { etag, .. } => {
            match state.keys.get_mut(key).map(|managed| &mut managed.life) {
                Some(Life::Disabled { pin, pinned, .. }) => {
                    pin.clone_from(etag);
                    *pinned = true;
                    Ok(())
                }
                _ => illegal("pinned", "the key is not disabled"),
            }
        }
        Event::PinLost { .. } => pin_lost(state, key),
        _ => {
            if let Some(suspect) = state.suspects.get_mut(key) {
                suspect.dead = None;
            }
            match state.keys.get_mut(key) {
                Some(managed) => {
                    managed.revivals += 1;
                    managed.life = Life::Live;
                    Ok(())
                }
                None => illegal("revived", "not a managed key"),
            }
        }
    }
}

fn pin_lost(state: &mut State, key: &KeyId) -> Applied {
    let Some(managed) = state.keys.get_mut(key) else {
        return illegal("pin_lost", "not a managed key");
    };
    managed.life = Life::Live;
    if let Some(rotation) = state.rotation.as_mut()
        && rotation.old.proof.key == *key
        && matches!(rotation.phase, Phase::Disabled | Phase::Soaked)
    {
        rotation.phase = Phase::Drained;
    }
    Ok(())
}

fn proven(state: &mut State, now: Moment, key: &KeyId, evidence: &Evidence) -> Applied {
    let suspect = state.is_suspect(key);
    match state.keys.get_mut(key).map(|managed| &mut managed.life) {
        Some(Life::Disabled { proven, .. }) => *proven = true,
        Some(Life::Deleted { proven }) if matches!(evidence, Evidence::Absent { .. }) => {
            *proven = true;
        }
        Some(life @ Life::Live) if matches!(evidence, Evidence::Absent { .. }) => {
            // Somebody else removed it.
            *life = Life::Deleted { proven: true };
        }
        Some(Life::Live) => return illegal("proven", "the key was not disabled"),
        // Deleted keys are proven by absence only.
        Some(Life::Deleted { .. }) => return illegal("proven", "absence was not shown"),
        None if suspect => {}
        None => return illegal("proven", "not a managed key"),
    }
    if let Some(suspect) = state.suspects.get_mut(key) {
        suspect.dead.get_or_insert(now);
    }
    Ok(())
}

fn unparked(state: &mut State, by_operator: bool) -> Applied {
    let Some(park) = state.parked.take() else {
        return illegal("unparked", "nothing is parked");
    };
    if by_operator && let Some(leak) = state.requests.leak.as_mut() {
        leak.rolled_back = 0;
    }
    if let (true, ParkReason::PinDiffers { key }) = (by_operator, &park.reason) {
        // The operator's word that the act was meant: disable, pin, and soak again.
        return pin_lost(state, key);
    }
    Ok(())
}

fn troubled(state: &mut State, now: Moment, fresh: Trouble) {
    state.trouble = Some(match state.trouble.take() {
        Some(known) => {
            Trouble { count: known.count.saturating_add(1), since: known.since, ..fresh }
        }
        None => Trouble { since: now, ..fresh },
    });
}

fn ended(state: &mut State, now: Moment, ending: Ending) -> Applied {
    if !state.questions.is_empty() {
        return illegal("ended", "a question is open");
    }
    let Some(rotation) = state.rotation.take() else {
        return illegal("ended", "no rotation is open");
    };
    let survivor = match ending {
        Ending::RolledBack => Some(rotation.old.clone()),
        Ending::Complete | Ending::Superseded => rotation
            .staged_new()
            .map(|staged| Held { proof: staged.proof.clone(), version: staged.version.clone() }),
    };
    let Some(held) = survivor else {
        return illegal("ended", "no key survives it");
    };
    let expected = match ending {
        Ending::Complete => rotation.phase == Phase::Deleted,
        Ending::RolledBack => rotation.phase == Phase::RollingBack,
        Ending::Superseded => rotation.phase.after_promote(),
    };
    if !expected {
        return illegal("ended", "that end does not follow from this phase");
    }
    let same = state
        .settled
        .as_ref()
        .filter(|s| s.held.proof == held.proof)
        .map(|s| (s.since.clone(), s.created_ms));
    let (since, created_ms) = same.unwrap_or_else(|| {
        (state.keys.get(&held.proof.key).map_or_else(|| now.clone(), |k| k.since.clone()), None)
    });
    state.settled = Some(Settled { held, since, created_ms });
    state.keys.retain(|_, managed| !managed.is_gone());
    if ending != Ending::Superseded {
        state.unanswered.clear();
    }
    if let Some(leak) = state.requests.leak.as_mut().filter(|_| ending == Ending::RolledBack) {
        leak.rolled_back += if rotation.aborted { 2 } else { 1 };
    }
    state.requests.abort = false;
    state.parked = None;
    state.last = Some(last(&rotation, ending, now));
    Ok(())
}

fn last(rotation: &Rotation, ending: Ending, ended: Moment) -> LastRotation {
    LastRotation {
        id: rotation.id,
        ending,
        started: rotation.started.clone(),
        ended,
        because: rotation.because.clone(),
    }
}
