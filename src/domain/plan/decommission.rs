//! Decommission (R30): *current*'s key goes, and nothing replaces it. What the invariants forbid
//! elsewhere is done here by name: the key that *current* names is disabled or deleted (4), the
//! last one of the account may be (10), and a retired policy has no key that lives (6). Never heals.

use super::claim::{self, Head};
use super::first_key;
use super::guards;
use super::preflight::unfit_actor;
use super::retire::{Purpose, retire};
use super::ruling;
use super::step::{Step, WaitFor};
use super::view::{Found, View};
use super::{cures_itself, goes_on, idle, kill, request};
use crate::domain::class::Class;
use crate::domain::facts::{Actor, Exchange, Fact, Read};
use crate::domain::ids::KeyId;
use crate::domain::state::{
    Adoption, Decommission, Effect, Event, FirstKey, Held, Life, Origin, ParkReason, Refusal,
    RequestKind, first_token,
};

/// The step of a policy that is retired, or on its way there; `None` for every other.
pub(super) fn decide(v: &View<'_>) -> Option<Step> {
    let own = match (&v.state.adoption, &v.state.decommission) {
        (Adoption::Retired(_), _) => retired(v),
        (Adoption::Adopted, Some(open)) => leaving(v, open),
        _ => return None,
    };
    let (Ok(step) | Err(step)) = own;
    Some(ruling::beside(v, step))
}

fn answer(request: RequestKind, refused: Option<Refusal>) -> Event {
    Event::Answered { request, refused }
}

/// Suspects die here as elsewhere; what is spared holds nothing up.
fn kill_first(v: &View<'_>) -> Option<Step> {
    match kill::kill(v) {
        Ok(Some(step)) => Some(step),
        Err(step) if goes_on(&step) || matches!(step, Step::Look(_)) => Some(step),
        Ok(None) | Err(_) => None,
    }
}

/// Nothing is done for a retired policy but what a person asks for; `adopt` makes it live again.
fn retired(v: &View<'_>) -> Found<Step> {
    if let Some(step) = kill_first(v) {
        return Ok(step);
    }
    if v.state.requests.adopt || v.state.first.as_ref().is_some_and(FirstKey::is_minted) {
        return adopt_again(v);
    }
    if let Some(step) = refuse_all(v, &Refusal::Retired) {
        return Ok(step);
    }
    // A first key that was made for it, and given up, goes.
    first_key::leftovers(v)?;
    claim::release(v)?;
    Ok(Step::Rest)
}

/// As at first contact, except that what cannot be adopted leaves the policy retired.
fn adopt_again(v: &View<'_>) -> Found<Step> {
    let step = idle::first_contact(v)?;
    let Step::Record(events) = &step else { return Ok(step) };
    let why = events.iter().find_map(|event| match event {
        Event::ReadOnly { reason, .. } => Some(first_key::why_not(reason)),
        _ => None,
    });
    Ok(match why {
        Some(why) => Step::record(answer(RequestKind::Adopt, Some(why))),
        None => step,
    })
}

fn refuse_all(v: &View<'_>, why: &Refusal) -> Option<Step> {
    let asked = &v.state.requests;
    let wishes = [
        (asked.rotate.is_some(), RequestKind::Rotate),
        (asked.abort, RequestKind::Abort),
        (asked.resume, RequestKind::Resume),
        (asked.adopt, RequestKind::Adopt),
        (asked.decommission.is_some(), RequestKind::Decommission),
    ];
    let asked = wishes.into_iter().filter(|(is_asked, _)| *is_asked);
    let events: Vec<Event> = asked.map(|(_, request)| answer(request, Some(why.clone()))).collect();
    (!events.is_empty()).then_some(Step::Record(events))
}

