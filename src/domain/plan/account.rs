//! What an account shows of itself, taken down for later comparison: its keys, its baseline, the
//! key that is adopted (R23, R31).

use std::collections::BTreeSet;

use super::doubt::explained;
use super::view::{Found, View};
use crate::domain::class::Class;
use crate::domain::facts::{Actor, Fact, KeyIndex, KeyProof};
use crate::domain::ids::KeyId;
use crate::domain::state::{Baseline, Event, Held, Orphan, Progress};

/// The event that adopts what `held` names. The account's other keys are recorded, not judged.
pub(super) fn adopted(v: &View<'_>, held: Held, by_operator: bool) -> Found<Event> {
    let baseline = baseline(v, &held.proof)?;
    let actor = Actor::Key(held.proof.clone());
    let unmanaged = match &v.seen.keys {
        // A key that may not list can still be adopted; preflight will say what it lacks.
        Fact::Unclear(Class::Rejected | Class::Misconfigured) => BTreeSet::new(),
        _ => {
            let index = v.complete_keys(&actor)?;
            explained(v, index)?;
            ids(index).into_iter().filter(|key| *key != held.proof.key).collect()
        }
    };
    Ok(Event::Adopted {
        policy: v.rules.policy.clone(),
        held,
        created_ms: v.store()?.current_created_ms,
        baseline,
        unmanaged,
        by_operator,
        chain: v.store()?.claim.map_or(v.state.chain, |head| head.generation),
        kept: v.rules.kept.clone(),
        schedule: v.rules.pace.schedule,
    })
}

/// The word that comes with an operator's adoption of a key that another policy names (R22).
pub(super) fn owned(v: &View<'_>, key: &KeyId) -> Found<Option<Event>> {
    let other = v.elsewhere()?.keys.get(key);
    Ok(other.map(|other| Event::Owned {
        key: key.clone(),
        elsewhere: other.policy.clone(),
        retire: false,
    }))
}

/// What a key shows of the account, to compare the next one with.
pub(super) fn baseline(v: &View<'_>, proof: &KeyProof) -> Found<Baseline> {
    let profile = v.profile(proof)?;
    Ok(Baseline {
        identity: profile.identity.clone(),
        canaries: profile.canaries.clone(),
        questions: v.rules.canaries,
    })
}

/// Orphans that a complete list no longer has. It may lag behind a key that showed up just now (R13).
/// One that a ruling is at work on is proven gone by that.
pub(super) fn gone_orphans(v: &View<'_>, index: &KeyIndex) -> BTreeSet<KeyId> {
    let at_work = |orphan: &Orphan| matches!(orphan.undone(), Some((_, Progress::Open)));
    let old = v
        .state
        .orphans
        .iter()
        .filter(|(_, orphan)| v.passed(&orphan.since, v.rules.lag_ms) && !at_work(orphan));
    old.map(|(key, _)| key).filter(|key| !index.keys.contains_key(*key)).cloned().collect()
}

/// Key ids of a list, for the record of a clean one.
pub(super) fn ids(index: &KeyIndex) -> BTreeSet<KeyId> {
    index.keys.keys().cloned().collect()
}
