//! Names for things: every id is a type of its own, so that a version can never be passed
//! where a key is meant. Must never hold a secret.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Why a text is not a usable id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {problem}")]
pub struct BadId {
    what: &'static str,
    problem: &'static str,
}

/// Ids that servers choose are opaque: any printable text of 1 to `MAX_ID_BYTES` bytes.
pub const MAX_ID_BYTES: usize = 512;

fn opaque(what: &'static str, text: &str) -> Result<(), BadId> {
    let problem = if text.is_empty() {
        "is empty"
    } else if text.len() > MAX_ID_BYTES {
        "is longer than 512 bytes"
    } else if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        "holds a control character or white space"
    } else {
        return Ok(());
    };
    Err(BadId { what, problem })
}

macro_rules! opaque_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// # Errors
            /// When the text is empty, longer than [`MAX_ID_BYTES`], or not printable.
            pub fn new(text: impl Into<String>) -> Result<Self, BadId> {
                let text = text.into();
                opaque($what, &text)?;
                Ok(Self(text))
            }
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl TryFrom<String> for $name {
            type Error = BadId;
            fn try_from(text: String) -> Result<Self, BadId> {
                Self::new(text)
            }
        }
        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
    };
}

opaque_id!(
    /// An issued credential's public id (ION: `clientId`). Not assumed to be a UUID.
    KeyId, "key id"
);
opaque_id!(
    /// The issuer's revision of a key (ION: `_etag`).
    Etag, "etag"
);
opaque_id!(
    /// One version of a secret in a store (AWS: `VersionId`, 32 to 64 characters).
    VersionId, "version id"
);
opaque_id!(
    /// Names one secret for ever, whatever its policy is called: kind, place, and id of the store.
    SecretKey, "secret key"
);

macro_rules! short_name {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// # Errors
            /// When the name could not be a file stem, a metric label, and a command-line word
            /// unquoted.
            pub fn new(text: impl Into<String>) -> Result<Self, BadId> {
                let text = text.into();
                short($what, &text)?;
                Ok(Self(text))
            }
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl TryFrom<String> for $name {
            type Error = BadId;
            fn try_from(text: String) -> Result<Self, BadId> {
                Self::new(text)
            }
        }
        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

short_name!(
    /// A policy's name: the stem of its file. 1 to 64 of `a-z A-Z 0-9 . _ -`, first a letter or
    /// digit.
    PolicyName, "policy name"
);
short_name!(
    /// Policies that rotate one after the other. Written as a policy's name is.
    GroupName, "group name"
);
short_name!(
    /// A consumer that says itself that it uses the new key. Written as a policy's name is.
    ConsumerName, "consumer name"
);

fn short(what: &'static str, text: &str) -> Result<(), BadId> {
    let bad = |problem| Err(BadId { what, problem });
    if text.is_empty() || text.len() > 64 {
        return bad("must have 1 to 64 characters");
    }
    if !text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')) {
        return bad("may hold only letters, digits, `.`, `_`, and `-`");
    }
    if !text.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return bad("must begin with a letter or a digit");
    }
    Ok(())
}

/// One run of the state machine; also its trace id. Random (R2).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default,
)]
#[serde(transparent)]
pub struct RotationId(pub Uuid);

impl fmt::Display for RotationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Numbers the mutations of one secret, from 1. Journaled before the request leaves.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default,
)]
#[serde(transparent)]
pub struct OperationId(pub u64);

impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "op{}", self.0)
    }
}

impl VersionId {
    /// A request token that belongs to no rotation: 64 hexadecimal digits of two random uuids.
    #[must_use]
    pub fn random(first: Uuid, second: Uuid) -> Self {
        Self::from_hex_halves(&first.simple().to_string(), &second.simple().to_string())
    }

    /// Joins two hexadecimal digests; such a text is always a valid id.
    pub(crate) fn from_hex_halves(first: &str, second: &str) -> Self {
        Self(format!("{first}{second}"))
    }
}
