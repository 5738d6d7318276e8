//! With no rotation open: first contact (R31), and the preflight of a start (R22).

use super::account;
use super::step::Step;
use super::view::{Found, View};
use crate::domain::facts::{Actor, Exchange, Fact, Holding, KeyProof, Profile, StoreView};
use crate::domain::ids::VersionId;
use crate::domain::state::{
    Adoption, Event, Held, OrphanKind, ParkReason, ReadOnlyReason, Refusal, RequestKind, State,
    Trigger,
};

/// AWS takes 65,536 bytes; room is left for a longer id and secret.
const MAX_VALUE_BYTES: usize = 65_536 - 4_096;

/// A start that is due, or rest.
pub(super) fn idle(v: &View<'_>) -> Found<Step> {
    let Some(trigger) = wanted(v)? else {
        return Ok(if v.state.parked.is_some() { v.wait_for_operator() } else { Step::Rest });
    };
    match start(v, trigger) {
        // A person who asked gets an answer; a leak's request is never dropped.
        Err(Step::Trouble { class, step })
            if v.trouble_is_chronic() && trigger != Trigger::Leak =>
        {
            let heard = v.state.trouble.as_ref().filter(|trouble| trouble.step == step);
            let said = heard.and_then(|trouble| trouble.said.clone());
            Ok(refuse(Refusal::Trouble { class, step, said }))
        }
        Err(Step::Wait { .. }) if v.state.parked.is_some() && trigger != Trigger::Leak => {
            Ok(refuse(Refusal::CurrentDead))
        }
        Ok(step) | Err(step) => Ok(step),
    }
}

fn refuse(why: Refusal) -> Step {
    Step::record(Event::Answered { request: RequestKind::Rotate, refused: Some(why) })
}

/// A leak whose suspect is *current* starts a rotation by itself.
fn wanted(v: &View<'_>) -> Found<Option<Trigger>> {
    if let Some(leak) = &v.state.requests.leak {
        let current = v.current()?.and_then(|(_, holding)| holding.proof());
        if current.is_some_and(|proof| v.state.is_suspect(&proof.key)) {
            if leak.rolled_back > 1 {
                // Aborted, or failed twice: minting on would only add keys (F5).
                return Err(v.park(ParkReason::LeakRolledBack));
            }
            return Ok(Some(Trigger::Leak));
        }
    }
    Ok(v.state.requests.rotate)
}

/// First contact: naming the secret in a policy is the consent, if nothing speaks against it.
pub(super) fn first_contact(v: &View<'_>) -> Found<Step> {
    let by_operator = v.state.requests.adopt;
    let answered = Event::Answered { request: RequestKind::Adopt, refused: None };
    match examine(v, by_operator)? {
        Ok(held) => {
            let mut events = vec![account::adopted(v, held, by_operator)?];
            if by_operator {
                events.push(answered);
            }
            Ok(Step::Record(events))
        }
        Err(reason) => Ok(read_only(v, reason)),
    }
}

fn read_only(v: &View<'_>, reason: ReadOnlyReason) -> Step {
    let mut events = Vec::new();
    if v.state.adoption != Adoption::ReadOnly(reason.clone()) {
        events.push(Event::ReadOnly { policy: v.rules.policy.clone(), reason });
    }
    let refused = Some(Refusal::ReadOnly);
    let asked = &v.state.requests;
    let wishes = [
        (asked.adopt, RequestKind::Adopt),
        (asked.rotate.is_some(), RequestKind::Rotate),
        (asked.abort, RequestKind::Abort),
        (asked.resume, RequestKind::Resume),
    ];
    for (_, request) in wishes.into_iter().filter(|(is_asked, _)| *is_asked) {
        events.push(Event::Answered { request, refused: refused.clone() });
    }
    if events.is_empty() { Step::Rest } else { Step::Record(events) }
}

fn examine(v: &View<'_>, by_operator: bool) -> Found<Result<Held, ReadOnlyReason>> {
    let store = v.store()?;
    let Some(version) = &store.current else { return Ok(Err(ReadOnlyReason::NoValue)) };
    let Some(proof) = v.holding(version)?.proof() else {
        return Ok(Err(ReadOnlyReason::Malformed));
    };
    let foreign_pending = store.pending.is_some() && store.pending != store.current;
    if foreign_pending && !by_operator {
        return Ok(Err(ReadOnlyReason::PendingPresent));
    }
    if !v.works(proof)? {
        return Ok(Err(ReadOnlyReason::CurrentRejected));
    }
    if let Some(policy) = v.seen.named_elsewhere.get(&proof.key) {
        return Ok(Err(ReadOnlyReason::NamedElsewhere { policy: policy.clone() }));
    }
    if let Some(found) = other_identity(v, v.profile(proof)?)
        && !by_operator
    {
        return Ok(Err(ReadOnlyReason::OtherIdentity { found }));
    }
    Ok(Ok(Held { proof: proof.clone(), version: version.clone() }))
}

/// Who the key acts as, where that is not whom the policy declares.
fn other_identity(v: &View<'_>, profile: &Profile) -> Option<String> {
    let declared = v.rules.identity.as_deref()?;
    let Some(identity) = &profile.identity else { return Some("nobody it would name".to_owned()) };
    let email = identity.email.as_deref();
    let same = identity.user_id == declared
        || email.is_some_and(|email| email.eq_ignore_ascii_case(declared));
    (!same).then(|| email.unwrap_or(&identity.user_id).to_owned())
}

