//! The wall clock of the process steps by a year either way, while the clock that counts from boot
//! and the servers' `Date` stay true: no drain ends early or never, nothing is due by it (R19).
//! `.ci/run` installs faketime; where it is missing, the tests say that they are skipped.

use std::path::PathBuf;
use std::process::Command;

use rekeyd::sandbox::CallKind;

use crate::aws::{Ended, OnAws, ended, over};
use crate::stage::POLICY;

const ROTATE: [&str; 4] = ["--rotate-now", POLICY, "--wait", "complete"];
const ONCE: [&str; 4] = ["run", "--once", "--budget", "60s"];
const AHEAD: &str = "+365d";
const BACK: &str = "-365d";
const RIGHT: &str = "+0";
const DRAIN: &str = "5s";
const DRAIN_MS: i64 = 5_000;
const MONTHLY: &str = "[schedule]\nevery = \"30d\"\n";

/// libfaketime, where it is there and works.
fn library() -> Option<String> {
    let probe = Command::new("faketime").args(["-m", "-f", "+365d", "printenv"]).output().ok()?;
    let told = String::from_utf8(probe.stdout).ok()?;
    let path = told.lines().find_map(|line| line.strip_prefix("LD_PRELOAD="))?.to_owned();
    probe.status.success().then_some(path)
}

/// A stage whose process lives by a wall clock of its own.
struct OnClock {
    aws: OnAws,
    library: String,
}

impl OnClock {
    async fn new(schedule: &str) -> Option<Self> {
        let Some(library) = library() else {
            eprintln!("faketime is not here: SKIPPED a wall clock that steps");
            return None;
        };
        Some(Self { aws: OnAws::new(DRAIN, schedule).await, library })
    }

    fn clock(&self) -> PathBuf {
        self.aws.stage.path("clock")
    }

    /// From now on the wall clock is wrong by this much.
    fn step(&self, offset: &str) {
        let next = self.aws.stage.path("clock-next");
        std::fs::write(&next, format!("{offset}\n")).unwrap();
        std::fs::rename(next, self.clock()).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.aws.command(&self.aws.stage.path("state"), arguments);
        command
            .env("LD_PRELOAD", &self.library)
            .env("FAKETIME_TIMESTAMP_FILE", self.clock())
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("NO_FAKE_STAT", "1");
        command
    }

    async fn run(&self, offset: &str, arguments: &[&str]) -> Ended {
        self.step(offset);
        let ended = ended(self.command(arguments)).await;
        assert!(!ended.err.contains("panicked"), "{offset}: {ended:?}");
        ended
    }

    fn creates(&self) -> usize {
        self.aws.effects(CallKind::CreateApiKey).len()
    }
}

/// Promotes, steps, and goes on to the end: the drain took as long as the policy says.
async fn stepped_in_the_drain(offset: &str) {
    let Some(on) = OnClock::new(MONTHLY).await else { return };
    on.step(RIGHT);
    let old = on.aws.current_key();
    let child = on.command(&ROTATE).spawn().unwrap();
    on.aws.until("the promote", || on.aws.promoted().is_some()).await;
    on.step(offset);
    let ended = over(child).await;
    assert_eq!(ended.code, Some(0), "{offset}: {ended:?}");
    assert!(!ended.err.contains("panicked"), "{offset}: {ended:?}");
    let (promoted, disabled) = (on.aws.promoted().unwrap(), on.aws.disabled(&old).unwrap());
    let drained_ms = disabled.at_ms - promoted.at_ms;
    assert!(drained_ms >= DRAIN_MS, "{offset}: the drain ended after {drained_ms} ms");
    assert_eq!(on.creates(), 1, "{offset}");
    on.aws.assert_sound(offset).await;

    // By the same wrong clock nothing is due; and by the right one nothing is broken.
    for offset in [offset, RIGHT] {
        let ended = on.run(offset, &ONCE).await;
        assert_eq!((ended.code, on.creates()), (Some(0), 1), "{offset}: {ended:?}");
    }
    on.aws.assert_sound(offset).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_year_ahead_in_the_drain_ends_no_drain_and_starts_nothing() {
    stepped_in_the_drain(AHEAD).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_year_back_in_the_drain_ends_it_by_the_second_witness_and_starts_nothing() {
    stepped_in_the_drain(BACK).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_the_server_contradicts_starts_nothing_that_is_due_and_says_why() {
    let Some(on) = OnClock::new(MONTHLY).await else { return };
    let adopted = on.run(RIGHT, &ONCE).await;
    assert_eq!(adopted.code, Some(0), "{adopted:?}");
    let ahead = on.run(AHEAD, &ONCE).await;
    assert_eq!(on.creates(), 0, "{ahead:?}");
    let told = format!("{}{}", ahead.out, ahead.err);
    assert!(told.contains("clock"), "{ahead:?}");
    let right = on.run(RIGHT, &ONCE).await;
    assert_eq!((right.code, on.creates()), (Some(0), 0), "{right:?}");
    on.aws.assert_sound("set right").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_contact_by_a_wrong_clock_makes_nothing_due() {
    for offset in [AHEAD, BACK] {
        let Some(on) = OnClock::new(MONTHLY).await else { return };
        for offset in [offset, offset, RIGHT, RIGHT] {
            let ended = on.run(offset, &ONCE).await;
            assert_eq!(on.creates(), 0, "{offset}: {ended:?}");
        }
        on.aws.assert_sound(offset).await;
        let rotated = on.run(RIGHT, &ROTATE).await;
        assert_eq!(rotated.code, Some(0), "{offset}: {rotated:?}");
        on.aws.assert_sound(offset).await;
    }
}
