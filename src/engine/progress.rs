//! What the loop tells while it runs: one log line a step, and a sink for a person's terminal.
//! Nothing is decided by it.

use std::time::Duration;

use crate::domain::ids::PolicyName;
use crate::domain::plan::WaitFor;
use crate::domain::state::{Event, Outcome, State};
use crate::port::PortError;

/// One step that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    pub step: &'static str,
    pub outcome: &'static str,
    pub took: Duration,
}

/// Where a command shows what goes on. Every method may be ignored.
pub trait ProgressSink: Send + Sync {
    fn doing(&self, _step: &'static str) {}
    fn stepped(&self, _progress: Progress) {}
    fn recorded(&self, _state: &State, _event: &Event) {}
    fn failed(&self, _step: &str, _error: &PortError) {}
    fn waiting(&self, _reason: WaitFor, _ms: i64) {}
}

/// Shows nothing.
impl ProgressSink for () {}

/// One structured line a step. Failures are logged where they are met.
pub(super) fn log(policy: &PolicyName, state: &State, event: &Event) {
    let rotation = state.rotation.as_ref().map(|r| r.id).or(state.last.as_ref().map(|l| l.id));
    let rotation_id = rotation.map(|id| id.to_string()).unwrap_or_default();
    let (step, outcome, key) = describe(state, event);
    match event {
        Event::Checkpoint => {}
        Event::Parked { .. } => {
            tracing::warn!(%policy, rotation_id, step, outcome, key_id = key, "parked");
        }
        _ => tracing::info!(%policy, rotation_id, step, outcome, key_id = key, "rotation step"),
    }
}

fn describe(state: &State, event: &Event) -> (&'static str, String, String) {
    let none = String::new;
    match event {
        Event::Intended { effect, .. } => (
            effect.name(),
            "intended".into(),
            effect.key().map(ToString::to_string).unwrap_or_default(),
        ),
        Event::Settled { outcome, .. } => match outcome {
            Outcome::Minted { key, .. } | Outcome::Attributed { key } => {
                ("settled", "minted".into(), key.to_string())
            }
            Outcome::PossiblyMinted { .. } => ("settled", "possibly_minted".into(), none()),
            Outcome::Done { .. } => ("settled", "done".into(), none()),
            Outcome::Gone => ("settled", "gone".into(), none()),
            Outcome::Overtaken => ("settled", "overtaken".into(), none()),
            Outcome::EtagRefused => ("settled", "etags_enforced".into(), none()),
            Outcome::NoEffect { .. } => ("settled", "no_effect".into(), none()),
            Outcome::Refused { .. } => ("settled", "refused".into(), none()),
        },
        Event::Entered { phase, .. } => ("entered", phase.name().into(), none()),
        Event::Proven { key, .. } => ("prove", "proven".into(), key.to_string()),
        Event::Abandoned { key, .. } => ("abandon", "abandoned".into(), key.to_string()),
        Event::Adopted { held, .. } => ("adopt", "adopted".into(), held.proof.key.to_string()),
        Event::Started { old, .. } => ("start", "claimed".into(), old.proof.key.to_string()),
        Event::Ended { ending, .. } => ("end", format!("{ending:?}").to_lowercase(), none()),
        Event::Parked { reason } => ("park", reason.code().into(), none()),
        Event::Troubled { class, .. } => ("trouble", format!("{class:?}").to_lowercase(), none()),
        other => (other.name(), state.trouble.as_ref().map_or("ok", |_| "trouble").into(), none()),
    }
}
