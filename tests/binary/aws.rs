//! A stage whose secret is in the sandbox's Secrets Manager, so that every call of the store stands
//! in the ledger too: reads, claims, and the promote.

use std::path::Path;
use std::process::{Child, Command, Output};
use std::time::Duration;

use rekeyd::sandbox::{CallKind, Entry, Fault, SERVICE_ACCOUNT, Tenant, What};
use serde_json::Value;

use crate::consumers::Consumer;
use crate::stage::{POLICY, Stage, came};

pub const SECRET: &str = "prod/ion/netsuite-sync";
const REGION: &str = "us-west-2";
const BOUND: Duration = Duration::from_secs(60);

pub struct OnAws {
    pub stage: Stage,
    pub consumer: Consumer,
}

impl OnAws {
    /// `schedule` is the policy's table of that name, or nothing.
    pub async fn new(drain: &str, schedule: &str) -> Self {
        let stage = Stage::new().await;
        drop(stage.sandbox.seed_secret(SECRET, REGION).unwrap());
        let url = stage.sandbox.base_url();
        let policy = format!(
            "{schedule}[issuer.ion]\nauth_url = \"{url}\"\napi_url = \"{url}\"\n\
             [store.aws_secrets_manager]\nsecret_id = \"{SECRET}\"\nregion = \"{REGION}\"\n\
             [consumers]\ncache_ttl = \"1s\"\n[retire]\ndrain = \"{drain}\"\nsoak = \"3s\"\n"
        );
        std::fs::write(stage.path("policies").join(format!("{POLICY}.toml")), policy).unwrap();
        let tenant = stage.sandbox.tenant().clone();
        // The stage wrote a key into a file that no policy names any more.
        tenant.edit(&rekeyd::sandbox::Edit::Delete { key: stage.current_key() }).unwrap();
        let served = tenant.clone();
        let text = move || served.secret_text(SECRET).unwrap().expose().to_owned();
        let consumer = Consumer::reading(&tenant, text);
        Self { stage, consumer }
    }

    pub fn tenant(&self) -> &Tenant {
        self.stage.sandbox.tenant()
    }

    /// The binary with AWS's chain pointed at the sandbox, and nothing of this machine's own.
    pub fn command(&self, state: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rekeyd"));
        self.stage.arguments_on(&mut command, state, arguments);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AWS_")) {
            command.env_remove(name);
        }
        command
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_ENDPOINT_URL_SECRETS_MANAGER", self.stage.sandbox.base_url())
            .env("AWS_ACCESS_KEY_ID", "AKIASTAGE")
            .env("AWS_SECRET_ACCESS_KEY", "stage");
        command
    }

    pub fn spawn(&self, arguments: &[&str]) -> Child {
        self.command(&self.stage.path("state"), arguments).spawn().unwrap()
    }

    pub async fn run(&self, arguments: &[&str]) -> Ended {
        self.run_on(&self.stage.path("state"), arguments).await
    }

    pub async fn run_on(&self, state: &Path, arguments: &[&str]) -> Ended {
        ended(self.command(state, arguments)).await
    }

    pub fn current_key(&self) -> String {
        key_in(self.tenant().secret_text(SECRET).unwrap().expose())
    }

    /// Calls of a kind that changed something, the oldest first.
    pub fn effects(&self, kind: CallKind) -> Vec<Entry> {
        let ledger = self.tenant().ledger();
        ledger.into_iter().filter(|entry| entry.kind == kind && entry.effect_applied).collect()
    }

    /// The promote, once it has happened.
    pub fn promoted(&self) -> Option<Entry> {
        let moves = self.effects(CallKind::UpdateSecretVersionStage);
        moves.into_iter().find(|entry| entry.detail.starts_with("stage=AWSCURRENT"))
    }

    /// The first disable of a key.
    pub fn disabled(&self, key: &str) -> Option<Entry> {
        let changes = self.effects(CallKind::UpdateApiKey);
        let is_it = |e: &Entry| e.detail.contains("enabled=false") && e.keys.contains(&key.into());
        changes.into_iter().find(is_it)
    }

    /// The n-th call of a kind is answered late; its effect happens at once.
    pub fn hold(&self, on: CallKind, nth: u32) {
        let what = What::Delay { ms: 1_500 };
        self.tenant().add_fault(Fault { on, nth, count: 1, key: None, what }).unwrap();
    }

    pub async fn until(&self, what: &str, holds: impl FnMut() -> bool) {
        assert!(came(BOUND, holds).await, "it never came: {what}: {:#?}", self.tenant().ledger());
    }

    pub async fn status(&self) -> Value {
        let ended = self.run(&["status", "--output", "json"]).await;
        serde_json::from_str(&ended.out).unwrap()
    }

    /// Nothing is open, no live key is unaccounted for, and no consumer noticed anything.
    pub async fn assert_sound(&self, case: &str) {
        let tenant = self.tenant();
        let current = self.current_key();
        assert!(tenant.alive(&current), "{case}: current does not work");
        let status = self.status().await;
        let policy = &status["policies"][0];
        assert!(policy["rotation"].is_null(), "{case}: still open: {status}");
        let told = format!("{}{}", policy["live_keys"], status["orphans"]);
        let keys = tenant.keys().into_iter().filter(|key| key.created_by == SERVICE_ACCOUNT);
        let live = keys.map(|key| key.client_id).filter(|key| tenant.alive(key));
        for key in live {
            assert!(told.contains(&key), "{case}: live key {key} is forgotten: {status}");
        }
        assert_eq!(self.consumer.failures(), 0, "{case}");
    }

    /// Of all keys only *current*'s lives.
    pub fn assert_one_lives(&self, case: &str) {
        let keys = self.tenant().keys().into_iter().map(|key| key.client_id);
        let live: Vec<_> = keys.filter(|key| self.tenant().alive(key)).collect();
        assert_eq!(live, [self.current_key()], "{case}");
    }
}

fn key_in(text: &str) -> String {
    let value: Value = serde_json::from_str(text).unwrap();
    value["clientId"].as_str().unwrap().to_owned()
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

/// Runs it while the sandbox goes on in this process.
pub async fn ended(mut command: Command) -> Ended {
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap().into()
}

/// Waits for a process that this test started.
pub async fn over(child: Child) -> Ended {
    tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap().into()
}
