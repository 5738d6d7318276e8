//! Kill: a loop beside the machine, for suspects only (R14 to R18). Parked or rolled back is no
//! excuse. What R16 spares is no step: the planner goes on.

use super::goes_on;
use super::retire::{Purpose, retire};
use super::step::{Step, WaitFor};
use super::view::{Found, View};
use crate::domain::class::Class;
use crate::domain::facts::{Actor, Exchange, Fact, KeyProof, Read};
use crate::domain::ids::KeyId;
use crate::domain::state::{Adoption, Effect, Event, Leak, ManagedKey, Origin, Question};
use std::collections::BTreeSet;

/// The next step against a suspect, or the end of the report. `Err(Wait | Trouble)` only when no
/// suspect could be acted on.
///
/// The report ends as soon as all are proven dead; that they be gone too can wait for it.
pub(super) fn kill(v: &View<'_>) -> Found<Option<Step>> {
    if let Some(step) = act(v, is_alive)? {
        return Ok(Some(step));
    }
    if let Some(step) = close(v)? {
        return Ok(Some(step));
    }
    act(v, is_left)
}

/// The first step that can be taken against one of these suspects.
fn act(v: &View<'_>, of: fn(&View<'_>, &KeyId) -> bool) -> Found<Option<Step>> {
    let mut blocked = None;
    for key in v.state.suspects.keys().filter(|key| of(v, key) && !v.state.touched(key)) {
        match kill_one(v, key) {
            Ok(Some(step)) => return Ok(Some(step)),
            Ok(None) => {}
            Err(step) if goes_on(&step) || matches!(step, Step::Look(_)) => return Err(step),
            Err(step) => blocked = blocked.or(Some(step)),
        }
    }
    blocked.map_or(Ok(None), Err)
}

/// Not proven dead.
fn is_alive(v: &View<'_>, key: &KeyId) -> bool {
    v.state.suspects.get(key).is_some_and(|suspect| suspect.dead.is_none())
}

/// Proven dead, ours, and not proven gone.
fn is_left(v: &View<'_>, key: &KeyId) -> bool {
    let ours = |managed: &ManagedKey| managed.origin != Origin::Foreign && !managed.is_gone();
    v.state.keys.get(key).is_some_and(ours)
}

fn kill_one(v: &View<'_>, key: &KeyId) -> Found<Option<Step>> {
    if is_spared(v, key)? {
        return Ok(None);
    }
    retire(v, key, Purpose::Suspect)
}

/// R16: spared while *current* names it and no unsuspected version is *current*, and while it is
/// the last credential that authenticates. `--kill-first` needs another credential only.
pub(super) fn is_spared(v: &View<'_>, key: &KeyId) -> Found<bool> {
    let leak = v.state.requests.leak.as_ref();
    let kill_first = leak.is_some_and(|l| l.kill_first);
    let current = match v.store_if_clear()? {
        Some(store) if store.current.is_some() => {
            v.current_alive()?.map(|(_, proof)| proof.clone())
        }
        Some(_) => None,
        None if kill_first => None,
        None => return v.store().map(|_| true),
    };
    if names(v, key)? {
        if !kill_first {
            return Ok(true);
        }
        return Ok(!another_remains(v, key)?);
    }
    match current {
        Some(proof) if proof.key != *key && !v.state.touched(&proof.key) => {
            if !v.state.is_suspect(&proof.key) {
                wait_for_grace(v, leak)?;
            }
            Ok(false)
        }
        _ => Ok(!another_remains(v, key)?),
    }
}

/// Whether *current* names this key, alive or not.
fn names(v: &View<'_>, key: &KeyId) -> Found<bool> {
    let Some(store) = v.store_if_clear()? else { return Ok(true) };
    let Some(version) = &store.current else { return Ok(false) };
    Ok(v.holding(version)?.proof().is_some_and(|proof| proof.key == *key))
}

