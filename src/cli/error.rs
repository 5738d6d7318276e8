//! Errors at the edge: a code, an exit code, what happened, and the next command to type.

use std::process::ExitCode;

use serde::Serialize;

use super::typed;
use crate::app::AppError;
use crate::domain::class::Class;
use crate::domain::code::{Call, Code, Journal, Own, Refused, Setup};
use crate::domain::report::Problem;
use crate::domain::state::{ParkReason, ReadOnlyReason, Refusal};
use crate::engine::EngineError;
use crate::journal::LockError;
use crate::port::{JournalError, PortError};
use crate::settings::{LocateError, for_shell};

/// How a command ends. The numbers are documented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Done,
    RolledBack,
    Usage,
    Configuration,
    Rejected,
    Unreachable,
    Operator,
    Held,
    Journal,
    /// A bug: nothing half done, but nothing to promise either.
    Bug,
    Signal(u8),
}

impl Exit {
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::RolledBack => 1,
            Self::Usage => 2,
            Self::Configuration => 3,
            Self::Rejected => 4,
            Self::Unreachable => 5,
            Self::Operator => 6,
            Self::Held => 7,
            Self::Journal => 8,
            Self::Bug => 101,
            Self::Signal(number) => 128_u8.saturating_add(number),
        }
    }

    /// The end that a daemon told by its number.
    #[must_use]
    pub fn of_code(code: u8) -> Self {
        let plain = [
            Self::Done,
            Self::RolledBack,
            Self::Usage,
            Self::Configuration,
            Self::Rejected,
            Self::Unreachable,
            Self::Operator,
            Self::Held,
            Self::Journal,
        ];
        match (plain.into_iter().find(|exit| exit.code() == code), code.checked_sub(128)) {
            (Some(exit), _) => exit,
            (None, Some(number)) => Self::Signal(number),
            (None, None) => Self::Bug,
        }
    }

    /// Of several policies' ends, the one that a caller must know of first.
    #[must_use]
    pub fn worse(self, other: Self) -> Self {
        if other.urgency() > self.urgency() { other } else { self }
    }

    fn urgency(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::RolledBack => 1,
            Self::Unreachable => 2,
            Self::Usage => 3,
            Self::Configuration => 4,
            Self::Rejected => 5,
            Self::Operator => 6,
            Self::Held => 7,
            Self::Journal => 8,
            Self::Bug => 9,
            Self::Signal(_) => 10,
        }
    }

    /// What a failure of that class means for the caller.
    #[must_use]
    pub fn of_class(class: Class) -> Self {
        match class {
            Class::Retryable | Class::Unknown => Self::Unreachable,
            Class::Rejected => Self::Rejected,
            Class::Misconfigured => Self::Configuration,
            Class::Conflict => Self::Operator,
        }
    }

    /// What a park means for the caller. A failure is told by its class; one that lifts itself when
    /// the other side answers again needs no operator.
    #[must_use]
    pub fn of_park(reason: &ParkReason) -> Self {
        match reason {
            ParkReason::Trouble {
                class: class @ (Class::Retryable | Class::Rejected | Class::Misconfigured),
                ..
            } => Self::of_class(*class),
            ParkReason::Trouble { class, .. } if reason.cures_itself() => Self::of_class(*class),
            ParkReason::ClaimLost => Self::Held,
            _ => Self::Operator,
        }
    }

    /// What keeps a policy read-only means for the caller.
    #[must_use]
    pub fn of_read_only(reason: &ReadOnlyReason) -> Self {
        match reason {
            ReadOnlyReason::Claimed { ended: false } => Self::Held,
            _ => Self::Operator,
        }
    }

    /// What a refusal means for the caller.
    #[must_use]
    pub fn of_refusal(why: &Refusal) -> Self {
        match why {
            Refusal::Rights { .. } | Refusal::NoNamedActor => Self::Rejected,
            Refusal::Misconfigured | Refusal::DrainTooShort { .. } => Self::Configuration,
            Refusal::Trouble { class, .. } => Self::of_class(*class),
            Refusal::NothingOpen => Self::Usage,
            Refusal::Claimed { ended: false } => Self::Held,
            _ => Self::Operator,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// An error as a person, or a machine, is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CliError {
    pub code: Code,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_command: Option<String>,
    pub exit_code: u8,
    #[serde(skip)]
    pub exit: Exit,
}

impl CliError {
    #[must_use]
    pub fn new(exit: Exit, code: impl Into<Code>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            next_command: None,
            exit_code: exit.code(),
            exit,
        }
    }
    #[must_use]
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, Own::Usage, message)
    }
    #[must_use]
    pub fn next(mut self, command: impl Into<String>) -> Self {
        self.next_command = Some(command.into());
        self
    }
    #[must_use]
    pub fn of_problem(exit: Exit, problem: Problem) -> Self {
        Self::new(exit, problem.code, problem.message).next(problem.next_command)
    }
}

