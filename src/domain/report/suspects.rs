//! Keys that were reported leaked, and how far each is known to be harmless.

use serde::Serialize;

use super::rfc3339;
use crate::domain::ids::KeyId;
use crate::domain::state::{Fate, Life, State, Suspect};

/// One key that was reported leaked. It stays listed after its report is closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SuspectReport {
    pub key_id: String,
    pub reported_at: String,
    /// `alive`; `dead`, by rejected exchanges; `gone` from the complete list; or `disabled`, by the
    /// list, where nobody here holds its secret and no exchange could prove it.
    pub state: &'static str,
    /// It was disabled or deleted here; where `state` is `alive` all the same, the proof is missing.
    pub off: bool,
    /// When its death was proven, or it was gone.
    pub dead_at: Option<String>,
    /// When the list said that it is disabled.
    pub disabled_at: Option<String>,
}

pub(super) fn suspects(state: &State) -> Vec<SuspectReport> {
    let report = |(key, suspect): (&KeyId, &Suspect)| {
        let at = suspect.dead.as_ref().map(|dead| rfc3339(dead.wall_ms));
        let by_list = suspect.is_disabled_by_list();
        SuspectReport {
            key_id: key.to_string(),
            reported_at: rfc3339(suspect.reported.wall_ms),
            state: fate(suspect),
            off: is_off(state, key),
            dead_at: at.clone().filter(|_| !by_list),
            disabled_at: at.filter(|_| by_list),
        }
    };
    state.suspects.iter().map(report).collect()
}

/// Disabled or deleted, as far as our own request goes.
pub(super) fn is_off(state: &State, key: &KeyId) -> bool {
    state.keys.get(key).is_some_and(|managed| managed.life != Life::Live)
}

fn fate(suspect: &Suspect) -> &'static str {
    match suspect.fate.filter(|_| suspect.dead.is_some()) {
        None => "alive",
        Some(Fate::Rejected) => "dead",
        Some(Fate::ListedDisabled) => "disabled",
        Some(Fate::Gone) => "gone",
    }
}
