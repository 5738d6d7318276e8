//! What other policies' stores name, where the journal has no recent word of it (R22).

use rekeyd::port::Recorded;
use rekeyd::sandbox::CallKind;

use crate::neighbours::{shared, write_twin};
use crate::rewriting::rewrite;
use crate::stage::{Ended, Stage};

const TWO_HOURS_MS: i64 = 2 * 60 * 60 * 1000;

async fn run(stage: &Stage, arguments: &[&str], code: i32) -> Ended {
    let ended = stage.run(arguments).await;
    assert_eq!(ended.code, code, "{arguments:?}: {}{}", ended.out, ended.err);
    ended
}

/// Everything in the journal happened two hours earlier.
fn earlier(row: &mut Recorded) {
    row.at.wall_ms -= TWO_HOURS_MS;
    row.at.boottime_ms -= TWO_HOURS_MS;
    row.at.dated = None;
}

/// Nobody can read the twin's secret.
fn break_twin(stage: &Stage) {
    let path = stage.path("secrets/twin.json");
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_in_the_store_of_a_policy_that_never_ran_is_not_retired() {
    let stage = Stage::new().await;
    run(&stage, &["run", "--once"], 0).await;
    let (key, secret) = shared(&stage);
    write_twin(&stage, &key, &secret);
    let ended = run(&stage, &["rotate", "demo", "--wait", "complete"], 6).await;
    assert!(ended.out.contains("parked/named_elsewhere"), "{}", ended.out);
    assert!(ended.out.contains("next: rekeyd rotate twin"), "{}", ended.out);
    assert!(stage.alive(&key), "the consumers of twin lost their key");
    assert!(!format!("{}{}", ended.out, ended.err).contains(&secret));
    let journal = std::fs::read(stage.path("state/journal.sqlite3")).unwrap();
    assert!(!String::from_utf8_lossy(&journal).contains(&secret));

    let fresh = stage.sandbox.seed_key().unwrap();
    write_twin(&stage, &fresh.client_id, &fresh.client_secret);
    run(&stage, &["run", "--once"], 0).await;
    assert!(!stage.alive(&key) && stage.alive(&fresh.client_id));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_cannot_be_read_keeps_an_adopted_key_and_no_other() {
    let stage = Stage::new().await;
    run(&stage, &["run", "--once"], 0).await;
    let (key, secret) = shared(&stage);
    write_twin(&stage, "some-key", &secret);
    break_twin(&stage);
    let ended = run(&stage, &["rotate", "demo", "--wait", "complete"], 6).await;
    assert!(ended.out.contains("parked/elsewhere_unreadable"), "{}", ended.out);
    assert!(ended.out.contains("twin"), "{}", ended.out);
    assert!(stage.alive(&key), "an adopted key was retired in the dark");
    run(&stage, &["adopt", "demo"], 0).await;
    assert!(!stage.alive(&key));
    let minted = stage.current();
    run(&stage, &["rotate", "demo", "--wait", "complete"], 0).await;
    assert!(!stage.alive(&minted));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leak_does_not_wait_for_a_store_that_cannot_be_read() {
    let stage = Stage::with_drain("1h").await;
    run(&stage, &["run", "--once", "--budget", "0s"], 0).await;
    let (key, secret) = shared(&stage);
    write_twin(&stage, "some-key", &secret);
    break_twin(&stage);
    let ended = run(&stage, &["rotate", "demo", "--leaked"], 0).await;
    assert!(!stage.alive(&key));
    assert!(!ended.err.contains("read_neighbour"), "{}", ended.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recent_word_of_the_journal_spares_the_read() {
    let stage = Stage::new().await;
    let fresh = stage.sandbox.seed_key().unwrap();
    write_twin(&stage, &fresh.client_id, &fresh.client_secret);
    run(&stage, &["run", "--once"], 0).await;
    let key = stage.current();
    break_twin(&stage);
    run(&stage, &["rotate", "demo", "--wait", "complete"], 0).await;
    assert!(!stage.alive(&key));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_word_of_the_journal_that_is_older_than_an_hour_is_read_again() {
    let stage = Stage::new().await;
    let fresh = stage.sandbox.seed_key().unwrap();
    write_twin(&stage, &fresh.client_id, &fresh.client_secret);
    run(&stage, &["run", "--once"], 0).await;
    rewrite(&stage, earlier).await;
    // Somebody gave the twin this policy's key by hand; no run has looked since.
    let (key, secret) = shared(&stage);
    write_twin(&stage, &key, &secret);
    let ended = run(&stage, &["rotate", "demo"], 6).await;
    assert!(ended.out.contains("refused/named_elsewhere"), "{}", ended.out);
    assert!(ended.out.contains("policy twin names the same key"), "{}", ended.out);
    assert_eq!(stage.effects(CallKind::CreateApiKey), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_policies_that_meet_one_key_at_first_contact_both_ask() {
    let stage = Stage::new().await;
    let (key, secret) = shared(&stage);
    write_twin(&stage, &key, &secret);
    let ended = run(&stage, &["run", "--once"], 6).await;
    assert_eq!(ended.out.matches("read_only/named_elsewhere").count(), 2, "{}", ended.out);
    run(&stage, &["adopt", "demo"], 0).await;
    assert!(stage.alive(&key));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stores_of_another_environment_are_left_alone() {
    let stage = Stage::new().await;
    run(&stage, &["run", "--once"], 0).await;
    let (key, secret) = shared(&stage);
    write_twin(&stage, &key, &secret);
    let twin = stage.path("policies/twin.toml");
    let url = stage.sandbox.base_url();
    let text = std::fs::read_to_string(&twin).unwrap().replace(&url, "http://127.0.0.1:9");
    std::fs::write(&twin, text).unwrap();
    break_twin(&stage);
    run(&stage, &["rotate", "demo", "--wait", "complete"], 0).await;
    assert!(!stage.alive(&key));
}
