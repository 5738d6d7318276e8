//! Credentials in memory, and the digests that stand for them everywhere else.
//! Nothing here can be printed, serialised, or compared byte by byte from outside.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::ids::KeyId;

/// A client id with its secret. Lives in memory between *issue* and *stage*, and while the store
/// is read; never anywhere else.
#[derive(Clone)]
pub struct Credential {
    key: KeyId,
    secret: SecretString,
}

impl Credential {
    #[must_use]
    pub fn new(key: KeyId, secret: SecretString) -> Self {
        Self { key, secret }
    }
    #[must_use]
    pub fn key(&self) -> &KeyId {
        &self.key
    }
    /// The secret itself, for the two places that must send it: the token exchange and the store.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.secret.expose_secret()
    }
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(digest128("rekeyd/fingerprint/1", &[self.key.as_str(), self.expose()]))
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential({}, [redacted])", self.key)
    }
}

/// Domain-separated digest of a key id and its secret: tells two secrets of one key apart
/// without holding either. 128 bits, journaled, never shown to a person.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint([u8; 16]);

impl Fingerprint {
    /// For tests and models, which have no secrets to digest.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprint")
    }
}

/// Digest of something that must only be compared: a secret's other fields, a canary's answer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 16]);

impl Digest {
    /// `domain` keeps digests of different things apart.
    #[must_use]
    pub fn of(domain: &str, text: &str) -> Self {
        Self(digest128(domain, &[text]))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest")
    }
}

macro_rules! hex_text {
    ($name:ident) => {
        impl TryFrom<String> for $name {
            type Error = &'static str;
            fn try_from(text: String) -> Result<Self, Self::Error> {
                let mut bytes = [0; 16];
                hex::decode_to_slice(&text, &mut bytes).map_err(|_| "not 32 hexadecimal digits")?;
                Ok(Self(bytes))
            }
        }
        impl From<$name> for String {
            fn from(digest: $name) -> String {
                hex::encode(digest.0)
            }
        }
    };
}
hex_text!(Fingerprint);
hex_text!(Digest);

/// Lengths are hashed with the parts, so that no two lists of parts collide by concatenation.
fn digest128(domain: &str, parts: &[&str]) -> [u8; 16] {
    let mut hash = Sha256::new();
    for part in std::iter::once(&domain).chain(parts) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let full = hash.finalize();
    let mut half = [0; 16];
    half.iter_mut().zip(full.iter()).for_each(|(to, from)| *to = *from);
    half
}
