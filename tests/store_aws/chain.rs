//! AWS's own chain, in a child process with an environment of its own.

use std::process::Command;
use std::sync::Arc;

use rekeyd::port::{SecretStore, Which};
use rekeyd::store::AwsSecretsManager;
use serde_json::json;

use crate::server::{Answer, Server, TestClock, credential, fields, ok, value, version};

/// What a test says that runs in a child whose environment holds nothing of AWS but `environment`.
fn in_child(test: &str, environment: &[(&str, &str)]) -> String {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "--ignored", "--nocapture", test]);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AWS_")) {
        child.env_remove(name);
    }
    child
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .envs(environment.iter().copied());
    let output = child.output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
#[ignore = "runs in the child process of other tests"]
async fn describes() {
    let region = std::env::var("TEST_REGION").ok();
    let clock = Arc::new(TestClock::default());
    let store = AwsSecretsManager::connect("x", region.as_deref(), fields(), clock).await;
    match store.describe().await {
        Ok(view) => println!("current: {}", view.current.unwrap()),
        Err(error) => println!("class: {:?}: {error}", error.class),
    }
}

const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "k"), ("AWS_SECRET_ACCESS_KEY", "s3cret")];

#[test]
fn the_endpoint_variable_of_the_service_is_honoured() {
    let server = Server::start(|operation, _| match operation {
        "describesecret" => {
            ok(&json!({ "VersionIdsToStages": { version("base").as_str(): ["AWSCURRENT"] }}))
        }
        _ => value("base"),
    });
    let url = format!("http://{}", server.address);
    let endpoint = ("AWS_ENDPOINT_URL_SECRETS_MANAGER", url.as_str());
    for region in ["AWS_REGION", "TEST_REGION"] {
        let said =
            in_child("chain::describes", &[KEYS[0], KEYS[1], endpoint, (region, "eu-west-1")]);
        assert!(said.contains(&format!("current: {}", version("base"))), "{said}");
    }
    assert_eq!(server.bodies("describesecret").len(), 2);
}

#[test]
fn a_chain_without_credentials_or_region_is_our_misconfiguration() {
    let server = Server::start(|_, _| ok(&json!({})));
    let url = format!("http://{}", server.address);
    let endpoint = ("AWS_ENDPOINT_URL_SECRETS_MANAGER", url.as_str());
    let said = in_child("chain::describes", &[endpoint, ("AWS_REGION", "eu-west-1")]);
    assert!(said.contains("class: Misconfigured"), "{said}");
    let said = in_child("chain::describes", &[KEYS[0], KEYS[1]]);
    assert!(said.contains("class: Misconfigured"), "{said}");
    assert!(!said.contains("s3cret"));
    assert!(server.bodies("describesecret").is_empty());
}

#[tokio::test]
#[ignore = "runs in the child process of other tests"]
async fn rotates_with_every_log_on() {
    tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false).init();
    let clock = Arc::new(TestClock::default());
    let store = AwsSecretsManager::connect("x", Some("eu-west-1"), fields(), clock).await;
    store.stage(&version("new"), Some(&version("base")), &credential()).await.unwrap();
    store.promote(Some(&version("base")), &version("new")).await.unwrap();
    println!("{:?}", store.read(&Which::Current).await.unwrap());
}

#[test]
fn no_secret_is_logged_at_any_level_even_when_the_sdk_is_told_to() {
    let server = Server::start(|operation, before| match (operation, before) {
        ("putsecretvalue", 0) => Answer::Lost,
        ("getsecretvalue", 0) => value("base"),
        ("getsecretvalue", _) => value("new"),
        _ => ok(&json!({})),
    });
    let url = format!("http://{}", server.address);
    let endpoint = ("AWS_ENDPOINT_URL_SECRETS_MANAGER", url.as_str());
    let revealing = [("LOG_SENSITIVE_BODIES", "true"), ("LOG_SIGNABLE_BODY", "true")];
    let said = in_child(
        "chain::rotates_with_every_log_on",
        &[KEYS[0], KEYS[1], endpoint, revealing[0], revealing[1]],
    );
    assert!(said.contains("aws_smithy_runtime"), "the SDK's log is on: {said}");
    assert!(said.contains("1 passed"), "{said}");
    // As text, and as the list of numbers that bytes are printed as.
    for form in ["s3cret", "115, 51, 99, 114, 101, 116"] {
        assert_eq!(said.lines().find(|line| line.contains(form)), None);
    }
}
