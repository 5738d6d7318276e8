//! What the daemon needs of the rest of the program: a set of policies that was read whole, and
//! engines made for them. A new set is a new workshop; the old one serves until nobody holds it.

use std::sync::Arc;

use async_trait::async_trait;

use crate::domain::code::{Journal as JournalCode, Own};
use crate::domain::ids::SecretKey;
use crate::domain::policy::Policy;
use crate::domain::report::Problem;
use crate::domain::state::State;
use crate::engine::{Engine, EngineError, ProgressSink};
use crate::port::JournalError;

/// Why an engine could not be made, or a secret's journal not read. In words for the log.
#[derive(Debug, thiserror::Error)]
pub enum WorkshopError {
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Settings, ports, or files.
    #[error("{}", .0.message)]
    Setup(Problem),
}

impl WorkshopError {
    /// In words for a person.
    #[must_use]
    pub fn problem(&self, policy: &str) -> Problem {
        let Self::Engine(error) = self else {
            let Self::Setup(problem) = self else { return bug(policy) };
            return problem.clone();
        };
        let code = match error {
            EngineError::Journal(JournalError::Unwritable(_)) => JournalCode::Unwritable,
            EngineError::Journal(JournalError::StaleHead { .. }) => JournalCode::MovedOn,
            EngineError::Journal(JournalError::Newer { .. }) => JournalCode::Newer,
            EngineError::Journal(JournalError::NotOurs(_)) => JournalCode::NotOurs,
            EngineError::Journal(JournalError::Broken(_)) | EngineError::Replay(_) => {
                JournalCode::Replay
            }
            EngineError::Refused(_) => return bug(policy),
        };
        let said = format!("{error}. Nothing is done for this secret now; the others go on.");
        Problem::new(code, said, "rekeyd check")
    }
}

/// A bug stopped the work on one secret.
#[must_use]
pub fn bug(policy: &str) -> Problem {
    let said = format!("a bug stopped the work on policy {policy}; its journal is whole.");
    Problem::new(Own::Bug, said, format!("rekeyd status {policy}"))
}

/// One set of policies, and what is made for it.
///
/// Implementations MUST answer `policies` from memory, and MUST call nobody outside in `open`.
#[async_trait]
pub trait Workshop: Send + Sync {
    /// Every policy of the set; each is on a secret of its own.
    fn policies(&self) -> &[Policy];

    /// Calls nobody outside: policies as they were, of secrets that none of `policies` names and of which something is
    /// open (R28).
    async fn departed(&self) -> Result<Vec<Policy>, WorkshopError>;

    /// What the journal knows of a secret.
    async fn state(&self, secret: &SecretKey) -> Result<State, WorkshopError>;

    /// An engine that stands ready. An open rotation goes on by the policy that it started with.
    async fn open(
        &self,
        policy: &Policy,
        progress: Arc<dyn ProgressSink>,
    ) -> Result<Engine, WorkshopError>;
}
