//! Why something stopped: reasons as values. Their texts for people live in `report`.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::effect::Effect;
use crate::domain::class::Class;
use crate::domain::facts::StoreProblem;
use crate::domain::ids::{ConsumerName, KeyId, SecretKey};

/// Why a rotation, or a secret, waits for an operator. No deadline cures it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum ParkReason {
    /// *Current* names a credential that is neither the old nor the new one: a person's choice.
    CurrentChanged,
    /// *Current* names the old key again after our promote.
    CurrentMovedBack,
    /// *Current* does not authenticate, and nothing we know of can take its place: break-glass.
    CurrentDead,
    /// With no rotation open, somebody put a credential that is rejected into *current* again and
    /// again. The settled one went back each time, and does no more for a while. `failing`: the
    /// rejected one is there now.
    CurrentOverwritten { key: KeyId, failing: bool },
    /// Neither the old nor the new key authenticates.
    BothDead,
    /// *Current* holds no credential.
    CurrentMalformed,
    /// *Pending* is on a version that is not ours.
    ForeignPending,
    /// The new key acts as somebody else, answers a canary differently, or lacks a right.
    ProfileDiffers { what: String },
    /// Three keys were minted and none could be promoted.
    TooManyCreates,
    /// *Current* was edited ten times while we staged.
    TooManyAttempts,
    /// Two or more possible orphans await a ruling: we do not add to the pile.
    Orphans,
    /// Somebody acted on a key that we had disabled: its etag is no longer our pin.
    PinDiffers { key: KeyId },
    /// A key that another policy names must not be retired.
    NamedElsewhere {
        key: KeyId,
        policy: String,
        /// The other secret, where no policy names it any more (R28).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        departed: Option<SecretKey>,
    },
    /// Whether another secret names this adopted key cannot be told: its journal does not replay, or
    /// its store cannot be read.
    ElsewhereUnreadable { key: KeyId, secret: String },
    /// Somebody else's claim heads the chain: we are no longer the one that may act (R24).
    ClaimLost,
    /// A version that we put is gone or holds something else.
    StagedChanged,
    /// No credential is left that may call the issuer.
    NoActor,
    /// A key came back to life again and again.
    KeepsReviving { key: KeyId },
    /// The same failure again and again; cured by itself when it stops.
    Trouble { class: Class, step: String },
    /// A leak's rotation cannot start; it does by itself once that is mended.
    PreflightRefused { refusal: Refusal },
    /// The rotation that a leak started was rolled back, by abort or twice; the suspect lives on.
    LeakRolledBack,
    /// These consumers have not said in time that they use the new key; both keys live (F14).
    AckMissing { consumers: BTreeSet<ConsumerName> },
}

/// Why a secret may be looked at but not rotated (R31).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum ReadOnlyReason {
    NoValue,
    Malformed,
    PendingPresent,
    CurrentRejected,
    OtherIdentity {
        found: String,
    },
    NamedElsewhere {
        policy: String,
    },
    /// The claim chain shows that another journal rotated it, or is at it (R26).
    Claimed {
        ended: bool,
    },
}

/// Why a request was not followed. Nothing was done.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "refusal", rename_all = "snake_case")]
pub enum Refusal {
    Store {
        problem: StoreProblem,
    },
    NoCurrent,
    CurrentMalformed,
    CurrentChanged,
    CurrentDead,
    ForeignPending,
    TooLarge,
    Misconfigured,
    Rights {
        what: String,
    },
    OtherIdentity {
        found: String,
    },
    NamedElsewhere {
        policy: String,
    },
    /// Another journal's claim heads the chain (R24).
    Claimed {
        ended: bool,
    },
    DrainTooShort {
        needed_ms: i64,
        /// The part of it that is a token's life, by the server's own word.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token_life_ms: Option<i64>,
    },
    /// The policy was on `secret` before, and that one is not forgotten (R28).
    Moved {
        secret: SecretKey,
        keys: BTreeSet<KeyId>,
    },
    /// No policy names the secret any more: nothing new begins (R28).
    Departed,
    ClockSkew,
    Orphans,
    ReadOnly,
    Trouble {
        class: Class,
        step: String,
        /// What the failed call said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        said: Option<String>,
    },
    /// Nothing is open that it could apply to.
    NothingOpen,
    /// Too late: the old key is gone.
    TooLate,
    /// The old key is a suspect or does not work: going back would break consumers.
    OldKeyUnfit,
    /// `adopt --issue` for a policy whose only actor would be the key that is missing.
    NoNamedActor,
    /// `adopt --issue` for a secret that is adopted already.
    AlreadyAdopted,
    /// `--kill-first` would lock us out: no other credential can serve (R18). The report stays.
    KillFirstLocksOut {
        keys: BTreeSet<KeyId>,
    },
    /// A rotation is open: it is finished or aborted before a decommission.
    RotationOpen,
    /// The policy's key is being decommissioned.
    Decommissioning,
    /// The policy is retired.
    Retired,
}

impl ParkReason {
    /// Whether it is lifted without a word once what it is about is over. A failed read, or a
    /// throttled request, may succeed later; another policy may let go of a key; a consumer may say
    /// so late. A request that was refused for good is not sent again until an operator says so (F5).
    #[must_use]
    pub fn cures_itself(&self) -> bool {
        match self {
            Self::Trouble { class: Class::Retryable, .. }
            | Self::NamedElsewhere { .. }
            | Self::ElsewhereUnreadable { .. }
            | Self::AckMissing { .. } => true,
            Self::Trouble { step, .. } => !Effect::NAMES.contains(&step.as_str()),
            _ => false,
        }
    }

    /// A stable code for machines and for `history`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::CurrentChanged => "current_changed",
            Self::CurrentMovedBack => "current_moved_back",
            Self::CurrentDead => "current_dead",
            Self::CurrentOverwritten { .. } => "current_overwritten",
            Self::BothDead => "both_dead",
            Self::CurrentMalformed => "current_malformed",
            Self::ForeignPending => "foreign_pending",
            Self::ProfileDiffers { .. } => "profile_differs",
            Self::TooManyCreates => "too_many_creates",
            Self::TooManyAttempts => "too_many_attempts",
            Self::Orphans => "orphans",
            Self::PinDiffers { .. } => "pin_differs",
            Self::NamedElsewhere { .. } => "named_elsewhere",
            Self::ElsewhereUnreadable { .. } => "elsewhere_unreadable",
            Self::ClaimLost => "claim_lost",
            Self::StagedChanged => "staged_changed",
            Self::NoActor => "no_actor",
            Self::KeepsReviving { .. } => "keeps_reviving",
            Self::Trouble { .. } => "trouble",
            Self::PreflightRefused { .. } => "preflight_refused",
            Self::LeakRolledBack => "leak_rolled_back",
            Self::AckMissing { .. } => "ack_missing",
        }
    }
}
