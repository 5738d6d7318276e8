//! What the journal records. Holds no secret.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::effect::{Effect, Outcome};
use super::evidence::{Baseline, Evidence};
use super::orphan::{Ruling, RulingStop};
use super::reason::{ParkReason, ReadOnlyReason, Refusal};
use super::request::{Request, RequestKind, Requester};
use super::rotation::{Ending, Held, Phase, Trigger};
use super::withheld::Withheld;
use crate::domain::claim::Generation;
use crate::domain::class::Class;
use crate::domain::ids::{ConsumerName, Etag, KeyId, OperationId, PolicyName, RotationId};
use crate::domain::policy::KeptPolicy;
use crate::domain::secret::Digest;

/// One fact of a secret's history.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// This key is ours to rotate from now on (R31).
    Adopted {
        policy: PolicyName,
        held: Held,
        /// The version's creation by the store's clock, where it is told: the key's age.
        created_ms: Option<i64>,
        baseline: Baseline,
        unmanaged: BTreeSet<KeyId>,
        by_operator: bool,
        /// The head of the claim chain that was seen; whoever wrote it, we follow it (R24).
        #[serde(default)]
        chain: Generation,
        /// The policy as it was (R28).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kept: Option<KeptPolicy>,
        /// Its schedule, by digest.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        schedule: Option<Digest>,
    },
    /// The policy's schedule is seen for the first time, or is another one now.
    Scheduled {
        /// Of when a key is due, and of the time zone.
        schedule: Digest,
    },
    /// A policy of another name is on this secret now; its history goes on (R28).
    Renamed {
        policy: PolicyName,
    },
    /// An operator's word that a secret which no policy names any more is not ours to look after.
    Forgotten {
        by: Requester,
    },
    /// First contact, or a chain ahead of us, forbids to act until an operator rules.
    ReadOnly {
        policy: PolicyName,
        reason: ReadOnlyReason,
        /// The key that *current* named, where it named one: no other policy may retire it (R22).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        names: Option<KeyId>,
    },
    /// An operator's word: the key is this policy's although `elsewhere`, a policy or a secret,
    /// names it or may (R22). `retire`: and it may be retired here all the same.
    Owned {
        key: KeyId,
        elsewhere: String,
        retire: bool,
    },
    /// Somebody, or the schedule, asked for something.
    Requested {
        request: Request,
        by: Requester,
    },
    /// An operator's word to follow a claim that somebody else wrote (R24, R26).
    Followed {
        chain: Generation,
    },
    /// A request was weighed; `refused` says why it was not followed.
    Answered {
        request: RequestKind,
        refused: Option<Refusal>,
    },
    /// Preflight passed: a rotation is open, in phase *claimed*.
    Started {
        rotation: RotationId,
        trigger: Trigger,
        old: Held,
        token_life_ms: Option<i64>,
        /// The policy that this rotation ends by, whatever becomes of its file (R28).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kept: Option<KeptPolicy>,
    },
    /// A phase was reached.
    Entered {
        phase: Phase,
        because: Option<String>,
    },
    /// The new key will not be promoted: it goes the way of every retired key.
    Abandoned {
        key: KeyId,
        because: String,
    },
    /// *Current* has the same credential on another version: stage again on it (R6).
    Rebased,
    /// A mutation is about to be sent.
    Intended {
        operation: OperationId,
        effect: Effect,
    },
    /// The effect of an open question was seen before quiesce.
    Seen {
        operation: OperationId,
    },
    /// What became of a mutation.
    Settled {
        operation: OperationId,
        outcome: Outcome,
    },
    /// The list read directly after our disable shows this etag (R21).
    Pinned {
        key: KeyId,
        etag: Option<Etag>,
    },
    /// The pin is lost: pin again, and soak again.
    PinLost {
        key: KeyId,
    },
    /// A key's death, or its absence, is proven beside a positive control (R20).
    Proven {
        key: KeyId,
        evidence: Evidence,
    },
    /// A key that we disabled or that was proven dead was seen alive.
    Revived {
        key: KeyId,
    },
    /// *Current* was seen to name this key where another was expected, or the expected one again:
    /// drains start anew.
    Served {
        key: KeyId,
    },
    /// The new key's exchange was rejected; propagation may be slow (bounded).
    VerifyFailed,
    /// The account's keys that nobody has ruled on.
    Strangers {
        keys: BTreeSet<KeyId>,
    },
    /// Keys that showed up only after a create without an answer had been given up.
    Unexplained {
        keys: BTreeSet<KeyId>,
    },
    /// A complete list was compared with what was there before creates that were refused: these keys
    /// appeared since, and may be ours (R3).
    RefusedCompared {
        keys: BTreeSet<KeyId>,
        /// Reads no longer lag behind any of them: what has not shown by now was not made.
        over: bool,
    },
    /// A create named this key, and no complete list ever had it, nor did its secret ever work: what
    /// that create made is not known. `control` is in the list that lacks it.
    NeverListed {
        key: KeyId,
        control: KeyId,
    },
    /// A person ruled that a key may live.
    Kept {
        key: KeyId,
        by: Requester,
    },
    /// A person ruled that an orphan must not live, or changed that word.
    Ruled {
        key: KeyId,
        ruling: Ruling,
        by: Requester,
        /// The policy whose engine has carried it out already: one key may stand on the records of
        /// several secrets of one account.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        carried_out_by: Option<String>,
    },
    /// A ruling could not be carried out.
    RulingStopped {
        key: KeyId,
        why: RulingStop,
    },
    /// A complete list no longer has these orphans: there is nothing left to rule on.
    OrphansGone {
        keys: BTreeSet<KeyId>,
    },
    /// What the outside shows of the account, to compare the next key with (R23).
    BaselineTaken {
        baseline: Baseline,
    },
    Parked {
        reason: ParkReason,
    },
    Unparked {
        by_operator: bool,
    },
    /// A consumer uses the new key of this rotation (F14).
    Acked {
        rotation: RotationId,
        consumer: ConsumerName,
        by: Requester,
    },
    /// A start, the promote, or the disable of the old key waits, by the policy's word.
    Withheld {
        why: Withheld,
    },
    /// A step could not be decided or sent.
    Troubled {
        class: Class,
        step: String,
        /// What the failed call said, fit for a person: a host and a status, never a body.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        said: Option<String>,
    },
    /// Time passed under observation (R19).
    Checkpoint,
    /// The rotation is over. `keys` is the last clean list.
    Ended {
        ending: Ending,
        keys: BTreeSet<KeyId>,
    },
    /// With no rotation open, *current* names `rejected`, which does not work; the settled
    /// credential goes back (R13). `id` is drawn at random, for the request tokens.
    PutBackBegun {
        id: RotationId,
        held: Held,
        rejected: KeyId,
    },
    /// *Current* works again, or nothing is left that could go back.
    PutBackEnded,
    /// Every suspect of the open report is proven dead.
    LeakClosed,
    /// *Current*'s key is on its way out, with nothing that replaces it (R30). A second one may add
    /// that the store's value goes too.
    DecommissionBegun {
        held: Held,
        clear_store: bool,
        token_life_ms: Option<i64>,
    },
    /// An operator took the decommission back; the key lives.
    DecommissionWithdrawn,
    /// The decommissioned key is deleted: nothing is done for this secret any more.
    Retired,
}

