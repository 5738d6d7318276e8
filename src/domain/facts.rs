//! What was observed of the outside, as values without secrets. A fact is unread, known, or
//! unclear; the planner never guesses an unread one, it asks for it ([`Read`]).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

mod profile;
mod survey;

pub use profile::{Identity, Profile, Right, Rights};
pub use survey::{Offers, Survey};

use super::claim::Claim;
use super::class::Class;
use super::ids::{Etag, KeyId, RotationId, SecretKey, VersionId};
use super::secret::{Digest, Fingerprint};

/// One thing the planner wants to know.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fact<T> {
    #[default]
    Unread,
    Known(T),
    /// It was asked for and could not be told.
    Unclear(Class),
}

impl<T> Fact<T> {
    #[must_use]
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            _ => None,
        }
    }
}

/// A key by its id and its secret's fingerprint: the unit that is proven, suspected, promoted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct KeyProof {
    pub key: KeyId,
    pub fingerprint: Fingerprint,
}

/// What one version of the secret was seen to hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Holding {
    /// A credential; `rest` digests the object's other fields.
    Key { proof: KeyProof, rest: Digest, size_bytes: usize },
    /// Something else than a credential.
    Malformed,
    /// The store says that there is no such version.
    Absent,
}

impl Holding {
    #[must_use]
    pub fn proof(&self) -> Option<&KeyProof> {
        match self {
            Self::Key { proof, .. } => Some(proof),
            _ => None,
        }
    }
}

/// Something about the store that forbids a rotation (R8, R22).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoreProblem {
    ScheduledForDeletion,
    /// AWS's own rotation is on for this secret.
    NativeRotation,
    ReplicaOutOfSync,
    TooManyVersions,
    /// The head of the claim chain cannot be understood: a newer rekeyd wrote it, or a person.
    ClaimUnreadable,
    /// It can be read, but a new version could not be put in its place (file: owner, permissions).
    Unwritable,
}

/// Labels and health of a secret, as the store described them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StoreView {
    pub current: Option<VersionId>,
    pub pending: Option<VersionId>,
    pub previous: Option<VersionId>,
    pub versions: u32,
    pub problems: BTreeSet<StoreProblem>,
    /// The head of the claim chain, where there is one (R24).
    pub claim: Option<Claim>,
    /// When the *current* version was created (milliseconds since the epoch), where it is told.
    pub current_created_ms: Option<i64>,
}

/// Outcome of one fresh token exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exchange {
    /// It works. `token_life_ms` is the answer's `expires_in`, where it is usable.
    Alive { token_life_ms: Option<i64> },
    /// The server refuses these credentials: wrong secret, disabled, deleted, unknown alike.
    Rejected,
    /// Our settings are wrong (realm, host); proves nothing about the key.
    Misconfigured,
    /// No connection came about, so nothing was sent; proves nothing about the key.
    Unreachable(Unreached),
    /// Nothing can be concluded (5xx, time-out, network, garbage).
    Unknown,
}

/// Why no connection came about, as far as it can be told. For words only: nothing is decided by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unreached {
    Name,
    Refused,
    Tls,
    Timeout,
    Other,
}

impl Unreached {
    /// As the end of "could not be reached: …".
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Name => "its name could not be resolved (DNS)",
            Self::Refused => "the connection was refused",
            Self::Tls => "no TLS session could be agreed on, or its certificate is not trusted",
            Self::Timeout => "no connection came about in time",
            Self::Other => "no connection came about",
        }
    }
}

impl Exchange {
    #[must_use]
    pub fn is_alive(self) -> bool {
        matches!(self, Self::Alive { .. })
    }
}

/// One key as the issuer lists it. Fields that the documented API does not promise are optional.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ListedKey {
    pub key: KeyId,
    pub etag: Option<Etag>,
    pub enabled: Option<bool>,
    pub created_ms: Option<i64>,
    /// The creator's user id or e-mail address.
    pub created_by: Option<String>,
}

/// The organisation's keys.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Listing {
    pub keys: Vec<ListedKey>,
    /// Every page was read, well formed, without errors, no id twice with different facts.
    pub complete: bool,
}

/// How far a key was shown to be dead (R20).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Death {
    /// Every exchange in the interval was rejected, each followed by a live key's success.
    Proven,
    /// The key authenticated.
    Alive,
    /// Rejected, but no live key vouched for the endpoint in the same interval.
    NoControl,
    /// The dying key's secret can no longer be read anywhere.
    NoSecret,
}

