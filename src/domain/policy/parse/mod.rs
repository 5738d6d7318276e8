//! Text to [`Policy`], or everything that is wrong with it. Reads no file and no environment.

mod issuer;
mod store;

use super::diagnostic::{Finding, Place, Problem, nearest, quoted};
use super::document::{Document, Table};
use super::duration::{DAY_MS, HOUR_MS, SECOND_MS, format_ms};
use super::report::Report;
use super::{Consumers, KeptPolicy, Policy, Retire, Schedule, Store, Verify, When, canary};
use crate::domain::code::Room;
use crate::domain::ids::PolicyName;
use crate::domain::schedule;

const MAX_DESCRIPTION_CHARS: usize = 1000;
const MAX_OWNER_CHARS: usize = 300;

const DEFAULT_CACHE_TTL_MS: i64 = HOUR_MS;
const DEFAULT_DRAIN_MS: i64 = 24 * HOUR_MS;
const DEFAULT_SOAK_MS: i64 = HOUR_MS;

const MAX_DRAIN_MS: i64 = 90 * DAY_MS;
const MAX_SOAK_MS: i64 = 30 * DAY_MS;
const MAX_JITTER_MS: i64 = 7 * DAY_MS;
const MAX_EVERY_MS: i64 = 3650 * DAY_MS;

/// What was made of one file.
#[derive(Debug)]
pub struct Examined {
    /// Present only when nothing is wrong.
    pub policy: Option<Policy>,
    /// The store, where that much could be read, and where it is named.
    pub store: Option<(Store, Place)>,
    pub findings: Vec<Finding>,
}

/// Reads a policy. `file_name` is the file's name, with or without its directory; its stem is the
/// policy's name. Files of more than 1 MiB are refused.
///
/// # Errors
/// All findings of the file, sorted by line and column.
pub fn parse(file_name: &str, text: &str) -> Result<Policy, Vec<Finding>> {
    let examined = examine(file_name, text);
    examined.policy.filter(|_| examined.findings.is_empty()).ok_or(examined.findings)
}

/// As [`parse`], and keeps what could be read of a file that is not right, so that findings about
/// several files are told at once with findings about one.
#[must_use]
pub fn examine(file_name: &str, text: &str) -> Examined {
    let mut report = Report::new(Room::Policy, file_name, text);
    let document = Document::parse(text, &mut report);
    let name = policy_name(file_name, &mut report);
    let mut root = document.root();

    let description = root.text("description", MAX_DESCRIPTION_CHARS, &mut report);
    let owner = root.text("owner", MAX_OWNER_CHARS, &mut report);
    let schedule = schedule_of(root.table("schedule", &mut report), &mut report);
    let issuer = issuer::read(&mut root, &mut report);
    let store = store::read(&mut root, &mut report);
    let verify = verify_of(root.table("verify", &mut report), &mut report);
    let (consumers, retire) = timing_of(&mut root, &mut report);
    root.finish(&mut report);

    let own_secret = store.as_ref().map(|at| &at.value);
    if let (Some(issuer), Some(own)) = (&issuer, own_secret) {
        issuer::check_actor(issuer, own, &mut report);
    }
    let policy = name.zip(issuer).zip(store.clone()).map(|((name, issuer), store)| Policy {
        name,
        description: description.map(|at| at.value.to_owned()),
        owner: owner.map(|at| at.value.to_owned()),
        schedule,
        issuer: issuer.value,
        store: store.value,
        consumers,
        verify,
        retire,
        kept: None,
    });
    let policy = policy.filter(|_| report.is_clean());
    Examined {
        policy: policy.map(|policy| Policy { kept: KeptPolicy::of(text), ..policy }),
        store: store.map(|at| (at.value, report.place(&at.span))),
        findings: report.finish(),
    }
}

fn policy_name(file_name: &str, report: &mut Report<'_>) -> Option<PolicyName> {
    let last = file_name.rsplit('/').next().unwrap_or(file_name);
    let Some(stem) = last.strip_suffix(".toml") else {
        report.add_whole(Problem::UnsafeName, "a policy's file name must end in .toml");
        return None;
    };
    match PolicyName::new(stem) {
        Ok(name) => Some(name),
        Err(why) => {
            let message = format!("{why}; the file's stem {} is the name", quoted(stem));
            report.add_whole(Problem::UnsafeName, message);
            None
        }
    }
}

