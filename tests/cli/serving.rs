//! `sandbox`: serves until a signal comes.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::process::{Child, Command, Stdio};

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::{BehaviorVersion, Config, Credentials, Region};
use rustix::process::{Pid, Signal, kill_process};

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_serves_the_key_that_it_wrote_until_it_is_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let secret = dir.path().join("secret.json");
    let mut child = Command::new(assert_cmd::cargo::cargo_bin("rekeyd"))
        .args(["sandbox", "--schema", "extended", "--token-life", "7s", "--seed", "1"])
        .arg("--secret-file")
        .arg(&secret)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let url = lines.next().unwrap().unwrap().replace("sandbox ION on ", "");
    assert_eq!(secret.metadata().unwrap().mode() & 0o777, 0o600);
    let key: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&secret).unwrap()).unwrap();
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", key["clientId"].as_str().unwrap()),
        ("client_secret", key["clientSecret"].as_str().unwrap()),
    ];
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let token = client
        .post(format!("{url}/realms/api-keys/protocol/openid-connect/token"))
        .form(&form)
        .send()
        .await
        .unwrap();
    assert_eq!(token.status(), 200);
    assert_eq!(token.json::<serde_json::Value>().await.unwrap()["expires_in"], 7);
    kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143));
}

/// Ends with the test, however that ends.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_prints_the_variable_behind_which_its_seeded_secret_is() {
    let mut child = Command::new(assert_cmd::cargo::cargo_bin("rekeyd"))
        .args(["sandbox", "--secret-id", "prod/ion", "--region", "eu-west-1"])
        .stdout(Stdio::piped())
        .spawn()
        .map(Killed)
        .unwrap();
    let lines = BufReader::new(child.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    let told: Vec<String> = lines.take(8).collect();
    let variable = "AWS_ENDPOINT_URL_SECRETS_MANAGER=";
    let words = || told.iter().flat_map(|line| line.split_whitespace());
    let url = words().find_map(|word| word.strip_prefix(variable)).unwrap();
    assert!(told.iter().any(|line| line.ends_with("prod/ion (eu-west-1)")), "{told:?}");
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(url)
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .build();
    let get = Client::from_conf(config).get_secret_value().secret_id("prod/ion");
    let reply = get.send().await.unwrap();
    let key: serde_json::Value = serde_json::from_str(reply.secret_string().unwrap()).unwrap();
    let secret = key["clientSecret"].as_str().unwrap();
    assert!(told.iter().all(|line| !line.contains(secret)), "{told:?}");
}
