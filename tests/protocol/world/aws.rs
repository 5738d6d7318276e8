//! The secret in the sandbox's Secrets Manager instead, behind the real adapter: AWS's own client
//! over HTTP on loopback, on the world's virtual time.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::{
    AsyncSleep, BehaviorVersion, Config, Credentials, Region, SharedAsyncSleep, Sleep,
    StalledStreamProtectionConfig,
};
use rekeyd::domain::policy::Fields;
use rekeyd::sandbox::{
    CallKind, Edit, Fault, Request, Sandbox, SecretEdit, Signer, Tenant, Typed, What,
};
use rekeyd::store::AwsSecretsManager;
use serde_json::Value;

use super::World;

const NAME: &str = "prod/ion/netsuite-sync";
const REGION: &str = "us-east-1";
/// The adapter's access key.
const SIGNER: &str = "adapter";
/// The client's time-outs are longer than this, its pauses between tries shorter.
const LONGEST_PAUSE: Duration = Duration::from_secs(4);
const PAUSE_MS: i64 = 1_000;

/// The secret as it truly is, looked at past HTTP and past faults.
pub struct Shelf {
    tenant: Tenant,
}

impl Shelf {
    pub(super) fn version_with(&self, stage: &str) -> Option<String> {
        let secrets = self.tenant.secrets();
        let secret = secrets.into_iter().find(|secret| secret.name == NAME).unwrap();
        let has = |stages: &[String]| stages.iter().any(|known| known == stage);
        secret.versions.into_iter().find(|version| has(&version.stages)).map(|version| version.id)
    }

    /// The key in the version that a stage is on.
    pub(super) fn key_of(&self, stage: &str) -> Option<String> {
        let text = if stage == "AWSCURRENT" {
            self.tenant.secret_text(NAME)?.expose().to_owned()
        } else {
            self.text_of(&self.version_with(stage)?)
        };
        let value: Value = serde_json::from_str(&text).unwrap();
        Some(value["clientId"].as_str()?.to_owned())
    }

    /// Signed by another than the adapter: its faults do not strike here.
    fn text_of(&self, version: &str) -> String {
        let asked = serde_json::json!({ "SecretId": NAME, "VersionId": version });
        let get = Request::read("GetSecretValue", asked.to_string().as_bytes()).unwrap();
        let answer = self.tenant.secrets_manager(&Signer::new("judge", REGION), &get);
        let body: Value = serde_json::from_str(&answer.result.unwrap().body()).unwrap();
        body["SecretString"].as_str().unwrap().to_owned()
    }
}

/// The sandbox that serves the world's tenant, and the adapter that calls it.
pub struct Aws {
    pub store: Arc<AwsSecretsManager>,
    _sandbox: Sandbox,
}

impl Aws {
    /// Moves the world's secret there.
    pub async fn serving(world: &World) -> Self {
        let key = world.store.current_key().unwrap();
        let secret = world.store.current_secret().unwrap();
        let value = serde_json::json!({ "clientId": key, "clientSecret": secret, "note": 1 });
        let text = Typed::new(value.to_string());
        let edit = SecretEdit::Create { region: REGION.to_owned(), text };
        world.person(&Edit::Secret { secret: NAME.to_owned(), edit });
        assert!(world.store.shelf.set(Shelf { tenant: world.tenant.clone() }).is_ok());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sandbox = Sandbox::serve_tenant(listener, world.tenant.clone()).unwrap();
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(sandbox.base_url())
            .region(Region::new(REGION))
            .credentials_provider(Credentials::new(SIGNER, "test", None, None, "test"))
            .sleep_impl(SharedAsyncSleep::new(Pauses(world.clone())))
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build();
        let fields =
            Fields { client_id: "clientId".to_owned(), client_secret: "clientSecret".to_owned() };
        let clock = Arc::new(world.clone());
        let store = AwsSecretsManager::with_client(&Client::from_conf(config), NAME, fields, clock);
        Self { store: Arc::new(store), _sandbox: sandbox }
    }

    /// A fault that strikes only the adapter's calls.
    pub fn fault(on: CallKind, nth: u32, count: u32, what: What) -> Fault {
        Fault { on, nth, count, key: Some(SIGNER.to_owned()), what }
    }

    /// Before the call is handled, a person edits the secret.
    pub fn person(edit: SecretEdit) -> What {
        What::Person { edit: Edit::Secret { secret: NAME.to_owned(), edit } }
    }
}

/// The client's pauses pass in virtual time, always as much; its time-outs in true time.
struct Pauses(World);

impl std::fmt::Debug for Pauses {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pauses")
    }
}

impl AsyncSleep for Pauses {
    fn sleep(&self, duration: Duration) -> Sleep {
        let world = self.0.clone();
        Sleep::new(async move {
            if duration > LONGEST_PAUSE {
                tokio::time::sleep(duration).await;
            } else {
                world.pass(PAUSE_MS);
            }
        })
    }
}
