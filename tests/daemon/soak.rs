//! Many policies in real time, with calls that fail, kills, and reloads at random moments: no
//! consumer notices, everything comes to an end, and no live key is forgotten.
//!
//! `REKEYD_SOAK_POLICIES` says how many, `REKEYD_SOAK_SEED` repeats a run's dice.

use std::time::{Duration, Instant};

use rekeyd::sandbox::{CallKind, Fault, What};
use rustix::process::Signal;
use serde_json::Value;

use crate::crowd::Crowd;
use crate::daemon::Daemon;
use crate::stage::{ON_DEMAND, Stage, Terms, named};

/// The dice of a run that nobody asked for; the moments still differ from run to run.
const SEED: u64 = 20_261_121;

const POLICIES: usize = 30;
const CONSUMERS_EACH: usize = 3;
const KILLS: usize = 3;
const RELOADS: usize = 3;
/// Kills and reloads happen within this time.
const TURMOIL: Duration = Duration::from_secs(30);
const FAILING_PERCENT: u64 = 5;
/// Whoever parked does not rotate, so the wait for all ends.
const TO_ROTATE: Duration = Duration::from_secs(20);
/// So many calls of each kind are diced for, for each policy.
const CALLS: [(CallKind, u32); 5] = [
    (CallKind::TokenExchange, 20),
    (CallKind::ApiKeys, 12),
    (CallKind::CreateApiKey, 2),
    (CallKind::UpdateApiKey, 4),
    (CallKind::DeleteApiKey, 2),
];
/// The sandbox takes no more at a time.
const MOST_FAULTS: usize = 900;

/// Rotates at least once within the test, at one of twenty-five moments.
fn terms(number: usize) -> Terms {
    let schedule: String = format!("every = \"{}s\"", 5 + number % 25);
    Terms { schedule: schedule.leak(), drain: "3s", ..ON_DEMAND }
}

/// The same dice again by the same seed (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    fn moment(&mut self) -> Duration {
        let most = u64::try_from(TURMOIL.as_millis()).unwrap();
        Duration::from_millis(2_000 + self.below(most))
    }

    fn failure(&mut self) -> What {
        match self.below(6) {
            0 => What::LostBefore,
            1 => What::LostAfter,
            2 => What::Reset { after_effect: true },
            3 => What::Status { status: 429, retry_after_seconds: Some(1), after_effect: false },
            4 => What::Status { status: 503, retry_after_seconds: None, after_effect: false },
            _ => What::Delay { ms: 1_500 },
        }
    }
}

/// One in twenty of the calls that are expected.
fn fail_some(stage: &Stage, dice: &mut Dice, policies: usize) -> usize {
    let mut ordered = 0;
    for (on, calls) in CALLS {
        for nth in 1..=calls * u32::try_from(policies).unwrap() {
            if dice.below(100) < FAILING_PERCENT && ordered < MOST_FAULTS {
                let what = dice.failure();
                stage.fault(Fault { on, nth, count: 1, key: None, what });
                ordered += 1;
            }
        }
    }
    ordered
}

#[derive(Debug, Clone, Copy)]
enum Act {
    Kill,
    Reload,
}

/// Kills and reloads at their moments, in order.
fn turmoil(dice: &mut Dice) -> Vec<(Duration, Act)> {
    let mut acts: Vec<(Duration, Act)> = (0..KILLS)
        .map(|_| Act::Kill)
        .chain((0..RELOADS).map(|_| Act::Reload))
        .map(|act| (dice.moment(), act))
        .collect();
    acts.sort_by_key(|(at, _)| *at);
    acts
}

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// Nothing is open, or it waits for a person and says why.
fn is_over(one: &Value) -> bool {
    let parked = one["state"] == "parked" && !one["problems"].as_array().unwrap().is_empty();
    parked || (one["rotation"].is_null() && one["requested"].as_array().unwrap().is_empty())
}

