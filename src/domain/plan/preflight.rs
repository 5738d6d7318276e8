//! Preflight of a start (R22): every guard before the first create. Nothing is done when one fails:
//! a person gets an answer, a leak parks visibly and stays a request.

use super::claim::{self, Head};
use super::guards::pending_is_foreign;
use super::migration;
use super::step::Step;
use super::view::{Found, View};
use crate::domain::class::Class;
use crate::domain::facts::{Actor, Exchange, Fact, Holding, KeyProof, Profile};
use crate::domain::ids::{KeyId, VersionId};
use crate::domain::state::{
    Event, Held, OrphanKind, ParkReason, Refusal, RequestKind, State, Trigger,
};

/// AWS takes 65,536 bytes; room is left for a longer id and secret.
pub(in crate::domain) const MAX_VALUE_BYTES: usize = 65_536 - 4_096;

/// The answer to a person, or to the schedule.
pub(super) fn refuse(why: Refusal) -> Step {
    Step::record(Event::Answered { request: RequestKind::Rotate, refused: Some(why) })
}

/// A failure as the answer, with what the failed call said.
pub(super) fn trouble(v: &View<'_>, class: Class, step: String) -> Refusal {
    let heard = v.state.trouble.as_ref().filter(|trouble| trouble.step == step);
    let said = heard.and_then(|trouble| trouble.said.clone());
    Refusal::Trouble { class, step, said }
}

/// What a start waits for where the policy is parked: a person gets that as the answer, at once.
pub(super) fn why_it_waits(v: &View<'_>, trigger: Trigger) -> Refusal {
    let free = State { parked: None, ..v.state.clone() };
    match start(&View::new(v.rules, &free, v.seen, v.stamp), trigger) {
        Err(Step::Trouble { class, step }) => trouble(v, class, step),
        _ => Refusal::CurrentDead,
    }
}

