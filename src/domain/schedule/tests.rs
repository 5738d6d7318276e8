//! When a policy is due: occurrences, zones, and jitter.

use super::zone::time_zone;
use super::*;
use crate::domain::policy::parse;
use jiff::{Timestamp, Zoned};

fn policy(schedule: &str) -> Policy {
    named("a", schedule)
}
fn named(name: &str, schedule: &str) -> Policy {
    let text = format!(
        "[issuer.ion]\nenvironment = \"app.firstresonance.io\"\n\
         [store.file]\npath = \"/a\"\n[schedule]\n{schedule}"
    );
    parse(&format!("{name}.toml"), &text).unwrap()
}
fn ms(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_millisecond()
}
/// The next occurrences, each searched from the one before, in local time.
fn following(schedule: &str, zone: &str, from: &str, count: usize) -> Vec<String> {
    let policy = policy(&format!("{schedule}\ntimezone = \"{zone}\""));
    let mut anchor = ms(from);
    let mut local = Vec::new();
    for _ in 0..count {
        anchor = next_due(&policy, anchor).unwrap();
        let zoned: Zoned =
            Timestamp::from_millisecond(anchor).unwrap().to_zoned(time_zone(zone).unwrap());
        local.push(zoned.strftime("%m-%d %H:%M %Z").to_string());
    }
    local
}
const DAILY: &str = "cron = \"30 2 * * *\"";

#[test]
fn a_daily_job_runs_once_when_clocks_go_forward() {
    assert_eq!(
        following(DAILY, "America/Los_Angeles", "2027-03-13T00:00:00Z", 3),
        ["03-13 02:30 PST", "03-14 03:00 PDT", "03-15 02:30 PDT"]
    );
    assert_eq!(
        following(DAILY, "Europe/Berlin", "2027-03-26T12:00:00Z", 3),
        ["03-27 02:30 CET", "03-28 03:00 CEST", "03-29 02:30 CEST"]
    );
}

#[test]
fn a_daily_job_runs_once_when_clocks_go_back() {
    assert_eq!(
        following(DAILY, "America/Los_Angeles", "2026-10-31T00:00:00Z", 3),
        ["10-31 02:30 PDT", "11-01 02:30 PST", "11-02 02:30 PST"]
    );
    // Los Angeles repeats 01:00 to 02:00, Berlin 02:00 to 03:00.
    assert_eq!(
        following("cron = \"30 1 * * *\"", "America/Los_Angeles", "2026-10-31T00:00:00Z", 3),
        ["10-31 01:30 PDT", "11-01 01:30 PDT", "11-02 01:30 PST"]
    );
    assert_eq!(
        following(DAILY, "Europe/Berlin", "2026-10-24T12:00:00Z", 2),
        ["10-25 02:30 CEST", "10-26 02:30 CET"]
    );
}

#[test]
fn an_anchor_inside_the_repeated_hour_does_not_run_the_job_again() {
    // 00:30Z is 02:30 CEST, 01:10Z is 02:10 CET: 02:30 by the clock comes a second time.
    for from in ["2026-10-25T00:30:00Z", "2026-10-25T00:45:00Z", "2026-10-25T01:10:00Z"] {
        assert_eq!(following(DAILY, "Europe/Berlin", from, 1), ["10-26 02:30 CET"], "{from}");
    }
}

#[test]
fn the_hour_of_the_zone_counts_in_summer_and_winter() {
    let policy = policy("cron = \"0 3 * * SUN\"\ntimezone = \"America/Los_Angeles\"");
    assert_eq!(next_due(&policy, ms("2026-07-01T00:00:00Z")), Some(ms("2026-07-05T10:00:00Z")));
    assert_eq!(next_due(&policy, ms("2026-12-01T00:00:00Z")), Some(ms("2026-12-06T11:00:00Z")));
}

