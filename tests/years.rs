//! Five years of a thousand policies on virtual time: the daemon's own agenda and due times, beat by
//! beat, with stops, suspensions, and clocks that are set. Every occurrence is run once or
//! accounted for, and the same seed tells the same story.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use rekeyd::daemon::agenda::{Agenda, Outlook, Rank, Work};
use rekeyd::domain::clocks::{Moment, Stamp};
use rekeyd::domain::ids::{RotationId, SecretKey};
use rekeyd::domain::policy::{Policy, parse};
use rekeyd::domain::schedule::{due, next_due, timezone_names};
use rekeyd::domain::state::{Adoption, Ending, LastRotation, State};
use sha2::{Digest, Sha256};

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const YEARS: i64 = 5 * 365 * DAY;
const FROM: i64 = 1_767_225_600_000; // 2026-01-01T00:00:00Z
/// What was missed is spread over so long.
const CATCH_UP: i64 = HOUR;
const CONCURRENCY: usize = 32;

const SCHEDULES: &[&str] = &[
    "cron = \"30 2 * * SUN\"\njitter = \"30m\"",
    "cron = \"30 2 * * SUN\"",
    "cron = \"0 3 1 * *\"\njitter = \"2h\"",
    "cron = \"15 30 1 L * *\"",
    "cron = \"0 4 * * MON#2\"",
    "every = \"30d\"\njitter = \"1h\"",
    "every = \"90d\"",
    "cron = \"0 0 * * MON\"",
];

/// A generator that needs no crate: xorshift.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: i64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound.unsigned_abs().max(1)).cast_signed()
    }
}

struct Sim {
    policies: BTreeMap<SecretKey, Policy>,
    states: BTreeMap<SecretKey, State>,
    /// When each rotation started, and for which due time.
    runs: BTreeMap<SecretKey, Vec<(i64, i64)>>,
    open: BTreeSet<SecretKey>,
    agenda: Agenda,
    wall_ms: i64,
    boot_ms: i64,
    dice: Dice,
    beats: u64,
}

fn adopted(at_ms: i64) -> State {
    let at = Moment { wall_ms: at_ms, ..Moment::default() };
    let last = LastRotation {
        id: RotationId::default(),
        ending: Ending::Complete,
        started: at.clone(),
        ended: at,
        because: None,
    };
    State { adoption: Adoption::Adopted, last: Some(last), ..State::default() }
}

fn policy(number: usize, schedule: &str, zone: &str) -> Policy {
    let text = format!(
        "[issuer.ion]\nenvironment = \"app.firstresonance.io\"\n\
         [store.file]\npath = \"/s/{number}\"\n[schedule]\n{schedule}\ntimezone = \"{zone}\"\n"
    );
    parse(&format!("p{number}.toml"), &text).unwrap()
}

impl Sim {
    fn new(seed: u64, policies: Vec<Policy>) -> Self {
        let by_secret = |policy: Policy| (policy.secret_key().unwrap(), policy);
        let policies: BTreeMap<SecretKey, Policy> = policies.into_iter().map(by_secret).collect();
        let states = policies.keys().map(|secret| (secret.clone(), adopted(FROM))).collect();
        let mut sim = Self {
            policies,
            states,
            runs: BTreeMap::new(),
            open: BTreeSet::new(),
            agenda: Agenda::new(CATCH_UP),
            wall_ms: FROM,
            boot_ms: 0,
            dice: Dice(seed | 1),
            beats: 0,
        };
        sim.start();
        sim
    }

    fn stamp(&self) -> Stamp {
        let (wall_ms, boottime_ms) = (self.wall_ms, self.boot_ms);
        Stamp { wall_ms, boot: "one".to_owned(), boottime_ms, dated: None }
    }

    /// A daemon that has just started knows what the journal tells.
    fn start(&mut self) {
        self.agenda = Agenda::new(CATCH_UP);
        let now = self.stamp();
        for (secret, policy) in &self.policies {
            let outlook = self.outlook(secret);
            self.agenda.put(secret, policy.name.as_str(), &outlook, &now);
        }
    }

    fn outlook(&self, secret: &SecretKey) -> Outlook {
        let is_open = self.open.contains(secret);
        let due_ms = due(&self.policies[secret], &self.states[secret]).map(|due| due.at_ms);
        Outlook {
            due_ms: due_ms.filter(|_| !is_open),
            look_in_ms: if is_open { 0 } else { 400 * DAY },
            rank: if is_open { Rank::Open } else { Rank::Idle },
        }
    }

