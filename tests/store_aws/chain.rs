//! AWS's own chain, in a child process with an environment of its own.

use std::process::Command;
use std::sync::Arc;

use rekeyd::port::SecretStore;
use rekeyd::store::AwsSecretsManager;
use serde_json::json;

use crate::server::{Server, TestClock, fields, ok, value, version};

/// What a child says whose environment holds nothing of AWS but `environment`.
fn in_child(environment: &[(&str, &str)]) -> String {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "--ignored", "--nocapture", "chain::child"]);
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
#[ignore = "runs in the child process of the tests below"]
async fn child() {
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
        let said = in_child(&[KEYS[0], KEYS[1], endpoint, (region, "eu-west-1")]);
        assert!(said.contains(&format!("current: {}", version("base"))), "{said}");
    }
    assert_eq!(server.bodies("describesecret").len(), 2);
}

#[test]
fn a_chain_without_credentials_or_region_is_our_misconfiguration() {
    let server = Server::start(|_, _| ok(&json!({})));
    let url = format!("http://{}", server.address);
    let endpoint = ("AWS_ENDPOINT_URL_SECRETS_MANAGER", url.as_str());
    let said = in_child(&[endpoint, ("AWS_REGION", "eu-west-1")]);
    assert!(said.contains("class: Misconfigured"), "{said}");
    let said = in_child(&[KEYS[0], KEYS[1]]);
    assert!(said.contains("class: Misconfigured"), "{said}");
    assert!(!said.contains("s3cret"));
    assert!(server.bodies("describesecret").is_empty());
}
