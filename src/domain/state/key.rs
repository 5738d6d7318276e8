//! A managed key's life as the journal knows it.

use serde::{Deserialize, Serialize};

use crate::domain::clocks::Moment;
use crate::domain::facts::KeyProof;
use crate::domain::ids::{Etag, KeyId, VersionId};
use crate::domain::secret::Fingerprint;

/// A key that we adopted or minted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ManagedKey {
    /// Absent when nobody holds the secret: then the key is no credential.
    pub fingerprint: Option<Fingerprint>,
    pub origin: Origin,
    pub since: Moment,
    /// A version that holds its credential.
    pub version: Option<VersionId>,
    /// The last moment at which a store may have served it as *current* (R12).
    pub last_served: Option<Moment>,
    pub life: Life,
    /// How often it was found alive after our own disable.
    pub revivals: u32,
    /// Deletes sent since an operator last said to go on.
    pub deletes: u32,
    /// How often the pin of our own disable was found lost since an operator last said to go on.
    pub pins_lost: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    Adopted,
    Minted,
    /// Minted with a lost reply and proven ours (R3).
    Attributed,
    /// A suspect that an operator named with `--key`: disabled, never deleted.
    Foreign,
}

/// How far a key's retirement has got.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Life {
    Live,
    /// Disabled by us, reversibly. `ours`: heal may undo it (R13). `sent` is the etag that the
    /// disable carried, `pin` the one that it left.
    Disabled {
        at: Moment,
        sent: Option<Etag>,
        pin: Option<Etag>,
        pinned: bool,
        ours: bool,
        proven: bool,
    },
    /// `at`: when it was acknowledged as deleted, or seen to be gone.
    Deleted {
        at: Moment,
        proven: bool,
    },
}

impl ManagedKey {
    /// A live key, as it is when it is first taken down.
    #[must_use]
    pub fn new(origin: Origin, since: Moment, fingerprint: Option<Fingerprint>) -> Self {
        Self {
            fingerprint,
            origin,
            since,
            version: None,
            last_served: None,
            life: Life::Live,
            revivals: 0,
            deletes: 0,
            pins_lost: 0,
        }
    }

    #[must_use]
    pub fn proof(&self, key: &KeyId) -> Option<KeyProof> {
        self.fingerprint.map(|fingerprint| KeyProof { key: key.clone(), fingerprint })
    }
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(self.life, Life::Deleted { proven: true, .. })
    }
}

/// How a suspect was last shown to be harmless (R20).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fate {
    /// Exchanges with its secret were rejected beside a live key's success.
    Rejected,
    /// Its secret is not known here, so no exchange could show it: a complete list says so.
    ListedDisabled,
    /// A complete list no longer has it.
    Gone,
}

/// A key reported leaked. The set outlives its report (R16).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Suspect {
    pub reported: Moment,
    /// When its death was proven, or, for a key whose secret nobody here holds, when the list said
    /// that it is disabled.
    pub dead: Option<Moment>,
    /// What that rests on.
    pub fate: Option<Fate>,
    /// Named by `--key` and never managed by us.
    pub foreign: bool,
}

impl Suspect {
    /// Disabled as far as the list tells, which is less than proven dead.
    #[must_use]
    pub fn is_disabled_by_list(&self) -> bool {
        self.dead.is_some() && self.fate == Some(Fate::ListedDisabled)
    }
}
