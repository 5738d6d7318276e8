//! A policy that left its secret for another, and a secret that its policy left (R28): nothing new
//! begins, what is open ends.

use super::view::{Found, View};
use crate::domain::facts::{Elsewhere, Neighbour, Place};
use crate::domain::ids::KeyId;
use crate::domain::state::Refusal;

/// Why no rotation starts here. A leak passes: its key must die wherever it is.
pub(super) fn bars_start(v: &View<'_>, leak: bool) -> Found<Option<Refusal>> {
    Ok(match &v.elsewhere()?.place {
        _ if leak => None,
        Place::Same => None,
        Place::Moved { secret, keys } => {
            Some(Refusal::Moved { secret: secret.clone(), keys: keys.clone() })
        }
        Place::Departed => Some(Refusal::Departed),
    })
}

/// Another policy that names a key. The place that this policy moved from is no other: a credential
/// that was copied from there is adopted as ever, and no rotation starts before that is forgotten.
pub(super) fn other_policy<'a>(elsewhere: &'a Elsewhere, key: &KeyId) -> Option<&'a Neighbour> {
    let left = match &elsewhere.place {
        Place::Moved { secret, .. } => Some(secret),
        Place::Same | Place::Departed => None,
    };
    let other = elsewhere.keys.get(key)?;
    (other.departed.is_none() || other.departed.as_ref() != left).then_some(other)
}
