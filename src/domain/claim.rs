//! The claim on a secret: an exclusive right to rotate it, written where the secret lives, because
//! separate journals cannot see each other (R24). Generations form a chain; the next one follows
//! only an ended head. Holds no secret.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::ids::RotationId;

/// A place in the chain; the first is 1.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default,
)]
#[serde(transparent)]
pub struct Generation(pub u64);

impl Generation {
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Who claims: random for each claim, so that two racers never write the same content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Owner(Uuid);

impl Owner {
    /// Drawn from an id that is fresh at every look and otherwise unused.
    #[must_use]
    pub fn drawn(fresh: RotationId) -> Self {
        Self(fresh.0)
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One entry of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    pub generation: Generation,
    pub owner: Owner,
    /// The owner gave it up: the next generation may follow.
    pub ended: bool,
}
