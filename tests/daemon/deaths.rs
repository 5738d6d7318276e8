//! SIGKILL in each phase, and a restart: the daemon goes on by itself, and no consumer notices (F4).

use rekeyd::sandbox::CallKind;
use tokio::task::JoinSet;

use crate::daemon::Daemon;
use crate::stage::{ON_DEMAND, ONCE, Stage, Terms};

const NAME: &str = "netsuite-sync";
/// Rotates once within a test: the next occurrence is a year away.
const TERMS: Terms = Terms { drain: "2s", ..ONCE };

/// A call that is held while the daemon is killed.
async fn killed_at(on: CallKind, nth: u32) {
    let case = format!("killed at {on:?} {nth}");
    let stage = Stage::of(NAME, ON_DEMAND).await;
    let consumer = stage.consumer(NAME);
    let daemon = Daemon::start(&stage).await;
    stage.until(NAME, "adopted", |one| one["state"] == "idle").await;
    let old = stage.current_key(NAME);
    stage.hold(on, nth, 60_000);
    stage.policy(NAME, &stage.text(NAME, TERMS));
    let tenant = stage.tenant().clone();
    let struck = || tenant.ledger().iter().any(|entry| entry.kind == on && entry.fault.is_some());
    stage.comes(&case, struck).await;
    daemon.kill();
    // Whatever it rotates from now on is the rotation that was open.
    stage.policy(NAME, &stage.text(NAME, Terms { schedule: "every = \"300d\"", ..TERMS }));
    let daemon = Daemon::start(&stage).await;
    stage.until(NAME, "an end", |one| !one["last_rotation"].is_null()).await;
    assert_ne!(stage.current_key(NAME), old, "{case}: it did not go on");
    assert_eq!(consumer.failures(), 0, "{case}");
    stage.assert_sound(&[NAME]).await;
    daemon.stop(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_any_phase_the_next_start_goes_on_and_no_consumer_fails() {
    let mut running = JoinSet::new();
    for (on, nth) in [
        (CallKind::ApiKeys, 1),
        (CallKind::CreateApiKey, 1),
        (CallKind::CurrentUser, 2),
        (CallKind::UpdateApiKey, 1),
        (CallKind::UpdateApiKey, 2),
        (CallKind::DeleteApiKey, 2),
    ] {
        running.spawn(killed_at(on, nth));
    }
    while let Some(done) = running.join_next().await {
        done.unwrap();
    }
}

/// Killed while it only waits.
async fn killed_while(state: &'static str, drain: &'static str) {
    let stage = Stage::new().await;
    stage.seed(NAME);
    // Long enough to be seen.
    let text = stage.text(NAME, Terms { drain, ..TERMS });
    stage.policy(NAME, &text.replace("soak = \"1s\"", "soak = \"8s\""));
    let consumer = stage.consumer(NAME);
    let daemon = Daemon::start(&stage).await;
    let old = stage.current_key(NAME);
    stage.until(NAME, state, |one| one["rotation"]["state"] == state).await;
    daemon.kill();
    let id = stage.status_of(NAME).await["rotation"]["id"].clone();
    let daemon = Daemon::start(&stage).await;
    let over = |one: &serde_json::Value| one["last_rotation"]["id"] == id;
    stage.until(NAME, "the end of the rotation that was open", over).await;
    assert!(!stage.tenant().alive(&old), "{state}");
    assert_eq!(consumer.failures(), 0, "{state}");
    daemon.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_drain_or_the_soak_the_open_rotation_ends_by_itself() {
    let mut running = JoinSet::new();
    running.spawn(killed_while("promoted", "8s"));
    running.spawn(killed_while("disabled", "2s"));
    while let Some(done) = running.join_next().await {
        done.unwrap();
    }
}
