//! All that the journal knows of one secret, and how events change it.
//!
//! ```text
//! Claimed → Issued → Staged → Verified → Promoted → Drained → Disabled → Soaked → Deleted → Complete
//!    ↑________|________|__________|          |___________|__________|________|
//!     abandoned (secret lost, suspect)        Reverting (current dead, abort)
//!                                                 ↓
//!                               RollingBack (new key removed) → RolledBack
//! ```
//!
//! `apply` is the only way to change a state; an event that does not fit is rejected, so a journal
//! that we did not write cannot be replayed into nonsense. Holds no secret and reads no clock.

mod apply;
mod decommission;
mod effect;
mod event;
mod evidence;
mod first;
mod key;
mod orphan;
mod put_back;
mod reason;
mod request;
mod rotation;
mod withheld;

use std::collections::{BTreeMap, BTreeSet};

pub use apply::{IllegalTransition, apply};
pub use decommission::{Decommission, Retired};
pub use effect::{Effect, Outcome, Question, Source};
pub use event::Event;
pub use evidence::{Baseline, Evidence};
pub use first::FirstKey;
pub use key::{Fate, Life, ManagedKey, Origin, Suspect};
pub use orphan::{Orphan, OrphanKind, Progress, Ruled, Ruling, RulingStop};
pub use put_back::PutBack;
pub use reason::{ParkReason, ReadOnlyReason, Refusal};
pub use request::{Request, RequestKind, Requester};
pub use rotation::{
    Ending, Held, NewKey, Phase, RefusedCreate, Rotation, StagedVersion, Trigger, first_token,
};

pub use withheld::Withheld;

use super::claim::{Claim, Generation};
use super::class::Class;
use super::clocks::{Moment, Timekeeper};
use super::facts::KeyProof;
use super::ids::{KeyId, OperationId, PolicyName, RotationId, VersionId};
use super::policy::KeptPolicy;
use super::secret::Digest;

/// The fold of one secret's events.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct State {
    pub time: Timekeeper,
    /// The policy that last acted on this secret.
    pub policy: Option<PolicyName>,
    /// The policy as it was at the last adoption or start (R28).
    pub kept: Option<KeptPolicy>,
    /// An operator's word: not ours to look after, until a policy looks at it again.
    pub forgotten: bool,
    /// The schedule that was last seen.
    pub scheduled: Option<Scheduled>,
    pub adoption: Adoption,
    /// The key that *current* named when it was last looked at, while not adopted.
    pub seen_key: Option<KeyId>,
    /// The claim that we hold (R24).
    pub claim: Option<Claim>,
    /// When it was taken, by the wall clock.
    pub claimed_ms: Option<i64>,
    /// The newest entry of the claim chain that we wrote, or were told to follow.
    pub chain: Generation,
    /// Keys that an operator said are this policy's, whoever else names them; true: also to be
    /// retired here (R22).
    pub owned: BTreeMap<KeyId, bool>,
    /// The credential last completed, rolled back to, or adopted.
    pub settled: Option<Settled>,
    /// A first key that is being made for a secret without one (R31).
    pub first: Option<FirstKey>,
    /// The create of a first key that was refused and not compared yet (R3).
    pub first_refused: Option<RefusedCreate>,
    pub baseline: Option<Baseline>,
    /// Every key that we adopted or minted and that is not proven gone.
    pub keys: BTreeMap<KeyId, ManagedKey>,
    /// Keys of the last clean list, whoever made them.
    pub known: BTreeSet<KeyId>,
    /// Live keys that we may have minted, or that appeared around a leak, with what a person ruled.
    pub orphans: BTreeMap<KeyId, Orphan>,
    pub suspects: BTreeMap<KeyId, Suspect>,
    pub rotation: Option<Rotation>,
    pub decommission: Option<Decommission>,
    /// The settled credential on its way back to *current*, with no rotation open (R13).
    pub put_back: Option<PutBack>,
    /// When it last went back, at most three times, the oldest first: whoever writes a value that
    /// does not work again and again is not answered for ever.
    pub put_backs: Vec<Moment>,
    /// The version that our last acknowledged move of *current* left, in the last rotation or since:
    /// reads may lag behind it (R13).
    pub moved: Option<(VersionId, Moment)>,
    pub questions: BTreeMap<OperationId, Question>,
    /// When each request was sent that was never answered, whatever was seen since (R1).
    pub unanswered: BTreeSet<UnansweredSince>,
    pub next_operation: OperationId,
    pub requests: Requests,
    pub parked: Option<Park>,
    /// What the next step of the policy's own pace waits for.
    pub withheld: Option<Withheld>,
    pub trouble: Option<Trouble>,
    pub etags: Etags,
    pub last: Option<LastRotation>,
    /// What the last request that was refused was refused for.
    pub refused: Option<(RequestKind, Refusal)>,
}

/// A policy's schedule, by digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scheduled {
    pub digest: Digest,
    /// When it took another one's place, by the wall clock.
    pub changed_ms: Option<i64>,
}

/// Whether we may rotate this secret (R31).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Adoption {
    #[default]
    Unadopted,
    ReadOnly(ReadOnlyReason),
    Adopted,
    /// Decommissioned: never rotates and never heals, until somebody adopts it again (R30).
    Retired(Retired),
}

/// Whether the issuer refuses a change that carries another etag than the key's (R21).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Etags {
    #[default]
    Unknown,
    /// A change with another etag was refused: a stale request can no longer land.
    Enforced,
    /// A change with another etag was taken: only disable and soak protect a delete.
    Ignored,
}

