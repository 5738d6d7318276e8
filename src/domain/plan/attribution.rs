//! Whose a key is that a list shows and nobody journaled (R3). An account is never proof by itself,
//! and clocks exclude nothing. Judges only; what follows from it is the question's.

use std::collections::BTreeSet;

use super::view::View;
use crate::domain::facts::{KeyIndex, ListedKey};
use crate::domain::ids::KeyId;
use crate::domain::state::Question;

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

fn identities(v: &View<'_>) -> Option<Vec<String>> {
    let identity = v.state.baseline.as_ref()?.identity.as_ref()?;
    Some(std::iter::once(identity.user_id.clone()).chain(identity.email.clone()).collect())
}

/// By the issuer's clock where it is known. Two minutes of skew are forgiven.
fn in_window(v: &View<'_>, question: &Question, created_ms: i64) -> bool {
    const SKEW_MS: i64 = 120_000;
    let asked = &question.asked;
    let from = asked.dated.as_ref().map_or(asked.wall_ms, |dated| dated.ms);
    created_ms >= from.saturating_sub(SKEW_MS)
        && created_ms <= from.saturating_add(v.rules.quiesce_ms).saturating_add(SKEW_MS)
}
