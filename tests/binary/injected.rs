//! The binary under strace: killed at, or failed by, the system calls that make something durable
//! or reach the outside. The next run ends sound, and no consumer notices. `.ci/run` installs
//! strace; where it is missing, or may not trace, the tests say that they are skipped.

use crate::consumers::Consumer;
use crate::crash::{ROTATE, SIDE_BY_SIDE, finish};
use crate::stage::Stage;

const DURABLE: &str = "fsync,fdatasync";
const RENAME: &str = "rename,renameat,renameat2";
const WRITE: &str = "write,pwrite64,writev,pwritev";
const CONNECT: &str = "connect";
const KILL: &str = "signal=SIGKILL";

fn can_trace() -> bool {
    let mut probe = std::process::Command::new("strace");
    probe.args(["-qq", "-o", "/dev/null", "true"]);
    probe.status().is_ok_and(|status| status.success())
}

/// Strikes at the n-th of the system calls, counted by thread. Says whether there was one.
async fn struck_at(calls: &'static str, how: &'static str, n: u32) -> bool {
    let case = format!("{how} at {calls} {n}");
    let stage = Stage::new().await;
    let consumer = Consumer::start(stage.sandbox.tenant(), stage.secret_file());
    let inject = format!("inject={calls}:{how}:when={n}");
    let trace = format!("trace={calls}");
    let record = stage.path("trace");
    let options = ["-f", "-qq", "-o", record.to_str().unwrap(), "-e", &trace, "-e", &inject];
    let mut command = stage.under("strace", &options, &ROTATE);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!told.contains("panicked"), "{case}: {told}");
    finish(&stage, &case).await;
    assert_eq!(consumer.failures(), 0, "{case}");
    // A failed call is marked; who was killed did not end well.
    !output.status.success() || std::fs::read_to_string(record).unwrap().contains("INJECTED")
}

/// Strikes at these points side by side; says how many were struck.
async fn strike(calls: &'static str, how: &'static str, points: &[u32]) -> usize {
    let mut running = tokio::task::JoinSet::new();
    for n in points {
        running.spawn(struck_at(calls, how, *n));
    }
    let mut struck = 0;
    while let Some(done) = running.join_next().await {
        struck += usize::from(done.unwrap());
    }
    struck
}

/// Every `step`-th such call, until none of a batch is struck.
async fn strike_each(calls: &'static str, how: &'static str, step: usize, most: u32) {
    if !can_trace() {
        eprintln!("strace cannot be used here: SKIPPED {how} at {calls}");
        return;
    }
    let mut struck = 0;
    let points: Vec<u32> = (1..=most).step_by(step).collect();
    for batch in points.chunks(SIDE_BY_SIDE) {
        let now = strike(calls, how, batch).await;
        struck += now;
        if now == 0 {
            break;
        }
    }
    assert!(struck > 2, "{how} at {calls}: only {struck} runs were struck");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_each_durable_append_the_next_run_ends_sound() {
    strike_each(DURABLE, KILL, 2, 90).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_each_rename_of_the_store_the_next_run_ends_sound() {
    strike_each(RENAME, KILL, 1, 40).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_each_connect_the_next_run_ends_sound() {
    strike_each(CONNECT, KILL, 2, 60).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_writes_the_next_run_ends_sound() {
    strike_each(WRITE, KILL, 9, 200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_fsync_loses_nothing() {
    strike_each(DURABLE, "error=EIO", 4, 90).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_rename_loses_nothing() {
    strike_each(RENAME, "error=EIO", 2, 40).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_at_any_write_loses_nothing() {
    strike_each(WRITE, "error=ENOSPC", 13, 200).await;
}
