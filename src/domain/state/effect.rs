//! The mutations that the protocol knows, and what became of one.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::domain::claim::Claim;
use crate::domain::class::Class;
use crate::domain::clocks::Moment;
use crate::domain::facts::{Actor, KeyProof};
use crate::domain::ids::{Etag, KeyId, VersionId};

/// One mutation of the outside. Journaled as an intent before it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Effect {
    /// Append an entry to the claim chain: a claim, or its end (R24).
    Claim { entry: Claim },
    /// Mint a key. `snapshot` is every key id of the complete list read just before (R3).
    Issue { actor: Actor, snapshot: BTreeSet<KeyId> },
    /// Put version `token` as *pending*: the content of `base` with the credential of `proof`.
    Stage { token: VersionId, base: VersionId, proof: KeyProof, source: Source },
    /// Move *current* (compare-and-swap).
    Promote { from: VersionId, to: VersionId },
    /// Take *pending* off a version.
    Unstage { version: VersionId },
    /// Take *previous* off a version.
    DropPrevious { version: VersionId },
    /// Disable a key. `was_enabled`: the guard of this very step saw it enabled (R13).
    Disable { actor: Actor, key: KeyId, etag: Option<Etag>, was_enabled: bool },
    /// A no-op update of the new key before anybody uses it, with an etag that is not its own:
    /// the answer tells whether etags are enforced (R21).
    ProbeEtag { actor: Actor, key: KeyId, etag: Etag },
    /// Undo our own disable.
    Enable { actor: Actor, key: KeyId, etag: Option<Etag> },
    /// Write a credential that an operator gave as *current* (R31).
    Install { token: VersionId, proof: KeyProof, replaces: Option<VersionId> },
    /// Delete a key by the pin that our own disable left.
    Delete { actor: Actor, key: KeyId, etag: Option<Etag> },
    /// Put a version that holds `{}` and move *current* to it: the end of a decommission (R30).
    Clear { token: VersionId, replaces: VersionId },
}

/// Where the credential of a put comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// This process minted it and still holds it.
    Memory,
    /// A version of the same secret holds it.
    Version(VersionId),
}

impl Effect {
    /// The names of all effects.
    pub const NAMES: [&'static str; 13] = [
        "claim",
        "release",
        "issue",
        "stage",
        "promote",
        "unstage",
        "drop_previous",
        "disable",
        "probe_etag",
        "enable",
        "delete",
        "install",
        "clear",
    ];

    /// The step's name in logs, spans, and messages.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Claim { entry } if entry.ended => "release",
            Self::Claim { .. } => "claim",
            Self::Issue { .. } => "issue",
            Self::Stage { .. } => "stage",
            Self::Promote { .. } => "promote",
            Self::Unstage { .. } => "unstage",
            Self::DropPrevious { .. } => "drop_previous",
            Self::Disable { .. } => "disable",
            Self::ProbeEtag { .. } => "probe_etag",
            Self::Enable { .. } => "enable",
            Self::Delete { .. } => "delete",
            Self::Install { .. } => "install",
            Self::Clear { .. } => "clear",
        }
    }

    /// The key that a change of the issuer is about.
    #[must_use]
    pub fn key(&self) -> Option<&KeyId> {
        match self {
            Self::Disable { key, .. }
            | Self::ProbeEtag { key, .. }
            | Self::Enable { key, .. }
            | Self::Delete { key, .. } => Some(key),
            Self::Stage { proof, .. } | Self::Install { proof, .. } => Some(&proof.key),
            _ => None,
        }
    }
}

/// What became of a mutation.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// A key was minted; without a proof nobody holds its secret.
    Minted { key: KeyId, proof: Option<KeyProof> },
    /// A create whose reply was lost, and exactly one key that can only be ours (R3).
    Attributed { key: KeyId },
    /// A create whose reply was lost, and keys that may be ours.
    PossiblyMinted { keys: BTreeSet<KeyId> },
    /// It took effect; `etag` is what the reply carried or the list showed, `ours` as R13 says.
    Done { etag: Option<Etag>, ours: bool },
    /// The key is not in a complete list (any more).
    Gone,
    /// The issuer refused an etag that is not the key's (R21).
    EtagRefused,
    /// A label move whose effect cannot be told: somebody moved it again.
    Overtaken,
    /// Certainly no effect.
    NoEffect { class: Class },
    /// A create that the issuer answered with a no. A server may say so and have made the key: it is
    /// not believed before a list has shown nothing (R3).
    Refused { class: Class },
}

/// A mutation whose outcome is not known (R1).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Question {
    pub effect: Effect,
    pub asked: Moment,
    /// Its effect was seen before quiesce.
    pub seen: bool,
}
