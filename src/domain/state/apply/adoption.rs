//! What of an account is ours to rotate, and what it looks like from outside (R23, R31).

use super::phase::last;
use super::request::served_until_now;
use super::{Applied, illegal};
use crate::domain::claim::Generation;
use crate::domain::clocks::Moment;
use crate::domain::ids::KeyId;
use crate::domain::secret::Digest;
use crate::domain::state::{
    Adoption, Ending, Event, Held, Life, ManagedKey, Origin, Phase, Scheduled, Settled, State,
};

pub(super) fn adoption(state: &mut State, now: Moment, event: &Event) -> Applied {
    match event {
        Event::Adopted { policy, held, created_ms, baseline, unmanaged, kept, chain, .. } => {
            if let Event::Adopted { schedule: Some(schedule), .. } = event {
                scheduled(state, &now, *schedule);
            }
            state.chain = state.chain.max(*chain);
            managed(state, &now, held);
            served_until_now(state, &now);
            if let Some(rotation) = state.rotation.take() {
                state.moved = rotation.moved.clone().or(state.moved.take());
                state.last = Some(last(&rotation, Ending::Superseded, now.clone()));
            }
            state.policy = Some(policy.clone());
            state.kept.clone_from(kept);
            state.forgotten = false;
            state.adoption = Adoption::Adopted;
            state.baseline = Some(baseline.clone());
            state.known.extend(unmanaged.iter().cloned());
            state.known.insert(held.proof.key.clone());
            state.settled =
                Some(Settled { held: held.clone(), since: now, created_ms: *created_ms });
            state.first = None;
            state.decommission = None;
            state.put_back = None;
            state.put_backs.clear();
            state.seen_key = None;
            state.parked = None;
            state.requests.adopt = false;
        }
        Event::ReadOnly { policy, reason, names } => {
            state.policy = Some(policy.clone());
            state.forgotten = false;
            state.seen_key.clone_from(names);
            state.adoption = Adoption::ReadOnly(reason.clone());
        }
        Event::BaselineTaken { baseline } => match state.rotation.as_mut() {
            // The account stays what it was until the key that differs has become *current*.
            Some(rotation) if rotation.phase != Phase::Deleted => {
                rotation.accepted = Some(baseline.clone());
            }
            _ => state.baseline = Some(baseline.clone()),
        },
        _ => return illegal("adoption", "not about an account"),
    }
    Ok(())
}

/// The first one seen counts from the anchor; one that takes its place, from now.
pub(super) fn scheduled(state: &mut State, now: &Moment, digest: Digest) {
    let changed_ms = match state.scheduled {
        Some(known) if known.digest == digest => return,
        Some(_) => Some(now.wall_ms),
        None => None,
    };
    state.scheduled = Some(Scheduled { digest, changed_ms });
}

/// The adopted key's record, whoever it was before.
fn managed(state: &mut State, now: &Moment, held: &Held) {
    let fresh = ManagedKey {
        version: Some(held.version.clone()),
        ..ManagedKey::new(Origin::Adopted, now.clone(), Some(held.proof.fingerprint))
    };
    let managed = state.keys.entry(held.proof.key.clone()).or_insert(fresh);
    managed.fingerprint = Some(held.proof.fingerprint);
    managed.version = Some(held.version.clone());
    managed.life = Life::Live;
    if managed.origin == Origin::Foreign {
        managed.origin = Origin::Adopted;
    }
    state.orphans.remove(&held.proof.key);
}

/// An operator's word on a key that others name too.
pub(super) fn owned(state: &mut State, key: &KeyId, retire: bool) -> Applied {
    if !state.keys.contains_key(key) {
        return illegal("owned", "not a managed key");
    }
    *state.owned.entry(key.clone()).or_insert(false) |= retire;
    Ok(())
}

/// An operator's word to follow whatever heads the claim chain.
pub(super) fn followed(state: &mut State, chain: Generation) -> Applied {
    if chain < state.chain {
        return illegal("followed", "older than what is known of the chain");
    }
    state.chain = chain;
    state.claim = None;
    Ok(())
}
