//! What makes versions and moves labels: `CreateSecret`, `PutSecretValue`, `UpdateSecret`,
//! `UpdateSecretVersionStage`.

use super::super::dice::Dice;
use super::SecretsManager;
use super::answer::{Answer, stages};
use super::exception::{Code, Exception};
use super::reads::required;
use super::request::{Create, MoveStage, Put, Update, map_of};
use super::secret::{SUFFIX_CHARACTERS, Secret, check_name, check_token};
use super::shelf::{Lag, Shelf};
use super::value::Value;
use super::version::{CURRENT, MAX_LABELS, check_label, move_label};

impl SecretsManager {
    pub(super) fn create(
        &mut self,
        region: &str,
        create: &Create,
        dice: &mut Dice,
        now_ms: i64,
    ) -> Result<Answer, Exception> {
        let name = create.name.as_deref().unwrap_or_default();
        check_name(name)?;
        let token = check_token(create.client_request_token.as_deref())?;
        let value = Value::given(create.secret_string.as_ref(), create.secret_binary.as_ref())?;
        if let Some(known) = self.at(region, name) {
            return known_again(&known, token, value.as_ref(), region);
        }
        let mut secret = Secret::new(name, region, dice.text(SUFFIX_CHARACTERS), now_ms);
        secret.description.clone_from(&create.description);
        secret.kms_key_id.clone_from(&create.kms_key_id);
        secret.tags = map_of(&create.tags);
        let version = match value {
            Some(value) => {
                secret.versions.add(token, Some(value), now_ms)?;
                secret.versions.attach(CURRENT, token)?;
                Some(token)
            }
            None => None,
        };
        Self::add_replicas(&mut secret, &create.add_replica_regions)?;
        let answer = Answer::of(&secret, region).maybe("VersionId", version);
        self.shelf.put(secret, version.as_slice(), now_ms)?;
        Ok(answer)
    }

    pub(super) fn put(
        &mut self,
        region: &str,
        put: &Put,
        now_ms: i64,
    ) -> Result<Answer, Exception> {
        let mut secret = self.writable(region, put.secret_id.as_deref())?;
        let token = check_token(put.client_request_token.as_deref())?;
        let given = Value::given(put.secret_string.as_ref(), put.secret_binary.as_ref())?;
        let value = given.ok_or_else(|| {
            Exception::parameter("You must provide either SecretString or SecretBinary.")
        })?;
        let labels = put_labels(put.version_stages.as_deref())?;
        match secret.versions.get(token).map(|known| known.value.as_deref()) {
            Some(Some(known)) if *known == value => return Ok(put_answer(&secret, token, region)),
            Some(Some(_)) => return Err(token_is_used(&secret, token)),
            // The version that AWS's own rotation has begun is filled once.
            Some(None) => secret.versions.fill(token, value),
            None => {
                let is_first = secret.versions.iter().next().is_none();
                secret.versions.add(token, Some(value), now_ms)?;
                if is_first {
                    secret.versions.attach(CURRENT, token)?;
                }
            }
        }
        for label in labels {
            secret.versions.attach(label, token)?;
        }
        let answer = put_answer(&secret, token, region);
        self.shelf.put(secret, &[token], now_ms)?;
        Ok(answer)
    }

    /// With a value it makes a version, and a used token is an error whatever the value is.
    pub(super) fn update(
        &mut self,
        region: &str,
        update: &Update,
        now_ms: i64,
    ) -> Result<Answer, Exception> {
        let mut secret = self.writable(region, update.secret_id.as_deref())?;
        let value = Value::given(update.secret_string.as_ref(), update.secret_binary.as_ref())?;
        if let Some(description) = &update.description {
            secret.description = Some(description.clone());
        }
        if let Some(key) = &update.kms_key_id {
            secret.kms_key_id = Some(key.clone()).filter(|key| !key.is_empty());
        }
        let mut version = None;
        if let Some(value) = value {
            let token = check_token(update.client_request_token.as_deref())?;
            if secret.versions.get(token).is_some() {
                return Err(token_is_used(&secret, token));
            }
            secret.versions.add(token, Some(value), now_ms)?;
            secret.versions.attach(CURRENT, token)?;
            version = Some(token);
        }
        let answer = Answer::of(&secret, region).maybe("VersionId", version);
        self.shelf.put(secret, version.as_slice(), now_ms)?;
        Ok(answer)
    }

