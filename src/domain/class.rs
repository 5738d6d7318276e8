//! The class of a failure: what it lets the protocol conclude. Nothing else is decided by text.

use serde::{Deserialize, Serialize};

/// What a failed call to the outside means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Certainly no effect; the same request may succeed later (throttled, refused connection).
    Retryable,
    /// Certainly no effect; the other side knows us and says no (credentials, permission).
    Rejected,
    /// Certainly no effect; what the request was built on has changed (etag, label, token).
    Conflict,
    /// Certainly no effect; our settings are wrong (realm, host, region, schema).
    Misconfigured,
    /// Nothing can be concluded: it may have had its effect, or may yet have it (R1).
    Unknown,
}
