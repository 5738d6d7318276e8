//! With no rotation open: first contact (R31), and whether a start is wanted. What a start must
//! pass is `preflight`'s.

use super::account;
use super::claim::{self, Head};
use super::first_key;
use super::guards::pending_is_foreign;
use super::migration;
use super::pace;
use super::preflight::{other_identity, refuse, start, trouble, why_it_waits};
use super::put_back;
use super::step::Step;
use super::view::{Found, View};
use crate::domain::facts::Holding;
use crate::domain::ids::KeyId;
use crate::domain::state::{
    Adoption, Event, Held, ParkReason, ReadOnlyReason, Refusal, RequestKind, Trigger,
};

/// A start that is due, or rest.
pub(super) fn idle(v: &View<'_>) -> Found<Step> {
    let Some(trigger) = wanted(v)? else { return at_rest(v) };
    match pace::start(v, trigger) {
        Ok(()) => {}
        // Whether it has to wait is not known yet.
        Err(look @ Step::Look(_)) => return Ok(look),
        Err(wait) => {
            return Ok(match at_rest(v)? {
                Step::Rest => wait,
                step => step,
            });
        }
    }
    match start(v, trigger) {
        // A person who asked gets an answer; a leak's request is never dropped.
        Err(Step::Trouble { class, step })
            if v.trouble_is_chronic() && trigger != Trigger::Leak =>
        {
            Ok(refuse(trouble(v, class, step)))
        }
        Err(Step::Wait { .. }) if v.state.parked.is_some() && trigger != Trigger::Leak => {
            Ok(refuse(why_it_waits(v, trigger)))
        }
        Ok(step) | Err(step) => Ok(step),
    }
}

/// Nothing is to be started now.
fn at_rest(v: &View<'_>) -> Found<Step> {
    if let Some(step) = put_back::finish(v)? {
        return Ok(step);
    }
    if v.state.parked.is_some() {
        return Ok(v.wait_for_operator());
    }
    // A start that came to nothing holds nobody else up.
    claim::release(v)?;
    if let Some(key) = named_otherwise(v)? {
        return Ok(Step::record(Event::Served { key }));
    }
    if holds_no_credential(v)? {
        return Ok(v.park(ParkReason::CurrentMalformed));
    }
    Ok(pace::news(v).unwrap_or(Step::Rest))
}

/// The key that *current* names, where that is news: a person changed it, or changed it back. Other
/// policies ask for it (R22).
fn named_otherwise(v: &View<'_>) -> Found<Option<KeyId>> {
    let Some(store) = v.store_if_clear()? else { return Ok(None) };
    let Some(version) = &store.current else { return Ok(None) };
    let Some(proof) = v.holding_if_clear(version)?.and_then(Holding::proof) else {
        return Ok(None);
    };
    let settled = v.state.settled.as_ref().map(|settled| &settled.held.proof.key);
    let known = v.state.seen_key.as_ref().or(settled);
    Ok((known != Some(&proof.key)).then(|| proof.key.clone()))
}

/// *Current* is gone, or is no credential: consumers fail, and nobody asked for anything that would
/// say so.
fn holds_no_credential(v: &View<'_>) -> Found<bool> {
    let Some(store) = v.store_if_clear()? else { return Ok(false) };
    let Some(version) = &store.current else { return Ok(true) };
    let holding = v.holding_if_clear(version)?;
    Ok(holding.is_some_and(|holding| holding.proof().is_none()))
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
    // A key that was given up goes; where that has to wait, the secret does not.
    let leftover = match first_key::leftovers(v) {
        Err(step @ (Step::Look(_) | Step::Record(_) | Step::Do(_))) => return Ok(step),
        other => other.err(),
    };
    if let Some(step) = first_key::first_key(v)? {
        return Ok(step);
    }
    match (look(v)?, leftover) {
        (Step::Rest, Some(waits)) => Ok(waits),
        (step, _) => Ok(step),
    }
}

fn look(v: &View<'_>) -> Found<Step> {
    let by_operator = v.state.requests.adopt;
    let answered = Event::Answered { request: RequestKind::Adopt, refused: None };
    match examine(v, by_operator)? {
        Ok(held) => {
            let owned = account::owned(v, &held.proof.key)?;
            let mut events = vec![account::adopted(v, held, by_operator)?];
            if by_operator {
                events.extend(owned);
                events.push(answered);
            }
            Ok(Step::Record(events))
        }
        Err(reason) => read_only(v, reason),
    }
}

fn read_only(v: &View<'_>, reason: ReadOnlyReason) -> Found<Step> {
    let names = match &v.store()?.current {
        Some(version) => v.holding(version)?.proof().map(|proof| proof.key.clone()),
        None => None,
    };
    let mut events = Vec::new();
    if v.state.adoption != Adoption::ReadOnly(reason.clone()) || v.state.seen_key != names {
        events.push(Event::ReadOnly { policy: v.rules.policy.clone(), reason, names });
    }
    let refused = Some(Refusal::ReadOnly);
    let asked = &v.state.requests;
    let wishes = [
        (asked.adopt, RequestKind::Adopt),
        (asked.rotate.is_some(), RequestKind::Rotate),
        (asked.abort, RequestKind::Abort),
        (asked.resume, RequestKind::Resume),
        (asked.decommission.is_some(), RequestKind::Decommission),
    ];
    for (_, request) in wishes.into_iter().filter(|(is_asked, _)| *is_asked) {
        events.push(Event::Answered { request, refused: refused.clone() });
    }
    Ok(if events.is_empty() { Step::Rest } else { Step::Record(events) })
}

fn examine(v: &View<'_>, by_operator: bool) -> Found<Result<Held, ReadOnlyReason>> {
    let store = v.store()?;
    if let Head::Foreign { ended } = claim::head(v)?
        && !by_operator
    {
        return Ok(Err(ReadOnlyReason::Claimed { ended }));
    }
    let Some(version) = &store.current else { return Ok(Err(ReadOnlyReason::NoValue)) };
    let Some(proof) = v.holding(version)?.proof() else {
        return Ok(Err(ReadOnlyReason::Malformed));
    };
    if !by_operator && pending_is_foreign(v)? {
        return Ok(Err(ReadOnlyReason::PendingPresent));
    }
    if !v.works(proof)? {
        return Ok(Err(ReadOnlyReason::CurrentRejected));
    }
    if let Some(other) = migration::other_policy(v.elsewhere()?, &proof.key)
        && !by_operator
    {
        return Ok(Err(ReadOnlyReason::NamedElsewhere { policy: other.policy.clone() }));
    }
    if let Some(found) = other_identity(v, v.profile(proof)?)
        && !by_operator
    {
        return Ok(Err(ReadOnlyReason::OtherIdentity { found }));
    }
    Ok(Ok(Held { proof: proof.clone(), version: version.clone() }))
}