/// A kill, or a reload of a schedule that makes nothing due again.
async fn act(stage: &Stage, daemon: Daemon, act: Act, names: &[String], dice: &mut Dice) -> Daemon {
    match act {
        Act::Kill => {
            daemon.kill();
            Daemon::start(stage).await
        }
        Act::Reload => {
            let number = usize::try_from(dice.below(names.len() as u64)).unwrap();
            let terms = Terms { more: "[verify]\ncanaries = []", ..terms(number) };
            stage.policy(&names[number], &stage.text(&names[number], terms));
            daemon.signal(Signal::HUP);
            daemon
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_consumer_notices_failing_calls_kills_and_reloads() {
    let policies = from_environment("REKEYD_SOAK_POLICIES").map(|n| usize::try_from(n).unwrap());
    let policies = policies.unwrap_or(POLICIES);
    let seed = from_environment("REKEYD_SOAK_SEED").unwrap_or(SEED);
    eprintln!("soak of {policies} policies: REKEYD_SOAK_SEED={seed}");
    let mut dice = Dice(seed);
    let stage = Stage::new().await;
    let names: Vec<String> = (0..policies).map(|number| format!("p{number}")).collect();
    for (number, name) in names.iter().enumerate() {
        stage.add(name, terms(number));
    }
    let ordered = fail_some(&stage, &mut dice, policies);
    let files: Vec<_> = names.iter().map(|name| stage.secret_file(name)).collect();
    let crowd = Crowd::start(stage.tenant(), &[&files[..]; CONSUMERS_EACH].concat());
    let first: Vec<_> = names.iter().map(|name| stage.current_key(name)).collect();
    let begun = Instant::now();
    let mut daemon = Daemon::start(&stage).await;
    for (at, what) in turmoil(&mut dice) {
        tokio::time::sleep(at.saturating_sub(begun.elapsed())).await;
        eprintln!("{:>6.1?} {what:?}, {} creates so far", begun.elapsed(), stage.creates());
        daemon = act(&stage, daemon, what, &names, &mut dice).await;
    }
    settle(&stage, &names, &first).await;
    let left = stage.tenant().faults().len();
    eprintln!(
        "{:.1?}: {} creates, {} of {ordered} ordered failures struck, {} uses of keys, {} failed",
        begun.elapsed(),
        stage.creates(),
        ordered - left,
        crowd.uses(),
        crowd.failures().len(),
    );
    assert!(crowd.failures().is_empty(), "seed {seed}: {:?}", crowd.failures());
    daemon.stop(&stage).await;
    report(&stage, &names, seed).await;
    assert!(crowd.failures().is_empty(), "seed {seed}: {:?}", crowd.failures());
}

/// No more rotations begin; those that are open end.
async fn settle(stage: &Stage, names: &[String], first: &[String]) {
    // What a file holds costs the machine less than a look at everything.
    let moved = || names.iter().zip(first).filter(|(name, key)| stage.current_key(name) != **key);
    let begun = Instant::now();
    while moved().count() < names.len() && begun.elapsed() < TO_ROTATE {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(2 * moved().count() > names.len(), "most never rotated: {}", stage.log());
    eprintln!("{} of {} rotated while schedules ran", moved().count(), names.len());
    for name in names {
        let rest = Terms { schedule: "", ..terms(0) };
        stage.policy(name, &stage.text(name, rest));
    }
    let begun = Instant::now();
    loop {
        let status = stage.status().await;
        let open: Vec<_> = names.iter().map(|name| named(&status, name)).collect();
        let open: Vec<_> = open.into_iter().filter(|one| !is_over(one)).collect();
        if open.is_empty() {
            return;
        }
        assert!(begun.elapsed() < crate::stage::BOUND, "still open: {open:?}\n{}", stage.log());
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}

/// How they ended, and that no live key is forgotten.
async fn report(stage: &Stage, names: &[String], seed: u64) {
    let status = stage.status().await;
    let mut outcomes = std::collections::BTreeMap::new();
    for name in names {
        let one = named(&status, name);
        let parked = one["state"] == "parked";
        let outcome =
            if parked { &one["problems"][0]["code"] } else { &one["last_rotation"]["outcome"] };
        *outcomes.entry(outcome.to_string()).or_insert(0) += 1;
        assert!(stage.tenant().alive(&stage.current_key(name)), "seed {seed}: {one}");
    }
    eprintln!("{outcomes:?}");
    let current: Vec<_> = names.iter().map(|name| stage.current_key(name)).collect();
    let told = status.to_string();
    let keys = stage.tenant().keys();
    let forgotten: Vec<_> = keys
        .iter()
        .filter(|key| stage.tenant().alive(&key.client_id))
        .filter(|key| !current.contains(&key.client_id) && !told.contains(&key.client_id))
        .collect();
    assert!(forgotten.is_empty(), "seed {seed}: forgotten {forgotten:?}");
}