    pub(super) fn move_stage(
        &mut self,
        region: &str,
        change: &MoveStage,
        now_ms: i64,
    ) -> Result<Answer, Exception> {
        let mut secret = self.writable(region, change.secret_id.as_deref())?;
        let Some(label) = change.version_stage.as_deref() else {
            return Err(Exception::constraint("versionStage", "Member must not be null"));
        };
        check_label(label)?;
        let from = change.remove_from_version_id.as_deref();
        let to = change.move_to_version_id.as_deref();
        let before = secret.versions.holder(label).map(|version| version.id.clone());
        move_label(&mut secret.versions, label, from, to)?;
        let answer = Answer::of(&secret, region);
        if before.as_deref() != to {
            let touched: Vec<&str> = from.into_iter().chain(to).collect();
            self.shelf.put(secret, &touched, now_ms)?;
        }
        Ok(answer)
    }

    /// A copy of a secret that may be changed from that region.
    ///
    /// # Errors
    /// It is not there, is a replica there, or is scheduled for deletion.
    pub(super) fn writable(&self, region: &str, id: Option<&str>) -> Result<Secret, Exception> {
        let secret = self.primary(region, id)?;
        secret.usable()?;
        Ok(secret)
    }

    /// The same, scheduled for deletion or not.
    pub(super) fn primary(&self, region: &str, id: Option<&str>) -> Result<Secret, Exception> {
        let found = Shelf::find(self.shelf.seen(Lag::None, 0), region, required(id)?)?;
        if found.region != region {
            return Err(Exception::request(
                "Operation not permitted on a replica secret. Call must be made in primary \
                 secret's region.",
            ));
        }
        Ok((*found).clone())
    }

    fn at(&self, region: &str, name: &str) -> Option<Secret> {
        let found = Shelf::find(self.shelf.seen(Lag::None, 0), region, name).ok()?;
        Some((*found).clone())
    }
}

/// A name that is taken: the same request again succeeds, another one does not.
fn known_again(
    known: &Secret,
    token: &str,
    value: Option<&Value>,
    region: &str,
) -> Result<Answer, Exception> {
    if known.deletion_ms.is_some() {
        return Err(Exception::request(
            "You can't create this secret because a secret with this name is already scheduled \
             for deletion.",
        ));
    }
    let version = known.versions.get(token);
    if value.is_some() && version.is_some_and(|version| version.value.as_deref() == value) {
        return Ok(Answer::of(known, region).with("VersionId", token));
    }
    let message = format!("The operation failed because the secret {} already exists.", known.name);
    Err(Exception::new(Code::ResourceExists, message))
}

fn token_is_used(secret: &Secret, token: &str) -> Exception {
    let arn = secret.arn(&secret.region);
    let message = format!(
        "You can't use ClientRequestToken {token} because that value is already in use for a \
         version of secret {arn}."
    );
    Exception::new(Code::ResourceExists, message)
}

/// Without stages, a put moves AWSCURRENT.
fn put_labels(given: Option<&[String]>) -> Result<Vec<&str>, Exception> {
    let Some(given) = given else { return Ok(vec![CURRENT]) };
    if !(1..=MAX_LABELS).contains(&given.len()) {
        let said = "Member must have length between 1 and 20, inclusive";
        return Err(Exception::constraint("versionStages", said));
    }
    for label in given {
        check_label(label)?;
    }
    Ok(given.iter().map(String::as_str).collect())
}

fn put_answer(secret: &Secret, token: &str, region: &str) -> Answer {
    let labels = secret.versions.get(token).map(stages);
    Answer::of(secret, region).with("VersionId", token).maybe("VersionStages", labels)
}