    /// To the next second at which there is something to do, or to `until_ms`.
    fn advance(&mut self, until_ms: i64) {
        let (start, look) = self.agenda.next_times();
        let by_wall = start.map_or(i64::MAX, |at| at - self.wall_ms);
        let by_boot = look.map_or(i64::MAX, |at| at - self.boot_ms);
        let wait = by_wall.min(by_boot).clamp(1, (until_ms - self.wall_ms).max(1));
        let wait = wait.div_euclid(SECOND) * SECOND + if wait % SECOND == 0 { 0 } else { SECOND };
        self.wall_ms += wait;
        self.boot_ms += wait;
    }

    fn beat(&mut self) {
        self.beats += 1;
        let now = self.stamp();
        self.agenda.tick(&now);
        loop {
            let taken = self.agenda.take(CONCURRENCY, &now);
            if taken.is_empty() {
                return;
            }
            for work in taken {
                self.work(&work, &now);
            }
        }
    }

    /// A slice: what is open ends, what is due begins.
    fn work(&mut self, work: &Work, now: &Stamp) {
        let secret = &work.secret;
        let state = &self.states[secret];
        let mut outlook = None;
        if self.open.remove(secret) {
            self.states.insert(secret.clone(), adopted(now.wall_ms));
        } else if let Some(due) = due(&self.policies[secret], state)
            && work.may_start
            && due.at_ms <= now.wall_ms
        {
            self.runs.entry(secret.clone()).or_default().push((now.wall_ms, due.at_ms));
            self.open.insert(secret.clone());
            let look_in_ms = 10 * SECOND + self.dice.below(600) * SECOND;
            outlook = Some(Outlook { due_ms: None, look_in_ms, rank: Rank::Open });
        }
        let outlook = outlook.unwrap_or_else(|| self.outlook(secret));
        self.agenda.settle(secret, &outlook, now);
    }

    fn run(&mut self, until_ms: i64) {
        while self.wall_ms < until_ms {
            self.advance(until_ms);
            self.beat();
        }
    }

    fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for (secret, runs) in &self.runs {
            hash.update(secret.as_str());
            for (started, due) in runs {
                hash.update(started.to_be_bytes());
                hash.update(due.to_be_bytes());
            }
        }
        hex::encode(hash.finalize())
    }
}

fn fleet(count: usize) -> Vec<Policy> {
    let zones = timezone_names();
    (0..count)
        .map(|n| policy(n, SCHEDULES[n % SCHEDULES.len()], &zones[(n * 7) % zones.len()]))
        .collect()
}

/// Each due time that follows from the one before was run once, within a beat.
#[test]
fn in_five_years_every_occurrence_is_run_once_and_within_a_beat() {
    let mut sim = Sim::new(1, fleet(1_000));
    sim.run(FROM + YEARS);
    let mut total = 0;
    for (secret, policy) in &sim.policies {
        let runs = &sim.runs[secret];
        total += runs.len();
        let mut anchor = FROM;
        for (started, due) in runs {
            assert_eq!(
                Some(*due),
                next_due(policy, anchor),
                "{}: an occurrence was lost",
                policy.name
            );
            assert!((0..=SECOND).contains(&(started - due)), "{}: late", policy.name);
            // The rotation took at most eleven minutes; no occurrence of these lies in them.
            anchor = if is_cron(policy) { *due } else { ended_after(&sim, secret, *started) };
        }
        let next = next_due(policy, anchor).unwrap();
        assert!(next > FROM + YEARS - HOUR, "{}: the last ones were lost", policy.name);
    }
    println!("{total} rotations, {} beats, trace {}", sim.beats, sim.digest());
    assert!(total > 100_000, "{total}");
}

fn is_cron(policy: &Policy) -> bool {
    matches!(policy.schedule.when, rekeyd::domain::policy::When::Cron(_))
}

/// `every` counts from a rotation's end, which the next due time tells.
fn ended_after(sim: &Sim, secret: &SecretKey, started: i64) -> i64 {
    let runs = &sim.runs[secret];
    let policy = &sim.policies[secret];
    let next = runs.iter().find(|(at, _)| *at > started);
    let wanted = next.map(|(_, due)| *due);
    // Ends fall on seconds.
    let mut ends = (0..=620).map(|seconds| started + seconds * SECOND);
    ends.find(|end| wanted.is_none_or(|due| next_due(policy, *end) == Some(due))).unwrap_or(started)
}