impl From<AppError> for CliError {
    fn from(error: AppError) -> Self {
        let said = error.to_string();
        match error {
            AppError::Locate(why) => of_lookup(&why, said),
            AppError::Policies(_) => {
                Self::new(Exit::Configuration, Setup::PolicyFindings, said).next("rekeyd check")
            }
            AppError::NoPolicies(dir) => {
                let next = format!("mkdir -p {}", for_shell(&dir));
                let said = format!("{said}; make it, or name another with --policies DIR");
                Self::new(Exit::Configuration, Setup::NoPolicies, said).next(next)
            }
            AppError::NoneLeft(dir) => {
                let next = format!("ls -la {}", for_shell(&dir));
                let said = format!("{said}; to look after none, stop the daemon");
                Self::new(Exit::Configuration, Setup::NoPolicies, said).next(next)
            }
            AppError::Stopping => {
                Self::new(Exit::Unreachable, Own::Stopping, said).next("rekeyd status")
            }
            AppError::UnknownPolicy { .. } => {
                Self::new(Exit::Usage, Setup::UnknownPolicy, said).next("rekeyd status")
            }
            AppError::NewJournal(_) => {
                let said = format!(
                    "{said}. --init begins one there; if there is one elsewhere, name its place \
                     with --state-dir DIR"
                );
                Self::new(Exit::Configuration, Journal::New, said).next("rekeyd --init run --once")
            }
            AppError::NoJournal(dir) => {
                let said = format!("{said}; if it is elsewhere, name its place: --state-dir DIR");
                let next = format!("ls -la {}", for_shell(&dir));
                Self::new(Exit::Journal, Journal::Absent, said).next(next)
            }
            AppError::StateDir { path, .. } => {
                let next = format!("install -d -m 0700 {}", path.display());
                Self::new(Exit::Configuration, Setup::StateDir, said).next(next)
            }
            AppError::Lock(why) => of_lock(&why, said),
            AppError::Journal(why) => of_journal(&why),
            AppError::Engine(why) => Self::from(why),
            AppError::Port(why) => Self::from(why),
            AppError::Name(_) => {
                Self::new(Exit::Configuration, Setup::PolicyName, said).next("rekeyd check")
            }
            AppError::NoCredentials(_) => {
                let said = format!("{said}; the unit needs a line LoadCredential=");
                Self::new(Exit::Configuration, Setup::NoCredentials, said)
                    .next("systemctl edit rekeyd")
            }
        }
    }
}

/// Settings, policies, or state that were not found or may not be read.
fn of_lookup(why: &LocateError, said: String) -> CliError {
    let error = CliError::new(Exit::Configuration, why.code(), said).next(why.next_command());
    let LocateError::NoPermission { path } = why else { return error };
    let Some(owner) = typed::owner(path) else { return error };
    if owner == rustix::process::geteuid().as_raw() {
        return error;
    }
    let said = format!("{}; it belongs to {}", error.message, typed::account(owner));
    CliError { message: said, ..error }
}

fn of_lock(why: &LockError, said: String) -> CliError {
    match why {
        LockError::Held { .. } => {
            CliError::new(Exit::Held, Journal::LockHeld, said).next("rekeyd status")
        }
        LockError::NotOurs(_) => CliError::new(Exit::Configuration, Journal::LockNotOurs, said),
        LockError::Unusable(_) => CliError::new(Exit::Journal, Journal::LockUnusable, said),
    }
}

fn of_journal(why: &JournalError) -> CliError {
    let (code, next) = match why {
        JournalError::StaleHead { .. } => (Journal::MovedOn, "rekeyd status"),
        JournalError::Unwritable(_) => (Journal::Unwritable, "df -h"),
        JournalError::Broken(_) => (Journal::Broken, "rekeyd check"),
        JournalError::Newer { .. } => (Journal::Newer, "rekeyd --version"),
        JournalError::NotOurs(_) => (Journal::NotOurs, "rekeyd check"),
    };
    CliError::new(Exit::Journal, code, why.to_string()).next(next)
}

impl From<EngineError> for CliError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Journal(why) => of_journal(&why),
            EngineError::Replay(_) => {
                Self::new(Exit::Journal, Journal::Replay, error.to_string()).next("rekeyd check")
            }
            EngineError::Refused(_) => Self::new(Exit::Bug, Own::Bug, error.to_string()),
        }
    }
}

impl From<PortError> for CliError {
    fn from(error: PortError) -> Self {
        let exit = Exit::of_class(error.class);
        Self::new(exit, Call::from(error.class), error.message).next("rekeyd check")
    }
}

/// A request that was not followed, as an error.
#[must_use]
pub fn refusal(
    policy: &str,
    request: crate::domain::state::RequestKind,
    why: &Refusal,
) -> CliError {
    let problem = crate::domain::report::refused(policy, request, why);
    debug_assert!(problem.code == Refused::from(why).into());
    CliError::of_problem(Exit::of_refusal(why), problem)
}
