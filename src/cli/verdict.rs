//! How a command ended for one policy: an exit code, what happened, and what to type next.

mod decommission;
mod leak;
mod ruling;
mod standing;
mod troubled;

use serde::Serialize;

use self::decommission::decommissioned;
use self::leak::leaked;
pub use self::ruling::sentenced;
use self::ruling::with_rulings;
use self::standing::{left, standing};
use self::troubled::troubled;
use super::error::{CliError, Exit, refusal};
use crate::domain::clocks::Stamp;
use crate::domain::code::Code;
use crate::domain::report::{
    ORPHANS, Problem, RUN_ONCE, Subject, changed_by_others, left_over, parked, read_only,
    unverified,
};
use crate::domain::state::{Adoption, Ending, OrphanKind, Refusal, RequestKind, State};
use crate::engine::{Halt, Rested};

/// The end of a command for one policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    pub policy: String,
    /// `done`, `current`, `waiting`, `idle`, `parked`, `refused`, `failed`, …
    pub outcome: String,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_command: Option<String>,
    pub exit_code: u8,
    #[serde(skip)]
    pub exit: Exit,
}

impl Verdict {
    #[must_use]
    pub fn new(policy: &str, exit: Exit, outcome: &str, message: impl Into<String>) -> Self {
        Self {
            policy: policy.to_owned(),
            outcome: outcome.to_owned(),
            message: message.into(),
            code: None,
            next_command: None,
            exit_code: exit.code(),
            exit,
        }
    }
    #[must_use]
    pub fn next(mut self, command: impl Into<String>) -> Self {
        self.next_command = Some(command.into());
        self
    }
    #[must_use]
    pub fn failed(policy: &str, error: CliError) -> Self {
        let message = format!("{} [{}]", error.message, error.code);
        let verdict = Self::new(policy, error.exit, "failed", message);
        Self { next_command: error.next_command, code: Some(error.code), ..verdict }
    }
    fn of(policy: &str, exit: Exit, outcome: &str, problem: Problem) -> Self {
        let message = format!("{} [{}]", problem.message, problem.code);
        Self { code: Some(problem.code), ..Self::new(policy, exit, outcome, message) }
            .next(problem.next_command)
    }
}

/// What was asked for, so that its answer can be told from an old one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// `run --once`: whatever is open or due.
    Nothing,
    Rotate,
    Leak,
    Resume,
    Abort,
    Adopt,
    Decommission,
}

/// Judges a run by the state that it left.
#[must_use]
pub fn judge(
    asked: Asked,
    subject: &Subject<'_>,
    before: &State,
    halt: &Halt,
    stopped: Exit,
    now: &Stamp,
) -> Verdict {
    let (name, state) = (subject.name, subject.state);
    if *halt == Halt::Stopped {
        let left = left(subject, now).unwrap_or_else(|| "nothing is open.".into());
        return Verdict::new(name, stopped, "stopped", format!("stopped by a signal; {left}"))
            .next(RUN_ONCE);
    }
    if let Some(verdict) = leaked(asked, name, before, state, halt) {
        return verdict;
    }
    // A wish that was refused in this run says so before the park that it did not lift.
    let wish = matches!(asked, Asked::Resume | Asked::Abort | Asked::Adopt | Asked::Decommission);
    // What it was to lift was lifted in this run: that is no refusal.
    let lifted = asked == Asked::Resume && before.parked.is_some() && state.parked.is_none();
    let refused = state.refused.as_ref().filter(|(kind, _)| answers(asked, *kind) && !lifted);
    if let Some((kind, why)) = refused.filter(|_| wish) {
        let error = dead_under_a_rotation(name, *kind, why, state);
        let error = error.unwrap_or_else(|| refusal(name, *kind, why));
        return with_orphans(Verdict::failed(name, error), state);
    }
    if let (Some(park), Some(problem)) = (&state.parked, parked(name, state)) {
        return Verdict::of(name, Exit::of_park(&park.reason), "parked", problem);
    }
    if let Adoption::ReadOnly(reason) = &state.adoption {
        let exit = Exit::of_read_only(reason);
        return Verdict::of(name, exit, "read_only", read_only(name, reason));
    }
    if let Some((kind, why)) = refused {
        let error = refusal(name, *kind, why);
        return Verdict { outcome: "refused".into(), ..Verdict::failed(name, error) };
    }
    if let Halt::Troubled { class, step, .. } = halt {
        return troubled(subject, *class, step, now);
    }
    let verdict = decommissioned(subject, before, now)
        .or_else(|| ended(asked, name, before, state))
        .unwrap_or_else(|| standing(asked, subject, now));
    let verdict = with_orphans(verdict, state);
    if asked == Asked::Adopt { with_left_over(verdict, name, state) } else { verdict }
}

