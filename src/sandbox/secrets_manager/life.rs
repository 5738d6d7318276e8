//! What is about a secret as a whole: deletion and its recovery, tags, AWS's own rotation, replicas.

use std::sync::Arc;

use serde_json::json;

use super::SecretsManager;
use super::answer::{Answer, seconds};
use super::exception::Exception;
use super::request::{
    Delete, Named, RemoveReplicas, ReplicaRegion, Replicate, Rotate, Tag, Untag, map_of,
};
use super::secret::{Replica, ReplicaStatus, Rotation, Secret, check_token};
use super::signer::is_region;
use super::version::{CURRENT, PENDING};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// Days in which a deletion can be taken back.
const RECOVERY_DAYS: std::ops::RangeInclusive<i64> = 7..=30;
const USUAL_RECOVERY_DAYS: i64 = 30;
const MAX_TAGS: usize = 50;

impl SecretsManager {
    pub(super) fn delete(
        &mut self,
        region: &str,
        delete: &Delete,
        now_ms: i64,
    ) -> Result<Answer, Exception> {
        let force = delete.force_delete_without_recovery == Some(true);
        if force && delete.recovery_window_in_days.is_some() {
            return Err(Exception::parameter(
                "You can't use ForceDeleteWithoutRecovery in conjunction with \
                 RecoveryWindowInDays.",
            ));
        }
        let days = delete.recovery_window_in_days.unwrap_or(USUAL_RECOVERY_DAYS);
        if !RECOVERY_DAYS.contains(&days) {
            return Err(Exception::parameter(
                "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).",
            ));
        }
        let mut secret = self.primary(region, delete.secret_id.as_deref())?;
        if !secret.replicas.is_empty() {
            return Err(Exception::request(
                "You can't delete secret because it has replica regions; remove them first.",
            ));
        }
        if force {
            self.shelf.remove(&secret, now_ms);
            self.shelf.touch(&[]);
            return Ok(Answer::of(&secret, region).with("DeletionDate", seconds(now_ms)));
        }
        secret.usable()?;
        self.schedule_deletion(&mut secret, days, now_ms)?;
        let date = secret.deletion_ms.map(seconds);
        Ok(Answer::of(&secret, region).maybe("DeletionDate", date))
    }

    pub(super) fn schedule_deletion(
        &mut self,
        secret: &mut Secret,
        days: i64,
        now_ms: i64,
    ) -> Result<(), Exception> {
        secret.deletion_ms = Some(now_ms.saturating_add(days * DAY_MS));
        self.shelf.put(secret.clone(), &[], now_ms)
    }

    pub(super) fn restore(
        &mut self,
        region: &str,
        named: &Named,
        now_ms: i64,
    ) -> Result<Answer, Exception> {
        let mut secret = self.primary(region, named.secret_id.as_deref())?;
        secret.deletion_ms = None;
        self.finish(secret, now_ms)
    }

    pub(super) fn tag(
        &mut self,
        region: &str,
        tag: &Tag,
        now_ms: i64,
    ) -> Result<Answer, Exception> {
        let mut secret = self.writable(region, tag.secret_id.as_deref())?;
        secret.tags.extend(map_of(&tag.tags));
        if secret.tags.len() > MAX_TAGS {
            return Err(Exception::parameter("A secret can have at most 50 tags."));
        }
        self.finish(secret, now_ms).map(|_| Answer::empty())
    }

    pub(super) fn untag(
        &mut self,
        region: &str,
        untag: &Untag,
        now_ms: i64,
    ) -> Result<Answer, Exception> {
        let mut secret = self.writable(region, untag.secret_id.as_deref())?;
        secret.tags.retain(|key, _| !untag.tag_keys.contains(key));
        self.finish(secret, now_ms).map(|_| Answer::empty())
    }

