//! `check --online` and `check --print-iam` where the secret is at AWS: the sandbox's stand-in.

use rekeyd::sandbox::{CallKind, Code, Edit, Fault, SecretEdit, What};
use serde_json::Value;

use crate::stage::{Ended, Stage, end};

const SECRET: &str = "prod/ion/netsuite-sync";
const REGION: &str = "us-west-2";

/// A stage whose policy names a secret in AWS.
async fn stage() -> Stage {
    let stage = Stage::new().await;
    drop(stage.sandbox.seed_secret(SECRET, REGION).unwrap());
    write_policy(&stage, SECRET, &format!("region = \"{REGION}\"\n"));
    stage
}

fn write_policy(stage: &Stage, secret_id: &str, region: &str) {
    let url = stage.sandbox.base_url();
    let policy = format!(
        "[issuer.ion]\nauth_url = \"{url}\"\napi_url = \"{url}\"\n\
         [store.aws_secrets_manager]\nsecret_id = \"{secret_id}\"\n{region}\
         [consumers]\ncache_ttl = \"1s\"\n[retire]\ndrain = \"2s\"\nsoak = \"1s\"\n"
    );
    std::fs::write(stage.path("policies/demo.toml"), policy).unwrap();
}

/// Runs the check by AWS's own chain; the secret is as it was after it.
async fn checked(stage: &Stage, more: &[(&str, &str)]) -> Ended {
    let truths = |stage: &Stage| format!("{:?}", stage.sandbox.tenant().secrets());
    let before = truths(stage);
    let mut command = stage.command(&["check", "--online", "--output", "json"]);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AWS_")) {
        command.env_remove(name);
    }
    command
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_ENDPOINT_URL_SECRETS_MANAGER", stage.sandbox.base_url());
    if more.is_empty() {
        command.env("AWS_ACCESS_KEY_ID", "AKIASTAGE").env("AWS_SECRET_ACCESS_KEY", "stage");
    }
    command.envs(more.iter().copied());
    let ended = tokio::task::spawn_blocking(move || end(&mut command)).await.unwrap();
    assert_eq!(truths(stage), before);
    ended
}

fn line(ended: &Ended, check: &str) -> Value {
    let json = ended.json();
    let checks = json["policies"][0]["checks"].as_array().unwrap().clone();
    checks.into_iter().find(|line| line["check"] == check).unwrap_or_default()
}

fn says(ended: &Ended, check: &str, code: &str, words: &str) {
    let line = line(ended, check);
    assert_eq!(line["code"].as_str().unwrap_or_default(), code, "{check}: {line}");
    assert!(line["message"].as_str().unwrap().contains(words), "{check}: {line}");
}

