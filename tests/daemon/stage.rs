//! A place for a daemon to work on: a sandbox, settings with a quiesce of one second, and as many
//! policies as a test wants, each on a file of its own. Everything goes with the temporary directory.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use rekeyd::sandbox::{CallKind, Entry, Fault, SERVICE_ACCOUNT, Sandbox, Settings, Tenant, What};
use serde_json::Value;

use crate::consumers::Consumer;

/// Nothing here takes longer, on however busy a machine.
pub const BOUND: Duration = Duration::from_secs(150);

/// What a policy says besides its places.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// The lines of `[schedule]`.
    pub schedule: &'static str,
    pub drain: &'static str,
    /// Whole tables.
    pub more: &'static str,
}

pub const ON_DEMAND: Terms = Terms { schedule: "", drain: "2s", more: "" };
/// The drain outlasts every test.
pub const LONG: Terms = Terms { drain: "1h", ..ON_DEMAND };
/// Due as soon as it is adopted, and then not again within a test.
pub const ONCE: Terms = Terms { schedule: "every = \"1s\"", drain: "1h", more: "" };

pub struct Stage {
    pub sandbox: Sandbox,
    pub dir: tempfile::TempDir,
}

impl Stage {
    /// Without policies.
    pub async fn new() -> Self {
        Self::with("").await
    }

    /// With lines of `[daemon]` in the settings.
    pub async fn with(daemon: &str) -> Self {
        let settings = Settings { token_life_seconds: 1, ..Settings::default() };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sandbox = Sandbox::start(listener, settings).unwrap();
        let stage = Self { sandbox, dir: tempfile::tempdir().unwrap() };
        for sub in ["policies", "state", "secrets"] {
            std::fs::create_dir(stage.path(sub)).unwrap();
        }
        private(&stage.path("state"), 0o700);
        let settings = format!(
            "[limits]\ngateway_timeout = \"1s\"\ntoken_lifetime = \"0s\"\n\
             request_timeout = \"10s\"\n\
             [verify]\ndead_after = {{ rejections = 2, over = \"1s\" }}\n\
             [daemon]\nwatch_every = \"15m\"\nreads_per_second = 10000\n\
             writes_per_second = 10000\n{daemon}\n"
        );
        std::fs::write(stage.path("rekeyd.toml"), settings).unwrap();
        stage
    }

    /// With one policy.
    pub async fn of(name: &str, terms: Terms) -> Self {
        let stage = Self::new().await;
        stage.add(name, terms);
        stage
    }

    /// A key, a file that holds it, and a policy on that.
    pub fn add(&self, name: &str, terms: Terms) {
        self.seed(name);
        self.policy(name, &self.text(name, terms));
    }

    pub fn seed(&self, name: &str) {
        let issued = self.tenant().seed_key().unwrap();
        let secret = serde_json::json!({
            "clientId": issued.client_id, "clientSecret": issued.client_secret, "note": "kept"
        });
        std::fs::write(self.secret_file(name), secret.to_string()).unwrap();
        private(&self.secret_file(name), 0o600);
    }

    /// A policy's text.
    pub fn text(&self, name: &str, terms: Terms) -> String {
        let url = self.sandbox.base_url();
        let Terms { schedule, drain, more } = terms;
        format!(
            "[schedule]\n{schedule}\n[issuer.ion]\nauth_url = \"{url}\"\napi_url = \"{url}\"\n\
             [store.file]\npath = \"{}\"\n[retire]\ndrain = \"{drain}\"\nsoak = \"1s\"\n\
             [consumers]\ncache_ttl = \"1s\"\n{more}\n",
            self.secret_file(name).display()
        )
    }

    /// Written as an editor or a deployment does: whole, under another name, and renamed.
    pub fn policy(&self, name: &str, text: &str) {
        let (hidden, file) = (self.path(&format!("policies/.{name}.new")), self.policy_file(name));
        std::fs::write(&hidden, text).unwrap();
        std::fs::rename(hidden, file).unwrap();
    }

