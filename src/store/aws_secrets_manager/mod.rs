//! A secret in AWS Secrets Manager, whose version stages are the labels: AWSPENDING, AWSCURRENT,
//! AWSPREVIOUS. Credentials, region, and endpoint come from AWS's own chain.
//!
//! `PutSecretValue` is create-once by its token, `UpdateSecretVersionStage` is the compare-and-swap;
//! nothing else changes anything here. Reads are eventually consistent. Sources: the service's API
//! reference; deviations of stand-ins are listed in `tests/store_conformance.rs`.
//! Must never send a put without naming its stages: AWS would move AWSCURRENT (R5).

mod calls;
mod cause;
mod claims;
mod errors;
mod view;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::retry::RetryConfig;
use aws_sdk_secretsmanager::config::timeout::TimeoutConfig;
use tracing::{Instrument, info_span};

use self::calls::Value;
use super::document;
use crate::domain::claim::Claim;
use crate::domain::ids::VersionId;
use crate::domain::policy::Fields;
use crate::domain::secret::Credential;
use crate::port::store::StoreProblem;
use crate::port::{
    CallKind, Class, Clock, Content, Pace, PortError, SecretStore, StoreView, Stored, Which,
};

/// Stands for a region that nobody named.
const SERVICE: &str = "secretsmanager";
const PENDING: &str = "AWSPENDING";
const CURRENT: &str = "AWSCURRENT";
const PREVIOUS: &str = "AWSPREVIOUS";

/// A client request token, which becomes the version's id, has 32 to 64 characters.
const TOKEN_CHARACTERS: std::ops::RangeInclusive<usize> = 32..=64;
/// Looks for a version that was just put, and puts that certainly or possibly failed.
const TRIES: u32 = 5;
const PUT_TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(200);

/// One secret. Clones share what they have learnt.
#[derive(Clone)]
pub struct AwsSecretsManager {
    client: Client,
    secret_id: String,
    fields: Fields,
    clock: Arc<dyn Clock>,
    /// The current version's creation time as it was last read, in milliseconds since the epoch.
    created: Arc<Mutex<Option<(VersionId, i64)>>>,
    pace: Arc<dyn Pace>,
    /// The head of the claim chain as it was last read.
    claim: Arc<Mutex<Option<(VersionId, Claim)>>>,
}

/// Loads AWS's default chain (environment, profiles, roles, web identity, instance metadata;
/// `AWS_ENDPOINT_URL_SECRETS_MANAGER`). `region` overrides the chain's. Calls nothing of Secrets
/// Manager; what the chain lacks shows as `Misconfigured` on the first call.
pub async fn client(region: Option<&str>) -> Client {
    let mut chain = aws_config::defaults(BehaviorVersion::latest());
    if let Some(region) = region {
        chain = chain.region(Region::new(region.to_owned()));
    }
    Client::new(&chain.load().await)
}

impl AwsSecretsManager {
    /// On a client of its own; see [`client`].
    pub async fn connect(
        secret_id: impl Into<String>,
        region: Option<&str>,
        fields: Fields,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self::with_client(&client(region).await, secret_id, fields, clock)
    }

