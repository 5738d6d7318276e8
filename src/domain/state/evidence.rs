//! What a claim about a key rests on. Holds no secret.

use serde::{Deserialize, Serialize};

use crate::domain::facts::{Identity, KeyProof};
use crate::domain::ids::KeyId;
use crate::domain::secret::Digest;

/// Identity and canary answers of a key that was right (R23).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Baseline {
    pub identity: Option<Identity>,
    pub canaries: Vec<Digest>,
    /// Digest of the canary queries: another set of canaries starts a new baseline.
    pub questions: Digest,
}

/// What a claim of death or absence rests on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// Rejected exchanges, each followed by a success of `control` at the same endpoint.
    Rejected { control: KeyProof },
    /// A complete list with `control`'s key in it says `enabled: false`, or acknowledged our
    /// disable, for a key whose secret nobody holds.
    ListedDisabled { control: KeyId },
    /// Absent from a complete list that holds `control`'s key; rejected too if its secret is known.
    Absent { control: KeyId },
}