/// Preflight (R22): every guard before the first create. Nothing is done when it fails.
fn start(v: &View<'_>, trigger: Trigger) -> Found<Step> {
    let leak = trigger == Trigger::Leak;
    let store = v.store()?;
    if let Some(problem) = store.problems.first() {
        return Ok(stop(v, trigger, Refusal::Store { problem: *problem }));
    }
    let Some((version, holding)) = v.current()? else {
        return Ok(stop(v, trigger, Refusal::NoCurrent));
    };
    let Holding::Key { proof, size_bytes, .. } = holding else {
        return Ok(stop(v, trigger, Refusal::CurrentMalformed));
    };
    if let Some(why) = unfit_secret(v, store, proof, *size_bytes, leak)? {
        return Ok(stop(v, trigger, why));
    }
    let token_life_ms = match v.seen.exchange(proof) {
        Fact::Known(Exchange::Alive { token_life_ms }) => *token_life_ms,
        _ => None,
    };
    if let Some(why) = unfit_time(v, token_life_ms, leak) {
        return Ok(stop(v, trigger, why));
    }
    if let Some(why) = unfit_actor(v, proof)? {
        return Ok(stop(v, trigger, why));
    }
    let old = Held { proof: proof.clone(), version: VersionId::clone(version) };
    let rotation = v.seen.next_rotation;
    let mut events = Vec::new();
    if v.state.parked.is_some() {
        events.push(Event::Unparked { by_operator: false });
    }
    events.push(Event::Started { rotation, trigger, old, token_life_ms });
    Ok(Step::Record(events))
}

/// A refused leak stays a request: its rotation parks visibly instead of being dropped.
fn stop(v: &View<'_>, trigger: Trigger, why: Refusal) -> Step {
    if trigger != Trigger::Leak {
        return refuse(why);
    }
    let reason = match why {
        Refusal::CurrentDead => ParkReason::CurrentDead,
        Refusal::CurrentMalformed | Refusal::NoCurrent => ParkReason::CurrentMalformed,
        Refusal::ForeignPending => ParkReason::ForeignPending,
        Refusal::CurrentChanged => ParkReason::CurrentChanged,
        refusal => ParkReason::PreflightRefused { refusal },
    };
    v.park(reason)
}

fn unfit_secret(
    v: &View<'_>,
    store: &StoreView,
    proof: &KeyProof,
    size_bytes: usize,
    leak: bool,
) -> Found<Option<Refusal>> {
    if let Some(pending) = store.pending.as_ref().filter(|p| Some(*p) != store.current.as_ref()) {
        let holds_ours =
            v.holding(pending)?.proof().is_some_and(|p| v.state.keys.contains_key(&p.key));
        if !holds_ours {
            return Ok(Some(Refusal::ForeignPending));
        }
    }
    if size_bytes > MAX_VALUE_BYTES {
        return Ok(Some(Refusal::TooLarge));
    }
    let expected = v.state.settled.as_ref().map(|settled| &settled.held.proof);
    if expected != Some(proof) && !(leak && v.state.keys.contains_key(&proof.key)) {
        return Ok(Some(Refusal::CurrentChanged));
    }
    if let Some(policy) = v.seen.named_elsewhere.get(&proof.key) {
        return Ok(Some(Refusal::NamedElsewhere { policy: policy.clone() }));
    }
    if matches!(v.seen.exchange(proof), Fact::Known(Exchange::Misconfigured)) {
        return Ok(Some(Refusal::Misconfigured));
    }
    // With another credential that works, a dead *current* is a reason to rotate, not a bar.
    if !(v.works(proof)? || v.rules.named_actor && v.actor(Some(&proof.key)).is_ok()) {
        if v.rules.named_actor && v.seen.named_actor == Fact::Unread {
            return Err(Step::look(crate::domain::facts::Read::NamedActor));
        }
        return Ok(Some(Refusal::CurrentDead));
    }
    Ok((!leak && too_many_orphans(v)?).then_some(Refusal::Orphans))
}

/// Issue refuses while this many creates are unexplained (R3).
const MAX_ORPHANS: usize = 2;

/// The list is read before that is said: somebody may have deleted them meanwhile.
pub(super) fn too_many_orphans(v: &View<'_>) -> Found<bool> {
    if possible_orphans(v.state) < MAX_ORPHANS {
        return Ok(false);
    }
    v.complete_keys(&v.actor(None)?)?;
    Ok(true)
}

fn possible_orphans(state: &State) -> usize {
    state.orphans_unruled().filter(|(_, o)| o.kind == OrphanKind::PossiblyMinted).count()
}

fn unfit_time(v: &View<'_>, token_life_ms: Option<i64>, leak: bool) -> Option<Refusal> {
    if leak {
        return None;
    }
    let needed_ms = v.rules.cache_ttl_ms.saturating_add(token_life_ms.unwrap_or(0));
    if v.rules.drain_ms < needed_ms {
        return Some(Refusal::DrainTooShort { needed_ms });
    }
    (!v.state.time.agrees(v.stamp)).then_some(Refusal::ClockSkew)
}

/// The credential that will call the issuer must be allowed to, and act as whom the policy says.
fn unfit_actor(v: &View<'_>, current: &KeyProof) -> Found<Option<Refusal>> {
    if let Actor::Named = v.actor(None)? {
        return Ok(None);
    }
    let profile = v.profile(current)?;
    if profile.rights.any_denied() {
        let what = profile.rights.denied().join(", ");
        return Ok(Some(Refusal::Rights { what }));
    }
    Ok(other_identity(v, profile)
        .filter(|_| v.state.baseline.as_ref().is_none_or(|b| b.identity != profile.identity))
        .map(|found| Refusal::OtherIdentity { found }))
}
