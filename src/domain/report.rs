//! A state folded into what a person or a monitor is told. PURE: state, policy, and now in; values
//! and texts out. Fields of the JSON are only ever added, never renamed. Holds no secret and shows
//! no fingerprint.

mod acks;
mod claim;
mod decommission;
mod departed;
mod keys;
mod park;
mod preflight;
mod problem;
mod problems;
mod read_only;
mod refusal;
mod rested;
mod ruling;
mod story;
mod suspects;
#[cfg(test)]
mod tests;
mod time;
mod unknown_key;
mod withheld;

use serde::Serialize;

pub use acks::{Reminder, ack_deadline_ms, acks_missing, due_reminder};
pub use decommission::{DecommissionReport, not_proven};
pub use departed::{Unwatched, barred, departed, unwatched};
pub use park::parked;
pub use problem::{ORPHANS, Problem, RUN_ONCE};
pub use problems::{left_over, wrong_file};
pub use read_only::read_only;
pub use refusal::{class_text, mends, obstacle, refused, why_failed};
pub use rested::{changed_by_others, unverified};
pub use ruling::{OrphanReport, orphans, rule_again, ruling_stopped};
pub use story::{achieved, intent, tell};
pub use suspects::SuspectReport;
pub use time::{parse_ms, rfc3339};
pub use unknown_key::unknown_key;
pub use withheld::{WithheldReport, said as withheld};

use keys::{issued_ms, live_keys, requested, store_holds};

use super::clocks::Stamp;
use super::policy::Policy;
use super::schedule;
use super::state::{Adoption, Ending, Life, Phase, Rotation, State, Withheld};

/// Everything that is known of all policies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    pub policies: Vec<PolicyReport>,
    pub orphans: Vec<OrphanReport>,
    /// Secrets that no policy names any more, with nothing open, until somebody forgets them.
    pub unwatched: Vec<Unwatched>,
}

/// What is known of one policy's secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PolicyReport {
    pub name: String,
    pub state: Standing,
    pub live_keys: Vec<LiveKey>,
    pub key_issued_at: Option<String>,
    pub key_age_seconds: Option<i64>,
    pub next_due: Option<String>,
    pub suspects: Vec<SuspectReport>,
    pub last_rotation: Option<LastReport>,
    pub rotation: Option<RotationReport>,
    pub decommission: Option<DecommissionReport>,
    /// What the policy's own pace holds back.
    pub withheld: Option<WithheldReport>,
    /// The key that *current* was last seen to name, where that is not the one that the journal
    /// calls current.
    pub store_holds: Option<String>,
    /// What was asked for and is not weighed, or not over: `rotate`, `leak`, `abort`, …
    pub requested: Vec<&'static str>,
    pub problems: Vec<Problem>,
}

/// Where a policy stands, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    Unadopted,
    Idle,
    Rotating,
    Waiting,
    Parked,
    ReadOnly,
    Retired,
}