    /// Takes credentials, region, and endpoint of `client`; time-outs and retries are set here.
    pub fn with_client(
        client: &Client,
        secret_id: impl Into<String>,
        fields: Fields,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(5))
            .operation_attempt_timeout(Duration::from_secs(10))
            .operation_timeout(Duration::from_secs(30))
            .build();
        let config = client
            .config()
            .to_builder()
            .timeout_config(timeouts)
            .retry_config(RetryConfig::standard().with_max_attempts(3))
            .build();
        Self {
            client: Client::from_conf(config),
            secret_id: secret_id.into(),
            fields,
            clock,
            created: Arc::default(),
            pace: Arc::new(()),
            claim: Arc::default(),
        }
    }

    /// Asks `pace` before each call.
    #[must_use]
    pub fn paced(self, pace: Arc<dyn Pace>) -> Self {
        Self { pace, ..self }
    }

    /// Quotas are an account's in a region.
    async fn turn(&self, call: CallKind) {
        self.pace.turn(self.region().unwrap_or(SERVICE), call).await;
    }

    /// The region that is asked, where the policy or AWS's chain names one.
    fn region(&self) -> Option<&str> {
        self.client.config().region().map(AsRef::as_ref)
    }

    /// The value of a version or stage; `None` only where the secret is there without it.
    async fn find(&self, which: &Which) -> Result<Option<Value>, PortError> {
        if let Which::Version(id) = which
            && !TOKEN_CHARACTERS.contains(&id.as_str().chars().count())
        {
            return Ok(None);
        }
        if let Some(value) = self.get(which).await? {
            self.remember(&value);
            return Ok(Some(value));
        }
        // The same exception says that the secret, the version, or the stage is not there.
        let secret = self.describe_secret().await?;
        let labelled = match which {
            Which::Version(id) => view::has_version(&secret, id),
            Which::Pending => view::version_with(&secret, PENDING)?.is_some(),
            Which::Current => view::version_with(&secret, CURRENT)?.is_some(),
            Which::Previous => view::version_with(&secret, PREVIOUS)?.is_some(),
        };
        if labelled {
            return Err(PortError::unknown(format!(
                "secret {} names a version that cannot be read yet",
                self.secret_id
            )));
        }
        Ok(None)
    }

    fn remember(&self, value: &Value) {
        if let Some(created_ms) = value.created_ms {
            *self.created.lock().unwrap_or_else(PoisonError::into_inner) =
                Some((value.version.clone(), created_ms));
        }
    }

    fn remembered(&self, current: &VersionId) -> Option<i64> {
        let created = self.created.lock().unwrap_or_else(PoisonError::into_inner);
        created.as_ref().filter(|(version, _)| version == current).map(|(_, ms)| *ms)
    }

    /// Waits until a version that was just put can be read, or long enough.
    async fn wait_until_readable(&self, version: &VersionId) {
        let which = Which::Version(version.clone());
        for attempt in 1..=TRIES {
            if matches!(self.get(&which).await, Ok(Some(_))) {
                return;
            }
            if attempt < TRIES {
                self.clock.sleep(PAUSE * attempt).await;
            }
        }
        tracing::info!("the version was put; it cannot be read back yet");
    }

    /// Puts until the answer is certain, a few times: the token makes that safe. Once an attempt
    /// may have landed, no later error may claim that nothing happened.
    async fn put_until_certain(
        &self,
        token: &VersionId,
        stage: &str,
        text: &str,
    ) -> Result<(), PortError> {
        let mut may_have_landed = false;
        for attempt in 1..=PUT_TRIES {
            let error = match self.put(token, stage, text).await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            may_have_landed |= error.class == Class::Unknown;
            let again = matches!(error.class, Class::Unknown | Class::Retryable);
            if !again || attempt == PUT_TRIES {
                let class = if may_have_landed { Class::Unknown } else { error.class };
                return Err(PortError { class, ..error });
            }
            self.clock.sleep(PAUSE * attempt).await;
        }
        Err(PortError::unknown("the put was not tried"))
    }

    /// Takes a stage off a version that has it. A description that shows it elsewhere may be behind:
    /// only the refusal of the change itself says that it is not there.
    async fn take_off(&self, stage: &str, version: &VersionId) -> Result<(), PortError> {
        let secret = self.describe_secret().await?;
        let shown = view::version_with(&secret, stage)?.as_ref() == Some(version);
        match self.move_stage(stage, Some(version), None).await {
            Err(error) if !shown && error.class == Class::Conflict => Ok(()),
            answer => answer,
        }
    }

    fn span(&self, call: &'static str, version: Option<&VersionId>) -> tracing::Span {
        let version = version.map(tracing::field::display);
        info_span!("store", call, secret_id = %self.secret_id, version)
    }
}