/// Something to read before the next decision.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Read {
    /// Labels and health of the secret.
    Store,
    /// What one version holds.
    Version(VersionId),
    /// A fresh exchange with a credential that the store or the engine's memory holds.
    Exchange(KeyProof),
    /// A fresh exchange with the policy's named actor.
    NamedActor,
    /// Identity and rights of the policy's named actor; nothing is changed.
    NamedProfile,
    /// Identity, canaries, and rights of a credential.
    Profile(KeyProof),
    /// The organisation's keys, called as `actor`.
    Keys { actor: Actor },
    /// The proof of death of `dying`, with `control` as the live key beside it.
    Death { dying: KeyProof, control: KeyProof },
    /// Free space for the journal.
    JournalRoom,
    /// What other secrets name, by their last journaled observations (R22).
    Elsewhere,
}

/// Who calls the issuer (R17).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// The credential that the policy names for it.
    Named,
    /// A credential of the rotation, by the version that holds it or from memory.
    Key(KeyProof),
}

/// Everything observed since the last effect. Emptied by every effect.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Observed {
    pub store: Fact<StoreView>,
    pub versions: BTreeMap<VersionId, Fact<Holding>>,
    pub exchanges: BTreeMap<KeyProof, Fact<Exchange>>,
    pub named_actor: Fact<Exchange>,
    /// The key that the named actor is, once it was read.
    pub named_key: Option<KeyId>,
    /// The same key with its secret's fingerprint, as the live key beside a dying one.
    pub named_proof: Option<KeyProof>,
    pub named_profile: Fact<Profile>,
    pub profiles: BTreeMap<KeyProof, Fact<Profile>>,
    pub keys: Fact<KeyIndex>,
    pub deaths: BTreeMap<KeyProof, Fact<Death>>,
    /// Whether the journal can surely take a create's outcome (R4).
    pub journal_room: Fact<bool>,
    /// The credential between *issue* and *stage*, if this process still holds it. Always known.
    pub in_memory: Option<KeyProof>,
    pub elsewhere: Fact<Elsewhere>,
    /// The id that a rotation would get if one started now; fresh at every look.
    pub next_rotation: RotationId,
}

impl Observed {
    #[must_use]
    pub fn version(&self, id: &VersionId) -> &Fact<Holding> {
        self.versions.get(id).unwrap_or(&Fact::Unread)
    }
    #[must_use]
    pub fn exchange(&self, proof: &KeyProof) -> &Fact<Exchange> {
        self.exchanges.get(proof).unwrap_or(&Fact::Unread)
    }
    #[must_use]
    pub fn profile(&self, proof: &KeyProof) -> &Fact<Profile> {
        self.profiles.get(proof).unwrap_or(&Fact::Unread)
    }
    #[must_use]
    pub fn death(&self, proof: &KeyProof) -> &Fact<Death> {
        self.deaths.get(proof).unwrap_or(&Fact::Unread)
    }
}

/// Which keys other secrets name, by each one's last journaled observation (R22).
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Elsewhere {
    pub keys: BTreeMap<KeyId, Neighbour>,
    /// Secrets whose journal does not replay, or whose store cannot be read: what they name cannot
    /// be told.
    pub unreadable: BTreeSet<String>,
    pub place: Place,
    /// The other policies of this one's group, by their journals.
    pub fellows: Vec<Fellow>,
}

/// Another policy of the same group (F19). Times are milliseconds since the epoch, by the wall clock.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fellow {
    pub policy: String,
    /// A rotation of it is open.
    pub is_open: bool,
    /// When it took its claim for a start that is not made yet.
    pub claimed_ms: Option<i64>,
    /// When its last rotation ended, or its open one promoted.
    pub last_ms: Option<i64>,
}

/// Whether this secret is the one that its policy was always on (R28).
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub enum Place {
    #[default]
    Same,
    /// The policy's name was last on `secret`, which names `keys` and is not forgotten.
    Moved { secret: SecretKey, keys: BTreeSet<KeyId> },
    /// No policy names this secret any more: what is open ends, and nothing begins.
    Departed,
}

/// Another policy whose secret names a key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Neighbour {
    pub policy: String,
    /// It rotates that key too; otherwise it only looks at its secret.
    pub adopted: bool,
    /// Its secret, where no policy names that any more (R28).
    pub departed: Option<SecretKey>,
}

/// The issuer's list, by key id. Only a complete list may be asked what is *not* in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct KeyIndex {
    pub keys: BTreeMap<KeyId, ListedKey>,
    pub complete: bool,
}
