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
    Deleted {
        proven: bool,
    },
}

impl ManagedKey {
    #[must_use]
    pub fn proof(&self, key: &KeyId) -> Option<KeyProof> {
        self.fingerprint.map(|fingerprint| KeyProof { key: key.clone(), fingerprint })
    }
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(self.life, Life::Deleted { proven: true })
    }
}

/// A key reported leaked. The set outlives its report (R16).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Suspect {
    pub reported: Moment,
    /// When its death was proven.
    pub dead: Option<Moment>,
    /// Named by `--key` and never managed by us.
    pub foreign: bool,
}
