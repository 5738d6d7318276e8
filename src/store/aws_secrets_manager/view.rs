//! What `DescribeSecret` says, in the protocol's words. PURE.

use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput;
use aws_sdk_secretsmanager::types::StatusType;

use super::{CURRENT, PENDING, PREVIOUS};
use crate::domain::ids::VersionId;
use crate::port::store::StoreProblem;
use crate::port::{PortError, StoreView};

/// AWS keeps about 100 versions; a rotation needs room for its own (R22).
const MAX_VERSIONS: usize = 90;

/// Labels and health. The answer lists labelled versions only; the creation time is not in it.
pub(super) fn of(secret: &DescribeSecretOutput) -> Result<StoreView, PortError> {
    let versions = secret.version_ids_to_stages().map_or(0, std::collections::HashMap::len);
    let replica_lags = secret
        .replication_status()
        .iter()
        .any(|replica| replica.status() != Some(&StatusType::InSync));
    let problems = [
        (secret.deleted_date().is_some(), StoreProblem::ScheduledForDeletion),
        (secret.rotation_enabled() == Some(true), StoreProblem::NativeRotation),
        (replica_lags, StoreProblem::ReplicaOutOfSync),
        (versions > MAX_VERSIONS, StoreProblem::TooManyVersions),
    ];
    Ok(StoreView {
        current: version_with(secret, CURRENT)?,
        pending: version_with(secret, PENDING)?,
        previous: version_with(secret, PREVIOUS)?,
        versions: u32::try_from(versions).unwrap_or(u32::MAX),
        problems: problems.into_iter().filter(|(is, _)| *is).map(|(_, problem)| problem).collect(),
        claim: None,
        current_created_ms: None,
    })
}

/// The version that a stage is on.
///
/// # Errors
/// `Unknown` when the answer puts a stage on two versions, or names an unusable version.
pub(super) fn version_with(
    secret: &DescribeSecretOutput,
    stage: &str,
) -> Result<Option<VersionId>, PortError> {
    let mut with_stage = secret
        .version_ids_to_stages()
        .into_iter()
        .flatten()
        .filter(|(_, stages)| stages.iter().any(|known| known == stage))
        .map(|(version, _)| version);
    match (with_stage.next(), with_stage.next()) {
        (None, _) => Ok(None),
        (Some(version), None) => VersionId::new(version.as_str())
            .map(Some)
            .map_err(|error| PortError::unknown(format!("DescribeSecret: {error}"))),
        _ => Err(PortError::unknown(format!("DescribeSecret: {stage} is on two versions"))),
    }
}

/// Whether the answer lists the version, with whatever stage.
pub(super) fn has_version(secret: &DescribeSecretOutput, version: &VersionId) -> bool {
    secret.version_ids_to_stages().is_some_and(|known| known.contains_key(version.as_str()))
}

#[cfg(test)]
mod tests {
    use aws_sdk_secretsmanager::primitives::DateTime;
    use aws_sdk_secretsmanager::types::ReplicationStatusType;

    use super::*;

    fn replica(status: StatusType) -> ReplicationStatusType {
        ReplicationStatusType::builder().status(status).build()
    }

    #[test]
    fn labels_are_taken_from_the_stages() {
        let secret = DescribeSecretOutput::builder()
            .version_ids_to_stages("a", vec!["AWSCURRENT".into(), "AWSPENDING".into()])
            .version_ids_to_stages("b", vec!["AWSPREVIOUS".into(), "mine".into()])
            .replication_status(replica(StatusType::InSync))
            .rotation_enabled(false)
            .build();
        let view = of(&secret).unwrap();
        let id = |text| Some(VersionId::new(text).unwrap());
        assert_eq!((view.current, view.pending, view.previous), (id("a"), id("a"), id("b")));
        assert_eq!(view.versions, 2);
        assert!(view.problems.is_empty());
    }

    #[test]
    fn every_obstacle_to_a_rotation_is_told() {
        let mut secret = DescribeSecretOutput::builder()
            .deleted_date(DateTime::from_secs(1))
            .rotation_enabled(true)
            .replication_status(replica(StatusType::InSync))
            .replication_status(replica(StatusType::InProgress));
        for n in 0..91 {
            secret = secret.version_ids_to_stages(format!("v{n}"), vec!["REKEYD".into()]);
        }
        let problems = of(&secret.build()).unwrap().problems;
        let all = [
            StoreProblem::ScheduledForDeletion,
            StoreProblem::NativeRotation,
            StoreProblem::ReplicaOutOfSync,
            StoreProblem::TooManyVersions,
        ];
        assert_eq!(problems, all.into());
    }

    #[test]
    fn a_stage_on_two_versions_proves_nothing() {
        let secret = DescribeSecretOutput::builder()
            .version_ids_to_stages("a", vec!["AWSCURRENT".into()])
            .version_ids_to_stages("b", vec!["AWSCURRENT".into()])
            .build();
        assert_eq!(of(&secret).unwrap_err().class, crate::port::Class::Unknown);
    }
}
