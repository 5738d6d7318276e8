//! SIGKILL at each call of each mutation, before and after its effect, and at each call that makes
//! something durable. Several stages run side by side: most of a run is waiting.

use std::time::Duration;

use rekeyd::sandbox::{CallKind, Fault, What};

use crate::consumers::Consumer;
use crate::stage::{POLICY, Stage, came, kill};

const ROTATE: [&str; 4] = ["--rotate-now", POLICY, "--wait", "complete"];
const LEAKED: [&str; 3] = ["--rotate-now", POLICY, "--leaked"];
/// Stages at a time.
const SIDE_BY_SIDE: usize = 6;
/// A run without more calls of a kind than this is not killed at any later one.
const MOST_CALLS: u32 = 9;

/// Runs a rotation from whatever is open to its end.
async fn finish(stage: &Stage, case: &str) {
    let output = stage.run(&["run", "--once", "--budget", "60s"]).await;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{case}: {told}");
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

/// Whether strace is here and may trace: `.ci/run` installs it, a newcomer may lack it.
fn can_trace() -> bool {
    let mut probe = std::process::Command::new("strace");
    probe.args(["-qq", "-o", "/dev/null", "true"]);
    probe.status().is_ok_and(|status| status.success())
}

/// Kills at the n-th of the system calls, counted by thread. Says whether the run ended by itself.
async fn killed_in(calls: &'static str, n: u32) -> bool {
    let case = format!("killed in {calls} {n}");
    let stage = Stage::new().await;
    let consumer = Consumer::start(stage.sandbox.tenant(), stage.secret_file());
    let inject = format!("inject={calls}:signal=SIGKILL:when={n}");
    let trace = format!("trace={calls}");
    let options = ["-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject];
    let mut command = stage.under("strace", &options, &ROTATE);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    finish(&stage, &case).await;
    assert_eq!(consumer.failures(), 0, "{case}");
    output.status.success()
}

/// Every `step`-th such call, until a run ends by itself.
async fn killed_in_each(calls: &'static str, step: usize, most: u32) {
    if !can_trace() {
        eprintln!("strace cannot be used here: SKIPPED {calls}");
        return;
    }
    let mut killed = 0;
    let points: Vec<u32> = (1..=most).step_by(step).collect();
    for batch in points.chunks(SIDE_BY_SIDE) {
        let mut running = tokio::task::JoinSet::new();
        for n in batch {
            running.spawn(killed_in(calls, *n));
        }
        let mut whole = 0;
        while let Some(done) = running.join_next().await {
            whole += usize::from(done.unwrap());
        }
        killed += batch.len() - whole;
        if whole == batch.len() {
            break;
        }
    }
    assert!(killed > 2, "{calls}: killed at only {killed} points");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_each_durable_append_the_next_run_ends_sound() {
    killed_in_each("fsync,fdatasync", 2, 90).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_each_rename_of_the_store_the_next_run_ends_sound() {
    killed_in_each("rename,renameat,renameat2", 1, 40).await;
}