    pub fn policy_file(&self, name: &str) -> PathBuf {
        self.path("policies").join(format!("{name}.toml"))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn secret_file(&self, name: &str) -> PathBuf {
        self.path("secrets").join(format!("{name}.json"))
    }

    pub fn tenant(&self) -> &Tenant {
        self.sandbox.tenant()
    }

    pub fn consumer(&self, name: &str) -> Consumer {
        Consumer::start(self.tenant(), self.secret_file(name))
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rekeyd"));
        command
            .arg("--config")
            .arg(self.path("rekeyd.toml"))
            .arg("--policies")
            .arg(self.path("policies"))
            .arg("--state-dir")
            .arg(self.path("state"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for name in
            ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "RUNTIME_DIRECTORY", "LISTEN_FDS"]
        {
            command.env_remove(name);
        }
        command
    }

    pub async fn run(&self, arguments: &[&str]) -> Ended {
        let mut command = self.command(arguments);
        // The sandbox lives in this process: its threads must go on meanwhile.
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        Ended::of(&output)
    }

    pub async fn status(&self) -> Value {
        let ended = self.run(&["status", "--output", "json"]).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        serde_json::from_str(&ended.out).unwrap()
    }

    /// What `status` says of one policy.
    pub async fn status_of(&self, name: &str) -> Value {
        named(&self.status().await, name)
    }

    /// Asks until `status` says so of a policy.
    pub async fn until(&self, name: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let status = self.status().await;
            let one = named(&status, name);
            if is_so(&one) {
                return one;
            }
            let late = begun.elapsed() > BOUND;
            assert!(!late, "{name}: never came to {what}: {status}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Waits for what the outside shows.
    pub async fn comes(&self, what: &str, condition: impl FnMut() -> bool) {
        assert!(came(BOUND, condition).await, "never came: {what}\n{}", self.log());
    }

    /// What daemons on this stage logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("daemon.log")).unwrap_or_default()
    }

    pub fn current_key(&self, name: &str) -> String {
        let text = std::fs::read_to_string(self.secret_file(name)).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["note"], "kept");
        value["clientId"].as_str().unwrap().to_owned()
    }

    pub fn hold(&self, on: CallKind, nth: u32, ms: u64) {
        self.fault(Fault { on, nth, count: 1, key: None, what: What::Delay { ms } });
    }

    pub fn fault(&self, fault: Fault) {
        self.tenant().add_fault(fault).unwrap();
    }

    /// Calls of a kind that had an effect.
    pub fn effects(&self, on: CallKind) -> Vec<Entry> {
        let ledger = self.tenant().ledger();
        ledger.into_iter().filter(|entry| entry.kind == on && entry.effect_applied).collect()
    }

    pub fn creates(&self) -> usize {
        self.effects(CallKind::CreateApiKey).len()
    }

    /// Nothing is open: only the keys in stores live, but for what is reported.
    pub async fn assert_sound(&self, names: &[&str]) {
        let status = self.status().await;
        let current: Vec<String> = names.iter().map(|name| self.current_key(name)).collect();
        for (name, key) in names.iter().zip(&current) {
            assert!(self.tenant().alive(key), "{name}: current does not work");
            assert!(named(&status, name)["rotation"].is_null(), "{name}: still open: {status}");
        }
        let reported = status.to_string();
        let forgotten: Vec<_> = self
            .tenant()
            .keys()
            .into_iter()
            .filter(|key| key.created_by == SERVICE_ACCOUNT && self.tenant().alive(&key.client_id))
            .filter(|key| !current.contains(&key.client_id) && !reported.contains(&key.client_id))
            .collect();
        assert!(forgotten.is_empty(), "forgotten {forgotten:?}\n{}", self.log());
    }
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ended {
    pub fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }
}

/// One policy of a status.
pub fn named(status: &Value, name: &str) -> Value {
    let policies = status["policies"].as_array().unwrap();
    policies.iter().find(|policy| policy["name"] == name).cloned().unwrap_or_default()
}

fn private(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Waits for a condition, bounded; says whether it came.
pub async fn came(bound: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < bound {
        if condition() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    false
}
