//! The system that mints and revokes keys.

use async_trait::async_trait;

use super::PortError;
pub use crate::domain::facts::{ListedKey, Listing};
use crate::domain::ids::{Etag, KeyId};
use crate::domain::secret::Credential;

/// A key that was just minted. `secret` is absent when the answer named the key and lost its
/// secret: then nobody holds it, and the key is no credential.
#[derive(Debug)]
pub struct Minted {
    pub key: KeyId,
    pub credential: Option<Credential>,
}

/// What a change left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The key's etag after the change, where the reply carries one.
    pub etag: Option<Etag>,
    /// What the reply says of `enabled`, where it says so.
    pub enabled: Option<bool>,
}

/// Mints, lists, disables, enables, and deletes keys, as the account of `actor`.
///
/// Implementations
/// - MUST send each mutation at most once, and answer [`super::Class::Unknown`] for it unless they
///   are certain that it had no effect (then another class) or saw it succeed;
/// - MUST set [`PortError::answered`] where the API itself took a create in and said no;
/// - MUST bound every call in time and every body in bytes, and MUST NOT follow a redirect;
/// - MUST NOT select a secret except in the answer of `issue`;
/// - MUST NOT put any part of a body or a credential into an error.
#[async_trait]
pub trait Issuer: Send + Sync {
    /// Mints one key (ION: `createApiKey`, which takes no arguments and no idempotency key).
    async fn issue(&self, actor: &Credential) -> Result<Minted, PortError>;

    /// Lists the organisation's keys. `complete` MUST be false unless every page was read (or the
    /// one answer without paging was well formed), without errors, and no key id stood twice with
    /// different facts.
    async fn list(&self, actor: &Credential) -> Result<Listing, PortError>;

    /// Disables a key, reversibly; a stale etag MUST answer `Conflict` where the server says so.
    async fn disable(
        &self,
        actor: &Credential,
        key: &KeyId,
        etag: Option<&Etag>,
    ) -> Result<Changed, PortError>;

    /// Enables a key again, like `disable`.
    async fn enable(
        &self,
        actor: &Credential,
        key: &KeyId,
        etag: Option<&Etag>,
    ) -> Result<Changed, PortError>;

    /// Deletes a key for ever. A key that is not there MUST answer `Conflict`.
    async fn delete(
        &self,
        actor: &Credential,
        key: &KeyId,
        etag: Option<&Etag>,
    ) -> Result<(), PortError>;
}
