//! SIGKILL at each call of each mutation, before and after its effect. Several stages run side by
//! side: most of a run is waiting.

use std::time::Duration;

use rekeyd::sandbox::{CallKind, Fault, What};

use crate::consumers::Consumer;
use crate::stage::{POLICY, Stage, came, kill};

pub const ROTATE: [&str; 4] = ["--rotate-now", POLICY, "--wait", "complete"];
const LEAKED: [&str; 3] = ["--rotate-now", POLICY, "--leaked"];
/// Stages at a time.
pub const SIDE_BY_SIDE: usize = 6;
/// A run without more calls of a kind than this is not killed at any later one.
const MOST_CALLS: u32 = 9;

/// Runs a rotation from whatever is open to its end. After a leak a key that may be ours is a
/// person's business, and the exit code says so.
pub async fn finish(stage: &Stage, case: &str) {
    let output = stage.run(&["run", "--once", "--budget", "60s"]).await;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let orphans = &stage.status().await["orphans"];
    let awaits = !orphans.as_array().unwrap().is_empty() && case.contains("leaked");
    let expected = if awaits { 6 } else { 0 };
    assert_eq!(output.status.code(), Some(expected), "{case}: {orphans} {told}");
    stage.assert_sound(case).await;
}

/// Kills the binary while its n-th call of a kind hangs; the effect happened or not yet. Says
/// whether there was such a call.
async fn killed_at(
    arguments: &'static [&'static str],
    on: CallKind,
    nth: u32,
    after: bool,
) -> bool {
    let case = format!("{arguments:?} killed at {on:?} {nth}, effect {after}");
    let stage = Stage::new().await;
    let tenant = stage.sandbox.tenant();
    let consumer = Consumer::start(tenant, stage.secret_file());
    let what = if after {
        What::Delay { ms: 30_000 }
    } else {
        What::LateLanding { after_ms: 500, hang_ms: 30_000 }
    };
    tenant.add_fault(Fault { on, nth, count: 1, key: None, what }).unwrap();
    let mut child = stage.command(arguments).spawn().unwrap();
    let struck = || tenant.ledger().iter().any(|entry| entry.kind == on && entry.fault.is_some());
    let over = || struck() || child.try_wait().unwrap().is_some();
    assert!(came(Duration::from_secs(60), over).await, "{case}: neither struck nor over");
    kill(child).await;
    let was_struck = struck();
    finish(&stage, &case).await;
    if arguments == ROTATE {
        assert_eq!(consumer.failures(), 0, "{case}");
    }
    was_struck
}

/// All calls of one kind, both ways, side by side.
async fn killed_at_every(arguments: &'static [&'static str], on: CallKind) {
    let mut struck = 0;
    let cases: Vec<_> = (1..=MOST_CALLS).flat_map(|n| [(n, false), (n, true)]).collect();
    for batch in cases.chunks(SIDE_BY_SIDE) {
        let mut running = tokio::task::JoinSet::new();
        for (nth, after) in batch.iter().copied() {
            running.spawn(killed_at(arguments, on, nth, after));
        }
        let before = struck;
        while let Some(done) = running.join_next().await {
            struck += usize::from(done.unwrap());
        }
        if struck == before {
            break;
        }
    }
    assert!(struck >= 2, "{on:?} was struck {struck} times");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_each_create_the_next_run_ends_sound() {
    killed_at_every(&ROTATE, CallKind::CreateApiKey).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_each_update_the_next_run_ends_sound() {
    killed_at_every(&ROTATE, CallKind::UpdateApiKey).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_each_delete_the_next_run_ends_sound() {
    killed_at_every(&ROTATE, CallKind::DeleteApiKey).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leak_killed_at_each_create_update_and_delete_is_finished_by_the_next_run() {
    for on in [CallKind::CreateApiKey, CallKind::UpdateApiKey, CallKind::DeleteApiKey] {
        killed_at_every(&LEAKED, on).await;
    }
}
