//! `check --online` finds and explains what is wrong, and changes nothing; `check --print-iam`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use rekeyd::sandbox::{
    CallKind, Edit, Fault, PERSON, SERVICE_ACCOUNT, Sandbox, SchemaKind, Settings, Tenant, What,
    wall_clock,
};
use serde_json::Value;

use crate::named_actor::{ALL, name_actor, narrow_key, run};
use crate::stage::{Ended, Stage};

const ONLINE: [&str; 4] = ["check", "--online", "--output", "json"];

/// The lines of the first policy, by name; the last of one name counts.
fn lines(ended: &Ended) -> BTreeMap<String, Value> {
    let json = ended.json();
    let checks = json["policies"][0]["checks"].as_array().unwrap().clone();
    checks.into_iter().map(|line| (line["check"].as_str().unwrap().to_owned(), line)).collect()
}

/// Asserts what one line came to: its outcome, its code, and words of its message.
fn says(ended: &Ended, check: &str, outcome: &str, code: Option<&str>, words: &str) {
    let lines = lines(ended);
    let line = &lines.get(check).unwrap_or(&Value::Null);
    assert_eq!(line["outcome"], outcome, "{check}: {line}");
    assert_eq!(line["code"].as_str(), code, "{check}: {line}");
    assert!(line["message"].as_str().unwrap().contains(words), "{check}: {line}");
    assert_eq!(line["next_command"].is_string(), code.is_some(), "{check}: {line}");
}

/// Everything below a directory, byte by byte.
fn bytes(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(bytes(&path));
        } else {
            found.insert(path.display().to_string(), std::fs::read(&path).unwrap());
        }
    }
    found
}

/// Runs the check, and asserts that it changed nothing anywhere.
async fn checked(stage: &Stage, arguments: &[&str]) -> Ended {
    let effects = |stage: &Stage| {
        let ledger = stage.sandbox.tenant().ledger();
        ledger.iter().filter(|entry| entry.effect_applied && changes(entry.kind)).count()
    };
    let keys = |stage: &Stage| {
        let keys = stage.sandbox.tenant().keys().into_iter();
        keys.map(|key| (key.client_id, key.etag, key.enabled, key.deleted)).collect::<Vec<_>>()
    };
    let before = (bytes(&stage.path("secrets")), effects(stage), keys(stage));
    let journal = stage.path("state").exists().then(|| bytes(&stage.path("state")));
    let ended = run(stage, arguments).await;
    assert_eq!((bytes(&stage.path("secrets")), effects(stage), keys(stage)), before);
    assert_eq!(stage.path("state").exists().then(|| bytes(&stage.path("state"))), journal);
    ended
}

fn changes(kind: CallKind) -> bool {
    !matches!(
        kind,
        CallKind::TokenExchange
            | CallKind::ApiKeys
            | CallKind::CurrentUser
            | CallKind::Introspection
            | CallKind::Other
    )
}

