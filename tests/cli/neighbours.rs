//! Several policies in one journal: one that names another's key, and one whose journal is broken.

use rekeyd::domain::clocks::Stamp;
use rekeyd::domain::ids::SecretKey;
use rekeyd::domain::state::Event;
use rekeyd::journal::SqliteJournal;
use rekeyd::port::Journal;

use crate::stage::Stage;

/// A second policy, `twin`, on a secret of its own that holds this.
pub(crate) fn write_twin(stage: &Stage, key: &str, secret: &str) {
    let url = stage.sandbox.base_url();
    let path = stage.path("secrets/twin.json");
    let credential = serde_json::json!({ "clientId": key, "clientSecret": secret });
    std::fs::write(&path, credential.to_string()).unwrap();
    let policy = format!(
        "[issuer.ion]\nauth_url = \"{url}\"\napi_url = \"{url}\"\n[store.file]\npath = \"{}\"\n\
         [consumers]\ncache_ttl = \"1s\"\n[retire]\ndrain = \"2s\"\nsoak = \"1s\"\n",
        path.display()
    );
    std::fs::write(stage.path("policies/twin.toml"), policy).unwrap();
}

pub(crate) fn shared(stage: &Stage) -> (String, String) {
    let text = std::fs::read_to_string(stage.secret()).unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let field = |name: &str| value[name].as_str().unwrap().to_owned();
    (field("clientId"), field("clientSecret"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_another_policy_only_looks_at_is_kept_until_that_one_moves() {
    let stage = Stage::new().await;
    assert_eq!(stage.run(&["run", "--once"]).await.code, 0);
    let (key, secret) = shared(&stage);
    write_twin(&stage, &key, &secret);
    let ended = stage.run(&["rotate", "twin"]).await;
    assert_eq!(ended.code, 6, "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("read_only/named_elsewhere"), "{}", ended.out);
    assert!(ended.out.contains("next: rekeyd adopt twin"), "{}", ended.out);

    let ended = stage.run(&["rotate", "demo", "--wait", "complete"]).await;
    assert_eq!(ended.code, 6, "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("parked/named_elsewhere"), "{}", ended.out);
    assert!(ended.out.contains("next: rekeyd rotate twin"), "{}", ended.out);
    assert!(stage.alive(&key), "the consumers of twin lost their key");

    // What it says is what helps.
    let ended = stage.run(&["rotate", "twin", "--wait", "complete"]).await;
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    let ended = stage.run(&["run", "--once"]).await;
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    assert!(!stage.alive(&key));
    let status = stage.run(&["status", "--output", "json"]).await.json();
    for policy in status["policies"].as_array().unwrap() {
        assert_eq!(policy["state"], "idle", "{policy}");
        assert_eq!(policy["problems"], serde_json::json!([]), "{policy}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_policies_that_adopted_one_key_are_told_the_command_that_leads_out() {
    let stage = Stage::new().await;
    assert_eq!(stage.run(&["run", "--once"]).await.code, 0);
    let (key, secret) = shared(&stage);
    write_twin(&stage, &key, &secret);
    assert_eq!(stage.run(&["adopt", "twin"]).await.code, 0);
    let ended = stage.run(&["rotate", "demo"]).await;
    assert_eq!(ended.code, 6, "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("refused/named_elsewhere"), "{}", ended.out);
    assert!(ended.out.contains("next: rekeyd adopt demo"), "{}", ended.out);
    assert_eq!(stage.run(&["adopt", "demo"]).await.code, 0);
    let ended = stage.run(&["rotate", "demo", "--wait", "complete"]).await;
    assert_eq!(ended.code, 6, "{}{}", ended.out, ended.err);
    assert!(stage.alive(&key));
    let ended = stage.run(&["adopt", "demo"]).await;
    assert!(ended.code == 0, "{}{}", ended.out, ended.err);
    let ended = stage.run(&["run", "--once"]).await;
    assert!(!stage.alive(&key), "{}{}", ended.out, ended.err);
    let ended = stage.run(&["history", "demo"]).await;
    assert!(
        ended.out.contains("is this policy's and may be retired here, not twin's"),
        "{}",
        ended.out
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_whose_journal_does_not_replay_stops_no_other_policy() {
    let stage = Stage::new().await;
    assert_eq!(stage.run(&["run", "--once"]).await.code, 0);
    let old = stage.current();
    {
        let journal = SqliteJournal::open(&stage.path("state")).unwrap();
        let stream = SecretKey::new("file:/elsewhere/broken.json").unwrap();
        let at = Stamp { wall_ms: 0, boot: "b".into(), boottime_ms: 0, dated: None };
        journal.append(&stream, 0, &at, &[Event::Rebased]).await.unwrap();
    }
    let ended = stage.run(&["rotate", "demo"]).await;
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    let ended = stage.run(&["run", "--once"]).await;
    assert_eq!(ended.code, 6, "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("parked/elsewhere_unreadable"), "{}", ended.out);
    assert!(ended.out.contains("file:/elsewhere/broken.json"), "{}", ended.out);
    assert!(stage.alive(&old), "an adopted key was retired in the dark");

    let ended = stage.run(&["adopt", "demo"]).await;
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    assert_eq!(stage.run(&["run", "--once"]).await.code, 0);
    assert!(!stage.alive(&old));
    // A key of our own making needs no such word.
    let minted = stage.current();
    let ended = stage.run(&["rotate", "demo", "--wait", "complete"]).await;
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    assert!(!stage.alive(&minted));
    for command in [&["status"][..], &["check"]] {
        let ended = stage.run(command).await;
        assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
        assert!(ended.out.contains("[journal/replay]"), "{}", ended.out);
    }
}