/// The word is weighed: it begins, or is refused with nothing done.
pub(super) fn begin(v: &View<'_>, clear_store: bool) -> Found<Step> {
    let refuse = |why| Ok(Step::record(answer(RequestKind::Decommission, Some(why))));
    if v.state.rotation.is_some() {
        return refuse(Refusal::RotationOpen);
    }
    let waits = v.state.orphans_unruled().next().is_some();
    if waits || v.state.rulings_open().next().is_some() {
        return refuse(Refusal::Orphans);
    }
    let Some((version, holding)) = v.current()? else { return refuse(Refusal::NoCurrent) };
    let Some(proof) = holding.proof() else { return refuse(Refusal::CurrentMalformed) };
    if v.state.settled.as_ref().map(|settled| &settled.held.proof) != Some(proof) {
        return refuse(Refusal::CurrentChanged);
    }
    if let Head::Foreign { ended } = claim::head(v)? {
        return refuse(Refusal::Claimed { ended });
    }
    if !v.works(proof)? {
        return refuse(Refusal::CurrentDead);
    }
    if guards::pending_is_foreign(v)? {
        return refuse(Refusal::ForeignPending);
    }
    if let Some(other) = v.elsewhere()?.keys.get(&proof.key) {
        return refuse(Refusal::NamedElsewhere { policy: other.policy.clone() });
    }
    if let Some(why) = unfit_actor(v, proof)? {
        return refuse(why);
    }
    let token_life_ms = match v.seen.exchange(proof) {
        Fact::Known(Exchange::Alive { token_life_ms }) => *token_life_ms,
        _ => None,
    };
    let held = Held { proof: proof.clone(), version: version.clone() };
    let mut events = Vec::new();
    if v.state.parked.is_some() {
        events.push(Event::Unparked { by_operator: false });
    }
    events.push(Event::DecommissionBegun { held, clear_store, token_life_ms });
    events.push(answer(RequestKind::Decommission, None));
    Ok(Step::Record(events))
}

fn leaving(v: &View<'_>, open: &Decommission) -> Found<Step> {
    if let Some(step) = kill_first(v) {
        return Ok(step);
    }
    if let Some(step) = weigh(v, open)? {
        return Ok(step);
    }
    let step = match advance(v, open) {
        Ok(step) | Err(step) => v.bounded(step),
    };
    let Some(park) = &v.state.parked else { return Ok(step) };
    let cured = cures_itself(&park.reason) && super::is_ripe(v, park);
    // A leak of the key is stronger than what the drain was parked for.
    let leaked = v.state.requests.leak.is_some() && v.state.is_suspect(&open.held.proof.key);
    Ok(match step {
        step if (cured || leaked) && goes_on(&step) => {
            Step::record(Event::Unparked { by_operator: false })
        }
        Step::Wait { reason: WaitFor::Drain | WaitFor::Soak, .. } if cured => {
            Step::record(Event::Unparked { by_operator: false })
        }
        step if cured || matches!(step, Step::Look(_)) => step,
        _ => v.wait_for_operator(),
    })
}

fn weigh(v: &View<'_>, open: &Decommission) -> Found<Option<Step>> {
    let asked = &v.state.requests;
    if asked.abort {
        return abort(v, open).map(Some);
    }
    if asked.resume {
        return Ok(Some(request::resume(v)));
    }
    if asked.adopt
        && let Some(step) = request::follow(v)?.or(request::own(v)?)
    {
        return Ok(Some(step));
    }
    if let Some(clear_store) = asked.decommission {
        let (held, token_life_ms) = (open.held.clone(), open.token_life_ms);
        return Ok(Some(Step::Record(vec![
            Event::DecommissionBegun { held, clear_store, token_life_ms },
            answer(RequestKind::Decommission, None),
        ])));
    }
    Ok(refuse_all(v, &Refusal::Decommissioning))
}

/// Up to the disable nothing was done. Until the delete our own disable can be undone, by the pin.
fn abort(v: &View<'_>, open: &Decommission) -> Found<Step> {
    let key = &open.held.proof.key;
    let refuse = |why| Ok(Step::record(answer(RequestKind::Abort, Some(why))));
    match v.state.keys.get(key).map(|managed| &managed.life) {
        Some(Life::Live) => {
            Ok(Step::Record(vec![Event::DecommissionWithdrawn, answer(RequestKind::Abort, None)]))
        }
        Some(Life::Disabled { ours: true, pinned: true, pin, at, .. })
            if !v.state.is_suspect(key) =>
        {
            let actor = v.actor(Some(key))?;
            match v.keys(&actor)?.keys.get(key) {
                Some(listed) if listed.etag == *pin && listed.enabled != Some(true) => {
                    let (key, etag) = (key.clone(), pin.clone());
                    Ok(v.bounded(Step::Do(Effect::Enable { actor, key, etag })))
                }
                _ => {
                    // The list may not show our own disable yet: that is nobody's act (R13).
                    v.wait_out_lag(at, i64::MAX)?;
                    refuse(Refusal::OldKeyUnfit)
                }
            }
        }
        Some(Life::Disabled { .. }) => refuse(Refusal::OldKeyUnfit),
        Some(Life::Deleted { .. }) | None => refuse(Refusal::TooLate),
    }
}

