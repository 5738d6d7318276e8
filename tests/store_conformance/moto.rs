//! A secret in moto, looked at with AWS's own client.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::{BehaviorVersion, Config, Credentials, Region};
use rekeyd::domain::policy::Fields;
use rekeyd::port::SecretStore;
use rekeyd::store::AwsSecretsManager;

use crate::harness::{Harness, START, TestClock};

pub struct MotoHarness {
    client: Client,
    secret_id: String,
}

/// A client of the moto that `REKEYD_MOTO_URL` names.
pub fn client() -> Option<Client> {
    let url = std::env::var("REKEYD_MOTO_URL").ok()?;
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(url)
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .build();
    Some(Client::from_conf(config))
}

impl MotoHarness {
    pub async fn new(case: &str) -> Option<Self> {
        let Some(client) = client() else {
            eprintln!("skipped: {case} of AWS Secrets Manager (REKEYD_MOTO_URL is not set)");
            return None;
        };
        let secret_id = format!("conformance/{}", uuid::Uuid::new_v4());
        client.create_secret().name(&secret_id).secret_string(START).send().await.unwrap();
        Some(Self { client, secret_id })
    }
}

#[async_trait]
impl Harness for MotoHarness {
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
