//! Where consumers read the secret.

use async_trait::async_trait;

use super::PortError;
use crate::domain::claim::Claim;
pub use crate::domain::facts::{StoreProblem, StoreView};
use crate::domain::ids::VersionId;
use crate::domain::secret::{Credential, Digest};

/// Which version to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    Pending,
    Current,
    Previous,
    Version(VersionId),
}

/// One version as it was read.
#[derive(Debug, Clone)]
pub struct Stored {
    pub version: VersionId,
    pub content: Content,
    pub size_bytes: usize,
}

/// What a version holds.
#[derive(Debug, Clone)]
pub enum Content {
    /// A JSON object with both credential fields; `rest` digests the object without them.
    Credential { credential: Credential, rest: Digest },
    /// No JSON object, or one without usable credential fields. The text says which, never what.
    Malformed(&'static str),
}

/// One secret, its versions, and the labels *pending*, *current*, *previous* on them.
///
/// Implementations
/// - MUST make `stage` create-once: the same token with the same content succeeds again, with
///   other content it answers `Conflict` and changes nothing;
/// - MUST make `promote` a compare-and-swap on *current*: `Conflict` unless it is on `from`;
/// - MUST keep every field of the object that is not a credential field, byte for byte in meaning;
/// - MUST send a label move at most once, and answer `Unknown` where its reply was lost;
/// - MUST answer `Ok(None)` from `read` only where the store says that there is no such version.
#[async_trait]
pub trait SecretStore: Send + Sync {
    /// Where the secret is, for messages: never a part of its content.
    fn place(&self) -> String {
        "the secret".to_owned()
    }

    /// Labels and health.
    async fn describe(&self) -> Result<StoreView, PortError>;

    /// Reads one version with its content.
    async fn read(&self, which: &Which) -> Result<Option<Stored>, PortError>;

    /// Creates version `token` with label *pending*: the content of `base` with the credential
    /// fields replaced. With `base` absent the object holds the credential fields alone.
    async fn stage(
        &self,
        token: &VersionId,
        base: Option<&VersionId>,
        credential: &Credential,
    ) -> Result<(), PortError>;

    /// Creates version `token` with label *pending* that holds `{}`, and nothing of what was there.
    async fn stage_empty(&self, token: &VersionId) -> Result<(), PortError>;

    /// Moves *current* from `from` to `to`; *previous* lands on `from`.
    async fn promote(&self, from: Option<&VersionId>, to: &VersionId) -> Result<(), PortError>;

    /// Takes *pending* off `version`. Already off is success.
    async fn unstage(&self, version: &VersionId) -> Result<(), PortError>;

    /// Appends an entry to the claim chain (R24): create-once by its generation. The same entry
    /// again succeeds; another one there answers `Conflict` and changes nothing. `current`,
    /// `pending`, and `previous` stay where they are.
    async fn append_claim(&self, entry: &Claim) -> Result<(), PortError>;

    /// Takes *previous* off `version`. Already off is success; a read that may be behind MUST NOT be
    /// taken for that.
    async fn drop_previous(&self, version: &VersionId) -> Result<(), PortError>;
}