/// The credential that *current* is expected to hold while no rotation is open.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Settled {
    pub held: Held,
    pub since: Moment,
    /// The key's creation as the store dates it, for the key's age after an adoption.
    pub created_ms: Option<i64>,
}

/// A moment by its wall clock and all, ordered so that a set can hold it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UnansweredSince(pub OperationId, pub Moment);

impl PartialOrd for UnansweredSince {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for UnansweredSince {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

/// Open wishes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Requests {
    pub rotate: Option<Trigger>,
    pub abort: bool,
    pub resume: bool,
    pub adopt: bool,
    /// True: the store's value is to be replaced as well.
    pub decommission: Option<bool>,
    pub leak: Option<Leak>,
}

/// An open leak report.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Leak {
    pub reported: Moment,
    pub kill_first: bool,
    pub grace_ms: i64,
    pub since_ms: Option<i64>,
    pub suspects: BTreeSet<KeyId>,
    /// Rotations of this report that were rolled back; an abort counts double.
    pub rolled_back: u32,
    /// The account's list was compared after the last suspect died.
    pub compared: bool,
}

/// Parked: a reason beside the state.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Park {
    pub reason: ParkReason,
    pub since: Moment,
}

/// A failure that repeats.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Trouble {
    pub class: Class,
    pub step: String,
    /// What the last failed call said.
    pub said: Option<String>,
    /// Failures in a row, of whatever step.
    pub count: u32,
    /// Failures in a row of this very step.
    pub in_a_row: u32,
    pub since: Moment,
}

/// How the last rotation went.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LastRotation {
    pub id: RotationId,
    pub ending: Ending,
    pub started: Moment,
    pub ended: Moment,
    pub because: Option<String>,
}

impl State {
    #[must_use]
    pub fn is_suspect(&self, key: &KeyId) -> bool {
        self.suspects.contains_key(key)
    }

    /// Whether a key was known before: then no create of now can have minted it.
    #[must_use]
    pub fn has_met(&self, key: &KeyId) -> bool {
        self.keys.contains_key(key)
            || self.orphans.contains_key(key)
            || self.known.contains(key)
            // Whoever made it: its report accounts for it.
            || self.is_suspect(key)
    }

    /// Suspects whose death is not proven.
    pub fn suspects_alive(&self) -> impl Iterator<Item = &KeyId> {
        self.suspects.iter().filter(|(_, s)| s.dead.is_none()).map(|(key, _)| key)
    }

    /// Orphans that await a ruling.
    pub fn orphans_unruled(&self) -> impl Iterator<Item = (&KeyId, &Orphan)> {
        self.orphans.iter().filter(|(_, orphan)| orphan.ruled.is_none())
    }

    /// Rulings that the loop still has to carry out.
    pub fn rulings_open(&self) -> impl Iterator<Item = &KeyId> {
        let open = |orphan: &Orphan| matches!(orphan.undone(), Some((_, Progress::Open)));
        self.orphans.iter().filter(move |(_, orphan)| open(orphan)).map(|(key, _)| key)
    }

    /// Whether a person ruled that this orphan must not live.
    #[must_use]
    pub fn is_sentenced(&self, key: &KeyId) -> bool {
        self.orphans.get(key).is_some_and(|orphan| orphan.sentence().is_some())
    }

    /// Open creates.
    #[must_use]
    pub fn open_creates(&self) -> usize {
        self.questions.values().filter(|q| matches!(q.effect, Effect::Issue { .. })).count()
    }

    /// Whether an open question touches this key; a label move touches the keys of both versions.
    #[must_use]
    pub fn touched(&self, key: &KeyId) -> bool {
        self.questions.values().any(|question| match &question.effect {
            Effect::Issue { .. } => false,
            Effect::Promote { from, to } => [from, to].iter().any(|version| {
                match self.key_of(version) {
                    Some(named) => named == key,
                    // A person edited it: it holds either key of the rotation.
                    None => self.rotation.as_ref().is_some_and(|r| r.names(key)),
                }
            }),
            effect => effect.key() == Some(key),
        })
    }

    /// Labels taken off under the open rotation or put-back; without one nothing is taken off.
    #[must_use]
    pub fn label_moves(&self) -> Option<u32> {
        let open = self.put_back.as_ref().map(|open| open.label_moves);
        self.rotation.as_ref().map(|r| r.label_moves).or(open)
    }

    /// The version that our last acknowledged label removal was about, and when.
    #[must_use]
    pub fn unlabelled(&self) -> Option<&(VersionId, Moment)> {
        let open = self.put_back.as_ref().and_then(|open| open.unlabelled.as_ref());
        self.rotation.as_ref().and_then(|r| r.unlabelled.as_ref()).or(open)
    }

    /// Whether a rotation, a decommission, or a put-back is open.
    #[must_use]
    pub fn is_at_work(&self) -> bool {
        self.rotation.is_some() || self.decommission.is_some() || self.put_back.is_some()
    }

    /// The key that a version of ours holds.
    fn key_of(&self, version: &VersionId) -> Option<&KeyId> {
        let rotation = self.rotation.as_ref();
        let staged = rotation.and_then(|r| r.staged.iter().find(|s| s.version == *version));
        let old = rotation.map(|r| &r.old).filter(|old| old.version == *version);
        let held = |(_, key): &(&KeyId, &ManagedKey)| key.version.as_ref() == Some(version);
        staged
            .map(|staged| &staged.proof.key)
            .or(old.map(|old| &old.proof.key))
            .or_else(|| self.keys.iter().find(held).map(|(id, _)| id))
    }

    /// The proof of a managed key whose secret is held somewhere.
    #[must_use]
    pub fn proof_of(&self, key: &KeyId) -> Option<KeyProof> {
        self.keys.get(key)?.proof(key)
    }
}
