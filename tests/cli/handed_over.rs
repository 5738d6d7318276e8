//! Commands beside a running daemon: it does them, and what is printed is as without one.

use std::process::Stdio;

use rekeyd::sandbox::{CallKind, SERVICE_ACCOUNT};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::daemon::Daemon;
use crate::stage::{Ended, Stage, until};

/// Without what differs from run to run: ids, times, ports.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    for word in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric() && !"-.:".contains(c)) {
        let end = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        if end.chars().any(|c| c.is_ascii_digit()) {
            plain.push('#');
            plain.push_str(word.strip_prefix(end).unwrap());
        } else {
            plain.push_str(word);
        }
    }
    plain
}

fn assert_same(arguments: &[&str], remote: &Ended, local: &Ended) {
    assert_eq!(remote.code, local.code, "{arguments:?}: {} {}", remote.err, local.err);
    assert_eq!(plain(&remote.out), plain(&local.out), "{arguments:?}");
    assert_eq!(plain(&remote.err), plain(&local.err), "{arguments:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_prints_what_a_process_of_its_own_would_and_ends_alike() {
    let (alone, beside) = (Stage::with_drain("1h").await, Stage::with_drain("1h").await);
    let daemon = Daemon::start(&beside);
    for arguments in [
        &["--rotate-now", "demo"][..],
        &["rotate", "demo", "--output", "json"],
        &["resume", "demo"],
        &["abort", "demo"],
        &["abort", "demo", "--output", "json"],
        &["rotate", "dmeo"],
        &["rotate", "--all"],
        &["rotate", "demo", "--key", "x"],
        &["--rotate-now", "demo", "--leaked"],
        &["orphans", "keep", "nobody"],
        &["adopt", "demo"],
        &["forget", "demo", "--yes"],
        &["decommission", "demo", "--yes", "--output", "json"],
    ] {
        let loans = daemon.loans();
        let local = alone.run(arguments).await;
        let remote = beside.run(arguments).await;
        assert_same(arguments, &remote, &local);
        let works = !local.err.contains("error[") && !arguments.contains(&"orphans");
        assert_eq!(daemon.loans() > loans, works, "{arguments:?}: {}", local.err);
    }
    assert_eq!(beside.effects(CallKind::CreateApiKey), alone.effects(CallKind::CreateApiKey));
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_journal_names_who_asked_the_daemon_and_why() {
    let stage = Stage::new().await;
    let daemon = Daemon::start(&stage);
    let ended = stage.run(&["--rotate-now", "demo", "--reason", "drill 7"]).await;
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    let rows = stage.run(&["history", "demo", "--decisions"]).await.out;
    let who = rekeyd::settings::accounts::label(rustix::process::getuid().as_raw());
    assert!(rows.contains("drill 7") && rows.contains(&format!("\"who\":\"{who}\"")), "{rows}");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_goes_to_the_daemon_and_is_shown_nowhere() {
    let stage = Stage::new().await;
    stage.write_secret(r#"{"note":"kept"}"#);
    let daemon = Daemon::start(&stage);
    let key = stage.sandbox.tenant().mint(SERVICE_ACCOUNT).unwrap();
    let piped = format!("{}\n{}\n", key.client_id, key.client_secret);
    let ended = stage.run_with_input(&["adopt", "demo", "--from-stdin"], &piped).await;
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    assert_eq!(stage.current(), key.client_id);
    assert!(!ended.out.contains(&key.client_secret) && !ended.err.contains(&key.client_secret));
    assert_eq!(daemon.loans(), 1);
    for wrong in ["", &"x".repeat(70_000)] {
        let ended = stage.run_with_input(&["adopt", "demo", "--from-stdin"], wrong).await;
        assert_eq!(ended.code, 2, "{}{}", ended.out, ended.err);
        assert!(ended.err.contains("standard input holds no credential"), "{}", ended.err);
    }
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_looks_elsewhere_never_acts_on_this_daemon() {
    let stage = Stage::new().await;
    let daemon = Daemon::start(&stage);
    std::fs::create_dir(stage.path("others")).unwrap();
    let others = stage.path("others").display().to_string();
    let mut command = crate::stage::rekeyd(&stage.path(""));
    command.arg("--policies").arg(&others).arg("--state-dir").arg(stage.path("state"));
    command.args(["--rotate-now", "demo"]);
    let ended = tokio::task::spawn_blocking(move || crate::stage::end(&mut command)).await.unwrap();
    assert_eq!((ended.code, ended.out.as_str()), (3, ""));
    assert!(ended.err.contains("error[control/other-places]"), "{}", ended.err);
    assert!(ended.err.contains(&others), "{}", ended.err);
    assert!(ended.err.contains("next: rekeyd"), "{}", ended.err);
    assert_eq!((daemon.loans(), stage.effects(CallKind::CreateApiKey)), (0, 0));
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leak_is_answered_while_another_command_waits_for_a_drain() {
    let stage = Stage::with_drain("1h").await;
    let daemon = Daemon::start(&stage);
    let mut waiting = stage.plain(&["rotate", "demo", "--wait", "complete"]);
    waiting.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = waiting.spawn().unwrap();
    let pid = Pid::from_child(&child);
    until("the new key", || stage.effects(CallKind::CreateApiKey) == 1).await;
    until("a second loan, after the first was given back", || daemon.loans() > 1).await;
    let leaked = stage.run(&["rotate", "demo", "--leaked"]).await;
    assert_eq!(leaked.code, 0, "{}{}", leaked.out, leaked.err);
    // The rotation that was followed may have ended with it; then so has the command.
    kill_process(pid, Signal::INT).ok();
    let ended = tokio::task::spawn_blocking(|| child.wait_with_output().unwrap()).await.unwrap();
    assert!(ended.status.code().is_some());
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_ends_the_following_and_never_the_rotation() {
    let stage = Stage::with_drain("1h").await;
    let daemon = Daemon::start(&stage);
    let mut waiting = stage.plain(&["rotate", "demo", "--wait", "drained"]);
    waiting.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = waiting.spawn().unwrap();
    let pid = Pid::from_child(&child);
    until("a second loan, after the first was given back", || daemon.loans() > 1).await;
    kill_process(pid, Signal::INT).unwrap();
    let ended = tokio::task::spawn_blocking(|| child.wait_with_output().unwrap()).await.unwrap();
    let err = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(130), "{err}");
    assert!(err.contains("no longer followed; the daemon goes on"), "{err}");
    assert!(err.contains("status demo"), "{err}");
    let left = stage.status().await;
    assert_eq!(left["state"], "waiting", "{left}");
    assert!(left["rotation"]["id"].is_string(), "{left}");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_vanishes_leaves_a_command_that_says_so() {
    let stage = Stage::with_drain("1h").await;
    let daemon = Daemon::start(&stage);
    let mut waiting = stage.plain(&["rotate", "demo", "--wait", "drained"]);
    waiting.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = waiting.spawn().unwrap();
    until("a second loan, after the first was given back", || daemon.loans() > 1).await;
    daemon.serving.abort();
    let ended = tokio::task::spawn_blocking(|| child.wait_with_output().unwrap()).await.unwrap();
    let err = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(5), "{err}");
    assert!(err.contains("error[control/broken]") && err.contains("status demo"), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_ends_ends_its_commands_in_order() {
    let stage = Stage::with_drain("1h").await;
    let daemon = Daemon::start(&stage);
    let mut waiting = stage.plain(&["rotate", "demo", "--wait", "drained"]);
    waiting.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = waiting.spawn().unwrap();
    until("a second loan, after the first was given back", || daemon.loans() > 1).await;
    daemon.stop().await;
    let ended = tokio::task::spawn_blocking(|| child.wait_with_output().unwrap()).await.unwrap();
    let out = String::from_utf8(ended.stdout).unwrap();
    assert_eq!(ended.status.code(), Some(143), "{out}");
    assert!(out.contains("demo: "), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_beside_a_daemon_says_that_nothing_needs_to_be_done() {
    let stage = Stage::new().await;
    let daemon = Daemon::start(&stage);
    let ended = stage.run(&["run", "--once"]).await;
    assert_eq!((ended.code, ended.out.as_str()), (7, ""));
    let said = format!("the daemon (process {}, since 2030-01-01", std::process::id());
    assert!(ended.err.contains(&said), "{}", ended.err);
    assert!(ended.err.contains("Nothing needs to be done"), "{}", ended.err);
    daemon.stop().await;
    // A dead daemon's socket is there still, and stands in nobody's way.
    assert!(stage.path("state/control.sock").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_is_for_a_daemon_and_one_that_fails_changes_nothing() {
    let stage = Stage::new().await;
    let ended = stage.run(&["reload"]).await;
    assert_eq!((ended.code, ended.out.as_str()), (3, ""));
    assert!(ended.err.contains("error[control/no-daemon]"), "{}", ended.err);
    let daemon = Daemon::start(&stage);
    let ended = stage.run(&["reload"]).await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert_eq!(ended.out, "the daemon has read its files anew: 1 policy\n");
    std::fs::write(stage.path("policies/b.toml"), "[schedule]\ncorn = 1\n").unwrap();
    let ended = stage.run(&["reload"]).await;
    assert_eq!((ended.code, ended.out.as_str()), (3, ""));
    assert!(ended.err.contains("did you mean `cron`?"), "{}", ended.err);
    assert!(ended.err.contains("The daemon goes on with the policies"), "{}", ended.err);
    let told = stage.run(&["status"]).await.out;
    assert!(told.contains("not reloaded:") && told.contains("next: rekeyd check"), "{told}");
    // What it has goes on.
    assert_eq!(stage.run(&["--rotate-now", "demo"]).await.code, 0);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_shows_the_daemon_that_runs_and_null_where_none_does() {
    let stage = Stage::new().await;
    let alone = stage.run(&["status", "--output", "json"]).await.json();
    assert_eq!(alone["daemon"], Value::Null);
    let daemon = Daemon::start(&stage);
    let beside = stage.run(&["status", "--output", "json"]).await.json();
    assert_eq!(beside["daemon"]["pid"], std::process::id());
    assert_eq!(beside["daemon"]["policies"], 1);
    assert_eq!(beside["policies"], alone["policies"]);
    let told = stage.run(&["status"]).await.out;
    let said =
        format!("daemon: process {} since 2030-01-01T00:00:00Z, 1 policy", std::process::id());
    assert!(told.contains(&said), "{told}");
    daemon.stop().await;
}
