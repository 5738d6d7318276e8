//! Versions and their staging labels. A label is on one version at a time; where AWSCURRENT leaves a
//! version, AWSPREVIOUS goes to it. What has no label is deprecated, and dropped when it is old.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::exception::{Code, Exception};
use super::value::Value;

pub const CURRENT: &str = "AWSCURRENT";
pub const PENDING: &str = "AWSPENDING";
pub const PREVIOUS: &str = "AWSPREVIOUS";

/// AWS's quota for the versions of a secret.
pub const MAX_VERSIONS: usize = 100;
/// AWS's quota for the labels on all versions of a secret together.
pub const MAX_LABELS: usize = 20;
/// Younger versions are never dropped.
pub const KEPT_MS: i64 = 24 * 60 * 60 * 1000;
const MAX_LABEL_CHARACTERS: usize = 256;

#[derive(Debug, Clone)]
pub(super) struct Version {
    pub(super) id: String,
    /// Absent for the version that AWS's own rotation has begun and nobody has filled.
    pub(super) value: Option<Arc<Value>>,
    pub(super) labels: BTreeSet<String>,
    pub(super) created_ms: i64,
}

/// A secret's versions, oldest first.
#[derive(Debug, Clone, Default)]
pub(super) struct Versions(Vec<Version>);

impl Versions {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Version> {
        self.0.iter()
    }

    pub(super) fn get(&self, id: &str) -> Option<&Version> {
        self.0.iter().find(|version| version.id == id)
    }

    /// The version that has the label.
    pub(super) fn holder(&self, label: &str) -> Option<&Version> {
        self.0.iter().find(|version| version.labels.contains(label))
    }

    /// Adds a version without labels; drops what is too old to be kept.
    ///
    /// # Errors
    /// The quota is reached, and nothing may be dropped.
    pub(super) fn add(
        &mut self,
        id: &str,
        value: Option<Value>,
        now_ms: i64,
    ) -> Result<(), Exception> {
        let excess = (self.0.len() + 1).saturating_sub(MAX_VERSIONS);
        for _ in 0..excess {
            let old = |version: &Version| {
                version.labels.is_empty() && version.created_ms <= now_ms.saturating_sub(KEPT_MS)
            };
            let Some(index) = self.0.iter().position(old) else {
                let message = "The secret has as many versions as it may have.";
                return Err(Exception::new(Code::LimitExceeded, message));
            };
            self.0.remove(index);
        }
        let (id, value) = (id.to_owned(), value.map(Arc::new));
        self.0.push(Version { id, value, labels: BTreeSet::new(), created_ms: now_ms });
        Ok(())
    }

    /// Gives a value to a version that has none.
    pub(super) fn fill(&mut self, id: &str, value: Value) {
        if let Some(version) = self.0.iter_mut().find(|version| version.id == id) {
            version.value = Some(Arc::new(value));
        }
    }

    /// Puts a label on a version, away from the one that has it.
    ///
    /// # Errors
    /// The secret has too many labels.
    pub(super) fn attach(&mut self, label: &str, to: &str) -> Result<(), Exception> {
        let left = self.holder(label).map(|version| version.id.clone());
        if left.as_deref() == Some(to) {
            return Ok(());
        }
        self.remove(label);
        self.add_label(label, to);
        if let (CURRENT, Some(left)) = (label, left) {
            self.remove(PREVIOUS);
            self.add_label(PREVIOUS, &left);
        }
        if self.0.iter().map(|version| version.labels.len()).sum::<usize>() > MAX_LABELS {
            let message = "The secret has as many staging labels as it may have.";
            return Err(Exception::new(Code::LimitExceeded, message));
        }
        Ok(())
    }

    /// Takes a label off whatever version has it.
    pub(super) fn remove(&mut self, label: &str) {
        for version in &mut self.0 {
            version.labels.remove(label);
        }
    }

    fn add_label(&mut self, label: &str, to: &str) {
        if let Some(version) = self.0.iter_mut().find(|version| version.id == to) {
            version.labels.insert(label.to_owned());
        }
    }
}

/// A label as the API takes it.
///
/// # Errors
/// It is empty, or too long.
pub(super) fn check_label(label: &str) -> Result<(), Exception> {
    if (1..=MAX_LABEL_CHARACTERS).contains(&label.chars().count()) {
        return Ok(());
    }
    let said = "Member must have length between 1 and 256, inclusive";
    Err(Exception::constraint("versionStage", said))
}

/// `UpdateSecretVersionStage`: a move only from where the label is said to be.
///
/// # Errors
/// The label is elsewhere, a version is not there, or AWSCURRENT would be nowhere.
pub(super) fn move_label(
    versions: &mut Versions,
    label: &str,
    from: Option<&str>,
    to: Option<&str>,
) -> Result<(), Exception> {
    for id in from.into_iter().chain(to) {
        if versions.get(id).is_none() {
            return Err(Exception::not_found(format!(
                "Secrets Manager can't find the specified secret value for VersionId: {id}"
            )));
        }
    }
    let holder = versions.holder(label).map(|version| version.id.clone());
    match (holder.as_deref(), from, to) {
        (_, None, None) => Err(Exception::parameter(
            "You must specify MoveToVersionId, RemoveFromVersionId, or both.",
        )),
        (Some(holder), None, Some(to)) if holder != to => Err(Exception::parameter(format!(
            "The parameter RemoveFromVersionId can't be empty. Staging label {label} is currently \
             attached to version {holder}, so you must explicitly reference that version in \
             RemoveFromVersionId."
        ))),
        (holder, Some(from), _) if holder != Some(from) => Err(Exception::parameter(format!(
            "Staging label {label} is not attached to the version in RemoveFromVersionId."
        ))),
        (_, Some(from), Some(to)) if from == to => Err(Exception::parameter(
            "MoveToVersionId and RemoveFromVersionId can't be the same version.",
        )),
        (_, Some(_), None) if label == CURRENT => Err(Exception::parameter(
            "You can only move staging label AWSCURRENT to a different secret version. It can't \
             be completely removed.",
        )),
        (_, Some(_), None) => {
            versions.remove(label);
            Ok(())
        }
        (_, _, Some(to)) => versions.attach(label, to),
    }
}
