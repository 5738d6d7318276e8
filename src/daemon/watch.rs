//! What looking at a secret between rotations found, for the log and for `status`. What the journal
//! tells by itself (a park, a suspect, an orphan) is not repeated here. Decides nothing.

use crate::domain::report::{Problem, changed_by_others, unverified};
use crate::engine::{Engine, Halt, Rested};

/// What one look found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// *Current* works and is what the journal knows, or the journal says what is wrong.
    Nothing,
    Problem(Problem),
}

impl Finding {
    /// From an engine that has just run.
    #[must_use]
    pub fn of(policy: &str, engine: &Engine, halt: &Halt) -> Self {
        let state = engine.state();
        if state.parked.is_some() {
            return Self::Nothing;
        }
        match (halt, engine.rested()) {
            (Halt::Troubled { class, .. }, _) => {
                let said = state.trouble.as_ref().and_then(|trouble| trouble.said.as_deref());
                Self::Problem(unverified(state, *class, said))
            }
            (Halt::Reached, Rested::Unverified { class, said }) => {
                Self::Problem(unverified(state, *class, said.as_deref()))
            }
            (Halt::Reached, Rested::Changed { key }) => {
                Self::Problem(changed_by_others(policy, state, key))
            }
            _ => Self::Nothing,
        }
    }

    #[must_use]
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Nothing => None,
            Self::Problem(problem) => Some(problem),
        }
    }

    /// One line, where it is news.
    pub fn log(&self, policy: &str, before: Option<&Self>) {
        if before == Some(self) {
            return;
        }
        match (self, before) {
            (Self::Problem(problem), _) => {
                let Problem { code, message, next_command } = problem;
                tracing::warn!(policy, code = %code, next = %next_command, "{message}");
            }
            (Self::Nothing, Some(Self::Problem(_))) => {
                tracing::info!(policy, "the current credential works again, as the journal has it");
            }
            (Self::Nothing, _) => {}
        }
    }
}
