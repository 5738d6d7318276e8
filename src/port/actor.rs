//! Where a policy's named actor comes from (R17).

use async_trait::async_trait;

use super::PortError;
use crate::domain::secret::Credential;

/// MUST read the credential afresh at each call: it may be rotated too.
#[async_trait]
pub trait CredentialSource: Send + Sync {
    async fn credential(&self) -> Result<Credential, PortError>;
}
