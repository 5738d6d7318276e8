//! What the journal knows of every secret, also of those whose policy is wrong or gone.

use super::{App, AppError, neighbours};
use crate::domain::clocks::Stamp;
use crate::domain::code::{Concern, Journal as JournalCode};
use crate::domain::departed;
use crate::domain::ids::SecretKey;
use crate::domain::policy::Policy;
use crate::domain::report::{
    self, PolicyReport, Problem, Subject, Unwatched, policy_report, wrong_file,
};
use crate::domain::state::State;
use crate::engine::replay;
use crate::port::Journal;

impl App {
    /// What the journal knows of every policy's secret, and of secrets that no policy names any
    /// more, sorted by name. One that does not replay says so and hides no other.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn known(&self, journal: &dyn Journal) -> Result<Vec<Known<'_>>, AppError> {
        let mut known = Vec::new();
        for policy in &self.policies {
            let stream = policy.secret_key()?;
            let (state, broken) = folded(journal, &stream).await?;
            let name = policy.name.to_string();
            let watch = Watch::Policy(policy);
            known.push(Known { name, watch, stream, state, broken });
        }
        known.extend(self.known_unwatched(journal).await?);
        known.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(known)
    }

    /// The same of secrets that no policy names whose file is right, in the journal's order.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn known_unwatched(&self, journal: &dyn Journal) -> Result<Vec<Known<'_>>, AppError> {
        let mut known = Vec::new();
        for stream in journal.streams().await?.into_iter().filter(|one| !self.watches(one)) {
            let (state, broken) = folded(journal, &stream).await?;
            let name =
                state.policy.as_ref().map_or_else(|| stream.to_string(), ToString::to_string);
            let watch = self.watch(&name, &stream, &state);
            known.push(Known { name, watch, stream, state, broken });
        }
        Ok(known)
    }

    /// Of a secret that no policy names whose file is right.
    fn watch(&self, name: &str, stream: &SecretKey, state: &State) -> Watch<'_> {
        if self.has_wrong_file(name) {
            return Watch::WrongFile;
        }
        let kept = state.kept.as_ref().zip(state.policy.as_ref());
        let kept = kept.and_then(|(kept, name)| kept.policy(name));
        // It must be on this very secret, or it would work on another.
        let kept = kept.filter(|kept| kept.secret_key().is_ok_and(|secret| secret == *stream));
        Watch::Departed {
            kept: kept.map(Box::new),
            moved: self.policies.iter().any(|policy| policy.name.as_str() == name),
            is_sure: self.whole().is_ok(),
        }
    }
}

/// Who looks after a secret.
pub enum Watch<'a> {
    Policy(&'a Policy),
    /// There is a policy of that name, and it cannot be used.
    WrongFile,
    /// No policy names it (R28).
    Departed {
        /// The policy as it was, where the journal has it.
        kept: Option<Box<Policy>>,
        /// The policy of that name is on another secret now.
        moved: bool,
        /// No file is wrong, so that none of them can be this secret's policy.
        is_sure: bool,
    },
}

/// One secret as the journal has it.
pub struct Known<'a> {
    pub name: String,
    pub watch: Watch<'a>,
    pub stream: SecretKey,
    /// Empty where it does not replay.
    pub state: State,
    /// Why the journal of this secret does not replay.
    pub broken: Option<String>,
}

/// A secret's state, or an empty one and why its stream does not replay.
async fn folded(
    journal: &dyn Journal,
    stream: &SecretKey,
) -> Result<(State, Option<String>), AppError> {
    match replay(journal, stream).await {
        Ok((state, _)) => Ok((state, None)),
        Err(error) if neighbours::is_broken(&error) => {
            Ok((State::default(), Some(error.to_string())))
        }
        Err(error) => Err(error.into()),
    }
}

impl Known<'_> {
    /// Where it stands, with what is wrong, for a person.
    #[must_use]
    pub fn report(&self, certain_ms: i64, now: &Stamp) -> PolicyReport {
        let subject = self.subject(certain_ms);
        let mut report = policy_report(&subject, now);
        match &self.watch {
            Watch::Policy(_) => {}
            Watch::WrongFile => replace_no_policy(&mut report, wrong_file(&self.name)),
            Watch::Departed { .. } if self.broken.is_some() => {}
            Watch::Departed { moved, is_sure, .. } => {
                let mut problem = report::departed(&subject, &self.stream, *moved);
                if departed::open(&self.state).is_none() {
                    // Commands that would cure the rest need a policy.
                    report.problems.retain(|problem| problem.code == Concern::Orphan.into());
                }
                if !is_sure {
                    "rekeyd check".clone_into(&mut problem.next_command);
                }
                replace_no_policy(&mut report, problem);
            }
        }
        if let Some(why) = &self.broken {
            let said = format!("{why}. Nothing is done for this secret; the others go on.");
            report.problems.insert(0, Problem::new(JournalCode::Replay, said, "rekeyd check"));
        }
        report
    }

    /// For the report.
    #[must_use]
    pub fn subject(&self, certain_ms: i64) -> Subject<'_> {
        let policy = match &self.watch {
            Watch::Policy(policy) => Some(*policy),
            Watch::WrongFile => None,
            Watch::Departed { kept, .. } => kept.as_deref(),
        };
        Subject { name: &self.name, policy, state: &self.state, certain_ms }
    }

    /// No policy names it, with nothing open, and it is not forgotten.
    #[must_use]
    pub fn unwatched(&self, certain_ms: i64, now: &Stamp) -> Option<Unwatched> {
        let problems = self.report(certain_ms, now).problems;
        report::unwatched(&self.subject(certain_ms), &self.stream, problems)
            .filter(|_| self.is_departed() && self.broken.is_none())
    }

    /// No policy names it.
    #[must_use]
    pub fn is_departed(&self) -> bool {
        matches!(self.watch, Watch::Departed { .. })
    }

    /// No policy names it, and there is nothing of it that anybody should know of.
    #[must_use]
    pub fn is_over(&self) -> bool {
        let nothing = departed::bar(&self.state).is_none()
            && departed::remembered(&self.state).is_empty()
            && self.broken.is_none();
        self.is_departed() && nothing
    }

    /// The policy as it was, of a secret that no policy names and of which something is open.
    #[must_use]
    pub fn to_finish(&self) -> Option<&Policy> {
        match &self.watch {
            Watch::Departed { kept, .. } if departed::open(&self.state).is_some() => {
                kept.as_deref()
            }
            _ => None,
        }
    }
}

/// The last word on why nobody looks after it.
fn replace_no_policy(report: &mut PolicyReport, problem: Problem) {
    report.problems.retain(|problem| problem.code != Concern::NoPolicy.into());
    report.problems.push(problem);
}