    /// Switches AWS's own rotation on, and begins one: an AWSPENDING version without a value, which
    /// nobody fills here.
    pub(super) fn rotate(
        &mut self,
        region: &str,
        rotate: &Rotate,
        now_ms: i64,
    ) -> Result<Answer, Exception> {
        let mut secret = self.writable(region, rotate.secret_id.as_deref())?;
        let token = check_token(rotate.client_request_token.as_deref())?;
        let known = secret.rotation.as_ref();
        let given = rotate.rotation_lambda_arn.clone();
        let Some(lambda_arn) = given.or_else(|| known.map(|known| known.lambda_arn.clone())) else {
            return Err(Exception::request(
                "No Lambda rotation function ARN is associated with this secret.",
            ));
        };
        let pending = secret.versions.holder(PENDING).map(|version| &version.id);
        let current = secret.versions.holder(CURRENT).map(|version| &version.id);
        if pending.is_some() && pending != current {
            return Err(Exception::request(
                "A previous rotation isn't complete. That rotation will be reattempted.",
            ));
        }
        let stored = known.map(|known| known.rules.clone());
        let rules = rotate.rotation_rules.clone().or(stored).unwrap_or_else(|| json!({}));
        secret.rotation = Some(Rotation { enabled: true, lambda_arn, rules });
        let mut version = None;
        if rotate.rotate_immediately != Some(false) {
            if secret.versions.get(token).is_none() {
                secret.versions.add(token, None, now_ms)?;
            }
            secret.versions.attach(PENDING, token)?;
            version = Some(token);
        }
        let answer = Answer::of(&secret, region).maybe("VersionId", version);
        self.shelf.put(secret, version.as_slice(), now_ms)?;
        Ok(answer)
    }

    pub(super) fn cancel_rotate(
        &mut self,
        region: &str,
        named: &Named,
        now_ms: i64,
    ) -> Result<Answer, Exception> {
        let mut secret = self.writable(region, named.secret_id.as_deref())?;
        if let Some(rotation) = &mut secret.rotation {
            rotation.enabled = false;
        }
        self.finish(secret, now_ms)
    }

    pub(super) fn replicate(
        &mut self,
        region: &str,
        replicate: &Replicate,
        now_ms: i64,
    ) -> Result<Answer, Exception> {
        let mut secret = self.writable(region, replicate.secret_id.as_deref())?;
        Self::add_replicas(&mut secret, &replicate.add_replica_regions)?;
        self.finish(secret, now_ms)
    }

    pub(super) fn remove_replicas(
        &mut self,
        region: &str,
        remove: &RemoveReplicas,
        now_ms: i64,
    ) -> Result<Answer, Exception> {
        let mut secret = self.writable(region, remove.secret_id.as_deref())?;
        secret.replicas.retain(|replica| !remove.remove_replica_regions.contains(&replica.region));
        self.finish(secret, now_ms)
    }

    /// # Errors
    /// A region is none, is the secret's own, or has a replica already.
    pub(super) fn add_replicas(
        secret: &mut Secret,
        regions: &[ReplicaRegion],
    ) -> Result<(), Exception> {
        for ReplicaRegion { region, .. } in regions {
            if !is_region(region) || secret.is_in(region) {
                return Err(Exception::parameter("Invalid replica region."));
            }
            let status = ReplicaStatus::InSync;
            secret.replicas.push(Replica { region: region.clone(), status, behind: None });
        }
        Ok(())
    }

    /// A replica that is not in sync goes on serving what it has now.
    pub(super) fn set_replica(
        &mut self,
        mut secret: Secret,
        region: &str,
        status: ReplicaStatus,
        now_ms: i64,
    ) -> Result<(), Exception> {
        let now = Arc::new(secret.clone());
        let found = secret.replicas.iter_mut().find(|replica| replica.region == region);
        let replica = found.ok_or_else(Exception::no_secret)?;
        replica.behind = match status {
            ReplicaStatus::InSync => None,
            ReplicaStatus::InProgress | ReplicaStatus::Failed => {
                Some(replica.behind.take().unwrap_or(now))
            }
        };
        replica.status = status;
        self.finish(secret, now_ms).map(drop)
    }

    fn finish(&mut self, secret: Secret, now_ms: i64) -> Result<Answer, Exception> {
        let answer = Answer::of(&secret, &secret.region);
        self.shelf.put(secret, &[], now_ms)?;
        Ok(answer)
    }
}
