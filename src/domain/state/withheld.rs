//! What holds a start, a promote, or a disable back that could be done.

use serde::{Deserialize, Serialize};

use crate::domain::ids::GroupName;

/// Why a step waits. Times are milliseconds since the Unix epoch, by the wall clock.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "for", rename_all = "snake_case")]
pub enum Withheld {
    /// The policy's next window (R29).
    Window { until_ms: Option<i64> },
    /// `policy` of the same group: its rotation is open, or was, less than the spacing ago; then
    /// until when (F19).
    Group { group: GroupName, policy: String, until_ms: Option<i64> },
}
