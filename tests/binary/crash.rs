//! SIGKILL at each mutation, before and after its effect, and at each durable append.

use std::time::Duration;

use rekeyd::sandbox::{CallKind, Fault, What};

use crate::consumers::Consumer;
use crate::stage::{POLICY, Stage, came, kill};

/// Runs a rotation from whatever is open to its end.
async fn finish(stage: &Stage, case: &str) {
    let output = stage.run(&["run", "--once", "--budget", "60s"]).await;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{case}: {told}");
    stage.assert_sound(case).await;
}

/// Kills the binary while its n-th call of a kind hangs; the effect happened or not.
async fn killed_at(arguments: &[&str], on: CallKind, after_effect: bool) {
    let case = format!("{arguments:?} killed at {on:?}, effect {after_effect}");
    let stage = Stage::new().await;
    let tenant = stage.sandbox.tenant();
    let consumer = Consumer::start(tenant, stage.secret_file());
    let what = if after_effect {
        What::Delay { ms: 20_000 }
    } else {
        What::LateLanding { after_ms: 500, hang_ms: 20_000 }
    };
    tenant.add_fault(Fault { on, nth: 1, count: 1, key: None, what }).unwrap();
    let child = stage.command(arguments).spawn().unwrap();
    let struck = || tenant.ledger().iter().any(|entry| entry.kind == on && entry.fault.is_some());
    assert!(came(Duration::from_secs(30), struck).await, "{case}: never called");
    kill(child).await;
    finish(&stage, &case).await;
    let (requests, failures) = consumer.counted();
    assert!(requests > 50, "{case}: only {requests} requests");
    if !arguments.contains(&"--leaked") {
        assert_eq!(failures, 0, "{case}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_the_create_the_next_run_ends_sound() {
    for after in [false, true] {
        killed_at(&["--rotate-now", POLICY, "--wait", "complete"], CallKind::CreateApiKey, after)
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_the_disable_the_next_run_ends_sound() {
    for after in [false, true] {
        killed_at(&["--rotate-now", POLICY, "--wait", "complete"], CallKind::UpdateApiKey, after)
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_the_delete_the_next_run_ends_sound() {
    for after in [false, true] {
        killed_at(&["--rotate-now", POLICY, "--wait", "complete"], CallKind::DeleteApiKey, after)
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leak_killed_at_each_mutation_is_finished_by_the_next_run() {
    for on in [CallKind::CreateApiKey, CallKind::UpdateApiKey, CallKind::DeleteApiKey] {
        killed_at(&["--rotate-now", POLICY, "--leaked"], on, true).await;
    }
}

/// Whether strace is here and may trace: `.ci/run` installs it, a newcomer may lack it.
fn can_trace() -> bool {
    let mut probe = std::process::Command::new("strace");
    probe.args(["-qq", "-o", "/dev/null", "true"]);
    probe.status().is_ok_and(|status| status.success())
}

/// At every call that makes something durable, the n-th in the order of the writer's thread.
async fn killed_at_each(call: &'static str, first: u32, step: usize, most: u32) {
    if !can_trace() {
        eprintln!("strace cannot be used here: skipped {call}");
        return;
    }
    let mut tried = 0;
    for n in (first..=most).step_by(step) {
        let case = format!("killed at {call} {n}");
        let stage = Stage::new().await;
        let consumer = Consumer::start(stage.sandbox.tenant(), stage.secret_file());
        let inject = format!("inject={call}:signal=SIGKILL:when={n}");
        let trace = format!("trace={call}");
        let options = ["-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject];
        let rotate = ["--rotate-now", POLICY, "--wait", "complete"];
        let mut command = stage.under("strace", &options, &rotate);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let whole = output.status.success();
        finish(&stage, &case).await;
        assert_eq!(consumer.counted().1, 0, "{case}");
        tried += 1;
        if whole {
            break;
        }
    }
    assert!(tried > 2, "{call}: only {tried} points");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_each_durable_append_the_next_run_ends_sound() {
    killed_at_each("fdatasync", 1, 1, 80).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_each_rename_of_the_store_the_next_run_ends_sound() {
    killed_at_each("rename,renameat,renameat2", 1, 1, 40).await;
}
