//! Proof that a credential works, and as whom.

use async_trait::async_trait;

use super::PortError;
pub use crate::domain::facts::{Exchange, Identity, Rights, Survey};
use crate::domain::secret::{Credential, Digest};

/// One an issuer.
///
/// Implementations MUST answer `authenticate` from a fresh exchange, never from a cache, and MUST
/// send nothing that changes anything.
#[async_trait]
pub trait Verifier: Send + Sync {
    /// One fresh client-credentials token exchange. `Rejected` only where the server says that
    /// *these credentials* are refused: a 403, 404, 5xx, or silence proves nothing about a key.
    async fn authenticate(&self, credential: &Credential) -> Exchange;

    /// Where exchanges are made, for messages: a host name at most, never a credential or a path.
    fn place(&self) -> String {
        "the auth server".to_owned()
    }

    /// As whom the key acts (ION: `currentUser`). `None` when the server knows no such query.
    async fn identity(&self, credential: &Credential) -> Result<Option<Identity>, PortError>;

    /// Runs one read-only query and digests its `data`, canonically ordered.
    async fn canary(&self, credential: &Credential, query: &str) -> Result<Digest, PortError>;

    /// Whether the key may list, update, and delete keys; probed with an id that does not exist.
    async fn rights(&self, credential: &Credential) -> Result<Rights, PortError>;

    /// What the issuer's API offers, where it lets itself be asked.
    async fn survey(&self, _credential: &Credential) -> Result<Survey, PortError> {
        Ok(Survey::Untold)
    }

    /// Where the other calls go, for messages: a host name at most.
    fn api_place(&self) -> String {
        "the issuer's API".to_owned()
    }
}