fn replace(stage: &Stage, from: &str, to: &str) {
    let path = stage.path("policies/demo.toml");
    let policy = std::fs::read_to_string(&path).unwrap();
    let changed = policy.replace(from, to);
    assert_ne!(changed, policy);
    std::fs::write(path, changed).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_without_a_fault_is_ok_line_by_line() {
    let stage = Stage::new().await;
    let key = stage.current();
    let ended = checked(&stage, &ONLINE).await;
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    assert_eq!(ended.json()["policies"][0]["name"], "demo");
    for (name, line) in lines(&ended) {
        assert_eq!(line["outcome"], "ok", "{name}: {line}");
    }
    let host = stage.sandbox.base_url().replace("http://", "");
    says(&ended, "store", "ok", None, &stage.secret().display().to_string());
    says(&ended, "auth", "ok", None, &host);
    says(&ended, "api", "ok", None, &host);
    says(&ended, "key", "ok", None, &format!("key {key} authenticates; a token lives 1s"));
    says(&ended, "identity", "ok", None, "acts as netsuite-sync@example.com in organisation 1");
    says(&ended, "rights", "ok", None, "the current key may list, update, and delete keys");
    says(&ended, "etags", "ok", None, "returned");
    says(&ended, "schema", "ok", None, "as documented");
    says(&ended, "time", "ok", None, "agrees with the API's Date");
    assert_eq!(stage.effects(CallKind::UpdateApiKey) + stage.effects(CallKind::DeleteApiKey), 0);

    // After a rotation there is more to compare with; it is as good.
    assert_eq!(stage.run(&["rotate", "demo", "--wait", "complete"]).await.code, 0);
    let ended = checked(&stage, &ONLINE).await;
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    says(&ended, "etags", "ok", None, "enforced when a rotation last tried");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_names_each_thing_and_says_what_to_type() {
    let stage = Stage::new().await;
    stage.sandbox.tenant().edit(&Edit::Disable { key: stage.current() }).unwrap();
    let ended = checked(&stage, &["check", "--online", "demo"]).await;
    assert_eq!(ended.code, 6, "{}{}", ended.out, ended.err);
    assert!(ended.out.starts_with("demo\n  ok      store          "), "{}", ended.out);
    assert!(ended.out.contains("  fail    key            "), "{}", ended.out);
    assert!(ended.out.contains("[refused/current_dead]"), "{}", ended.out);
    let (nexts, said): (Vec<_>, Vec<_>) = ended.out.lines().partition(|l| l.contains("next: "));
    // Not broken into lines, and as long as the places that it repeats.
    assert!(nexts.iter().any(|l| l.contains(" adopt demo --from-stdin")), "{}", ended.out);
    assert!(ended.out.ends_with("1 of 1 policy cannot rotate as things are\n"), "{}", ended.out);
    assert!(said.iter().all(|line| line.chars().count() <= 80), "{}", ended.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_key_hides_neither_the_store_nor_the_auth_server() {
    let stage = Stage::new().await;
    stage.sandbox.tenant().edit(&Edit::Delete { key: stage.current() }).unwrap();
    let ended = checked(&stage, &ONLINE).await;
    assert_eq!(ended.code, 6, "{}{}", ended.out, ended.err);
    says(&ended, "key", "fail", Some("refused/current_dead"), &stage.current());
    says(&ended, "current", "ok", None, "holds key");
    says(&ended, "auth", "ok", None, "knows the realm");
    says(&ended, "rights", "skipped", None, "not looked at: no credential authenticates");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_host_a_refused_one_and_a_wrong_realm_are_told_apart() {
    let stage = Stage::new().await;
    let url = stage.sandbox.base_url();
    let auth = format!("auth_url = \"{url}\"");
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let tls = url.replace("http://", "https://");
    for (auth_url, outcome, code, words, exit) in [
        (closed.as_str(), "fail", "check/auth_unreachable", "the connection was refused", 5),
        ("https://no-such-host.invalid", "fail", "check/auth_unreachable", "(DNS)", 5),
        (tls.as_str(), "fail", "check/auth_unreachable", "TLS", 5),
        (&format!("{url}/elsewhere"), "fail", "check/realm", "this realm or path", 3),
    ] {
        let wrong = format!("auth_url = \"{auth_url}\"");
        replace(&stage, &auth, &wrong);
        let ended = checked(&stage, &ONLINE).await;
        assert_eq!(ended.code, exit, "{auth_url}: {}{}", ended.out, ended.err);
        says(&ended, "auth", outcome, Some(code), words);
        says(&ended, "key", "skipped", None, "no answer about a key");
        says(&ended, "api", "skipped", None, "not looked at");
        says(&ended, "store", "ok", None, "");
        replace(&stage, &wrong, &auth);
    }
    let what = What::Status { status: 403, retry_after_seconds: None, after_effect: false };
    let on = CallKind::TokenExchange;
    stage.sandbox.tenant().add_fault(Fault { on, nth: 1, count: 1, key: None, what }).unwrap();
    let ended = checked(&stage, &ONLINE).await;
    assert_eq!(ended.code, 3, "{}{}", ended.out, ended.err);
    says(&ended, "auth", "fail", Some("check/realm"), "403");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_api_is_told_by_host_and_path() {
    let stage = Stage::new().await;
    let url = stage.sandbox.base_url();
    let api = format!("api_url = \"{url}\"");
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().to_string()
    };
    for (api_url, code, words, exit) in [
        (format!("http://{closed}"), "check/api_unreachable", closed.as_str(), 5),
        (format!("{url}/elsewhere"), "check/api_address", "is not where the API answers", 3),
    ] {
        let wrong = format!("api_url = \"{api_url}\"");
        replace(&stage, &api, &wrong);
        let ended = checked(&stage, &ONLINE).await;
        assert_eq!(ended.code, exit, "{api_url}: {}{}", ended.out, ended.err);
        says(&ended, "api", "fail", Some(code), words);
        says(&ended, "key", "ok", None, "authenticates");
        says(&ended, "rights", "skipped", None, "the API does not answer");
        replace(&stage, &wrong, &api);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_missing_right_is_named_and_another_account_is_seen() {
    let stage = Stage::new().await;
    for (rights, words, code) in [
        (&["CreateAPIKey", "UpdateAPIKey", "DeleteAPIKey"][..], "may not list keys", "keys"),
        (&["CreateAPIKey", "ReadAPIKey", "DeleteAPIKey"], "may not update keys", ""),
        (&["CreateAPIKey", "ReadAPIKey", "UpdateAPIKey"], "may not delete keys", ""),
    ] {
        let key = narrow_key(&stage, SERVICE_ACCOUNT, rights);
        let secret =
            serde_json::json!({ "clientId": key.client_id, "clientSecret": key.client_secret });
        stage.write_secret(&secret.to_string());
        let ended = checked(&stage, &ONLINE).await;
        assert_eq!(ended.code, 4, "{words}: {}{}", ended.out, ended.err);
        says(&ended, "rights", "fail", Some("refused/rights"), words);
        if code == "keys" {
            says(&ended, "keys", "fail", Some("call/rejected"), "");
        }
    }
    let key = narrow_key(&stage, PERSON, &ALL);
    let secret =
        serde_json::json!({ "clientId": key.client_id, "clientSecret": key.client_secret });
    stage.write_secret(&secret.to_string());
    replace(&stage, "[issuer.ion]\n", "[issuer.ion]\nidentity = \"netsuite-sync@example.com\"\n");
    let ended = checked(&stage, &ONLINE).await;
    assert_eq!(ended.code, 6, "{}{}", ended.out, ended.err);
    says(&ended, "identity", "fail", Some("refused/other_identity"), "acts as pat@example.com");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_named_actor_is_looked_at_beside_the_key() {
    let stage = Stage::new().await;
    let actor = narrow_key(&stage, PERSON, &["ReadAPIKey", "UpdateAPIKey"]);
    name_actor(&stage, &actor, Some("netsuite-sync@example.com"));
    let ended = checked(&stage, &ONLINE).await;
    assert_eq!(ended.code, 6, "{}{}", ended.out, ended.err);
    says(&ended, "actor", "ok", None, &actor.client_id);
    says(&ended, "identity", "ok", None, "the key acts as netsuite-sync@example.com");
    says(&ended, "actor_identity", "fail", Some("refused/other_identity"), "pat@example.com");
    says(&ended, "rights", "fail", Some("refused/rights"), "the named actor may not delete keys");
    stage.sandbox.tenant().edit(&Edit::Disable { key: actor.client_id.clone() }).unwrap();
    let ended = checked(&stage, &ONLINE).await;
    assert_eq!(ended.code, 4, "{}{}", ended.out, ended.err);
    says(&ended, "actor", "fail", Some("check/actor"), "does not authenticate");
    std::fs::remove_file(stage.path("credentials/ion-admin")).unwrap();
    let ended = checked(&stage, &ONLINE).await;
    assert_eq!(ended.code, 3, "{}{}", ended.out, ended.err);
    says(&ended, "actor", "fail", Some("check/actor"), "not found");
    says(&ended, "key", "ok", None, "authenticates");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_without_a_credential_still_tells_of_the_auth_server() {
    let stage = Stage::new().await;
    stage.write_secret("{}");
    let ended = checked(&stage, &ONLINE).await;
    assert_eq!(ended.code, 6, "{}{}", ended.out, ended.err);
    says(&ended, "current", "fail", Some("refused/current_malformed"), "holds no credential");
    says(&ended, "auth", "ok", None, "knows the realm");
    says(&ended, "key", "skipped", None, "holds no credential");
    std::fs::remove_file(stage.secret()).unwrap();
    let ended = checked(&stage, &ONLINE).await;
    assert_eq!(ended.code, 6, "{}{}", ended.out, ended.err);
    says(&ended, "current", "fail", Some("refused/no_current"), "no current version");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_journals_claim_and_its_pending_version_are_seen() {
    let stage = Stage::new().await;
    assert_eq!(stage.run(&["rotate", "demo"]).await.code, 0);
    // This journal is lost: for an empty one the claim is somebody else's.
    std::fs::rename(stage.path("state"), stage.path("lost")).unwrap();
    let ended = checked(&stage, &ONLINE).await;
    assert_eq!(ended.code, 7, "{}{}", ended.out, ended.err);
    says(&ended, "claim", "fail", Some("refused/claimed"), "a journal of its own");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_policies_with_one_key_see_each_other_before_any_journal_does() {
    let stage = Stage::new().await;
    let text = std::fs::read_to_string(stage.secret()).unwrap();
    let policy = std::fs::read_to_string(stage.path("policies/demo.toml")).unwrap();
    std::fs::write(stage.path("policies/other.toml"), policy.replace("demo.json", "other.json"))
        .unwrap();
    std::fs::copy(stage.secret(), stage.path("secrets/other.json")).unwrap();
    let ended = checked(&stage, &ONLINE).await;
    assert_eq!(ended.code, 6, "{}{}", ended.out, ended.err);
    says(&ended, "neighbours", "fail", Some("refused/named_elsewhere"), "policy other names");
    assert_eq!(std::fs::read_to_string(stage.secret()).unwrap(), text);
    let ended = checked(&stage, &["check", "--online", "demo", "--output", "json"]).await;
    assert_eq!(ended.json()["policies"].as_array().unwrap().len(), 1);
}

/// A stage whose sandbox is another one.
async fn stage_with(settings: Settings, ahead_ms: i64) -> Stage {
    let clock = wall_clock();
    let settings = Settings { token_life_seconds: 1, ..settings };
    let tenant = Tenant::new(settings, Arc::new(move || clock() + ahead_ms));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut stage = Stage::new().await;
    stage.sandbox = Sandbox::serve_tenant(listener, tenant).unwrap();
    stage.write_policy("demo", &stage.sandbox.base_url(), "2s");
    let key = stage.sandbox.seed_key().unwrap();
    let secret =
        serde_json::json!({ "clientId": key.client_id, "clientSecret": key.client_secret });
    stage.write_secret(&secret.to_string());
    stage
}

#[tokio::test(flavor = "multi_thread")]
async fn the_witness_of_time_is_named_and_a_wrong_clock_fails() {
    let stage = stage_with(Settings::default(), 3_600_000).await;
    let ended = checked(&stage, &ONLINE).await;
    assert_eq!(ended.code, 6, "{}{}", ended.out, ended.err);
    says(&ended, "time", "fail", Some("refused/clock_skew"), "s behind the API's Date");
    let message = lines(&ended)["time"]["message"].as_str().unwrap().to_owned();
    let seconds: u64 = message.split(' ').find_map(|word| word.parse().ok()).unwrap();
    assert!((3_590..=3_610).contains(&seconds), "{message}");

    let stage = stage_with(Settings { api_sends_date: false, ..Settings::default() }, 0).await;
    let ended = checked(&stage, &ONLINE).await;
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    says(&ended, "time", "warn", Some("check/no_witness"), "no reply carried a Date");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_is_not_told_is_taken_as_documented() {
    let stage = stage_with(Settings { introspection: false, ..Settings::default() }, 0).await;
    let ended = checked(&stage, &ONLINE).await;
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    says(&ended, "schema", "ok", None, "tells nobody its schema");
    let stage = stage_with(Settings { schema: SchemaKind::Extended, ..Settings::default() }, 0);
    let ended = checked(&stage.await, &ONLINE).await;
    says(&ended, "schema", "ok", None, "beyond it: pages, enabled, created, createdBy");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_in_a_file_comes_before_any_call() {
    let stage = Stage::new().await;
    replace(&stage, "soak", "sook");
    let ended = checked(&stage, &["check", "--online"]).await;
    assert_eq!(ended.code, 3, "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("unknown field `sook`"), "{}", ended.out);
    let ledger = stage.sandbox.tenant().ledger();
    assert!(ledger.iter().all(|entry| entry.kind == CallKind::Person), "{ledger:?}");
    let ended = stage.run(&["check", "demo"]).await;
    assert_eq!(ended.code, 2, "{}", ended.err);
}