fn schedule_of(table: Option<Table<'_>>, report: &mut Report<'_>) -> Schedule {
    let on_demand = Schedule {
        when: When::OnDemand,
        timezone: "UTC".to_owned(),
        jitter_ms: 0,
        max_age_ms: None,
    };
    let Some(mut table) = table else {
        return on_demand;
    };
    let cron = table.text("cron", 200, report);
    let every = table.duration_ms("every", &(SECOND_MS..=MAX_EVERY_MS), report);
    if let (true, Some(at)) = (table.has("cron"), table.value("every")) {
        let message = "`schedule.every` and `schedule.cron` exclude each other";
        let help = Some("keep one of them".to_owned());
        report.add(Problem::Conflict, &at.key, message, help);
    }
    if let Some(cron) = &cron
        && let Err(why) = schedule::check_cron(cron.value)
    {
        let message = format!("`schedule.cron` {why}");
        let help = Some("minute hour day month weekday, as in \"0 3 * * SUN\"".to_owned());
        report.add(Problem::BadCron, &cron.span, message, help);
    }
    let timezone = timezone_of(&mut table, report);
    let jitter = table.duration_ms("jitter", &(0..=MAX_JITTER_MS), report);
    let max_age = table.duration_ms("max_age", &(SECOND_MS..=MAX_EVERY_MS), report);
    table.finish(report);

    let when = match (cron, every) {
        (Some(cron), _) => When::Cron(cron.value.to_owned()),
        (None, Some(every)) => When::Every { ms: every.value },
        (None, None) => When::OnDemand,
    };
    Schedule {
        when,
        timezone: timezone.unwrap_or(on_demand.timezone),
        jitter_ms: jitter.map_or(0, |at| at.value),
        max_age_ms: max_age.map(|at| at.value),
    }
}

fn timezone_of(table: &mut Table<'_>, report: &mut Report<'_>) -> Option<String> {
    let at = table.text("timezone", 100, report)?;
    let known = schedule::canonical_timezone(at.value);
    if known.is_none() {
        let names = schedule::timezone_names();
        let near = nearest(at.value, names.iter().map(String::as_str));
        let help = near.map_or_else(
            || "use an IANA name such as \"America/Los_Angeles\"".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        let message = format!("unknown time zone {}", quoted(at.value));
        report.add(Problem::BadTimezone, &at.span, message, Some(help));
    }
    known
}

/// `[consumers]` and `[retire]` together, because one bounds the other.
fn timing_of(root: &mut Table<'_>, report: &mut Report<'_>) -> (Consumers, Retire) {
    let mut cache_ttl = None;
    if let Some(mut table) = root.table("consumers", report) {
        cache_ttl = table.duration_ms("cache_ttl", &(0..=MAX_DRAIN_MS), report);
        table.finish(report);
    }
    let (mut drain, mut soak) = (None, None);
    let mut drain_is_bad = false;
    if let Some(mut table) = root.table("retire", report) {
        drain = table.duration_ms("drain", &(0..=MAX_DRAIN_MS), report);
        drain_is_bad = drain.is_none() && table.has("drain");
        soak = table.duration_ms("soak", &(0..=MAX_SOAK_MS), report);
        table.finish(report);
    }
    let cache_ttl_ms = cache_ttl.as_ref().map_or(DEFAULT_CACHE_TTL_MS, |at| at.value);
    let drain_ms = drain.as_ref().map_or(DEFAULT_DRAIN_MS, |at| at.value);
    let named = drain.as_ref().or(cache_ttl.as_ref());
    if let Some(at) = named.filter(|_| drain_ms < cache_ttl_ms && !drain_is_bad) {
        let (drain, ttl) = (format_ms(drain_ms), format_ms(cache_ttl_ms));
        let message = format!("`retire.drain` ({drain}) is below `consumers.cache_ttl` ({ttl})");
        let help = format!(
            "consumers would hold a dead key; let `retire.drain` be {ttl} and a token's life, or more"
        );
        report.add(Problem::DrainTooShort, &at.span, message, Some(help));
    }
    let soak_ms = soak.map_or(DEFAULT_SOAK_MS, |at| at.value);
    (Consumers { cache_ttl_ms }, Retire { drain_ms, soak_ms })
}

fn verify_of(table: Option<Table<'_>>, report: &mut Report<'_>) -> Verify {
    let mut canaries = None;
    if let Some(mut table) = table {
        canaries = table.texts("canaries", report);
        table.finish(report);
    }
    let Some(canaries) = canaries else {
        return Verify { canaries: vec![canary::DEFAULT.to_owned()] };
    };
    for (index, at) in canaries.iter().enumerate() {
        if index == canary::MAX_CANARIES {
            let message = format!("more than {} canaries", canary::MAX_CANARIES);
            report.add(Problem::TooMany, &at.span, message, None);
            break;
        }
        if let Err(why) = canary::check(at.value) {
            let message = format!("the canary {why}");
            report.add(Problem::BadCanary, &at.span, message, None);
        }
    }
    Verify { canaries: canaries.into_iter().map(|at| at.value.to_owned()).collect() }
}