/// Opens a rotation, or says why not.
pub(super) fn start(v: &View<'_>, trigger: Trigger) -> Found<Step> {
    let leak = trigger == Trigger::Leak;
    let store = v.store()?;
    if let Some(problem) = store.problems.first() {
        return Ok(stop(v, trigger, Refusal::Store { problem: *problem }));
    }
    if let Head::Foreign { ended } = claim::head(v)? {
        return Ok(stop(v, trigger, Refusal::Claimed { ended }));
    }
    let Some((version, holding)) = v.current()? else {
        return Ok(stop(v, trigger, Refusal::NoCurrent));
    };
    let Holding::Key { proof, size_bytes, .. } = holding else {
        return Ok(stop(v, trigger, Refusal::CurrentMalformed));
    };
    if let Some(why) = unfit_secret(v, proof, *size_bytes, leak)? {
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
    if claim::head(v)? != Head::Ours {
        // Last of all: that it is taken proves that the store is writable, too.
        return Ok(match unclaimable(v, leak) {
            Some(class) => stop(v, trigger, trouble(v, class, "claim".to_owned())),
            None => claim::take(v),
        });
    }
    let old = Held { proof: proof.clone(), version: VersionId::clone(version) };
    let rotation = v.seen.next_rotation;
    let mut events = Vec::new();
    if v.state.parked.is_some() {
        events.push(Event::Unparked { by_operator: false });
    }
    let kept = v.rules.kept.clone();
    events.push(Event::Started { rotation, trigger, old, token_life_ms, kept });
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

/// The store took no claim, and would not take one now.
fn unclaimable(v: &View<'_>, leak: bool) -> Option<Class> {
    let failed = v.state.trouble.as_ref().filter(|trouble| trouble.step == "claim")?;
    // A leak's is sent again for a while: rights are mended, too.
    const LEAK_TRIES: u32 = 20;
    if leak {
        return (failed.count >= LEAK_TRIES).then_some(failed.class);
    }
    let for_good = matches!(failed.class, Class::Rejected | Class::Misconfigured);
    (for_good || v.trouble_is_chronic()).then_some(failed.class)
}

fn unfit_secret(
    v: &View<'_>,
    proof: &KeyProof,
    size_bytes: usize,
    leak: bool,
) -> Found<Option<Refusal>> {
    if pending_is_foreign(v)? {
        return Ok(Some(Refusal::ForeignPending));
    }
    if size_bytes > MAX_VALUE_BYTES {
        return Ok(Some(Refusal::TooLarge));
    }
    let expected = v.state.settled.as_ref().map(|settled| &settled.held.proof);
    // A key that is proven gone, or that nobody manages, is no key to rotate from.
    let managed = v.state.keys.get(&proof.key).is_some_and(|k| !k.is_gone());
    if !managed || (expected != Some(proof) && !leak) {
        if v.state.seen_key.as_ref() != Some(&proof.key) {
            // Other policies must know whose consumers hold it (R22).
            return Err(Step::record(Event::Served { key: proof.key.clone() }));
        }
        return Ok(Some(Refusal::CurrentChanged));
    }
    if let Some(why) = migration::bars_start(v, leak)? {
        return Ok(Some(why));
    }
    let other = v.elsewhere()?.keys.get(&proof.key).filter(|other| other.adopted);
    if let Some(other) = other.filter(|_| !v.state.owned.contains_key(&proof.key)) {
        return Ok(Some(Refusal::NamedElsewhere { policy: other.policy.clone() }));
    }
    if matches!(v.seen.exchange(proof), Fact::Known(Exchange::Misconfigured)) {
        return Ok(Some(Refusal::Misconfigured));
    }
    // With another credential that works, a dead *current* is a reason to rotate, not a bar.
    let may_be_dead = v.rules.named_actor || leak;
    let may_rotate = v.works(proof)? || may_be_dead && another_works(v, &proof.key)?;
    if !may_rotate {
        return Ok(Some(Refusal::CurrentDead));
    }
    Ok((!leak && too_many_orphans(v)?).then_some(Refusal::Orphans))
}

fn another_works(v: &View<'_>, key: &KeyId) -> Found<bool> {
    match v.actor(Some(key)) {
        Ok(_) => Ok(true),
        Err(step @ Step::Look(_)) => Err(step),
        Err(_) => Ok(false),
    }
}

/// Issue refuses while this many creates are unexplained (R3).
const MAX_ORPHANS: usize = 2;

/// The list is read before that is said: somebody may have deleted them meanwhile.
pub(super) fn too_many_orphans(v: &View<'_>) -> Found<bool> {
    if !has_too_many_orphans(v.state) {
        return Ok(false);
    }
    v.complete_keys(&v.actor(None)?)?;
    Ok(true)
}

/// Whether so many keys may be ours without a ruling that no further one is made (R3).
pub(in crate::domain) fn has_too_many_orphans(state: &State) -> bool {
    let possible = state.orphans_unruled().filter(|(_, o)| o.kind == OrphanKind::PossiblyMinted);
    possible.count() >= MAX_ORPHANS
}

fn unfit_time(v: &View<'_>, token_life_ms: Option<i64>, leak: bool) -> Option<Refusal> {
    if leak {
        return None;
    }
    let needed_ms = v.promised_ms(token_life_ms);
    if v.rules.drain_ms < needed_ms {
        return Some(Refusal::DrainTooShort { needed_ms, token_life_ms });
    }
    (!v.state.time.agrees(v.stamp)).then_some(Refusal::ClockSkew)
}

/// The credential that will call the issuer must be allowed to, and act as whom the policy says: a
/// new key takes its creator's account and permissions (R17).
pub(super) fn unfit_actor(v: &View<'_>, current: &KeyProof) -> Found<Option<Refusal>> {
    let (who, profile, stranger) = match v.actor(None)? {
        Actor::Named => {
            let profile = v.named_profile()?;
            ("the named actor", profile, other_account(v, profile))
        }
        Actor::Key(proof) => {
            let profile = v.profile(&proof)?;
            let adopted = v.state.baseline.as_ref().is_some_and(|b| b.identity == profile.identity);
            let who = if proof == *current { "the current key" } else { "the only key that works" };
            (who, profile, other_identity(v, profile).filter(|_| !adopted))
        }
    };
    if profile.rights.any_denied() {
        let what = format!("{who} may not {} keys", profile.rights.denied().join(", "));
        return Ok(Some(Refusal::Rights { what }));
    }
    Ok(stranger.map(|found| Refusal::OtherIdentity { found }))
}

/// Whom the named actor acts as, where that is neither the declared account nor the adopted one.
/// Where the issuer does not tell, the new key's own identity is compared before its promote.
pub(super) fn other_account(v: &View<'_>, profile: &Profile) -> Option<String> {
    let identity = profile.identity.as_ref()?;
    let adopted = v.state.baseline.as_ref().and_then(|baseline| baseline.identity.as_ref());
    if adopted == Some(identity) || (adopted.is_none() && v.rules.identity.is_none()) {
        return None;
    }
    let declared = v.rules.identity.as_deref().is_some_and(|declared| identity.is(declared));
    (!declared).then(|| identity.name())
}

/// Who a key acts as, where that is not whom the policy declares.
pub(super) fn other_identity(v: &View<'_>, profile: &Profile) -> Option<String> {
    let declared = v.rules.identity.as_deref()?;
    let Some(identity) = &profile.identity else { return Some("nobody it would name".to_owned()) };
    (!identity.is(declared)).then(|| identity.name())
}
