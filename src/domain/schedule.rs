//! When a policy is next due. Pure: the caller says since when, and keeps what it was told.
//! Time zones come from the bundle in the binary, never from the machine.

use std::sync::LazyLock;

use croner::Cron;
use croner::parser::{CronParser, Seconds};
use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use sha2::{Digest, Sha256};

use super::policy::{Policy, When};

/// A cron expression without an occurrence in so many years has none. 29 February on a given
/// weekday comes back after at most 40 years (2100 is no leap year).
const SEARCH_YEARS: i16 = 40;

/// Where the check of an expression begins to look for an occurrence.
const CHECK_FROM_MS: i64 = 1_767_225_600_000; // 2026-01-01T00:00:00Z

static TIME_ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// When the policy is due after `anchor_ms`, both in milliseconds since the Unix epoch.
///
/// The anchor is the end of the last rotation, or the adoption. With `cron` it is the first
/// occurrence strictly after the anchor, with `every` the anchor and that time; in both cases later
/// by a jitter in `0..jitter_ms` that depends on the policy's name and the occurrence alone, so
/// that it is the same whenever it is asked. `None` for a policy that is due on demand only, and
/// where no occurrence is left within 40 years. Parses the expression anew: keep the answer.
#[must_use]
pub fn next_due(policy: &Policy, anchor_ms: i64) -> Option<i64> {
    let schedule = &policy.schedule;
    let occurrence_ms = match &schedule.when {
        When::OnDemand => return None,
        When::Every { ms } => anchor_ms.checked_add(*ms)?,
        When::Cron(expression) => {
            next_occurrence_ms(expression, time_zone(&schedule.timezone)?, anchor_ms)?
        }
    };
    occurrence_ms.checked_add(jitter_ms(policy.name.as_str(), occurrence_ms, schedule.jitter_ms))
}

/// Checks a cron expression: five fields, or six with seconds first, and it must occur.
///
/// # Errors
/// What is wrong, as the end of a sentence about the field.
pub fn check_cron(expression: &str) -> Result<(), String> {
    let fields = expression.split_whitespace().count();
    if !(5..=6).contains(&fields) {
        return Err(format!("must have five fields, or six with seconds first, not {fields}"));
    }
    cron_between(expression, 2026, 2026 + SEARCH_YEARS).map_err(|why| match why {
        croner::errors::CronError::ComponentError(why)
        | croner::errors::CronError::InvalidPattern(why)
        | croner::errors::CronError::IllegalCharacters(why) => {
            format!("is no cron expression: {why}")
        }
        why => format!("is no cron expression: {why}"),
    })?;
    match next_occurrence_ms(expression, TimeZone::UTC, CHECK_FROM_MS) {
        Some(_) => Ok(()),
        None => Err("never occurs".to_owned()),
    }
}

/// The zone's name as the database writes it, where it is known.
#[must_use]
pub fn canonical_timezone(name: &str) -> Option<String> {
    time_zone(name)?.iana_name().map(str::to_owned)
}

/// Names of all known time zones.
#[must_use]
pub fn timezone_names() -> Vec<String> {
    TIME_ZONES.available().map(|name| name.as_str().to_owned()).collect()
}

fn time_zone(name: &str) -> Option<TimeZone> {
    TIME_ZONES.get(name).ok()
}

/// A daily time that a change of clocks skips comes right after the gap; one that it repeats comes
/// once, at the first of the two.
fn next_occurrence_ms(expression: &str, zone: TimeZone, after_ms: i64) -> Option<i64> {
    let after = Timestamp::from_millisecond(after_ms).ok()?.to_zoned(zone);
    let first_year = after.year();
    let cron = cron_between(expression, first_year, first_year.checked_add(SEARCH_YEARS)?).ok()?;
    let next = cron.find_next_occurrence(&after, false).ok()?.timestamp().as_millisecond();
    (next > after_ms).then_some(next)
}

/// The expression with a range of years, which bounds the search.
fn cron_between(
    expression: &str,
    first_year: i16,
    last_year: i16,
) -> Result<Cron, croner::errors::CronError> {
    let seconds = if expression.split_whitespace().count() == 5 { "0 " } else { "" };
    let parser = CronParser::builder().seconds(Seconds::Required).build();
    parser.parse(&format!("{seconds}{expression} {first_year}-{last_year}"))
}

fn jitter_ms(name: &str, occurrence_ms: i64, bound_ms: i64) -> i64 {
    let Some(bound) = u64::try_from(bound_ms).ok().filter(|bound| *bound > 0) else {
        return 0;
    };
    let mut hash = Sha256::new();
    hash.update(b"rekeyd/jitter/1");
    hash.update(occurrence_ms.to_be_bytes());
    hash.update(name.as_bytes());
    let number = hash.finalize().iter().take(8).fold(0, |n: u64, byte| n << 8 | u64::from(*byte));
    i64::try_from(number % bound).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::policy::parse;
    use jiff::Zoned;

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
}
