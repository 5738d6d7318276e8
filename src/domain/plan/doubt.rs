//! Creates whose end is not believed: given up without an answer, refused, or answered with a key
//! that nothing ever shows. What appeared since is reported before the next create, and before
//! anything takes the list as known (R3, invariant 6). Reports only: such a key is never touched.

use std::collections::BTreeSet;

use super::attribution::{candidates, candidates_of_refused};
use super::step::Step;
use super::view::{Found, View};
use crate::domain::facts::{Actor, Fact, KeyIndex};
use crate::domain::ids::KeyId;
use crate::domain::state::{Effect, Event, RefusedCreate, Rotation};

/// Reports what showed up, and believes what a late enough list shows nothing of.
pub(super) fn explained(v: &View<'_>, index: &KeyIndex) -> Found<()> {
    let Some(rotation) = &v.state.rotation else { return Ok(()) };
    let mut keys = BTreeSet::new();
    for doubt in &rotation.doubts {
        if let Effect::Issue { snapshot, .. } = &doubt.effect {
            let found = candidates(v, snapshot, index);
            keys.extend(found.into_iter().map(|listed| listed.key.clone()));
        }
    }
    let keys = unaccounted(v, keys)?;
    if !keys.is_empty() {
        return Err(Step::record(Event::Unexplained { keys }));
    }
    compared(v, rotation, index)
}

fn compared(v: &View<'_>, rotation: &Rotation, index: &KeyIndex) -> Found<()> {
    let Some(last) = rotation.refused.last() else { return Ok(()) };
    let keys = appeared(v, &rotation.refused, index)?;
    let over = is_believable(v, last);
    if keys.is_empty() && !over {
        return Ok(());
    }
    Err(Step::record(Event::RefusedCompared { keys, over }))
}

/// Whether reads no longer lag behind what a create made although it was refused (R13).
fn is_believable(v: &View<'_>, refused: &RefusedCreate) -> bool {
    v.passed(&refused.answered, v.rules.lag_ms)
}

fn appeared(v: &View<'_>, refused: &[RefusedCreate], index: &KeyIndex) -> Found<BTreeSet<KeyId>> {
    let of_all = refused.iter().flat_map(|one| candidates_of_refused(v, one, index));
    unaccounted(v, of_all.map(|listed| listed.key.clone()).collect())
}

/// Without those that another policy's secret names.
fn unaccounted(v: &View<'_>, mut keys: BTreeSet<KeyId>) -> Found<BTreeSet<KeyId>> {
    if !keys.is_empty() {
        let elsewhere = v.elsewhere()?;
        keys.retain(|key| !elsewhere.keys.contains_key(key));
    }
    Ok(keys)
}

/// Compares while the machine waits for something else, as soon as it tells: later, keys that people
/// made meanwhile would be reported too. What cannot be read now is compared at the end.
pub(super) fn meanwhile(v: &View<'_>, rotation: &Rotation, actor: &Actor) -> Found<()> {
    let ripe = rotation.refused.last().is_some_and(|last| is_believable(v, last));
    if !ripe {
        return Ok(());
    }
    match v.complete_keys(actor).and_then(|index| explained(v, index)) {
        Err(step) if tells(&step) => Err(step),
        _ => Ok(()),
    }
}

fn tells(step: &Step) -> bool {
    super::goes_on(step) || super::is_observation(step) || matches!(step, Step::Look(_))
}

/// Before an end: reads no longer lag behind any create that was refused.
pub(super) fn waited_out(v: &View<'_>, rotation: &Rotation) -> Found<()> {
    match rotation.refused.last() {
        Some(last) => v.wait_out_lag(&last.answered, i64::MAX),
        None => Ok(()),
    }
}

/// What a first key's create made although it was refused, as far as the list shows it at once.
pub(super) fn first_compared(v: &View<'_>) -> Found<()> {
    let Some(refused) = &v.state.first_refused else { return Ok(()) };
    if let Fact::Unclear(_) = v.seen.keys {
        return Ok(());
    }
    let index = v.complete_keys(&Actor::Named)?;
    let keys = appeared(v, std::slice::from_ref(refused), index)?;
    Err(Step::record(Event::RefusedCompared { keys, over: true }))
}
