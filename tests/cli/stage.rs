//! A sandbox in this process, and a directory with settings, a policy, and the secret.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use assert_cmd::Command;
use rekeyd::sandbox::{CallKind, Sandbox, Settings};
use serde_json::Value;

pub(crate) struct Stage {
    pub(crate) sandbox: Sandbox,
    dir: tempfile::TempDir,
}

/// Waits until something holds; a minute at most.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it never came: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// How a command ended.
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    pub(crate) fn json(&self) -> Value {
        let parsed = serde_json::from_str(&self.out);
        assert!(parsed.is_ok(), "{}{}", self.out, self.err);
        parsed.unwrap()
    }
}

/// The binary without anything of this machine's own settings.
pub(crate) fn rekeyd(home: &Path) -> Command {
    let mut command = Command::cargo_bin("rekeyd").unwrap();
    for name in ["COLUMNS", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "STATE_DIRECTORY"] {
        command.env_remove(name);
    }
    command.env("HOME", home).env("CONFIGURATION_DIRECTORY", home.join("config"));
    command
}

pub(crate) fn end(command: &mut Command) -> Ended {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended {
        code: output.status.code().unwrap(),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::with_drain("2s").await
    }

    /// `drain` of the one policy, `demo`.
    pub(crate) async fn with_drain(drain: &str) -> Self {
        let settings = Settings { token_life_seconds: 1, ..Settings::default() };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sandbox = Sandbox::start(listener, settings).unwrap();
        let stage = Self { sandbox, dir: tempfile::tempdir().unwrap() };
        std::fs::create_dir(stage.path("policies")).unwrap();
        std::fs::create_dir(stage.path("secrets")).unwrap();
        let url = stage.sandbox.base_url();
        stage.write_policy("demo", &url, drain);
        let key = stage.sandbox.seed_key().unwrap();
        let secret = serde_json::json!({
            "clientId": key.client_id, "clientSecret": key.client_secret, "note": "kept",
        });
        stage.write_secret(&secret.to_string());
        let settings = "[limits]\ngateway_timeout = \"1s\"\ntoken_lifetime = \"1s\"\n\
                        [verify]\ndead_after = { rejections = 2, over = \"100ms\" }\n";
        std::fs::write(stage.path("rekeyd.toml"), settings.replace("100ms", "1s")).unwrap();
        stage
    }

    pub(crate) fn write_policy(&self, name: &str, url: &str, drain: &str) {
        let policy = format!(
            "[issuer.ion]\nauth_url = \"{url}\"\napi_url = \"{url}\"\n\
             [store.file]\npath = \"{}\"\n\
             [consumers]\ncache_ttl = \"1s\"\n\
             [retire]\ndrain = \"{drain}\"\nsoak = \"1s\"\n",
            self.secret().display()
        );
        std::fs::write(self.path("policies").join(format!("{name}.toml")), policy).unwrap();
    }

    pub(crate) fn write_secret(&self, text: &str) {
        std::fs::write(self.secret(), text).unwrap();
        let mode = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(self.secret(), mode).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn secret(&self) -> PathBuf {
        self.path("secrets/demo.json")
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = rekeyd(self.dir.path());
        command.arg("--config").arg(self.path("rekeyd.toml"));
        command.arg("--policies").arg(self.path("policies"));
        command.arg("--state-dir").arg(self.path("state")).args(arguments);
        command
    }

    /// The same, for a test that chooses where its output goes.
    pub(crate) fn plain(&self, arguments: &[&str]) -> std::process::Command {
        let assert = self.command(arguments);
        let mut command = std::process::Command::new(assert.get_program());
        command.args(assert.get_args());
        for (name, value) in assert.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }

    /// Runs the binary while the sandbox goes on in this process. The places that every command
    /// names are left out of what it prints.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Ended {
        let Ended { code, out, err } = self.run_as_it_is(arguments).await;
        Ended { code, out: self.without_places(&out), err: self.without_places(&err) }
    }

    /// The same, with everything that it prints.
    pub(crate) async fn run_as_it_is(&self, arguments: &[&str]) -> Ended {
        let mut command = self.command(arguments);
        tokio::task::spawn_blocking(move || end(&mut command)).await.unwrap()
    }

    fn without_places(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (flag, name) in
            [("--config", "rekeyd.toml"), ("--policies", "policies"), ("--state-dir", "state")]
        {
            text = text.replace(&format!("{flag} {} ", self.path(name).display()), "");
        }
        text
    }

    pub(crate) async fn run_with_input(&self, arguments: &[&str], input: &str) -> Ended {
        let mut command = self.command(arguments);
        command.write_stdin(input);
        let ended = tokio::task::spawn_blocking(move || end(&mut command)).await.unwrap();
        let (out, err) = (self.without_places(&ended.out), self.without_places(&ended.err));
        Ended { code: ended.code, out, err }
    }

    /// The key that consumers are served.
    pub(crate) fn current(&self) -> String {
        let value: Value =
            serde_json::from_str(&std::fs::read_to_string(self.secret()).unwrap()).unwrap();
        value["clientId"].as_str().unwrap().to_owned()
    }

    pub(crate) fn alive(&self, key: &str) -> bool {
        self.sandbox.tenant().alive(key)
    }

    /// Calls of a kind that changed something.
    pub(crate) fn effects(&self, kind: CallKind) -> usize {
        let ledger = self.sandbox.tenant().ledger();
        ledger.iter().filter(|entry| entry.kind == kind && entry.effect_applied).count()
    }

    /// The one policy in `status`.
    pub(crate) async fn status(&self) -> Value {
        let ended = self.run(&["status", "--output", "json"]).await;
        assert_eq!(ended.code, 0, "{}", ended.err);
        ended.json()["policies"][0].clone()
    }
}
