//! What the journal knows of every secret, also of those whose policy is wrong or gone.

use super::{App, AppError, neighbours};
use crate::domain::clocks::Stamp;
use crate::domain::code::{Concern, Journal as JournalCode};
use crate::domain::ids::SecretKey;
use crate::domain::policy::Policy;
use crate::domain::report::{PolicyReport, Problem, Subject, policy_report, wrong_file};
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
        let mut streams: Vec<SecretKey> = journal.streams().await?;
        let mut known = Vec::new();
        for policy in &self.policies {
            let stream = policy.secret_key()?;
            streams.retain(|other| *other != stream);
            let (state, broken) = folded(journal, &stream).await?;
            let name = policy.name.to_string();
            let policy = Some(policy);
            known.push(Known { name, policy, stream, state, broken, file_is_wrong: false });
        }
        for stream in streams {
            let (state, broken) = folded(journal, &stream).await?;
            let name =
                state.policy.as_ref().map_or_else(|| stream.to_string(), ToString::to_string);
            let file_is_wrong = self.has_wrong_file(&name);
            known.push(Known { name, policy: None, stream, state, broken, file_is_wrong });
        }
        known.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(known)
    }
}

/// One secret as the journal has it.
pub struct Known<'a> {
    pub name: String,
    pub policy: Option<&'a Policy>,
    pub stream: SecretKey,
    /// Empty where it does not replay.
    pub state: State,
    /// There is a policy of that name, and it cannot be used.
    pub file_is_wrong: bool,
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
        let mut report = policy_report(&self.subject(certain_ms), now);
        if self.file_is_wrong {
            report.problems.retain(|problem| problem.code != Concern::NoPolicy.into());
            report.problems.push(wrong_file(&self.name));
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
        Subject { name: &self.name, policy: self.policy, state: &self.state, certain_ms }
    }
}