impl Event {
    /// The event's name as the journal has it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Adopted { .. } => "adopted",
            Self::Scheduled { .. } => "scheduled",
            Self::Renamed { .. } => "renamed",
            Self::Forgotten { .. } => "forgotten",
            Self::ReadOnly { .. } => "read_only",
            Self::Owned { .. } => "owned",
            Self::Requested { .. } => "requested",
            Self::Followed { .. } => "followed",
            Self::Answered { .. } => "answered",
            Self::Started { .. } => "started",
            Self::Entered { .. } => "entered",
            Self::Abandoned { .. } => "abandoned",
            Self::Rebased => "rebased",
            Self::Intended { .. } => "intended",
            Self::Seen { .. } => "seen",
            Self::Settled { .. } => "settled",
            Self::Pinned { .. } => "pinned",
            Self::PinLost { .. } => "pin_lost",
            Self::Proven { .. } => "proven",
            Self::Revived { .. } => "revived",
            Self::Served { .. } => "served",
            Self::VerifyFailed => "verify_failed",
            Self::Strangers { .. } => "strangers",
            Self::Unexplained { .. } => "unexplained",
            Self::RefusedCompared { .. } => "refused_compared",
            Self::NeverListed { .. } => "never_listed",
            Self::Kept { .. } => "kept",
            Self::Ruled { .. } => "ruled",
            Self::RulingStopped { .. } => "ruling_stopped",
            Self::OrphansGone { .. } => "orphans_gone",
            Self::BaselineTaken { .. } => "baseline_taken",
            Self::Parked { .. } => "parked",
            Self::Unparked { .. } => "unparked",
            Self::Acked { .. } => "acked",
            Self::Withheld { .. } => "withheld",
            Self::Troubled { .. } => "troubled",
            Self::Checkpoint => "checkpoint",
            Self::Ended { .. } => "ended",
            Self::PutBackBegun { .. } => "put_back_begun",
            Self::PutBackEnded => "put_back_ended",
            Self::LeakClosed => "leak_closed",
            Self::DecommissionBegun { .. } => "decommission_begun",
            Self::DecommissionWithdrawn => "decommission_withdrawn",
            Self::Retired => "retired",
        }
    }
}
