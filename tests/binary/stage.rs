//! A stage to run the binary on: a sandbox, a store file, a policy, settings with a quiesce of one
//! second. Everything is in a temporary directory and goes with it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rekeyd::sandbox::{SERVICE_ACCOUNT, Sandbox, Settings};
use serde_json::Value;

pub const POLICY: &str = "netsuite-sync";

pub struct Stage {
    pub sandbox: Sandbox,
    pub dir: tempfile::TempDir,
}

impl Stage {
    pub async fn new() -> Self {
        let settings = Settings { token_life_seconds: 1, ..Settings::default() };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sandbox = Sandbox::start(listener, settings).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let stage = Self { sandbox, dir };
        stage.write();
        stage
    }

    fn write(&self) {
        let issued = self.sandbox.seed_key().unwrap();
        let secret = serde_json::json!({
            "clientId": issued.client_id, "clientSecret": issued.client_secret, "note": "kept"
        });
        for sub in ["policies", "state", "secrets"] {
            std::fs::create_dir(self.path(sub)).unwrap();
        }
        private(&self.path("state"), 0o700);
        std::fs::write(self.secret_file(), secret.to_string()).unwrap();
        private(&self.secret_file(), 0o600);
        let url = self.sandbox.base_url();
        let policy = format!(
            "[issuer.ion]\nauth_url = \"{url}\"\napi_url = \"{url}\"\n\
             [store.file]\npath = \"{}\"\n\
             [consumers]\ncache_ttl = \"1s\"\n\
             [retire]\ndrain = \"2s\"\nsoak = \"1s\"\n",
            self.secret_file().display()
        );
        std::fs::write(self.path("policies").join(format!("{POLICY}.toml")), policy).unwrap();
        let settings = "[limits]\ngateway_timeout = \"1s\"\ntoken_lifetime = \"0s\"\n\
                        request_timeout = \"10s\"\n\
                        [verify]\ndead_after = { rejections = 2, over = \"1s\" }\n";
        std::fs::write(self.path("rekeyd.toml"), settings).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn secret_file(&self) -> PathBuf {
        self.path("secrets").join("netsuite-sync.json")
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rekeyd"));
        self.arguments(&mut command, arguments);
        command
    }

    /// The same under another program, which takes the binary and its arguments last.
    pub fn under(&self, program: &str, options: &[&str], arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(options).arg(env!("CARGO_BIN_EXE_rekeyd"));
        self.arguments(&mut command, arguments);
        command
    }

    fn arguments(&self, command: &mut Command, arguments: &[&str]) {
        self.arguments_on(command, &self.path("state"), arguments);
    }

    /// The same on another state directory.
    pub fn arguments_on(&self, command: &mut Command, state: &Path, arguments: &[&str]) {
        command
            .arg("--config")
            .arg(self.path("rekeyd.toml"))
            .arg("--policies")
            .arg(self.path("policies"))
            .arg("--state-dir")
            .arg(state)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
    }

    pub async fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(arguments);
        // The sandbox lives in this process: its threads must go on meanwhile.
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }

    pub async fn status(&self) -> Value {
        let output = self.run(&["status", "--output", "json"]).await;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    pub fn current_key(&self) -> String {
        let text = std::fs::read_to_string(self.secret_file()).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["note"], "kept");
        value["clientId"].as_str().unwrap().to_owned()
    }

    /// Nothing is open: only *current*'s key lives, but for what is reported.
    pub async fn assert_sound(&self, case: &str) {
        let tenant = self.sandbox.tenant();
        let current = self.current_key();
        assert!(tenant.alive(&current), "{case}: current does not work");
        let status = self.status().await;
        let policy = &status["policies"][0];
        assert!(policy["rotation"].is_null(), "{case}: still open: {policy}");
        let reported = status["orphans"].to_string();
        let forgotten: Vec<_> = tenant
            .keys()
            .into_iter()
            .filter(|key| key.created_by == SERVICE_ACCOUNT && tenant.alive(&key.client_id))
            .filter(|key| key.client_id != current && !reported.contains(&key.client_id))
            .collect();
        assert!(forgotten.is_empty(), "{case}: forgotten {forgotten:?}");
    }
}

fn private(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Waits for a condition, bounded; says whether it came.
pub async fn came(bound: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < bound {
        if condition() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    false
}

/// Ends a process that this test started, by id.
pub async fn kill(mut child: Child) -> Output {
    child.kill().unwrap();
    tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap()
}
