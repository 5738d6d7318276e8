//! A wall clock that is set while the daemon runs. `.ci/run` installs faketime; where it is missing,
//! the test says that it is skipped.

use std::process::Command;

use crate::daemon::Daemon;
use crate::stage::{ON_DEMAND, Stage};

const NAME: &str = "netsuite-sync";

/// libfaketime, where it is there and works.
fn library() -> Option<String> {
    let probe = Command::new("faketime").args(["-m", "-f", "+365d", "printenv"]).output().ok()?;
    let told = String::from_utf8(probe.stdout).ok()?;
    let path = told.lines().find_map(|line| line.strip_prefix("LD_PRELOAD="))?.to_owned();
    probe.status.success().then_some(path)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_set_back_stops_no_heartbeat() {
    let Some(library) = library() else {
        eprintln!("faketime is not here: SKIPPED a wall clock that is set back");
        return;
    };
    let stage = Stage::of(NAME, ON_DEMAND).await;
    let clock = stage.path("clock");
    std::fs::write(&clock, "+0\n").unwrap();
    let mut daemon = Daemon::begin(
        &stage,
        &[
            ("LD_PRELOAD", &library),
            ("FAKETIME_TIMESTAMP_FILE", clock.to_str().unwrap()),
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ],
    );
    daemon.is_ready(&stage).await;
    stage.until(NAME, "adopted", |one| one["state"] == "idle").await;
    std::fs::write(stage.path("clock-next"), "-30d\n").unwrap();
    std::fs::rename(stage.path("clock-next"), &clock).unwrap();
    stage.comes("a step", || stage.log().contains("the wall clock was set")).await;
    // A new policy is looked at by a beat.
    stage.add("newcomer", ON_DEMAND);
    stage.until("newcomer", "adopted", |one| one["state"] == "idle").await;
    assert_eq!(stage.creates(), 0);
    daemon.stop(&stage).await;
}
