//! What the server decided, and what of it arrives. Secrets in here never reach a `Debug`.

use std::fmt;

use super::secrets_manager::{Code, Exception};

/// An answer on its way.
#[derive(Debug)]
pub struct Reply<T> {
    /// What the server decided; true even where the line loses it.
    pub result: Result<T, Refusal>,
    pub line: Line,
}

/// What the line does with an answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Line {
    /// Wait before anything is sent or closed.
    pub delay_ms: u64,
    pub end: End,
}

/// How an answer ends.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum End {
    #[default]
    Whole,
    /// Closed without a byte.
    Dropped,
    /// Reset without a byte.
    Reset,
    Status {
        status: u16,
        retry_after_seconds: Option<u32>,
    },
    Html {
        status: u16,
    },
    Flood {
        bytes: u64,
    },
    NullData,
    GarbageDate,
}

impl From<Exception> for Refusal {
    fn from(exception: Exception) -> Self {
        Self::Aws(exception)
    }
}

/// Why the server says no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The auth server's answer to a credential it does not take.
    Token {
        status: u16,
        error: &'static str,
        description: &'static str,
    },
    /// The token is unknown, expired, or missing.
    Unauthorized,
    Permission(&'static str),
    NotFound,
    EtagMismatch,
    EtagMissing,
    /// The sandbox's own bound on keys.
    Full,
    IntrospectionOff,
    /// Secrets Manager's own words.
    Aws(Exception),
    Injected(String),
}

impl Refusal {
    /// What stands in the ledger.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Token { error, .. } => error,
            Self::Unauthorized => "unauthorized",
            Self::Permission(_) => "permission",
            Self::NotFound => "not_found",
            Self::EtagMismatch => "etag_mismatch",
            Self::EtagMissing => "etag_missing",
            Self::Full => "full",
            Self::IntrospectionOff => "introspection_off",
            Self::Aws(exception) => exception.code.name(),
            Self::Injected(_) => "injected",
        }
    }

    pub(super) fn injected(code: Code) -> Self {
        Self::Aws(Exception::usual(code))
    }

    /// The same in Secrets Manager's words.
    #[must_use]
    pub fn exception(&self) -> Exception {
        match self {
            Self::Aws(exception) => exception.clone(),
            Self::Unauthorized => Exception::usual(Code::UnrecognizedClient),
            Self::Permission(_) => Exception::usual(Code::AccessDenied),
            _ => Exception::usual(Code::InternalServiceError),
        }
    }
}

/// The message of GraphQL's error.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token { description, .. } => f.write_str(description),
            Self::Unauthorized => f.write_str("Unauthorized"),
            Self::Permission(name) => {
                write!(f, "You do not have permission to perform this action ({name}).")
            }
            Self::NotFound => f.write_str("API key not found"),
            Self::EtagMismatch => f.write_str("The _etag does not match the current version"),
            Self::EtagMissing => f.write_str("An _etag is required"),
            Self::Full => f.write_str("Too many API keys"),
            Self::IntrospectionOff => f.write_str("GraphQL introspection is not allowed"),
            Self::Aws(exception) => exception.fmt(f),
            Self::Injected(message) => f.write_str(message),
        }
    }
}

/// Why a caller in process has no plain answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missed {
    Refused(Refusal),
    /// No answer: it may have happened or not.
    Nothing,
    /// An answer of the layer in front: it may have happened or not.
    Status {
        status: u16,
        retry_after_seconds: Option<u32>,
    },
    /// An answer that is not what was asked for.
    Unreadable,
}

impl<T> Reply<T> {
    /// What a caller in process gets to see, as one over HTTP would.
    ///
    /// # Errors
    /// See [`Missed`].
    pub fn arrived(self) -> Result<T, Missed> {
        match self.line.end {
            End::Whole | End::GarbageDate => self.result.map_err(Missed::Refused),
            End::Dropped | End::Reset => Err(Missed::Nothing),
            End::Status { status, retry_after_seconds } => {
                Err(Missed::Status { status, retry_after_seconds })
            }
            End::Html { .. } | End::Flood { .. } | End::NullData => Err(Missed::Unreadable),
        }
    }
}

/// A fresh credential, shown once.
#[derive(Clone, PartialEq, Eq)]
pub struct Issued {
    pub client_id: String,
    pub client_secret: String,
}

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issued").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

/// An access token.
#[derive(Clone, PartialEq, Eq)]
pub struct Grant {
    /// Absent only by a fault.
    pub access_token: Option<String>,
    pub expires_in_seconds: i64,
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant")
            .field("expires_in_seconds", &self.expires_in_seconds)
            .finish_non_exhaustive()
    }
}
