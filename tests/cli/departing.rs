//! Policies that are renamed, removed, or moved to another secret, and secrets that are forgotten.

use rekeyd::domain::ids::{PolicyName, SecretKey};
use rekeyd::domain::state::{Event, Phase};
use rekeyd::engine::replay;
use rekeyd::journal::SqliteJournal;
use rekeyd::port::{Journal, Recorded};
use rekeyd::sandbox::{CREATE as MAY_CREATE, CallKind, Edit, READ, SERVICE_ACCOUNT};
use serde_json::{Value, json};

use crate::rewriting::rewrite;
use crate::stage::{Ended, Stage};

const LONG: &str = "1h";

fn policy(stage: &Stage, name: &str) -> std::path::PathBuf {
    stage.path("policies").join(format!("{name}.toml"))
}

fn rename(stage: &Stage, from: &str, to: &str) {
    std::fs::rename(policy(stage, from), policy(stage, to)).unwrap();
}

/// Takes the policy's file away, and gives its text back.
fn remove(stage: &Stage) -> String {
    let text = std::fs::read_to_string(policy(stage, "demo")).unwrap();
    std::fs::remove_file(policy(stage, "demo")).unwrap();
    text
}

fn place(stage: &Stage, file: &str) -> String {
    format!("file:{}", stage.path("secrets").join(file).display())
}

/// The policy names another secret from now on, which holds this.
fn move_to(stage: &Stage, file: &str, key: &str, secret: &str) {
    let text = std::fs::read_to_string(policy(stage, "demo")).unwrap();
    std::fs::write(policy(stage, "demo"), text.replace("demo.json", file)).unwrap();
    let credential = json!({ "clientId": key, "clientSecret": secret }).to_string();
    std::fs::write(stage.path("secrets").join(file), credential).unwrap();
}

fn credential(stage: &Stage) -> (String, String) {
    let value: Value =
        serde_json::from_str(&std::fs::read_to_string(stage.secret()).unwrap()).unwrap();
    let field = |name: &str| value[name].as_str().unwrap().to_owned();
    (field("clientId"), field("clientSecret"))
}

async fn events(stage: &Stage) -> Vec<Event> {
    let journal = SqliteJournal::open_read_only(&stage.path("state")).unwrap();
    let stream = SecretKey::new(place(stage, "demo.json")).unwrap();
    journal.replay(&stream).await.unwrap().into_iter().map(|row| row.event).collect()
}

async fn run(stage: &Stage, arguments: &[&str], code: i32) -> Ended {
    let ended = stage.run(arguments).await;
    assert_eq!(ended.code, code, "{arguments:?}: {}{}", ended.out, ended.err);
    ended
}

async fn whole_status(stage: &Stage) -> Value {
    run(stage, &["status", "--output", "json"], 0).await.json()
}