/// A daily job at 02:30 runs once for each local date, also where a change of clocks skips or
/// repeats that time, in every zone of the bundle that has such a change.
#[test]
fn a_daily_job_runs_once_a_day_in_every_zone_with_a_change_of_clocks() {
    let zones = timezone_names();
    let policies: Vec<Policy> = zones
        .iter()
        .enumerate()
        .map(|(n, zone)| policy(n, "cron = \"30 2 * * *\"", zone))
        .collect();
    let mut sim = Sim::new(2, policies);
    sim.run(FROM + 366 * DAY);
    let database = TimeZoneDatabase::bundled();
    for (secret, policy) in &sim.policies {
        let zone: TimeZone = database.get(&policy.schedule.timezone).unwrap();
        let mut days = BTreeMap::new();
        for (started, _) in &sim.runs[secret] {
            let at = Timestamp::from_millisecond(*started).unwrap().to_zoned(zone.clone());
            *days.entry(at.date()).or_insert(0) += 1;
        }
        assert!(days.values().all(|runs| *runs == 1), "{}: twice a day", policy.schedule.timezone);
        assert!((365..=366).contains(&days.len()), "{}: {}", policy.schedule.timezone, days.len());
    }
}

/// Stops of hours and days, and clocks that are set: nothing runs twice for one occurrence, what was
/// missed runs once, soon, and not all together.
#[test]
fn after_stops_and_steps_of_the_clock_nothing_runs_twice_and_nothing_is_forgotten() {
    let mut sim = Sim::new(3, fleet(300));
    let mut dice = Dice(77);
    let mut crowds = Vec::new();
    for _ in 0..40 {
        let until = sim.wall_ms + 10 * DAY + dice.below(30 * DAY);
        sim.run(until);
        let asleep = HOUR + dice.below(5 * DAY);
        sim.wall_ms += asleep;
        sim.boot_ms += asleep;
        match dice.below(3) {
            // The machine slept: the daemon does not know.
            0 => {}
            // It was stopped, and restarts before what it caught up is over.
            1 => sim.start(),
            _ => {
                sim.start();
                let soon = sim.wall_ms + 20 * MINUTE;
                sim.run(soon);
                sim.start();
            }
        }
        let (woke, end) = (sim.wall_ms, sim.wall_ms + CATCH_UP + MINUTE);
        sim.run(end);
        let caught_up =
            sim.runs.values().flatten().filter(|(at, due)| *at >= woke && at - due > HOUR);
        let mut minutes = BTreeMap::new();
        for (at, _) in caught_up {
            *minutes.entry(at / MINUTE).or_insert(0) += 1;
        }
        crowds.push(minutes.values().copied().max().unwrap_or(0));
        let late: Vec<&Policy> = sim
            .policies
            .iter()
            .filter(|(secret, policy)| {
                let open = sim.open.contains(*secret);
                !open && due(policy, &sim.states[*secret]).is_some_and(|due| due.at_ms < woke)
            })
            .map(|(_, policy)| policy)
            .collect();
        assert!(late.is_empty(), "{} were forgotten", late.len());
    }
    for (secret, runs) in &sim.runs {
        let dues: BTreeSet<i64> = runs.iter().map(|(_, due)| *due).collect();
        assert_eq!(dues.len(), runs.len(), "{secret}: an occurrence was run twice");
    }
    assert!(crowds.iter().all(|crowd| *crowd < 40), "a stampede: {crowds:?}");
}

/// A wall clock that is set a year ahead and back. The engine does not believe it and starts nothing;
/// afterwards every policy has its own time again.
#[test]
fn a_clock_that_went_ahead_and_came_back_leaves_every_policy_with_its_time() {
    let mut sim = Sim::new(4, fleet(50));
    sim.run(FROM + 3 * DAY + 12 * HOUR);
    let (runs, next) = (sim.runs.clone(), sim.agenda.next_times().0);
    sim.wall_ms += 365 * DAY;
    let now = sim.stamp();
    assert!(sim.agenda.tick(&now).is_some(), "the step was not noticed");
    // As a slice does whose start is not believed.
    let (due_ms, look_in_ms) = (Some(now.wall_ms + 15 * MINUTE), 15 * MINUTE);
    while let Some(work) = sim.agenda.take(1, &now).into_iter().next() {
        sim.agenda.settle(&work.secret, &Outlook { due_ms, look_in_ms, rank: Rank::Idle }, &now);
    }
    sim.wall_ms -= 365 * DAY;
    let now = sim.stamp();
    assert!(sim.agenda.tick(&now).is_some(), "the step back was not noticed");
    sim.run(sim.wall_ms + 16 * MINUTE);
    assert_eq!(sim.agenda.next_times().0, next, "a policy kept the wrong clock's time");
    assert_eq!(sim.runs, runs, "the step made something due");
}

#[test]
fn the_same_seed_tells_the_same_story() {
    let story = |seed| {
        let mut sim = Sim::new(seed, fleet(60));
        sim.run(FROM + 400 * DAY);
        sim.digest()
    };
    assert_eq!(story(9), story(9));
    assert_ne!(story(9), story(11), "the seed counts for something");
}
