//! Where the demo's secret is, as its consumers read it. The stand-in of AWS is reached with made-up
//! credentials over plain HTTP alone: nothing of the user's own AWS configuration is read, and
//! nothing real can be reached.

use std::path::PathBuf;

use aws_sdk_secretsmanager::config::{BehaviorVersion, Config, Credentials, Region};
use serde_json::Value;

use crate::store::AwsClient;

/// The secret's name in the stand-in of AWS Secrets Manager.
pub const SECRET_ID: &str = "demo/ion";
pub const REGION: &str = "us-east-1";

#[derive(Clone)]
pub enum Source {
    File(PathBuf),
    Aws(AwsClient),
}

impl Source {
    /// The secret in the sandbox's Secrets Manager.
    pub fn aws(url: &str) -> Self {
        // Without TLS, and without the proxies that the environment may name.
        let http = aws_smithy_http_client::Builder::new().build_http();
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(http)
            .endpoint_url(url)
            .region(Region::new(REGION))
            .credentials_provider(Credentials::new("DEMO", "made-up", None, None, "demo"))
            .build();
        Self::Aws(AwsClient::from_conf(config))
    }

    pub fn aws_client(&self) -> Option<AwsClient> {
        match self {
            Self::File(_) => None,
            Self::Aws(client) => Some(client.clone()),
        }
    }

    /// The current value.
    pub async fn read(&self) -> Option<Value> {
        match self {
            Self::File(path) => serde_json::from_slice(&tokio::fs::read(path).await.ok()?).ok(),
            Self::Aws(client) => {
                let reply = client.get_secret_value().secret_id(SECRET_ID).send().await.ok()?;
                serde_json::from_str(reply.secret_string()?).ok()
            }
        }
    }

    /// What consumers do, in words.
    pub fn words(&self) -> String {
        match self {
            Self::File(path) => format!("read {}", path.display()),
            Self::Aws(_) => format!("call GetSecretValue for {SECRET_ID}"),
        }
    }

    /// The policy's table.
    pub fn policy_table(&self) -> String {
        match self {
            Self::File(path) => format!("[store.file]\npath = \"{}\"\n", path.display()),
            Self::Aws(_) => format!(
                "[store.aws_secrets_manager]\nsecret_id = \"{SECRET_ID}\"\nregion = \"{REGION}\"\n"
            ),
        }
    }
}
