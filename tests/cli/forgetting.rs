//! `forget`: what speaks against it, what it does, and what comes after.

use rekeyd::sandbox::{CallKind, Fault, What};
use serde_json::{Value, json};

use crate::stage::{Ended, Stage};

async fn run(stage: &Stage, arguments: &[&str], code: i32) -> Ended {
    let ended = stage.run(arguments).await;
    assert_eq!(ended.code, code, "{arguments:?}: {}{}", ended.out, ended.err);
    ended
}

fn remove(stage: &Stage) -> String {
    let file = stage.path("policies/demo.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    text
}

fn place(stage: &Stage) -> String {
    format!("file:{}", stage.secret().display())
}

async fn status(stage: &Stage) -> Value {
    run(stage, &["status", "--output", "json"], 0).await.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_a_policy_names_is_not_forgotten() {
    let stage = Stage::new().await;
    run(&stage, &["run", "--once"], 0).await;
    let ended = run(&stage, &["forget", "demo", "--yes"], 2).await;
    assert!(ended.err.contains("remove the policy's file first"), "{}", ended.err);
    let ended = run(&stage, &["forget", "nobody", "--yes"], 2).await;
    assert!(ended.err.contains("has left no secret"), "{}", ended.err);
    // A wrong file may be the policy that names it.
    let text = remove(&stage);
    std::fs::write(stage.path("policies/ship.toml"), text.replace("soak", "sook")).unwrap();
    run(&stage, &["forget", "demo", "--yes"], 3).await;
    let status = status(&stage).await;
    assert_eq!(status["unwatched"][0]["problems"][0]["next_command"], "rekeyd check");
}

#[tokio::test(flavor = "multi_thread")]
async fn forgetting_needs_a_yes_and_nothing_open() {
    let stage = Stage::new().await;
    run(&stage, &["rotate", "demo"], 0).await;
    remove(&stage);
    let ended = run(&stage, &["forget", "demo", "--yes"], 6).await;
    assert!(ended.err.contains("[forget/open]"), "{}", ended.err);
    assert!(ended.err.contains("its rotation is open"), "{}", ended.err);
    assert!(ended.err.contains("next: rekeyd run --once"), "{}", ended.err);
    run(&stage, &["run", "--once"], 0).await;
    let ended = run(&stage, &["forget", "demo"], 2).await;
    let next = format!("next: rekeyd forget demo --secret {} --yes", place(&stage));
    assert!(ended.err.contains(&next), "{}", ended.err);
    assert!(ended.err.contains(&stage.current()), "{}", ended.err);
    assert_eq!(status(&stage).await["unwatched"][0]["name"], "demo");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_secret_is_said_no_more_and_nothing_is_disabled() {
    let stage = Stage::new().await;
    run(&stage, &["rotate", "demo", "--wait", "complete"], 0).await;
    let key = stage.current();
    let text = remove(&stage);
    let word = ["forget", "demo", "--yes", "--reason", "team is gone", "--output", "json"];
    let ended = run(&stage, &word, 0).await.json();
    assert_eq!(ended, json!({ "forgotten": place(&stage), "policy": "demo", "keys": [key] }));
    assert!(stage.alive(&key));
    let said = status(&stage).await;
    assert_eq!((&said["policies"], &said["unwatched"]), (&json!([]), &json!([])));
    assert!(run(&stage, &["check"], 0).await.out.contains("0 policies are good"));
    run(&stage, &["status", "demo"], 2).await;
    let told = run(&stage, &["history", "demo"], 0).await.out;
    assert!(told.contains("asked: forget this secret (team is gone)"), "{told}");
    run(&stage, &["forget", "demo", "--yes"], 2).await;

    // Named again, it is met as at first contact, and lives again.
    std::fs::write(stage.path("policies/demo.toml"), text).unwrap();
    run(&stage, &["run", "--once"], 0).await;
    let said = status(&stage).await;
    assert_eq!(said["policies"][0]["state"], "idle");
    assert_eq!(said["policies"][0]["live_keys"][0]["key_id"], key.as_str());
    run(&stage, &["rotate", "demo", "--wait", "complete"], 0).await;
    assert!(!stage.alive(&key) && stage.alive(&stage.current()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_awaits_a_ruling_is_ruled_on_first() {
    let stage = Stage::new().await;
    let lost =
        Fault { on: CallKind::CreateApiKey, nth: 1, count: 1, key: None, what: What::LostAfter };
    stage.sandbox.tenant().add_fault(lost).unwrap();
    run(&stage, &["rotate", "demo", "--wait", "complete"], 0).await;
    let orphan = stage.sandbox.tenant().keys()[1].client_id.clone();
    remove(&stage);
    let ended = run(&stage, &["forget", "demo", "--yes"], 6).await;
    assert!(ended.err.contains(&orphan), "{}", ended.err);
    assert!(ended.err.contains("next: rekeyd orphans list"), "{}", ended.err);
    assert_eq!(status(&stage).await["orphans"][0]["key_id"], orphan.as_str());
    run(&stage, &["orphans", "keep", &orphan], 0).await;
    run(&stage, &["forget", "demo", "--yes"], 0).await;
    assert!(stage.alive(&orphan));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_policy_retires_what_a_removed_one_names_until_that_is_forgotten() {
    let stage = Stage::new().await;
    run(&stage, &["run", "--once"], 0).await;
    let key = stage.current();
    let text = remove(&stage);
    std::fs::copy(stage.secret(), stage.path("secrets/twin.json")).unwrap();
    let twin = text.replace("demo.json", "twin.json");
    std::fs::write(stage.path("policies/twin.toml"), twin).unwrap();
    run(&stage, &["adopt", "twin"], 0).await;
    let ended = run(&stage, &["rotate", "twin", "--wait", "complete"], 6).await;
    assert!(ended.out.contains("parked/named_elsewhere"), "{}", ended.out);
    let next = format!("next: rekeyd forget demo --secret {} --yes", place(&stage));
    assert!(ended.out.contains(&next), "{}", ended.out);
    assert!(stage.alive(&key), "whoever reads the removed policy's secret lost its key");
    run(&stage, &["forget", "demo", "--yes"], 0).await;
    run(&stage, &["run", "--once"], 0).await;
    assert!(!stage.alive(&key));
}
