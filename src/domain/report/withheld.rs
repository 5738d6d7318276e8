//! What a policy's own pace holds back, and until when, for a person.

use serde::Serialize;

use super::{Subject, rfc3339};
use crate::domain::clocks::Stamp;
use crate::domain::state::{Phase, State, Withheld};

/// A start, a promote, or a disable that waits by the policy's word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WithheldReport {
    /// `start`, `promote`, or `disable`.
    pub step: &'static str,
    /// `window` or `group`.
    pub waiting_for: &'static str,
    pub until: Option<String>,
    /// The same in words.
    pub message: String,
}

/// What is held back now; nothing where its time has come.
pub(super) fn report(subject: &Subject<'_>, now: &Stamp) -> Option<WithheldReport> {
    let why = subject.state.withheld.as_ref()?;
    let (waiting_for, until_ms) = match why {
        Withheld::Window { until_ms } => ("window", *until_ms),
        Withheld::Group { until_ms, .. } => ("group", *until_ms),
    };
    let open = until_ms.is_none_or(|until_ms| until_ms > now.wall_ms);
    open.then(|| WithheldReport {
        step: step(subject.state),
        waiting_for,
        until: until_ms.map(rfc3339),
        message: said(subject.state, why),
    })
}

/// As a line of a history, or of a status.
#[must_use]
pub fn said(state: &State, why: &Withheld) -> String {
    let what = match step(state) {
        "start" => "the start of a rotation",
        "promote" => "the promote of the new key",
        _ => "the disable of the old key",
    };
    match why {
        Withheld::Window { until_ms: Some(until_ms) } => {
            format!("{what} waits for the policy's window: it opens {}", rfc3339(*until_ms))
        }
        Withheld::Group { group, policy, until_ms: None } => format!(
            "{what} waits for policy {policy} of group {group}, whose rotation is open; --leaked \
             does not wait"
        ),
        Withheld::Group { group, policy, until_ms: Some(until_ms) } => format!(
            "{what} waits until {}: policy {policy} of group {group} rotated not long ago; \
             --leaked does not wait",
            rfc3339(*until_ms)
        ),
        Withheld::Window { until_ms: None } => format!("{what} waits for the policy's window"),
    }
}

fn step(state: &State) -> &'static str {
    match state.rotation.as_ref().map(|open| open.phase) {
        None => "start",
        Some(phase) if phase < Phase::Promoted => "promote",
        Some(_) => "disable",
    }
}
