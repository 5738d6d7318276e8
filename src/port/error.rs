//! Errors that decide: the class of a failure is what the protocol acts on.

use std::time::Duration;

pub use crate::domain::cause::Cause;
pub use crate::domain::class::Class;

/// A call to the outside that did not do what was asked.
///
/// `message` MUST be fit for a person and a log: it names host, operation, and status, and MUST
/// NOT hold a request's or an answer's body, which may hold a secret.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct PortError {
    pub class: Class,
    pub message: String,
    /// The server's `Retry-After`, capped by the adapter at one hour.
    pub retry_after: Option<Duration>,
    /// What is to be mended, where it can be told. Nothing is decided by it.
    pub cause: Option<Cause>,
    /// The other side took the request in and answered it so: its word, not something that was seen
    /// on the way there. A create that was answered so is not believed to have made nothing (R3).
    pub answered: bool,
}

impl PortError {
    #[must_use]
    pub fn new(class: Class, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), retry_after: None, cause: None, answered: false }
    }
    #[must_use]
    pub fn retryable(message: impl Into<String>) -> Self {
        Self::new(Class::Retryable, message)
    }
    #[must_use]
    pub fn rejected(message: impl Into<String>) -> Self {
        Self::new(Class::Rejected, message)
    }
    #[must_use]
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(Class::Conflict, message)
    }
    #[must_use]
    pub fn misconfigured(message: impl Into<String>) -> Self {
        Self::new(Class::Misconfigured, message)
    }
    #[must_use]
    pub fn unknown(message: impl Into<String>) -> Self {
        Self::new(Class::Unknown, message)
    }
    #[must_use]
    pub fn after(mut self, wait: Option<Duration>) -> Self {
        self.retry_after = wait;
        self
    }
    #[must_use]
    pub fn answered(mut self, answered: bool) -> Self {
        self.answered = answered;
        self
    }
    #[must_use]
    pub fn because(mut self, cause: impl Into<Option<Cause>>) -> Self {
        self.cause = cause.into();
        self
    }
}
