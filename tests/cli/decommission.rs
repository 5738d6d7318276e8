//! `decommission` through the real binary: what it says it would do, and what it then does.

use rekeyd::sandbox::{CallKind, SERVICE_ACCOUNT};

use crate::named_actor::{ALL, name_actor, narrow_key, run};
use crate::stage::Stage;

fn exists(stage: &Stage, key: &str) -> bool {
    stage.sandbox.tenant().keys().iter().any(|truth| truth.client_id == key && !truth.deleted)
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_yes_it_says_what_would_happen_to_which_key_and_does_nothing() {
    let stage = Stage::with_drain("1h").await;
    assert_eq!(stage.run(&["run", "--once", "--budget", "0s"]).await.code, 0);
    let key = stage.current();
    let ended = stage.run(&["decommission", "demo", "--clear-store"]).await;
    assert_eq!((ended.code, ended.out.as_str()), (2, ""), "{}", ended.err);
    for said in [
        "waits 1h (drain)",
        &format!("deletes key {key} with that key's own last token"),
        "the secret's value is replaced by {}",
        "next: rekeyd decommission demo --yes --clear-store",
    ] {
        assert!(ended.err.contains(said), "{said}: {}", ended.err);
    }
    let status = stage.status().await;
    assert!(stage.alive(&key) && status["state"] == "idle" && status["decommission"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn with_itself_alone_it_ends_with_6_and_the_policy_is_retired() {
    let stage = Stage::new().await;
    assert_eq!(stage.run(&["run", "--once", "--budget", "0s"]).await.code, 0);
    let key = stage.current();
    let ended = stage.run(&["decommission", "demo", "--yes", "--clear-store"]).await;
    assert_eq!(ended.code, 6, "{}{}", ended.out, ended.err);
    assert!(ended.out.contains(&format!("key {key} was deleted with its own last token")));
    assert!(ended.out.contains("absent, not proven"), "{}", ended.out);
    assert!(!exists(&stage, &key));
    assert_eq!(std::fs::read_to_string(stage.secret()).unwrap(), "{}");
    let status = stage.status().await;
    assert_eq!(status["state"], "retired", "{status}");
    assert_eq!(status["problems"][0]["code"], "retired/not_proven");
    assert!(status["next_due"].is_null());

    // Nothing is done for it any more, and a timer is not alarmed for ever.
    let ended = stage.run(&["run", "--once"]).await;
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    for word in [&["rotate", "demo"][..], &["--rotate-now", "demo", "--leaked"]] {
        let ended = stage.run(word).await;
        assert_eq!(ended.code, 6, "{word:?}: {}{}", ended.out, ended.err);
        assert!(ended.out.contains("the policy is retired"), "{}", ended.out);
    }
    assert_eq!(stage.effects(CallKind::CreateApiKey), 0);
    let fresh = stage.sandbox.seed_key().unwrap();
    let credential = serde_json::json!({
        "clientId": fresh.client_id, "clientSecret": fresh.client_secret,
    });
    let arguments = ["adopt", "demo", "--from-stdin"];
    let ended = stage.run_with_input(&arguments, &credential.to_string()).await;
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    assert_eq!(stage.status().await["state"], "idle");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_another_actor_its_end_is_proven() {
    let stage = Stage::new().await;
    name_actor(&stage, &narrow_key(&stage, SERVICE_ACCOUNT, &ALL), None);
    assert_eq!(run(&stage, &["run", "--once", "--budget", "0s"]).await.code, 0);
    let key = stage.current();
    let ended = run(&stage, &["decommission", "demo", "--yes"]).await;
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    assert!(!exists(&stage, &key));
    assert!(ended.out.contains(&format!("key {key} is deleted, and proven gone")), "{}", ended.out);
    assert!(ended.err.contains(&format!("key {key} is proven dead: rejected while")));
    assert_eq!(stage.current(), key, "the value stays");
    assert_eq!(run(&stage, &["status"]).await.code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abort_in_the_drain_takes_it_back() {
    let stage = Stage::with_drain("1h").await;
    assert_eq!(stage.run(&["run", "--once", "--budget", "0s"]).await.code, 0);
    let key = stage.current();
    let ended = stage.run(&["decommission", "demo", "--yes"]).await;
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("it lives until its consumers have stopped; its drain ends"));
    let status = stage.status().await;
    assert_eq!(status["state"], "waiting");
    assert_eq!(status["decommission"]["state"], "drain");
    let ended = stage.run(&["rotate", "demo"]).await;
    assert_eq!(ended.code, 6, "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("[refused/decommissioning]"), "{}", ended.out);
    assert_eq!(stage.run(&["abort", "demo"]).await.code, 0);
    assert!(stage.alive(&key) && stage.status().await["state"] == "idle");
    assert_eq!(stage.run(&["rotate", "demo"]).await.code, 0);
    let ended = stage.run(&["decommission", "demo", "--yes"]).await;
    assert_eq!(ended.code, 6, "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("nothing was decommissioned: a rotation is open"), "{}", ended.out);
}
