//! The stand-in of AWS Secrets Manager, driven with AWS's own client: each rule that the product, or
//! a person beside it, can meet.

mod deletion;
mod faults;
mod labels;
mod replicas;
mod versions;
mod wire;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::retry::RetryConfig;
use aws_sdk_secretsmanager::config::{BehaviorVersion, Config, Credentials, Region};
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use rekeyd::sandbox::{Edit, Refusal, SecretEdit, Settings, VersionTruth};

use super::bench::Bench;

const SECRET: &str = "prod/ion";
const REGION: &str = "us-west-2";

/// A sandbox with one secret, and clients that never try again.
struct Aws {
    bench: Bench,
    client: Client,
}

impl Aws {
    async fn new() -> Self {
        let bench = Bench::with(Settings::default()).await;
        bench.tenant().seed_secret(SECRET, REGION, &bench.key).unwrap();
        let client = client(&bench, REGION);
        Self { bench, client }
    }

    /// Puts a version with those labels; with none named, as AWS does it then.
    async fn put(&self, token: &str, text: &str, labels: &[&str]) -> Result<(), String> {
        let labels: Vec<String> = labels.iter().map(|label| (*label).to_owned()).collect();
        let put = self.client.put_secret_value().secret_id(SECRET).client_request_token(token);
        let put = put.secret_string(text);
        let put = if labels.is_empty() { put } else { put.set_version_stages(Some(labels)) };
        code(put.send().await)
    }

    async fn move_label(
        &self,
        label: &str,
        from: Option<&str>,
        to: Option<&str>,
    ) -> Result<(), String> {
        let change = self.client.update_secret_version_stage().secret_id(SECRET);
        let change = change.version_stage(label);
        let change = change.set_remove_from_version_id(from.map(str::to_owned));
        code(change.set_move_to_version_id(to.map(str::to_owned)).send().await)
    }

    /// The text of the version with that label.
    async fn text(&self, label: &str) -> Result<String, String> {
        let get = self.client.get_secret_value().secret_id(SECRET).version_stage(label);
        get.send()
            .await
            .map(|reply| reply.secret_string().unwrap().to_owned())
            .map_err(|error| of(&error))
    }

    fn versions(&self) -> Vec<VersionTruth> {
        self.bench.tenant().secrets()[0].versions.clone()
    }

    /// The version that has the label, by the sandbox's own account.
    fn holder(&self, label: &str) -> Option<String> {
        let has = |version: &&VersionTruth| version.stages.iter().any(|stage| stage == label);
        self.versions().iter().find(has).map(|version| version.id.clone())
    }

    fn current(&self) -> String {
        self.holder("AWSCURRENT").unwrap()
    }

    fn edit(&self, edit: SecretEdit) -> Result<(), Refusal> {
        self.bench.tenant().edit(&Edit::Secret { secret: SECRET.into(), edit }).map(drop)
    }
}

fn client(bench: &Bench, region: &str) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(bench.sandbox.base_url())
        .region(Region::new(region.to_owned()))
        .retry_config(RetryConfig::disabled())
        .credentials_provider(Credentials::new("AKIDEXAMPLE", "test", None, None, "test"))
        .build();
    Client::from_conf(config)
}

/// A version's id, the same for the same number.
fn version(number: u32) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// The exception's name, or what else went wrong.
fn of<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> String {
    match error {
        SdkError::ServiceError(reply) => reply.err().code().unwrap_or("no code").to_owned(),
        SdkError::TimeoutError(_) => "timeout".into(),
        SdkError::DispatchFailure(_) => "lost".into(),
        _ => "unreadable".into(),
    }
}

fn code<T, E: ProvideErrorMetadata, R>(reply: Result<T, SdkError<E, R>>) -> Result<(), String> {
    reply.map(drop).map_err(|error| of(&error))
}

fn refused(code: &str) -> Result<(), String> {
    Err(code.to_owned())
}
