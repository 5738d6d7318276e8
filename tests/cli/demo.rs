//! The demonstration, with the secret in the stand-in of AWS Secrets Manager.

use serde_json::Value;

use crate::stage::{end, rekeyd};

/// An AWS configuration of the user's own, and a proxy, that would break every call that heeds them.
const OF_THE_USER: &[(&str, &str)] = &[
    ("AWS_PROFILE", "production"),
    ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
    ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:9"),
    ("AWS_REGION", "eu-west-1"),
    ("HTTP_PROXY", "http://127.0.0.1:9"),
    ("http_proxy", "http://127.0.0.1:9"),
    ("ALL_PROXY", "http://127.0.0.1:9"),
];

#[test]
fn the_demo_on_aws_breaks_nobody_and_heeds_no_aws_configuration_of_the_users() {
    let home = tempfile::tempdir().unwrap();
    let mut demo = rekeyd(home.path());
    demo.args(["demo", "--store", "aws", "--output", "json"]);
    let ended = end(demo.envs(OF_THE_USER.iter().copied()));
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    let counted: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(counted["failures_during_rotation"], 0);
    assert_eq!(counted["keys_created"], 2);
    assert_eq!(counted["live_key_is_in_the_store"], true);
    assert!(counted["consumer_requests"].as_u64().unwrap() > 0);
}
