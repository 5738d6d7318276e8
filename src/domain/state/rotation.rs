//! One open run of the state machine.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::effect::Question;
use super::evidence::Baseline;
use crate::domain::class::Class;
use crate::domain::clocks::Moment;
use crate::domain::facts::KeyProof;
use crate::domain::ids::{ConsumerName, KeyId, RotationId, VersionId};
use crate::domain::secret::Digest;

/// What has been achieved. *Parked* is not a phase: it is a reason beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Preflight passed; a create may be sent.
    Claimed,
    /// A new key exists; its secret is in memory, or in a version built on a stale base.
    Issued,
    /// A version holds the new credential as *pending*.
    Staged,
    /// The credential read back from the store works and acts as the same account.
    Verified,
    /// *Current* names the new key; consumers move.
    Promoted,
    /// Nobody should be using the old key any more.
    Drained,
    /// The old key is disabled and proven dead.
    Disabled,
    /// Nobody missed it.
    Soaked,
    /// The old key is deleted and proven absent.
    Deleted,
    /// Moving *current* back to the old key.
    Reverting,
    /// Removing the new key.
    RollingBack,
}

impl Phase {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Claimed => "claimed",
            Self::Issued => "issued",
            Self::Staged => "staged",
            Self::Verified => "verified",
            Self::Promoted => "promoted",
            Self::Drained => "drained",
            Self::Disabled => "disabled",
            Self::Soaked => "soaked",
            Self::Deleted => "deleted",
            Self::Reverting => "reverting",
            Self::RollingBack => "rolling_back",
        }
    }

    /// The new key has not been *current* in this pass of the machine.
    #[must_use]
    pub fn before_promote(self) -> bool {
        matches!(self, Self::Claimed | Self::Issued | Self::Staged | Self::Verified)
    }

    /// The new key is expected to be *current*.
    #[must_use]
    pub fn after_promote(self) -> bool {
        matches!(
            self,
            Self::Promoted | Self::Drained | Self::Disabled | Self::Soaked | Self::Deleted
        )
    }
}

/// Why a rotation was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    Schedule,
    Person,
    Leak,
}

/// How a rotation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    Complete,
    RolledBack,
    /// Its promoted key was reported leaked, or an operator adopted another: the next rotation
    /// retires what this one left.
    Superseded,
}

/// A credential and the version it was read from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Held {
    pub proof: KeyProof,
    pub version: VersionId,
}

/// The key that this rotation minted and means to promote.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NewKey {
    pub key: KeyId,
    pub proof: Option<KeyProof>,
}

/// A create that was refused, and that may have made a key all the same (R3).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RefusedCreate {
    /// Every key id of the complete list read just before.
    pub snapshot: BTreeSet<KeyId>,
    pub asked: Moment,
    pub answered: Moment,
    pub class: Class,
}

/// One version that this rotation put.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StagedVersion {
    pub version: VersionId,
    /// The version on which it was built (R6).
    pub base: VersionId,
    pub proof: KeyProof,
}

/// An open rotation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Rotation {
    pub id: RotationId,
    pub trigger: Trigger,
    pub started: Moment,
    pub phase: Phase,
    pub entered: Moment,
    pub old: Held,
    pub new: Option<NewKey>,
    /// Grows with every new secret or base; part of the request token (R2).
    pub attempt: u32,
    pub creates: u32,
    pub staged: Vec<StagedVersion>,
    pub verify_failures: u32,
    pub promoted_at: Option<Moment>,
    /// Our last acknowledged move of *current*: reads may lag behind it (R13).
    pub moved: Option<(VersionId, Moment)>,
    /// Why it is rolling back or reverting, for the person who asks.
    pub because: Option<String>,
    /// How long an access token lives, as the first exchange said.
    pub token_life_ms: Option<i64>,
    pub label_moves: u32,
    /// The version that our last acknowledged label removal was about: reads may lag (R13).
    pub unlabelled: Option<(VersionId, Moment)>,
    /// The version that our last acknowledged removal of *previous* was about, since that move.
    pub dropped: Option<VersionId>,
    /// An operator asked for its end, under the report that is open if one is.
    pub aborted: bool,
    /// Creates that were given up without an answer and without a key to show for them: what
    /// shows up all the same is reported before the end (invariant 6). At most three.
    pub doubts: Vec<Question>,
    /// Creates that the issuer answered with a no and that no late enough list was compared for.
    pub refused: Vec<RefusedCreate>,
    /// Keys that showed up all the same.
    pub refused_shown: usize,
    /// The create of each minted key that nothing has shown to be real: no exchange, no list.
    pub unseen: BTreeMap<KeyId, Question>,
    /// Whether etags were tried on this rotation's new key (R21).
    pub etag_probed: bool,
    /// What an operator accepted of the new key's profile (R23): the baseline once it is *current*.
    pub accepted: Option<Baseline>,
    /// Consumers that said that they use the new key.
    pub acked: BTreeSet<ConsumerName>,
    /// The attempt at which an operator last said to go on.
    pub attempt_floor: u32,
}

impl Rotation {
    /// Attempts since an operator last said to go on.
    #[must_use]
    pub fn attempts_spent(&self) -> u32 {
        self.attempt.saturating_sub(self.attempt_floor)
    }

    /// The newest version that holds the new credential.
    #[must_use]
    pub fn staged_new(&self) -> Option<&StagedVersion> {
        let proof = self.new.as_ref()?.proof.as_ref()?;
        self.staged.iter().rev().find(|staged| staged.proof == *proof)
    }

    /// The newest version that this rotation put with the old credential (for a revert).
    #[must_use]
    pub fn staged_old(&self) -> Option<&StagedVersion> {
        self.staged.iter().rev().find(|staged| staged.proof == self.old.proof)
    }

    #[must_use]
    pub fn new_proof(&self) -> Option<&KeyProof> {
        self.new.as_ref()?.proof.as_ref()
    }

    /// Whether a key is the old or the new one.
    #[must_use]
    pub fn names(&self, key: &KeyId) -> bool {
        self.old.proof.key == *key || self.new.as_ref().is_some_and(|new| new.key == *key)
    }

    /// Whether a version is one of this rotation's.
    #[must_use]
    pub fn put(&self, version: &VersionId) -> bool {
        self.staged.iter().any(|staged| staged.version == *version)
    }

    /// The request token of the next put: `H(rotation uuid, attempt)`, 64 hexadecimal digits (R2).
    #[must_use]
    pub fn next_token(&self) -> VersionId {
        request_token(self.id, self.attempt + 1)
    }
}

/// The request token of a first key's put: attempt 0 of a rotation that never is (R2, R31).
#[must_use]
pub fn first_token(fresh: RotationId) -> VersionId {
    request_token(fresh, 0)
}

/// The request token of a put outside a rotation, which heals (R2, R13).
pub(super) fn put_back_token(id: RotationId, attempt: u32) -> VersionId {
    token("rekeyd/put-back-token/1", id, attempt)
}

fn request_token(rotation: RotationId, attempt: u32) -> VersionId {
    token("rekeyd/request-token/1", rotation, attempt)
}

/// AWS takes tokens of 32 to 64 characters (its API reference, `ClientRequestToken`).
fn token(domain: &str, id: RotationId, attempt: u32) -> VersionId {
    let half = |salt: &str| String::from(Digest::of(domain, &format!("{id}/{attempt}/{salt}")));
    // Two 128-bit halves; a hexadecimal text is always a valid id.
    VersionId::from_hex_halves(&half("a"), &half("b"))
}