/// A credential that is not this key, is held where a crash cannot lose it, and works now.
fn another_remains(v: &View<'_>, key: &KeyId) -> Found<bool> {
    if v.rules.named_actor {
        match &v.seen.named_actor {
            Fact::Unread => return Err(Step::look(Read::NamedActor)),
            Fact::Known(Exchange::Alive { .. }) => {
                let named = v.seen.named_key.as_ref();
                if named.is_none_or(|named| named != key && !v.state.is_suspect(named)) {
                    return Ok(true);
                }
            }
            Fact::Known(_) | Fact::Unclear(_) => {}
        }
    }
    let Some(staged) = v.state.rotation.as_ref().and_then(|r| r.staged_new()) else {
        return Ok(false);
    };
    if staged.proof.key == *key
        || v.state.is_suspect(&staged.proof.key)
        || v.state.touched(&staged.proof.key)
    {
        return Ok(false);
    }
    let stored = v.holding(&staged.version)?.proof() == Some(&staged.proof);
    Ok(stored && v.works_if_clear(&staged.proof)? == Some(true))
}

/// `--grace`: seconds for consumers that re-read the store, counted from the promote.
fn wait_for_grace(v: &View<'_>, leak: Option<&Leak>) -> Found<()> {
    let Some(leak) = leak.filter(|l| l.grace_ms > 0 && !l.kill_first) else { return Ok(()) };
    let promoted = v.state.rotation.as_ref().and_then(|r| r.promoted_at.as_ref());
    match promoted {
        Some(at) => v.wait_until(at, leak.grace_ms, WaitFor::Grace),
        None => Ok(()),
    }
}

/// Every suspect is dead: compare the account's keys with the last clean list, then close (R17).
fn close(v: &View<'_>) -> Found<Option<Step>> {
    let Some(leak) = &v.state.requests.leak else { return Ok(None) };
    if v.state.adoption != Adoption::Adopted {
        // There is no clean list yet to compare with.
        return Ok(None);
    }
    let dying = |question: &Question| matches!(question.effect, Effect::Delete { .. });
    if v.state.suspects_alive().next().is_some() || !v.state.questions.values().all(dying) {
        return Ok(None);
    }
    let Some((_, current)) = v.current_alive()? else { return Ok(None) };
    if v.state.is_suspect(&current.key) {
        return Ok(None);
    }
    if leak.compared {
        return Ok(Some(Step::record(Event::LeakClosed)));
    }
    compare(v, current)?;
    Ok(None)
}

/// Records which keys appeared around the open report, if that was not done yet; `current` is a key
/// that works.
pub(super) fn compare(v: &View<'_>, current: &KeyProof) -> Found<()> {
    let Some(leak) = v.state.requests.leak.as_ref().filter(|leak| !leak.compared) else {
        return Ok(());
    };
    named_actor_is_told(v)?;
    let actor = Actor::Key(current.clone());
    let index = v.complete_keys(&actor)?;
    let keys = index
        .keys
        .values()
        .filter(|listed| is_stranger(v, leak, current, &listed.key, listed.created_ms))
        .map(|listed| listed.key.clone())
        .collect::<BTreeSet<_>>();
    Err(Step::record(Event::Strangers { keys }))
}

/// The policy names the actor's key, so that one is nobody's surprise. Where its credential cannot
/// be read now but may be later, the comparison waits for it.
fn named_actor_is_told(v: &View<'_>) -> Found<()> {
    if !v.rules.named_actor || v.seen.named_key.is_some() {
        return Ok(());
    }
    match &v.seen.named_actor {
        Fact::Unread => Err(Step::look(Read::NamedActor)),
        Fact::Unclear(class @ (Class::Retryable | Class::Unknown)) => {
            Err(v.trouble(*class, "named_actor"))
        }
        Fact::Known(_) | Fact::Unclear(_) => Ok(()),
    }
}

/// Appeared around the leak, and is not accounted for. What a person ruled on stays ruled.
fn is_stranger(
    v: &View<'_>,
    leak: &Leak,
    current: &KeyProof,
    key: &KeyId,
    created_ms: Option<i64>,
) -> bool {
    let is_ruled = v.state.orphans.get(key).is_some_and(|orphan| orphan.ruled.is_some());
    let is_ours = v.state.keys.contains_key(key) || *key == current.key;
    if is_ours || is_ruled || v.named_actor_is(Some(key)) || v.state.is_suspect(key) {
        return false;
    }
    let since_asked =
        leak.since_ms.zip(created_ms).is_some_and(|(since, created)| created >= since);
    since_asked || !v.state.known.contains(key)
}
