//! A secret in a stand-in of AWS Secrets Manager, looked at with AWS's own client: moto's, where
//! `REKEYD_MOTO_URL` names one, and the sandbox's.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::{BehaviorVersion, Config, Credentials, Region};
use rekeyd::domain::policy::Fields;
use rekeyd::port::SecretStore;
#[cfg(feature = "sandbox")]
use rekeyd::sandbox::{Sandbox, Settings};
use rekeyd::store::AwsSecretsManager;
#[cfg(feature = "sandbox")]
use tokio::net::TcpListener;

use crate::harness::{Harness, START, TestClock};

const REGION: &str = "us-east-1";

pub struct AwsHarness {
    client: Client,
    secret_id: String,
    /// Served as long as the harness lives.
    #[cfg(feature = "sandbox")]
    _sandbox: Option<Sandbox>,
}

fn client(url: &str) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(url)
        .region(Region::new(REGION))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .build();
    Client::from_conf(config)
}

impl AwsHarness {
    /// In moto, if there is one.
    pub async fn in_moto(case: &str) -> Option<Self> {
        let Ok(url) = std::env::var("REKEYD_MOTO_URL") else {
            eprintln!("skipped: {case} of AWS Secrets Manager (REKEYD_MOTO_URL is not set)");
            return None;
        };
        let client = client(&url);
        let secret_id = secret_in(&client).await;
        Some(Self {
            client,
            secret_id,
            #[cfg(feature = "sandbox")]
            _sandbox: None,
        })
    }

    #[cfg(feature = "sandbox")]
    pub async fn in_sandbox() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sandbox = Sandbox::start(listener, Settings::default()).unwrap();
        let client = client(&sandbox.base_url());
        let secret_id = secret_in(&client).await;
        Self { client, secret_id, _sandbox: Some(sandbox) }
    }
}

async fn secret_in(client: &Client) -> String {
    let secret_id = format!("conformance/{}", uuid::Uuid::new_v4());
    client.create_secret().name(&secret_id).secret_string(START).send().await.unwrap();
    secret_id
}

#[async_trait]
impl Harness for AwsHarness {
    fn store_with(&self, fields: Fields) -> Box<dyn SecretStore> {
        Box::new(AwsSecretsManager::with_client(
            &self.client,
            &self.secret_id,
            fields,
            Arc::new(TestClock::default()),
        ))
    }
    async fn type_by_hand(&self, text: &str) {
        let put = self.client.put_secret_value().secret_id(&self.secret_id).secret_string(text);
        put.send().await.unwrap();
    }
    async fn consumers_read(&self) -> String {
        let get = self.client.get_secret_value().secret_id(&self.secret_id);
        let reply = get.version_stage("AWSCURRENT").send().await.unwrap();
        reply.secret_string().unwrap().to_owned()
    }
}