fn codes(of: &Value) -> Vec<&str> {
    of["problems"].as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_policy_keeps_its_history_and_its_open_rotation() {
    let stage = Stage::new().await;
    let first = stage.current();
    run(&stage, &["rotate", "demo", "--wait", "complete"], 0).await;
    let before = stage.status().await;
    run(&stage, &["rotate", "demo"], 0).await;
    rename(&stage, "demo", "shipping");

    let status = whole_status(&stage).await;
    assert_eq!(status["policies"].as_array().unwrap().len(), 1);
    let renamed = &status["policies"][0];
    assert_eq!(renamed["name"], "shipping");
    assert_eq!(renamed["last_rotation"], before["last_rotation"]);
    assert_eq!(codes(renamed), Vec::<&str>::new());
    let told = run(&stage, &["history", "shipping"], 0).await.out;
    assert!(told.contains(&format!("adopted key {first}")), "{told}");
    run(&stage, &["run", "--once"], 0).await;
    let told = run(&stage, &["history", "shipping"], 0).await.out;
    assert!(told.contains("policy shipping is on this secret now, not demo"), "{told}");
    assert_eq!(whole_status(&stage).await["policies"][0]["state"], "idle");
    let journal = SqliteJournal::open_read_only(&stage.path("state")).unwrap();
    let stream = SecretKey::new(place(&stage, "demo.json")).unwrap();
    let (state, _) = replay(&journal, &stream).await.unwrap();
    assert_eq!(state.policy, Some(PolicyName::new("shipping").unwrap()));
    run(&stage, &["history", "demo"], 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_given_to_another_secret_after_a_rename_is_no_move() {
    let stage = Stage::new().await;
    run(&stage, &["run", "--once"], 0).await;
    let text = std::fs::read_to_string(policy(&stage, "demo")).unwrap();
    rename(&stage, "demo", "shipping");
    let fresh = stage.sandbox.seed_key().unwrap();
    std::fs::write(policy(&stage, "demo"), text).unwrap();
    move_to(&stage, "fresh.json", &fresh.client_id, &fresh.client_secret);
    run(&stage, &["rotate", "demo", "--wait", "complete"], 0).await;
    assert!(!stage.alive(&fresh.client_id));
    // The journal knows the first secret by its policy's new name, so its removal is not demo's move.
    run(&stage, &["run", "--once"], 0).await;
    std::fs::remove_file(policy(&stage, "shipping")).unwrap();
    run(&stage, &["rotate", "demo"], 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_policy_s_rotation_is_finished_after_the_promote_as_the_policy_was() {
    let stage = Stage::new().await;
    let old = stage.current();
    run(&stage, &["rotate", "demo"], 0).await;
    let new = stage.current();
    remove(&stage);

    let status = whole_status(&stage).await;
    assert_eq!(codes(&status["policies"][0]), ["policy_removed"]);
    assert_eq!(status["policies"][0]["problems"][0]["next_command"], "rekeyd run --once");
    assert_ne!(status["policies"][0]["rotation"]["deadline"], Value::Null, "{status}");

    let ended = run(&stage, &["run", "--once"], 0).await;
    assert!(ended.out.contains("complete: key"), "{}", ended.out);
    let next = format!("next: rekeyd forget demo --secret {} --yes", place(&stage, "demo.json"));
    assert!(ended.out.contains(&next), "{}", ended.out);
    assert_eq!((stage.alive(&old), stage.alive(&new), stage.current()), (false, true, new.clone()));

    // Nothing begins of it, and nobody forgets its key.
    run(&stage, &["run", "--once"], 0).await;
    assert_eq!(stage.effects(CallKind::CreateApiKey), 1);
    let status = whole_status(&stage).await;
    assert_eq!(status["policies"], json!([]));
    assert_eq!(status["unwatched"][0]["name"], "demo");
    assert_eq!(status["unwatched"][0]["live_keys"][0]["key_id"], new.as_str());
    assert_eq!(codes(&status["unwatched"][0]), ["no_policy"]);
    let table = run(&stage, &["status"], 0).await.out;
    assert!(table.contains("demo                     unwatched"), "{table}");
    assert!(table.contains(&new), "{table}");
}

/// A rotation that parks with its new key staged: a key takes its creator's rights of now, and the
/// account may not change keys any more.
async fn park_before_the_promote(stage: &Stage) -> String {
    let permissions = [READ, MAY_CREATE].map(str::to_owned).into();
    let permit = Edit::Permit { user: SERVICE_ACCOUNT.to_owned(), permissions };
    stage.sandbox.tenant().edit(&permit).unwrap();
    let ended = stage.run(&["rotate", "demo"]).await;
    assert!(ended.out.contains("parked/profile_differs"), "{}{}", ended.out, ended.err);
    stage.sandbox.tenant().keys()[1].client_id.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_policy_s_rotation_is_rolled_back_before_the_promote() {
    let stage = Stage::new().await;
    let (old, text) = (stage.current(), std::fs::read_to_string(stage.secret()).unwrap());
    let new = park_before_the_promote(&stage).await;
    assert!(stage.alive(&new));
    remove(&stage);
    let status = whole_status(&stage).await;
    assert!(codes(&status["policies"][0]).contains(&"policy_removed"), "{status}");

    let ended = run(&stage, &["run", "--once"], 0).await;
    assert!(ended.out.contains("rolled back"), "{}", ended.out);
    assert_eq!(std::fs::read_to_string(stage.secret()).unwrap(), text);
    assert_eq!((stage.alive(&old), stage.alive(&new)), (true, false));
    let events = events(&stage).await;
    let promoted = |event: &Event| matches!(event, Event::Entered { phase: Phase::Promoted, .. });
    assert!(!events.iter().any(promoted));
    let told = run(&stage, &["history", "demo"], 0).await.out;
    assert!(told.contains("rekeyd asked: abort (no policy names this secret any more)"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_policy_still_takes_an_operator_s_word_on_its_parked_rotation() {
    let stage = Stage::new().await;
    let old = stage.current();
    let new = park_before_the_promote(&stage).await;
    remove(&stage);
    let ended = run(&stage, &["abort", "demo"], 0).await;
    assert!(ended.out.contains("rolled back"), "{}", ended.out);
    assert_eq!((stage.alive(&old), stage.alive(&new)), (true, false));
    run(&stage, &["abort", "demo"], 2).await;
    run(&stage, &["resume", "nobody"], 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leak_is_answered_though_its_policy_was_removed() {
    let stage = Stage::with_drain(LONG).await;
    run(&stage, &["run", "--once", "--budget", "0s"], 0).await;
    let leaked = stage.current();
    let secret = std::fs::read_to_string(stage.secret()).unwrap();
    stage.write_secret(&secret.replace("kept", &"x".repeat(62_000)));
    run(&stage, &["rotate", "demo", "--leaked"], 6).await;
    remove(&stage);
    let ended = run(&stage, &["forget", "demo", "--yes"], 6).await;
    assert!(ended.err.contains("not proven dead"), "{}", ended.err);
    assert!(stage.alive(&leaked));
    stage.write_secret(&secret);
    run(&stage, &["resume", "demo"], 0).await;
    assert!(!stage.alive(&leaked) && stage.alive(&stage.current()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_of_a_policy_that_nobody_knows_any_more_asks_for_its_file() {
    let stage = Stage::new().await;
    run(&stage, &["rotate", "demo"], 0).await;
    rewrite(&stage, strip_kept).await;
    let text = remove(&stage);
    let ended = run(&stage, &["run", "--once"], 6).await;
    assert!(ended.out.contains("Put its file back"), "{}", ended.out);
    assert_eq!(codes(&whole_status(&stage).await["policies"][0]), ["policy_unknown"]);
    std::fs::write(policy(&stage, "demo"), text).unwrap();
    let ended = run(&stage, &["run", "--once"], 0).await;
    assert!(ended.out.contains("complete"), "{}", ended.out);
}

/// As a version before this one would have written it.
fn strip_kept(row: &mut Recorded) {
    let mut event = serde_json::to_value(&row.event).unwrap();
    event.as_object_mut().unwrap().remove("kept");
    row.event = serde_json::from_value(event).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_person_wrote_beside_the_fields_gets_into_the_journal() {
    let stage = Stage::with_drain(LONG).await;
    let text = std::fs::read_to_string(policy(&stage, "demo")).unwrap();
    let text = format!("# hunter2\ndescription = \"hunter2\"\n{text}# hunter2\n");
    std::fs::write(policy(&stage, "demo"), text).unwrap();
    run(&stage, &["rotate", "demo"], 0).await;
    let kept = |event: &Event| match event {
        Event::Started { kept, .. } => kept.clone(),
        _ => None,
    };
    let events = events(&stage).await;
    assert!(events.iter().any(|event| kept(event).is_some()));
    assert!(!format!("{events:?}").contains("hunter2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moved_policy_adopts_the_new_place_and_starts_nothing_until_the_old_is_forgotten() {
    let stage = Stage::new().await;
    run(&stage, &["run", "--once"], 0).await;
    let left = stage.current();
    let fresh = stage.sandbox.seed_key().unwrap();
    move_to(&stage, "fresh.json", &fresh.client_id, &fresh.client_secret);
    let ended = run(&stage, &["run", "--once"], 0).await;
    assert!(ended.out.contains(&fresh.client_id), "{}", ended.out);

    let ended = run(&stage, &["rotate", "demo"], 6).await;
    let old_place = place(&stage, "demo.json");
    let next = format!("rekeyd forget demo --secret {old_place} --yes");
    for said in ["refused/moved", &old_place, &left, &format!("next: {next}")] {
        assert!(ended.out.contains(said), "{said}: {}", ended.out);
    }
    assert_eq!(stage.effects(CallKind::CreateApiKey), 0);
    let status = whole_status(&stage).await;
    assert_eq!(status["unwatched"][0]["secret"], old_place.as_str());
    assert_eq!(status["unwatched"][0]["problems"][0]["next_command"], next.as_str());

    run(&stage, &["forget", "demo", "--secret", &old_place, "--yes"], 0).await;
    run(&stage, &["rotate", "demo", "--wait", "complete"], 0).await;
    assert_eq!((stage.alive(&left), stage.alive(&fresh.client_id)), (true, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_that_was_copied_to_the_new_place_is_adopted_and_kept_for_the_old() {
    let stage = Stage::new().await;
    run(&stage, &["run", "--once"], 0).await;
    let (key, secret) = credential(&stage);
    move_to(&stage, "copy.json", &key, &secret);
    run(&stage, &["run", "--once"], 0).await;
    let ended = run(&stage, &["rotate", "demo"], 6).await;
    assert!(ended.out.contains("refused/moved"), "{}", ended.out);
    run(&stage, &["forget", "demo", "--yes"], 0).await;
    assert!(stage.alive(&key));
    run(&stage, &["rotate", "demo", "--wait", "complete"], 0).await;
    assert!(!stage.alive(&key));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_was_open_at_the_move_ends_at_the_old_place() {
    let stage = Stage::new().await;
    let old = stage.current();
    run(&stage, &["rotate", "demo"], 0).await;
    let new = stage.current();
    let fresh = stage.sandbox.seed_key().unwrap();
    move_to(&stage, "fresh.json", &fresh.client_id, &fresh.client_secret);
    let ended = run(&stage, &["run", "--once"], 0).await;
    assert_eq!(ended.out.matches("demo: ").count(), 2, "{}", ended.out);
    assert_eq!((stage.alive(&old), stage.alive(&new), stage.current()), (false, true, new));
    assert!(stage.alive(&fresh.client_id));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leak_at_the_new_place_does_not_wait_for_the_old_to_be_forgotten() {
    let stage = Stage::with_drain(LONG).await;
    run(&stage, &["run", "--once"], 0).await;
    let fresh = stage.sandbox.seed_key().unwrap();
    move_to(&stage, "fresh.json", &fresh.client_id, &fresh.client_secret);
    run(&stage, &["rotate", "demo", "--leaked"], 0).await;
    assert!(!stage.alive(&fresh.client_id) && stage.alive(&stage.current()));
}
