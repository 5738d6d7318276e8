//! Start, reload, and stop, as systemd and other processes see them.

use rekeyd::sandbox::CallKind;
use rustix::process::Signal;

use crate::daemon::Daemon;
use crate::stage::{BOUND, LONG, ON_DEMAND, ONCE, Stage, came};

const NAME: &str = "netsuite-sync";

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_on_an_empty_state_directory_begins_a_journal_and_adopts_by_itself() {
    let stage = Stage::of(NAME, ON_DEMAND).await;
    let daemon = Daemon::start(&stage).await;
    stage.until(NAME, "adopted", |one| one["state"] == "idle").await;
    assert_eq!(stage.creates(), 0, "an adoption is no reason to rotate");
    daemon.stop(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ready_is_said_once_commands_are_answered_and_a_status_follows() {
    let stage = Stage::of(NAME, ON_DEMAND).await;
    let mut daemon = Daemon::start(&stage).await;
    let status = stage.status().await;
    assert_eq!(status["daemon"]["pid"], daemon.pid(), "{status}");
    let ear = &mut daemon.ear;
    assert!(came(BOUND, || ear.has("STATUS=1 policy")).await, "{:?}", ear.heard());
    assert_eq!(ear.count("READY=1"), 1);
    assert!(!ear.has("WATCHDOG=1"), "nobody asked for a watchdog: {:?}", ear.heard());
    daemon.stop(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hangup_is_answered_with_reloading_and_ready() {
    let stage = Stage::of(NAME, ON_DEMAND).await;
    let mut daemon = Daemon::start(&stage).await;
    daemon.signal(Signal::HUP);
    let ear = &mut daemon.ear;
    assert!(came(BOUND, || ear.count("READY=1") == 2).await, "{:?}", ear.heard());
    let reloading = ear.heard().iter().position(|said| said.contains("RELOADING=1")).unwrap();
    let said = ear.heard()[reloading].clone();
    let since = said.lines().find_map(|line| line.strip_prefix("MONOTONIC_USEC=")).unwrap();
    assert!(since.parse::<u64>().unwrap() > 0, "{said}");
    let ready = ear.heard().iter().rposition(|said| said.contains("READY=1")).unwrap();
    assert!(reloading < ready, "{:?}", ear.heard());
    daemon.stop(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manager_that_does_not_listen_holds_nothing_up() {
    let stage = Stage::of(NAME, ON_DEMAND).await;
    // More than the socket's queue takes.
    let mut daemon = Daemon::begin(&stage, &[("WATCHDOG_USEC", "10000000")]);
    daemon.is_ready(&stage).await;
    let since_ms = stage.tenant().now_ms();
    stage.comes("many beats", || stage.tenant().now_ms() > since_ms + 15_000).await;
    stage.policy(NAME, &stage.text(NAME, ONCE));
    stage.comes("a rotation", || stage.creates() == 1).await;
    daemon.stop(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_watchdog_is_fed_where_systemd_wants_one() {
    let stage = Stage::of(NAME, ON_DEMAND).await;
    let mut daemon = Daemon::begin(&stage, &[("WATCHDOG_USEC", "10000000")]);
    daemon.is_ready(&stage).await;
    let ear = &mut daemon.ear;
    assert!(came(BOUND, || ear.count("WATCHDOG=1") >= 3).await, "{:?}", ear.heard());
    daemon.stop(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_during_a_create_waits_until_the_key_is_staged_and_the_next_start_goes_on() {
    let stage = Stage::of(NAME, ONCE).await;
    let consumer = stage.consumer(NAME);
    stage.hold(CallKind::CreateApiKey, 1, 7_000);
    let mut daemon = Daemon::start(&stage).await;
    stage.comes("a create", || stage.creates() == 1).await;
    daemon.signal(Signal::TERM);
    // systemd must know at once: else its watchdog and its stop time go by a service that runs.
    let ear = &mut daemon.ear;
    assert!(came(BOUND, || ear.has("STOPPING=1")).await, "{:?}", ear.heard());
    let at = stage.status_of(NAME).await;
    assert_eq!(at["rotation"]["state"], "claimed", "said only after the create: {at}");
    assert!(!daemon.is_over(), "it did not wait for the create: {}", stage.log());
    assert_eq!(daemon.ended(&stage).await.code(), Some(0), "{}", stage.log());
    let at = stage.status_of(NAME).await;
    assert_ne!(at["rotation"]["state"], "claimed", "the new key's secret was dropped: {at}");
    let again = Daemon::start(&stage).await;
    stage.until(NAME, "promoted", |one| one["rotation"]["state"] == "promoted").await;
    assert_eq!(stage.creates(), 1, "the key of before the stop was thrown away");
    assert_eq!(consumer.failures(), 0);
    again.stop(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_daemon_ends_at_once_and_takes_its_socket_away() {
    let stage = Stage::of(NAME, ON_DEMAND).await;
    let daemon = Daemon::start(&stage).await;
    assert!(stage.path("state/control.sock").exists());
    daemon.stop(&stage).await;
    assert!(!stage.path("state/control.sock").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_daemon_ends_with_7_and_names_the_first() {
    let stage = Stage::of(NAME, LONG).await;
    let daemon = Daemon::start(&stage).await;
    stage.until(NAME, "adopted", |one| one["state"] == "idle").await;
    let pid = daemon.pid().to_string();
    for arguments in [&["run"][..], &["run", "--once"]] {
        let ended = stage.run(arguments).await;
        assert_eq!(ended.code, Some(7), "{arguments:?}: {ended:?}");
        assert!(ended.err.contains(&format!("process {pid}")), "{arguments:?}: {ended:?}");
        assert!(ended.err.contains("Nothing needs to be done"), "{arguments:?}: {ended:?}");
    }
    let status = stage.status().await;
    assert_eq!(status["daemon"]["pid"], daemon.pid(), "the first one lost its socket: {status}");
    daemon.stop(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn restarts_and_hangups_alone_create_no_key() {
    let stage = Stage::of(NAME, ON_DEMAND).await;
    let every = "every = \"30d\"";
    stage.add("weekly", crate::stage::Terms { schedule: every, ..ON_DEMAND });
    for round in 0..3 {
        let mut daemon = Daemon::start(&stage).await;
        stage.until("weekly", "adopted", |one| one["state"] == "idle").await;
        daemon.signal(Signal::HUP);
        let ear = &mut daemon.ear;
        assert!(came(BOUND, || ear.count("READY=1") == 2).await, "{:?}", ear.heard());
        // A beat after it, whatever it wanted to do would be under way.
        let beats = ear.count("STATUS=");
        let status = stage.status_of("weekly").await;
        assert_eq!(status["state"], "idle", "round {round}, {beats}: {status}");
        if round == 1 { daemon.kill() } else { daemon.stop(&stage).await }
    }
    assert_eq!(stage.creates(), 0);
}