/// `adopt` of a credential that is rejected, while a rotation is open: what leads out is not another
/// `adopt`.
fn dead_under_a_rotation(
    name: &str,
    kind: RequestKind,
    why: &Refusal,
    state: &State,
) -> Option<CliError> {
    let is_so = kind == RequestKind::Adopt && *why == Refusal::CurrentDead;
    state.rotation.as_ref().filter(|_| is_so)?;
    let mut error = refusal(name, kind, why);
    error.message =
        "nothing was adopted: the current credential does not authenticate. `resume` puts a key of \
         the open rotation that works in its place; where none does, put a working credential into \
         the store as current by hand, and adopt it."
        .to_owned();
    Some(error.next(format!("rekeyd resume {name}")))
}

/// Nothing was to be done, and what that rests on is not sound.
#[must_use]
pub fn unsound(name: &str, state: &State, rested: &Rested) -> Option<Verdict> {
    match rested {
        Rested::Verified => None,
        Rested::Unverified { class, said } => {
            let problem = unverified(state, *class, said.as_deref());
            let (exit, message) = (Exit::of_class(*class), problem.message);
            Some(Verdict::new(name, exit, "unverified", message).next(problem.next_command))
        }
        Rested::Changed { key } => {
            let problem = changed_by_others(name, state, key);
            Some(Verdict::of(name, Exit::Operator, "changed", problem))
        }
    }
}

/// What the adopted key replaces lives on until the next rotation.
fn with_left_over(mut verdict: Verdict, name: &str, state: &State) -> Verdict {
    let Some(problem) = left_over(name, state) else { return verdict };
    verdict.message.push_str(&format!(" Not done yet: {}", problem.message));
    verdict.next(problem.next_command)
}

/// A key that may be ours is said wherever a command ends, until somebody rules on it; and after a
/// leak no end is a good one until then (R17).
fn with_orphans(mut verdict: Verdict, state: &State) -> Verdict {
    let awaiting: Vec<&str> = state.orphans_unruled().map(|(key, _)| key.as_str()).collect();
    if !awaiting.is_empty() {
        let keys = awaiting.join(", ");
        let more = format!(" May be ours too, and awaits a ruling (`orphans list`): {keys}.");
        verdict.message.push_str(&more);
        if verdict.exit == Exit::Done && after_a_leak(state) {
            verdict.exit = Exit::Operator;
            verdict.exit_code = verdict.exit.code();
        }
        verdict.next_command.get_or_insert(ORPHANS.to_owned());
    }
    with_rulings(verdict, state)
}

/// Whether a key of this secret was ever reported leaked, or a key appeared around a report.
fn after_a_leak(state: &State) -> bool {
    let stranger = state.orphans_unruled().any(|(_, one)| one.kind == OrphanKind::Stranger);
    stranger || !state.suspects.is_empty()
}

fn answers(asked: Asked, kind: RequestKind) -> bool {
    matches!(
        (asked, kind),
        (Asked::Rotate, RequestKind::Rotate)
            | (Asked::Leak, RequestKind::Leak)
            | (Asked::Resume, RequestKind::Resume)
            | (Asked::Abort, RequestKind::Abort)
            | (Asked::Adopt, RequestKind::Adopt)
            | (Asked::Decommission, RequestKind::Decommission)
    )
}

/// A rotation that ended in this run.
fn ended(asked: Asked, name: &str, before: &State, state: &State) -> Option<Verdict> {
    let last = state.last.as_ref()?;
    if before.last.as_ref().is_some_and(|earlier| earlier.id == last.id) || state.rotation.is_some()
    {
        return None;
    }
    let key = state.settled.as_ref().map(|settled| settled.held.proof.key.to_string());
    let key = key.unwrap_or_default();
    Some(match last.ending {
        Ending::Complete => {
            let message = format!("complete: key {key} is current; the old one is proven gone.");
            Verdict::new(name, Exit::Done, "complete", message)
        }
        Ending::RolledBack => {
            let because = last.because.as_deref().unwrap_or("the new key could not be used");
            let message = format!("rolled back ({because}): key {key} stays current.");
            let exit = if asked == Asked::Abort { Exit::Done } else { Exit::RolledBack };
            Verdict::new(name, exit, "rolled_back", message).next(format!("rekeyd history {name}"))
        }
        Ending::Superseded => Verdict::new(
            name,
            Exit::Done,
            "superseded",
            format!("key {key} is adopted as current."),
        ),
    })
}
