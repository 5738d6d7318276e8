//! Whose a key is that a list shows and nobody journaled (R3). An account is never proof by itself,
//! and clocks exclude nothing, except for a create that was refused, and there only the issuer's own.
//! Judges only; what follows from it is the question's.

use std::collections::BTreeSet;

use super::view::View;
use crate::domain::clocks::{DateSource, Moment};
use crate::domain::facts::{KeyIndex, ListedKey};
use crate::domain::ids::KeyId;
use crate::domain::state::{Origin, Question, RefusedCreate};

/// Two clocks of one server may differ by this much.
const SKEW_MS: i64 = 120_000;

/// Keys of the list that this create may have minted: nothing that is known speaks against it.
pub(super) fn candidates<'a>(
    v: &View<'_>,
    snapshot: &BTreeSet<KeyId>,
    index: &'a KeyIndex,
) -> Vec<&'a ListedKey> {
    let fresh = |key: &KeyId| !snapshot.contains(key) && !v.state.has_met(key);
    let listed = index.keys.values();
    listed.filter(|l| fresh(&l.key) && is_by_us(v, index, l) != Some(false)).collect()
}

/// Creator and creation time say that it is ours (R3).
pub(super) fn is_attributable(
    v: &View<'_>,
    question: &Question,
    index: &KeyIndex,
    listed: &ListedKey,
) -> bool {
    is_by_us(v, index, listed) == Some(true)
        && listed.created_ms.is_some_and(|ms| in_window(v, question, ms))
}

/// Whether the list names us as the creator. Only where it does so for a key that we know to be
/// ours: what a server puts into that field is not documented. Clocks exclude nothing.
fn is_by_us(v: &View<'_>, index: &KeyIndex, listed: &ListedKey) -> Option<bool> {
    let us = identities(v)?;
    let by_us = |l: &ListedKey| l.created_by.as_ref().map(|by| us.contains(by));
    let managed = |l: &&ListedKey| v.state.keys.contains_key(&l.key);
    let told = index.keys.values().filter(managed).any(|l| by_us(l) == Some(true));
    if told { by_us(listed) } else { None }
}

/// Keys of the list that a create which was refused may have made all the same.
pub(super) fn candidates_of_refused<'a>(
    v: &View<'_>,
    refused: &RefusedCreate,
    index: &'a KeyIndex,
) -> Vec<&'a ListedKey> {
    let mut found = candidates(v, &refused.snapshot, index);
    if tells_true_times(v, index) {
        found.retain(|listed| may_be_of(refused, listed));
    }
    found
}

/// Whether the list dates a key of our own making as the issuer's `Date` did: only then do its
/// times speak against another.
fn tells_true_times(v: &View<'_>, index: &KeyIndex) -> bool {
    let minted = v.state.keys.iter().filter(|(_, managed)| managed.origin == Origin::Minted);
    let mut times = minted.filter_map(|(key, managed)| {
        Some((index.keys.get(key)?.created_ms?, issuers_ms(&managed.since)?))
    });
    times.any(|(listed_ms, ms)| listed_ms.abs_diff(ms) <= SKEW_MS.unsigned_abs())
}

/// A moment by the issuer's own clock.
fn issuers_ms(moment: &Moment) -> Option<i64> {
    let dated = moment.dated.as_ref()?;
    (dated.source != DateSource::Store).then_some(dated.ms)
}

fn may_be_of(refused: &RefusedCreate, listed: &ListedKey) -> bool {
    let asked_ms = issuers_ms(&refused.asked);
    let Some((from, to)) = asked_ms.zip(issuers_ms(&refused.answered)) else { return true };
    let window = from.saturating_sub(SKEW_MS)..=to.saturating_add(SKEW_MS);
    listed.created_ms.is_none_or(|ms| window.contains(&ms))
}

fn identities(v: &View<'_>) -> Option<Vec<String>> {
    let identity = v.state.baseline.as_ref()?.identity.as_ref()?;
    Some(std::iter::once(identity.user_id.clone()).chain(identity.email.clone()).collect())
}

/// By the issuer's clock where it is known. Two minutes of skew are forgiven.
fn in_window(v: &View<'_>, question: &Question, created_ms: i64) -> bool {
    let asked = &question.asked;
    let from = asked.dated.as_ref().map_or(asked.wall_ms, |dated| dated.ms);
    created_ms >= from.saturating_sub(SKEW_MS)
        && created_ms <= from.saturating_add(v.rules.quiesce_ms).saturating_add(SKEW_MS)
}