fn edit(stage: &Stage, edit: SecretEdit) {
    stage.sandbox.tenant().edit(&Edit::Secret { secret: SECRET.into(), edit }).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_at_aws_is_looked_at_with_its_time() {
    let stage = stage().await;
    let ended = checked(&stage, &[]).await;
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    says(&ended, "store", "", "secret prod/ion/netsuite-sync of AWS Secrets Manager in us-west-2");
    says(&ended, "current", "", "holds key");
    says(&ended, "time", "", "the API's Date");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_did_to_the_secret_is_told() {
    let stage = stage().await;
    edit(&stage, SecretEdit::NativeRotation { enabled: true });
    let ended = checked(&stage, &[]).await;
    assert_eq!(ended.code, 6, "{}{}", ended.out, ended.err);
    says(&ended, "health", "refused/store", "own rotation is switched on");
    edit(&stage, SecretEdit::NativeRotation { enabled: false });

    let text = rekeyd::sandbox::Typed::new("{\"a\":1}".to_owned());
    edit(&stage, SecretEdit::Put { text });
    let (stage_of, to) = ("AWSPENDING".to_owned(), Some("AWSPREVIOUS".to_owned()));
    edit(&stage, SecretEdit::RollBack);
    edit(&stage, SecretEdit::Stage { stage: stage_of, to });
    let ended = checked(&stage, &[]).await;
    assert_eq!(ended.code, 6, "{}{}", ended.out, ended.err);
    says(&ended, "pending", "refused/foreign_pending", "is not ours");

    edit(&stage, SecretEdit::Delete);
    let ended = checked(&stage, &[]).await;
    assert_eq!(ended.code, 6, "{}{}", ended.out, ended.err);
    says(&ended, "health", "refused/store", "scheduled for deletion");
    says(&ended, "current", "", "not looked at: a secret that is scheduled for deletion");
    says(&ended, "auth", "", "knows the realm");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_name_another_region_and_none_are_told_apart() {
    let stage = stage().await;
    for (name, region, environment, code, words, exit) in [
        ("prod/ion/other", REGION, &[][..], "check/secret_missing", "in us-west-2", 3),
        (SECRET, "eu-central-1", &[], "check/secret_missing", "in eu-central-1", 3),
        (
            SECRET,
            "",
            &[("AWS_ACCESS_KEY_ID", "AKIASTAGE"), ("AWS_SECRET_ACCESS_KEY", "stage")],
            "check/region",
            "Name the region",
            3,
        ),
        (SECRET, REGION, &[("AWS_PROFILE", "")], "check/credentials", "none that can be used", 3),
    ] {
        let region = match region {
            "" => String::new(),
            region => format!("region = \"{region}\"\n"),
        };
        write_policy(&stage, name, &region);
        let ended = checked(&stage, environment).await;
        assert_eq!(ended.code, exit, "{code}: {}{}", ended.out, ended.err);
        says(&ended, "store", code, words);
        says(&ended, "auth", "", "knows the realm");
        says(&ended, "claim", "", "not looked at: the store could not be read");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permission_that_is_missing_at_aws_is_named() {
    let stage = stage().await;
    let fault = |on, code| {
        let what = What::Exception { code, after_effect: false };
        stage.sandbox.tenant().add_fault(Fault { on, nth: 1, count: 9, key: None, what }).unwrap();
    };
    let (describe, get) = (CallKind::DescribeSecret, CallKind::GetSecretValue);
    for (on, code, found, words) in [
        (describe, Code::AccessDenied, "check/store_denied", "secretsmanager:DescribeSecret"),
        (get, Code::AccessDenied, "check/store_denied", "secretsmanager:GetSecretValue"),
        (get, Code::DecryptionFailure, "check/kms_denied", "kms:Decrypt"),
    ] {
        fault(on, code);
        let ended = checked(&stage, &[]).await;
        stage.sandbox.tenant().clear_faults();
        assert_eq!(ended.code, 4, "{found}: {}{}", ended.out, ended.err);
        let check = if on == CallKind::DescribeSecret { "store" } else { "current" };
        says(&ended, check, found, words);
        let next = &line(&ended, check)["next_command"];
        assert!(next.as_str().unwrap().ends_with(" check --print-iam demo"), "{next}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_least_iam_policy_names_actions_and_secrets_and_calls_nobody() {
    let stage = stage().await;
    let ended = stage.run(&["check", "--print-iam"]).await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    let document = ended.json();
    let statement = &document["Statement"][0];
    assert_eq!(document["Version"], "2012-10-17");
    assert_eq!(
        statement["Resource"][0],
        "arn:aws:secretsmanager:us-west-2:*:secret:prod/ion/netsuite-sync-??????"
    );
    let actions: Vec<&str> =
        statement["Action"].as_array().unwrap().iter().map(|a| a.as_str().unwrap()).collect();
    let wanted = ["DescribeSecret", "GetSecretValue", "PutSecretValue", "UpdateSecretVersionStage"];
    assert_eq!(actions, wanted.map(|action| format!("secretsmanager:{action}")));
    assert!(ended.err.contains("kms:Decrypt"), "{}", ended.err);
    assert!(stage.sandbox.tenant().ledger().iter().all(|entry| entry.kind == CallKind::Person));
}