impl Standing {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unadopted => "unadopted",
            Self::Idle => "idle",
            Self::Rotating => "rotating",
            Self::Waiting => "waiting",
            Self::Parked => "parked",
            Self::ReadOnly => "read_only",
            Self::Retired => "retired",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LiveKey {
    pub key_id: String,
    /// `current`, `new`, `old`, `abandoned`, or `foreign`.
    pub role: &'static str,
    pub since: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LastReport {
    pub id: String,
    pub outcome: &'static str,
    pub started_at: String,
    pub ended_at: String,
    pub because: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RotationReport {
    pub id: String,
    pub state: &'static str,
    pub since: String,
    /// When the wait that it is in ends.
    pub deadline: Option<String>,
    pub waiting_for: Vec<&'static str>,
    pub old_key: String,
    pub new_key: Option<String>,
    /// Consumers that have not said yet that they use the new key.
    pub acks_missing: Vec<String>,
}

/// A secret's state, with the policy on it if one is.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    pub name: &'a str,
    /// Absent where no policy names the secret any more.
    pub policy: Option<&'a Policy>,
    pub state: &'a State,
    /// After this a mutation whose reply was lost is settled for certain, in milliseconds.
    pub certain_ms: i64,
}

/// Folds one secret's state.
#[must_use]
pub fn policy_report(subject: &Subject<'_>, now: &Stamp) -> PolicyReport {
    let state = subject.state;
    let issued_ms = issued_ms(state);
    let waits = waits(subject);
    let standing = standing(state, &waits, now);
    PolicyReport {
        name: subject.name.to_owned(),
        state: standing,
        live_keys: live_keys(state),
        key_issued_at: issued_ms.map(rfc3339),
        key_age_seconds: issued_ms.map(|ms| now.wall_ms.saturating_sub(ms).max(0) / 1000),
        next_due: next_due_ms(subject, now).map(rfc3339),
        suspects: suspects::suspects(state),
        last_rotation: state.last.as_ref().map(|last| LastReport {
            id: last.id.to_string(),
            outcome: ending(last.ending),
            started_at: rfc3339(last.started.wall_ms),
            ended_at: rfc3339(last.ended.wall_ms),
            because: last.because.clone(),
        }),
        rotation: state.rotation.as_ref().map(|open| rotation(subject, open, &waits)),
        decommission: decommission::report(subject),
        withheld: withheld::report(subject, now),
        store_holds: store_holds(state).map(ToString::to_string),
        requested: requested(state),
        problems: problems::problems(subject, now),
    }
}

/// When the policy is due next, in milliseconds since the Unix epoch; may be past.
#[must_use]
pub fn due_ms(subject: &Subject<'_>) -> Option<i64> {
    schedule::due(subject.policy?, subject.state).map(|due| due.at_ms)
}

/// As [`due_ms`], also where an edit of the schedule is not journaled yet.
fn next_due_ms(subject: &Subject<'_>, now: &Stamp) -> Option<i64> {
    schedule::due_as_of(subject.policy?, subject.state, now.wall_ms).map(|due| due.at_ms)
}

/// One wait with the moment at which it ends by the wall clock.
pub(super) struct Wait {
    name: &'static str,
    until_ms: Option<i64>,
}

/// What the open rotation, or an open question, waits for.
fn waits(subject: &Subject<'_>) -> Vec<Wait> {
    let state = subject.state;
    let mut waits = Vec::new();
    if let Some(asked) = state.questions.values().map(|q| q.asked.wall_ms).max() {
        let until_ms = Some(asked.saturating_add(subject.certain_ms));
        waits.push(Wait { name: "quiesce", until_ms });
    }
    if state.parked.is_some() {
        waits.push(Wait { name: "operator", until_ms: None });
    }
    let acks = subject.policy.and_then(|policy| ack_deadline_ms(policy, state));
    let drain = state.rotation.as_ref().and_then(|open| deadline(subject, open));
    let mut timed: Vec<Wait> =
        drain.map(|(name, ms)| Wait { name, until_ms: Some(ms) }).into_iter().collect();
    timed.extend(acks.map(|ms| Wait { name: "acks", until_ms: Some(ms) }));
    if let Some(Withheld::Window { until_ms }) = &state.withheld {
        timed.push(Wait { name: "window", until_ms: *until_ms });
    }
    // The latest is told last: it is what the whole waits for.
    timed.sort_by_key(|wait| wait.until_ms);
    waits.extend(timed);
    waits
}

/// When the old key may be disabled, or deleted. The planner has the last word (R12, R19).
fn deadline(subject: &Subject<'_>, open: &Rotation) -> Option<(&'static str, i64)> {
    let policy = subject.policy?;
    if subject.state.is_suspect(&open.old.proof.key) {
        return None;
    }
    match open.phase {
        Phase::Promoted => {
            let served = subject.state.keys.get(&open.old.proof.key)?.last_served.as_ref();
            let from = served.or(open.promoted_at.as_ref()).map(|moment| moment.wall_ms)?;
            let promised =
                policy.consumers.cache_ttl_ms.saturating_add(open.token_life_ms.unwrap_or(0));
            Some(("drain", from.saturating_add(policy.retire.drain_ms.max(promised))))
        }
        Phase::Disabled => {
            let life = subject.state.keys.get(&open.old.proof.key).map(|key| &key.life);
            let Some(Life::Disabled { at, .. }) = life else { return None };
            Some(("soak", at.wall_ms.saturating_add(policy.retire.soak_ms)))
        }
        // The new key goes when its own consumers have moved back.
        Phase::RollingBack => {
            let new = open.new.as_ref().and_then(|new| subject.state.keys.get(&new.key))?;
            let from = new.last_served.as_ref().filter(|_| new.life == Life::Live)?.wall_ms;
            let promised =
                policy.consumers.cache_ttl_ms.saturating_add(open.token_life_ms.unwrap_or(0));
            Some(("drain", from.saturating_add(policy.retire.drain_ms.max(promised))))
        }
        _ => None,
    }
}

fn standing(state: &State, waits: &[Wait], now: &Stamp) -> Standing {
    if state.parked.is_some() {
        return Standing::Parked;
    }
    if let Some(open) = &state.decommission {
        let lives = state.keys.get(&open.held.proof.key).is_some_and(|k| k.life == Life::Live);
        return if lives { Standing::Waiting } else { Standing::Rotating };
    }
    let held_back = state.withheld.is_some() && state.requests.rotate.is_some();
    if state.rotation.is_none() {
        return match &state.adoption {
            Adoption::Adopted if held_back => Standing::Waiting,
            Adoption::Unadopted => Standing::Unadopted,
            Adoption::ReadOnly(_) => Standing::ReadOnly,
            Adoption::Retired(_) => Standing::Retired,
            Adoption::Adopted if state.suspects_alive().next().is_some() => Standing::Rotating,
            Adoption::Adopted => Standing::Idle,
        };
    }
    let waiting = waits.iter().any(|w| w.until_ms.is_some_and(|until| until > now.wall_ms));
    if waiting { Standing::Waiting } else { Standing::Rotating }
}

fn rotation(subject: &Subject<'_>, open: &Rotation, waits: &[Wait]) -> RotationReport {
    let state = subject.state;
    let missing = subject.policy.map(|policy| acks_missing(policy, state)).unwrap_or_default();
    let entered = if state.parked.is_some() {
        state.parked.as_ref().map_or(open.entered.wall_ms, |park| park.since.wall_ms)
    } else {
        open.entered.wall_ms
    };
    RotationReport {
        id: open.id.to_string(),
        state: open.phase.name(),
        since: rfc3339(entered),
        deadline: waits.iter().filter_map(|wait| wait.until_ms).max().map(rfc3339),
        waiting_for: waits.iter().map(|wait| wait.name).collect(),
        old_key: open.old.proof.key.to_string(),
        new_key: open.new.as_ref().map(|new| new.key.to_string()),
        acks_missing: missing.into_iter().map(ToString::to_string).collect(),
    }
}

fn ending(ending: Ending) -> &'static str {
    match ending {
        Ending::Complete => "complete",
        Ending::RolledBack => "rolled_back",
        Ending::Superseded => "superseded",
    }
}