#[test]
fn an_occurrence_is_strictly_after_the_anchor() {
    let policy = policy("cron = \"15 0 3 * * *\"");
    let at = ms("2026-07-01T03:00:15Z");
    assert_eq!(next_due(&policy, at - 1), Some(at));
    assert_eq!(next_due(&policy, at), Some(ms("2026-07-02T03:00:15Z")));
    assert_eq!(next_due(&policy, at + 999), Some(ms("2026-07-02T03:00:15Z")));
}

#[test]
fn every_counts_from_the_anchor_and_on_demand_is_never_due() {
    assert_eq!(next_due(&policy("every = \"30d\""), 5), Some(30 * 86_400_000 + 5));
    assert_eq!(next_due(&policy("max_age = \"30d\""), 5), None);
}

#[test]
fn jitter_is_stable_bounded_and_differs_by_policy_and_occurrence() {
    let schedule = "cron = \"0 3 * * *\"\njitter = \"30m\"";
    let occurrence = ms("2026-07-01T03:00:00Z");
    let due = |name: &str, anchor| next_due(&named(name, schedule), anchor).unwrap();
    // Whenever it is asked, the same occurrence has the same jitter.
    assert_eq!(due("a", occurrence - 1), due("a", occurrence - 80_000_000));
    let jitters: std::collections::BTreeSet<i64> =
        (0..50).map(|n| due(&format!("p{n}"), occurrence - 1) - occurrence).collect();
    assert!(jitters.len() > 40, "{jitters:?}");
    assert!(jitters.iter().all(|jitter| (0..30 * 60 * 1000).contains(jitter)), "{jitters:?}");
    let next_day = occurrence + 86_400_000;
    assert_ne!(due("a", occurrence - 1) - occurrence, due("a", occurrence) - next_day);
}

#[test]
fn no_anchor_panics_or_searches_for_ever() {
    let policies = [
        policy(DAILY),
        policy("every = \"30d\"\njitter = \"1d\""),
        policy("cron = \"0 0 29 2 1\""),
    ];
    for policy in policies {
        for anchor in [i64::MIN, i64::MAX, -62_135_596_800_001, 253_402_300_799_000] {
            let _ = next_due(&policy, anchor);
        }
    }
}

#[test]
fn bad_expressions_say_why_and_rare_ones_are_accepted() {
    for (expression, why) in [
        ("", "must have five fields, or six with seconds first, not 0"),
        ("@daily", "must have five fields, or six with seconds first, not 1"),
        ("0 3 * *", "must have five fields, or six with seconds first, not 4"),
        ("0 0 0 1 1 * 2030", "must have five fields, or six with seconds first, not 7"),
        ("0 0 30 2 *", "never occurs"),
    ] {
        assert_eq!(check_cron(expression), Err(why.to_owned()), "{expression}");
    }
    for expression in ["61 * * * *", "* 25 * * *", "x * * * *", "*/0 * * * *", "5-1 * * * *"] {
        let why = check_cron(expression).unwrap_err();
        assert!(why.starts_with("is no cron expression: "), "{expression}: {why}");
    }
    for expression in ["0 3 * * SUN", "30 0 3 L * *", "0 0 29 2 *", "* * * * * *"] {
        assert_eq!(check_cron(expression), Ok(()), "{expression}");
    }
}

proptest::proptest! {
    #[test]
    fn no_expression_panics(fields in proptest::collection::vec("[0-9*,/#LW?A-Z@+-]{1,8}", 4..8)) {
        drop(check_cron(&fields.join(" ")));
    }

    #[test]
    fn what_is_accepted_has_a_next_time_in_every_zone(
        minute in 0..60, hour in 0..24, day in 1..32, month in 1..13,
        from in 0i64..4_000_000_000_000, zone in 0usize..600,
    ) {
        let expression = format!("{minute} {hour} {day} {month} *");
        let names = timezone_names();
        let zone = time_zone(&names[zone % names.len()]).unwrap();
        if check_cron(&expression).is_ok() {
            let next = next_occurrence_ms(&expression, zone, from);
            proptest::prop_assert!(next.is_some_and(|next| next > from), "{}", expression);
        }
    }
}
