//! Heal with no rotation open: *current* holds a credential that is rejected, and the settled one
//! goes back (R13). Between its beginning and its end the claim is ours.

use super::State;
use super::rotation::{Held, StagedVersion, put_back_token};
use crate::domain::clocks::Moment;
use crate::domain::facts::KeyProof;
use crate::domain::ids::{KeyId, RotationId, VersionId};

/// The settled credential on its way back to *current*.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PutBack {
    /// Drawn at random, for the request tokens (R2).
    pub id: RotationId,
    pub since: Moment,
    /// The settled credential, and a version that holds it.
    pub held: Held,
    /// What *current* named when it began.
    pub rejected: KeyId,
    /// Grows with every put; part of the request token (R2).
    pub attempt: u32,
    /// The attempt at which an operator last said to go on.
    pub attempt_floor: u32,
    /// Versions that hold the settled credential beside *current*'s other fields.
    pub staged: Vec<StagedVersion>,
    /// When the newest of them was acknowledged: reads may lag behind it (R13).
    pub staged_at: Option<Moment>,
    pub label_moves: u32,
    /// The version that our last acknowledged label removal was about: reads may lag (R13).
    pub unlabelled: Option<(VersionId, Moment)>,
}

impl PutBack {
    #[must_use]
    pub fn new(id: RotationId, since: Moment, held: Held, rejected: KeyId) -> Self {
        let (attempt, attempt_floor, label_moves) = (0, 0, 0);
        let (staged, staged_at, unlabelled) = (Vec::new(), None, None);
        Self {
            id,
            since,
            held,
            rejected,
            attempt,
            attempt_floor,
            staged,
            staged_at,
            label_moves,
            unlabelled,
        }
    }

    /// The credential of a version that may become *current* again.
    #[must_use]
    pub fn proof_in(&self, version: &VersionId) -> Option<&KeyProof> {
        let put = self.staged.iter().any(|staged| staged.version == *version);
        (put || self.held.version == *version).then_some(&self.held.proof)
    }

    /// Whether a version is one that this put-back put.
    #[must_use]
    pub fn put(&self, version: &VersionId) -> bool {
        self.staged.iter().any(|staged| staged.version == *version)
    }

    /// Whether *current* was moved back to it, as far as the journal knows.
    #[must_use]
    pub fn is_served(&self, state: &State) -> bool {
        state.put_backs.last().is_some_and(|last| last.wall_ms >= self.since.wall_ms)
    }

    /// Attempts since an operator last said to go on.
    #[must_use]
    pub fn attempts_spent(&self) -> u32 {
        self.attempt.saturating_sub(self.attempt_floor)
    }

    /// The request token of the next put.
    #[must_use]
    pub fn next_token(&self) -> VersionId {
        put_back_token(self.id, self.attempt + 1)
    }
}
