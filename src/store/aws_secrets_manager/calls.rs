//! The four calls, each with what it needs to be judged: whether the request left this machine,
//! and the `Date` of its reply.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_secretsmanager::config::http::HttpResponse;
use aws_sdk_secretsmanager::config::interceptors::{
    BeforeDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
};
use aws_sdk_secretsmanager::config::retry::RetryConfig;
use aws_sdk_secretsmanager::config::{Builder, ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_secretsmanager::error::{BoxError, ProvideErrorMetadata, SdkError};
use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput;
use tracing::instrument::WithSubscriber;
use tracing::subscriber::NoSubscriber;
use zeroize::Zeroizing;

use super::cause::cause_of;
use super::errors::{Call, classify, is_not_found};
use super::{AwsSecretsManager, CURRENT, PENDING, PREVIOUS};
use crate::domain::clocks::DateSource;
use crate::domain::ids::VersionId;
use crate::port::{CallKind, Clock, PortError, Which};

/// No answer of the four calls comes near; a secret has at most 64 KiB.
const MAX_REPLY_BYTES: u64 = 4 * 1024 * 1024;

/// One version's value.
pub(super) struct Value {
    pub(super) version: VersionId,
    /// `None` when it is binary.
    pub(super) text: Option<Zeroizing<String>>,
    pub(super) size_bytes: usize,
    pub(super) created_ms: Option<i64>,
}

impl AwsSecretsManager {
    pub(super) async fn describe_secret(&self) -> Result<DescribeSecretOutput, PortError> {
        self.turn(CallKind::Read).await;
        let witness = self.witness();
        self.client
            .describe_secret()
            .secret_id(&self.secret_id)
            .customize()
            .interceptor(witness.clone())
            .send()
            .await
            .map_err(|error| self.failed(Call::Describe, &error, witness.sent()))
    }

    /// `None` when the secret, the version, or the stage is not there. The SDK's own log lines are
    /// muted: two environment variables make it write bodies at level TRACE.
    pub(super) async fn get(&self, which: &Which) -> Result<Option<Value>, PortError> {
        self.turn(CallKind::Read).await;
        let witness = self.witness();
        let request = self.client.get_secret_value().secret_id(&self.secret_id);
        let request = match which {
            Which::Pending => request.version_stage(PENDING),
            Which::Current => request.version_stage(CURRENT),
            Which::Previous => request.version_stage(PREVIOUS),
            Which::Version(id) => request.version_id(id.as_str()),
        };
        let call = request.customize().interceptor(witness.clone()).send();
        let reply = match call.with_subscriber(NoSubscriber::default()).await {
            Ok(reply) => reply,
            Err(error) if is_not_found(&error) => return Ok(None),
            Err(error) => {
                return Err(self.failed(Call::Get, &error, witness.sent()));
            }
        };
        let version = VersionId::new(reply.version_id().unwrap_or_default())
            .map_err(|error| PortError::unknown(format!("GetSecretValue: {error}")))?;
        if let Which::Version(wanted) = which
            && *wanted != version
        {
            return Err(PortError::unknown("GetSecretValue answered with another version"));
        }
        let created_ms = reply.created_date().and_then(|date| date.to_millis().ok());
        let binary_bytes = reply.secret_binary().map_or(0, |binary| binary.as_ref().len());
        let text = reply.secret_string.map(Zeroizing::new);
        let size_bytes = text.as_ref().map_or(binary_bytes, |text| text.len());
        Ok(Some(Value { version, text, size_bytes, created_ms }))
    }

    /// Creates a version with one stage, once for a token. Sent once. Muted like `get`.
    pub(super) async fn put(
        &self,
        token: &VersionId,
        stage: &str,
        text: &str,
    ) -> Result<(), PortError> {
        self.turn(CallKind::Write).await;
        let witness = self.witness();
        self.client
            .put_secret_value()
            .secret_id(&self.secret_id)
            .client_request_token(token.as_str())
            .version_stages(stage)
            .secret_string(text)
            .customize()
            .config_override(once())
            .interceptor(witness.clone())
            .send()
            .with_subscriber(NoSubscriber::default())
            .await
            .map(drop)
            .map_err(|error| self.failed(Call::Put, &error, witness.sent()))
    }

    /// Moves a stage, only if it is where `from` says. Sent once: the repeat of a move whose reply
    /// was lost would look like somebody else's.
    pub(super) async fn move_stage(
        &self,
        stage: &str,
        from: Option<&VersionId>,
        to: Option<&VersionId>,
    ) -> Result<(), PortError> {
        self.turn(CallKind::Write).await;
        let witness = self.witness();
        self.client
            .update_secret_version_stage()
            .secret_id(&self.secret_id)
            .version_stage(stage)
            .set_remove_from_version_id(from.map(ToString::to_string))
            .set_move_to_version_id(to.map(ToString::to_string))
            .customize()
            .config_override(once())
            .interceptor(witness.clone())
            .send()
            .await
            .map(drop)
            .map_err(|error| self.failed(Call::MoveStage, &error, witness.sent()))
    }

    fn failed<E>(&self, call: Call, error: &SdkError<E, HttpResponse>, sent: bool) -> PortError
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let failed = classify(call, &self.secret_id, error, sent);
        let cause = cause_of(call, error, sent, self.region().is_some());
        failed.because(cause)
    }

    fn witness(&self) -> Witness {
        Witness { sent: Arc::default(), clock: Arc::clone(&self.clock) }
    }
}

fn once() -> Builder {
    Builder::new().retry_config(RetryConfig::disabled())
}

/// Watches one call from inside the SDK.
#[derive(Clone)]
struct Witness {
    sent: Arc<AtomicBool>,
    clock: Arc<dyn Clock>,
}

impl Witness {
    /// Whether a request was handed to the network, as far as we can tell.
    fn sent(&self) -> bool {
        self.sent.load(Ordering::SeqCst)
    }
}

impl fmt::Debug for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Witness")
    }
}

impl Intercept for Witness {
    fn name(&self) -> &'static str {
        "rekeyd-witness"
    }

    fn read_before_transmit(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.sent.store(true, Ordering::SeqCst);
        Ok(())
    }

    /// Runs before the body is read, so that one that is announced as huge never is.
    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let reply = context.response();
        let length = reply.headers().get("content-length").and_then(|text| text.parse().ok());
        if length.is_some_and(|bytes: u64| bytes > MAX_REPLY_BYTES) {
            return Err("the reply is larger than 4 MiB".into());
        }
        if reply.status().is_success()
            && let Some(date) = reply.headers().get("date")
            && let Ok(date) = httpdate::parse_http_date(date)
            && let Ok(since_epoch) = date.duration_since(std::time::UNIX_EPOCH)
            && let Ok(ms) = i64::try_from(since_epoch.as_millis())
        {
            let received = self.clock.stamp().boottime_ms;
            self.clock.dates().saw(DateSource::Store, ms, received);
        }
        Ok(())
    }
}