fn check_token(token: &VersionId) -> Result<(), PortError> {
    if TOKEN_CHARACTERS.contains(&token.as_str().chars().count()) {
        return Ok(());
    }
    Err(PortError::misconfigured("a version id of AWS Secrets Manager has 32 to 64 characters"))
}

#[async_trait]
impl SecretStore for AwsSecretsManager {
    fn place(&self) -> String {
        let region = match self.region() {
            Some(region) => format!("in {region}"),
            None => "in no region".to_owned(),
        };
        format!("secret {} of AWS Secrets Manager {region}", self.secret_id)
    }

    async fn describe(&self) -> Result<StoreView, PortError> {
        let call = async {
            let secret = self.describe_secret().await?;
            let view = view::of(&secret)?;
            if view.problems.contains(&StoreProblem::ScheduledForDeletion) {
                // AWS lets nobody read a value of it any more; that is all there is to say.
                return Ok(view);
            }
            let mut view = self.with_claim(view, &secret).await?;
            if let Some(current) = &view.current {
                view.current_created_ms = self.remembered(current);
                if view.current_created_ms.is_none() {
                    // Who may not read the value learns that from `read`; labels are still told.
                    let value = self.find(&Which::Version(current.clone())).await.ok().flatten();
                    view.current_created_ms = value.and_then(|value| value.created_ms);
                }
            }
            Ok(view)
        };
        call.instrument(self.span("describe", None)).await
    }

    async fn read(&self, which: &Which) -> Result<Option<Stored>, PortError> {
        let call = async {
            let Some(value) = self.find(which).await? else { return Ok(None) };
            let content = match &value.text {
                Some(text) => document::content(text, &self.fields),
                None => Content::Malformed("it is binary"),
            };
            let size_bytes = value.size_bytes;
            Ok(Some(Stored { version: value.version, content, size_bytes }))
        };
        call.instrument(self.span("read", None)).await
    }

    async fn stage(
        &self,
        token: &VersionId,
        base: Option<&VersionId>,
        credential: &Credential,
    ) -> Result<(), PortError> {
        let call = async {
            check_token(token)?;
            let base = match base {
                Some(base) => {
                    let value = self.find(&Which::Version(base.clone())).await?;
                    Some(value.ok_or_else(|| {
                        PortError::conflict(format!("there is no version {base}"))
                    })?)
                }
                None => None,
            };
            let base_text = match &base {
                Some(Value { text: Some(text), .. }) => Some(text.as_str()),
                Some(Value { text: None, .. }) => {
                    return Err(PortError::misconfigured("the secret's value is binary"));
                }
                None => None,
            };
            let text = document::with_credential(base_text, &self.fields, credential)?;
            self.put_until_certain(token, PENDING, &text).await?;
            self.wait_until_readable(token).await;
            Ok(())
        };
        call.instrument(self.span("stage", Some(token))).await
    }

    async fn stage_empty(&self, token: &VersionId) -> Result<(), PortError> {
        let call = async {
            check_token(token)?;
            self.put_until_certain(token, PENDING, document::EMPTY).await?;
            self.wait_until_readable(token).await;
            Ok(())
        };
        call.instrument(self.span("stage_empty", Some(token))).await
    }

    async fn promote(&self, from: Option<&VersionId>, to: &VersionId) -> Result<(), PortError> {
        self.move_stage(CURRENT, from, Some(to)).instrument(self.span("promote", Some(to))).await
    }

    async fn unstage(&self, version: &VersionId) -> Result<(), PortError> {
        self.take_off(PENDING, version).instrument(self.span("unstage", Some(version))).await
    }

    async fn append_claim(&self, entry: &Claim) -> Result<(), PortError> {
        self.put_claim(entry).instrument(self.span("append_claim", None)).await
    }

    async fn drop_previous(&self, version: &VersionId) -> Result<(), PortError> {
        self.take_off(PREVIOUS, version).instrument(self.span("drop_previous", Some(version))).await
    }
}
