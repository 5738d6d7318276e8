//! What somebody, or the schedule, asks for. Holds no secret.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::rotation::Trigger;
use crate::domain::ids::KeyId;
use crate::domain::secret::Fingerprint;

/// Whose word a request is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Requester {
    /// `schedule`, or the operating system's name for the person.
    pub who: String,
    pub reason: Option<String>,
}

/// A durable wish, weighed only after open questions are resolved.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case")]
pub enum Request {
    Rotate {
        trigger: Trigger,
    },
    Leak {
        suspects: BTreeMap<KeyId, Option<Fingerprint>>,
        kill_first: bool,
        grace_ms: i64,
        since_ms: Option<i64>,
    },
    Abort,
    Resume,
    /// Accept what *current* holds, or the new key's profile, as right.
    Adopt,
    /// Mint a key for a secret that holds none, and adopt it (R31).
    AdoptIssued,
    /// Retire the policy and its key for good (R30).
    Decommission {
        clear_store: bool,
    },
}

impl Request {
    #[must_use]
    pub fn kind(&self) -> RequestKind {
        match self {
            Self::Rotate { .. } => RequestKind::Rotate,
            Self::Leak { .. } => RequestKind::Leak,
            Self::Abort => RequestKind::Abort,
            Self::Resume => RequestKind::Resume,
            Self::Adopt | Self::AdoptIssued => RequestKind::Adopt,
            Self::Decommission { .. } => RequestKind::Decommission,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestKind {
    Rotate,
    Leak,
    Abort,
    Resume,
    Adopt,
    Decommission,
}