fn advance(v: &View<'_>, open: &Decommission) -> Found<Step> {
    let key = &open.held.proof.key;
    let alone = is_alone(v, key)?;
    match v.state.keys.get(key).map(|managed| &managed.life) {
        Some(Life::Live) => {
            before_the_end(v, open)?;
            if alone {
                return own_delete(v, open);
            }
        }
        // Its own token was the last that could have asked.
        Some(Life::Deleted { proven: false, .. }) if alone => return finish(v, open),
        _ => {}
    }
    match retire(v, key, Purpose::Decommissioned)? {
        Some(step) => Ok(step),
        None => finish(v, open),
    }
}

/// Whether the key is the only actor: then nobody can prove its end.
fn is_alone(v: &View<'_>, key: &KeyId) -> Found<bool> {
    if !v.rules.named_actor {
        return Ok(true);
    }
    match &v.seen.named_actor {
        Fact::Unread => Err(Step::look(Read::NamedActor)),
        _ => Ok(v.named_actor_is(Some(key))),
    }
}

/// While the key lives: what else is left goes first, a leak's list is compared, consumers stop.
fn before_the_end(v: &View<'_>, open: &Decommission) -> Found<()> {
    let proof = &open.held.proof;
    let Some((_, holding)) = v.current()? else {
        return Err(v.park(ParkReason::CurrentMalformed));
    };
    match holding.proof() {
        Some(held) if held == proof => {}
        Some(_) => return Err(v.park(ParkReason::CurrentChanged)),
        None => return Err(v.park(ParkReason::CurrentMalformed)),
    }
    for (key, managed) in &v.state.keys {
        let other = *key != proof.key && managed.origin != Origin::Foreign && !managed.is_gone();
        if other
            && !v.state.is_suspect(key)
            && let Some(step) = retire(v, key, Purpose::Leftover)?
        {
            return Err(step);
        }
    }
    if v.state.is_suspect(&proof.key) {
        return kill::compare(v, proof);
    }
    let drain_ms = v.rules.drain_ms.max(v.promised_ms(open.token_life_ms));
    v.wait_until(&open.since, drain_ms, WaitFor::Drain)
}

/// With `self` alone a disable would leave nobody to delete the key: it deletes itself, token in
/// hand, by the etag that the list of this very step shows.
fn own_delete(v: &View<'_>, open: &Decommission) -> Found<Step> {
    let proof = &open.held.proof;
    // Afterwards nobody is left to kill them.
    if v.state.suspects_alive().any(|key| *key != proof.key) {
        return Err(match kill::kill(v) {
            Ok(Some(step)) | Err(step) => step,
            Ok(None) => v.wait_for_operator(),
        });
    }
    guards::may_decommission(v, &proof.key)?;
    if !v.works(proof)? {
        return Err(v.park(ParkReason::CurrentDead));
    }
    let actor = Actor::Key(proof.clone());
    let Some(listed) = v.keys(&actor)?.keys.get(&proof.key) else {
        return Err(v.trouble(Class::Unknown, "list"));
    };
    let etag = listed.etag.clone();
    Ok(Step::Do(Effect::Delete { actor, key: proof.key.clone(), etag }))
}

/// The key is gone. The value goes where that was asked for, unless somebody put another.
fn finish(v: &View<'_>, open: &Decommission) -> Found<Step> {
    if open.clear_store
        && let Some(version) = &v.store()?.current
        && v.holding(version)?.proof() == Some(&open.held.proof)
    {
        let token = first_token(v.seen.next_rotation);
        return Ok(Step::Do(Effect::Clear { token, replaces: version.clone() }));
    }
    Ok(Step::record(Event::Retired))
}
