//! One secret: what is true of it, and what people outside may know of it without its value.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::exception::Exception;
use super::version::{CURRENT, Versions};

/// The account that everything belongs to: the one of AWS's own examples.
pub(super) const ACCOUNT: &str = "111122223333";
const MAX_NAME_CHARACTERS: usize = 512;
/// AWS adds a hyphen and so many characters to a name in an ARN.
pub(super) const SUFFIX_CHARACTERS: usize = 6;

#[derive(Debug, Clone)]
pub(super) struct Secret {
    pub(super) name: String,
    /// The primary region.
    pub(super) region: String,
    pub(super) suffix: String,
    pub(super) description: Option<String>,
    pub(super) kms_key_id: Option<String>,
    pub(super) created_ms: i64,
    pub(super) changed_ms: i64,
    pub(super) accessed_ms: Option<i64>,
    /// When it will be gone, once it is scheduled for deletion.
    pub(super) deletion_ms: Option<i64>,
    pub(super) versions: Versions,
    pub(super) rotation: Option<Rotation>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) replicas: Vec<Replica>,
}

/// AWS's own rotation.
#[derive(Debug, Clone)]
pub(super) struct Rotation {
    pub(super) enabled: bool,
    pub(super) lambda_arn: String,
    pub(super) rules: serde_json::Value,
}

/// A copy in another region.
#[derive(Debug, Clone)]
pub(super) struct Replica {
    pub(super) region: String,
    pub(super) status: ReplicaStatus,
    /// What the region serves while it lags.
    pub(super) behind: Option<Arc<Secret>>,
}

/// As `ReplicationStatus` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReplicaStatus {
    InSync,
    InProgress,
    Failed,
}

impl ReplicaStatus {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::InSync => "InSync",
            Self::InProgress => "InProgress",
            Self::Failed => "Failed",
        }
    }
}

/// A secret as it truly is, for tests; without any value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretTruth {
    pub name: String,
    pub arn: String,
    pub region: String,
    pub scheduled_for_deletion: bool,
    pub rotation_enabled: bool,
    /// Oldest first, deprecated ones included.
    pub versions: Vec<VersionTruth>,
}

/// A version as it truly is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionTruth {
    pub id: String,
    pub stages: Vec<String>,
    pub created_ms: i64,
}

impl Secret {
    pub(super) fn new(name: &str, region: &str, suffix: String, now_ms: i64) -> Self {
        Self {
            name: name.into(),
            region: region.into(),
            suffix,
            description: None,
            kms_key_id: None,
            created_ms: now_ms,
            changed_ms: now_ms,
            accessed_ms: None,
            deletion_ms: None,
            versions: Versions::default(),
            rotation: None,
            tags: BTreeMap::new(),
            replicas: Vec::new(),
        }
    }

    /// Its ARN in a region where it is.
    pub(super) fn arn(&self, region: &str) -> String {
        let (name, suffix) = (&self.name, &self.suffix);
        format!("arn:aws:secretsmanager:{region}:{ACCOUNT}:secret:{name}-{suffix}")
    }

    pub(super) fn is_in(&self, region: &str) -> bool {
        self.region == region || self.replicas.iter().any(|replica| replica.region == region)
    }

    /// Whether `id` means this secret in that region: its name, its ARN, or its ARN without the
    /// random end.
    pub(super) fn is_named(&self, id: &str, region: &str) -> bool {
        let arn = self.arn(region);
        let partial = arn.len().saturating_sub(SUFFIX_CHARACTERS + 1);
        id == self.name || id == arn || arn.get(..partial) == Some(id)
    }

    /// # Errors
    /// It is scheduled for deletion.
    pub(super) fn usable(&self) -> Result<(), Exception> {
        if self.deletion_ms.is_none() {
            return Ok(());
        }
        Err(Exception::request(
            "You can't perform this operation on the secret because it was marked for deletion.",
        ))
    }

    /// The current version's text.
    pub(super) fn current_text(&self) -> Option<&str> {
        self.versions.holder(CURRENT)?.value.as_deref()?.text()
    }

    pub(super) fn truth(&self) -> SecretTruth {
        let versions = self.versions.iter().map(|version| VersionTruth {
            id: version.id.clone(),
            stages: version.labels.iter().cloned().collect(),
            created_ms: version.created_ms,
        });
        SecretTruth {
            name: self.name.clone(),
            arn: self.arn(&self.region),
            region: self.region.clone(),
            scheduled_for_deletion: self.deletion_ms.is_some(),
            rotation_enabled: self.rotation.as_ref().is_some_and(|rotation| rotation.enabled),
            versions: versions.collect(),
        }
    }
}

/// A name as `CreateSecret` takes it.
///
/// # Errors
/// It is empty, too long, or has other characters.
pub(super) fn check_name(name: &str) -> Result<(), Exception> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-/_+=.@!".contains(c);
    if (1..=MAX_NAME_CHARACTERS).contains(&name.chars().count()) && name.chars().all(fits) {
        return Ok(());
    }
    Err(Exception::new(
        super::exception::Code::Validation,
        "Invalid name. Must be a valid name containing alphanumeric characters, or any of the \
         following: -/_+=.@!",
    ))
}

/// A request's token, which becomes the version's id.
///
/// # Errors
/// It is missing, or not within 32 to 64 characters.
pub(super) fn check_token(token: Option<&str>) -> Result<&str, Exception> {
    let token = token.ok_or_else(|| {
        Exception::request(
            "You must provide a ClientRequestToken value. We recommend a UUID-type value.",
        )
    })?;
    if (32..=64).contains(&token.chars().count()) {
        return Ok(token);
    }
    Err(Exception::parameter("ClientRequestToken must be 32-64 characters long."))
}
