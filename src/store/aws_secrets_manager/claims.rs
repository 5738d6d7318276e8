//! The claim chain as versions of the secret: create-once by a token made of the secret's ARN and
//! the generation, with a label of its own, without a secret in it (R24).

use std::sync::PoisonError;

use super::AwsSecretsManager;
use super::view::version_with;
use crate::domain::claim::{Claim, Generation};
use crate::domain::ids::VersionId;
use crate::domain::secret::Digest;
use crate::port::store::StoreProblem;
use crate::port::{PortError, StoreView, Which};
use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput;

/// The label of the chain's head. AWS takes it off the version before by itself (API reference,
/// `PutSecretValue`, `VersionStages`).
pub(super) const CLAIM: &str = "REKEYD";

impl AwsSecretsManager {
    /// Adds the head of the chain to what a description said. A version that cannot be read yet is
    /// no head: the put that would follow it finds out.
    pub(super) async fn with_claim(
        &self,
        mut view: StoreView,
        secret: &DescribeSecretOutput,
    ) -> Result<StoreView, PortError> {
        let Some(version) = version_with(secret, CLAIM)? else { return Ok(view) };
        match self.claim_of(&version).await? {
            Some(Ok(claim)) => view.claim = Some(claim),
            Some(Err(())) => {
                view.problems.insert(StoreProblem::ClaimUnreadable);
            }
            None => {}
        }
        Ok(view)
    }

    /// What a version holds never changes, so it is read once.
    async fn claim_of(&self, version: &VersionId) -> Result<Option<Result<Claim, ()>>, PortError> {
        let known = self.claim.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, claim)) = known.filter(|(of, _)| of == version) {
            return Ok(Some(Ok(claim)));
        }
        let Some(value) = self.get(&Which::Version(version.clone())).await? else {
            return Ok(None);
        };
        let parsed = value.text.and_then(|text| serde_json::from_str::<Claim>(&text).ok());
        let Some(claim) = parsed else { return Ok(Some(Err(()))) };
        *self.claim.lock().unwrap_or_else(PoisonError::into_inner) = Some((version.clone(), claim));
        Ok(Some(Ok(claim)))
    }

    pub(super) async fn put_claim(&self, entry: &Claim) -> Result<(), PortError> {
        let secret = self.describe_secret().await?;
        let Some(arn) = secret.arn() else {
            return Err(PortError::unknown("DescribeSecret did not tell the secret's ARN"));
        };
        let text = serde_json::to_string(entry)
            .map_err(|error| PortError::misconfigured(format!("the claim: {error}")))?;
        self.put_until_certain(&token(arn, entry.generation), CLAIM, &text).await
    }
}

/// The same for every journal: who comes second gets `ResourceExistsException`.
fn token(arn: &str, generation: Generation) -> VersionId {
    let half = |salt: &str| {
        String::from(Digest::of("rekeyd/claim-token/1", &format!("{arn}/{generation}/{salt}")))
    };
    VersionId::from_hex_halves(&half("a"), &half("b"))
}
