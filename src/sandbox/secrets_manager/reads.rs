//! `GetSecretValue`, `DescribeSecret`, `ListSecretVersionIds`. In a replica's region they serve the
//! replica.

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use super::SecretsManager;
use super::answer::{Answer, seconds, stages, value_field};
use super::exception::{Code, Exception};
use super::request::{Get, ListVersions, Named};
use super::secret::Secret;
use super::shelf::{Lag, Shelf};
use super::version::{CURRENT, Version, check_label};

/// Largest page, and the usual one.
const MAX_PAGE: usize = 100;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

impl SecretsManager {
    pub(super) fn get(
        &mut self,
        region: &str,
        get: &Get,
        lag: Lag,
        now_ms: i64,
    ) -> Result<Answer, Exception> {
        let secret = self.read(region, get.secret_id.as_deref(), lag, now_ms)?;
        secret.usable()?;
        let version = wanted(&secret, get)?;
        let Some(value) = &version.value else {
            return Err(no_value(get));
        };
        let (field, value) = value_field(value);
        let answer = Answer::of(&secret, region)
            .with("CreatedDate", seconds(version.created_ms))
            .with("VersionId", version.id.clone())
            .with("VersionStages", stages(version))
            .with(field, value);
        self.shelf.read_at(&secret, now_ms);
        Ok(answer)
    }

    pub(super) fn describe(
        &self,
        region: &str,
        named: &Named,
        lag: Lag,
        now_ms: i64,
    ) -> Result<Answer, Exception> {
        let secret = self.read(region, named.secret_id.as_deref(), lag, now_ms)?;
        let labelled = secret.versions.iter().filter(|version| !version.labels.is_empty());
        let labelled: Map<String, Json> =
            labelled.map(|version| (version.id.clone(), stages(version))).collect();
        let tags: Vec<Json> =
            secret.tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
        let rotation = secret.rotation.as_ref();
        let answer = Answer::of(&secret, region)
            .maybe("Description", secret.description.clone())
            .maybe("KmsKeyId", secret.kms_key_id.clone())
            .with("CreatedDate", seconds(secret.created_ms))
            .with("LastChangedDate", seconds(secret.changed_ms))
            .maybe("LastAccessedDate", secret.accessed_ms.map(|ms| seconds(ms / DAY_MS * DAY_MS)))
            .maybe("DeletedDate", secret.deletion_ms.map(seconds))
            .maybe("RotationEnabled", rotation.map(|rotation| rotation.enabled))
            .maybe("RotationLambdaARN", rotation.map(|rotation| rotation.lambda_arn.clone()))
            .maybe("RotationRules", rotation.map(|rotation| rotation.rules.clone()))
            .with("VersionIdsToStages", labelled)
            .maybe("Tags", Some(tags).filter(|tags| !tags.is_empty()));
        Ok(replication(answer, &secret))
    }

    pub(super) fn list_versions(
        &self,
        region: &str,
        list: &ListVersions,
        lag: Lag,
        now_ms: i64,
    ) -> Result<Answer, Exception> {
        let secret = self.read(region, list.secret_id.as_deref(), lag, now_ms)?;
        let size = list.max_results.unwrap_or(MAX_PAGE);
        if !(1..=MAX_PAGE).contains(&size) {
            let said = "Member must have value between 1 and 100, inclusive";
            return Err(Exception::constraint("maxResults", said));
        }
        let all = list.include_deprecated == Some(true);
        let shown: Vec<&Version> =
            secret.versions.iter().filter(|version| all || !version.labels.is_empty()).collect();
        let begin = begin_of(list.next_token.as_deref(), shown.len())?;
        let page = shown.iter().skip(begin).take(size).map(|version| {
            let mut entry = Map::new();
            entry.insert("VersionId".into(), json!(version.id));
            entry.insert("CreatedDate".into(), seconds(version.created_ms));
            if !version.labels.is_empty() {
                entry.insert("VersionStages".into(), stages(version));
            }
            Json::Object(entry)
        });
        let end = begin + size;
        Ok(Answer::of(&secret, region)
            .with("Versions", page.collect::<Vec<_>>())
            .maybe("NextToken", (end < shown.len()).then(|| format!("{TOKEN}{end}"))))
    }

    /// The secret as a read in that region sees it.
    fn read(
        &self,
        region: &str,
        id: Option<&str>,
        lag: Lag,
        now_ms: i64,
    ) -> Result<Arc<Secret>, Exception> {
        let secret = Shelf::find(self.shelf.seen(lag, now_ms), region, required(id)?)?;
        let replica = secret.replicas.iter().find(|replica| replica.region == region);
        Ok(match replica.and_then(|replica| replica.behind.clone()) {
            // A replica that was behind once is still replicated by who replicates it now.
            Some(behind) => {
                Arc::new(Secret { replicas: secret.replicas.clone(), ..(*behind).clone() })
            }
            None => secret,
        })
    }
}

/// What stands before the place in a page's token.
const TOKEN: &str = "sandbox-page-";

fn begin_of(token: Option<&str>, length: usize) -> Result<usize, Exception> {
    let Some(token) = token else { return Ok(0) };
    let begin = token.strip_prefix(TOKEN).and_then(|begin| begin.parse().ok());
    begin
        .filter(|begin| *begin <= length)
        .ok_or_else(|| Exception::new(Code::InvalidNextToken, "The NextToken value is invalid."))
}

fn wanted<'a>(secret: &'a Secret, get: &Get) -> Result<&'a Version, Exception> {
    if let Some(label) = &get.version_stage {
        check_label(label)?;
    }
    let label = get.version_stage.as_deref();
    let found = match get.version_id.as_deref() {
        Some(id) => {
            if !(32..=64).contains(&id.chars().count()) {
                let said = "Member must have length between 32 and 64, inclusive";
                return Err(Exception::constraint("versionId", said));
            }
            let version = secret.versions.get(id);
            if version.is_some_and(|version| label.is_some_and(|l| !version.labels.contains(l))) {
                return Err(Exception::request(
                    "You provided a VersionStage that is not associated to the provided VersionId.",
                ));
            }
            version
        }
        None => secret.versions.holder(label.unwrap_or(CURRENT)),
    };
    found.ok_or_else(|| no_value(get))
}

fn no_value(get: &Get) -> Exception {
    let missing = match &get.version_id {
        Some(id) => format!("VersionId: {id}"),
        None => format!("staging label: {}", get.version_stage.as_deref().unwrap_or(CURRENT)),
    };
    Exception::not_found(format!(
        "Secrets Manager can't find the specified secret value for {missing}"
    ))
}

fn replication(answer: Answer, secret: &Secret) -> Answer {
    if secret.replicas.is_empty() {
        return answer;
    }
    let status: Vec<Json> = secret
        .replicas
        .iter()
        .map(|replica| json!({ "Region": replica.region, "Status": replica.status.name() }))
        .collect();
    answer.with("PrimaryRegion", secret.region.clone()).with("ReplicationStatus", status)
}

/// Which secret a request means.
///
/// # Errors
/// It names none.
pub(super) fn required(id: Option<&str>) -> Result<&str, Exception> {
    match id {
        None => Err(Exception::constraint("secretId", "Member must not be null")),
        Some(id) if !(1..=2048).contains(&id.len()) => {
            let said = "Member must have length between 1 and 2048, inclusive";
            Err(Exception::constraint("secretId", said))
        }
        Some(id) => Ok(id),
    }
}
