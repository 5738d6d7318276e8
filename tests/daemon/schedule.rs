//! Keys that rotate by themselves: once an occurrence, once after a stop, and never because a
//! schedule was edited (F7).

use std::collections::BTreeSet;

use crate::daemon::Daemon;
use crate::stage::{ON_DEMAND, Stage, Terms};
use rekeyd::sandbox::CallKind;

const NAME: &str = "netsuite-sync";

fn on(schedule: &'static str) -> Terms {
    Terms { schedule, ..ON_DEMAND }
}

#[tokio::test(flavor = "multi_thread")]
async fn six_fields_of_cron_rotate_by_themselves_and_no_occurrence_twice() {
    let stage = Stage::of(NAME, on("cron = \"*/5 * * * * *\"")).await;
    let consumer = stage.consumer(NAME);
    let daemon = Daemon::start(&stage).await;
    stage.comes("three rotations", || stage.creates() >= 3).await;
    let creates = stage.effects(CallKind::CreateApiKey);
    let occurrences: BTreeSet<i64> = creates.iter().map(|entry| entry.at_ms / 5_000).collect();
    assert_eq!(occurrences.len(), creates.len(), "{creates:?}");
    assert_eq!(consumer.failures(), 0);
    daemon.stop(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_period_rotates_again_and_again() {
    let stage = Stage::of(NAME, on("every = \"3s\"")).await;
    let consumer = stage.consumer(NAME);
    let daemon = Daemon::start(&stage).await;
    stage.comes("two rotations", || stage.creates() >= 2).await;
    let one = stage.status_of(NAME).await;
    assert_eq!(one["last_rotation"]["outcome"], "complete", "{one}");
    assert_eq!(consumer.failures(), 0);
    daemon.stop(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_missed_while_it_stood_still_is_made_up_for_once() {
    let stage = Stage::of(NAME, on("every = \"4s\"")).await;
    let daemon = Daemon::start(&stage).await;
    let adopted = |one: &serde_json::Value| !one["next_due"].is_null();
    stage.until(NAME, "adopted", adopted).await;
    daemon.kill();
    let before = stage.creates();
    let stopped_ms = stage.tenant().now_ms();
    stage.comes("five periods", || stage.tenant().now_ms() > stopped_ms + 20_000).await;
    // From now on nothing is due for long: what comes is what was missed.
    let daemon = Daemon::start(&stage).await;
    stage.comes("what was missed", || stage.creates() > before).await;
    stage.policy(NAME, &stage.text(NAME, on("every = \"300d\"")));
    let end =
        |one: &serde_json::Value| one["rotation"].is_null() && !one["last_rotation"].is_null();
    stage.until(NAME, "its end", end).await;
    let next = stage.status_of(NAME).await["next_due"].clone();
    assert!(!next.is_null());
    assert_eq!(stage.creates(), before + 1, "missed periods were made up for one by one");
    daemon.stop(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_schedule_moves_the_due_time_at_once_and_rotates_nothing() {
    let stage = Stage::of(NAME, on("cron = \"0 0 3 1 1 *\"")).await;
    let daemon = Daemon::start(&stage).await;
    let due = |one: &serde_json::Value| !one["next_due"].is_null();
    let first = stage.until(NAME, "adopted", due).await["next_due"].clone();
    // Every occurrence of the past few minutes belongs to the past.
    for schedule in ["cron = \"0 30 4 2 2 *\"", "cron = \"0 0 * * * *\"", "every = \"200d\""] {
        stage.policy(NAME, &stage.text(NAME, on(schedule)));
        let before = stage.status_of(NAME).await["next_due"].clone();
        let moved =
            |one: &serde_json::Value| one["next_due"] != first && !one["next_due"].is_null();
        stage.until(NAME, schedule, moved).await;
        drop(before);
    }
    assert_eq!(stage.creates(), 0, "{}", stage.log());
    daemon.stop(&stage).await;
}
