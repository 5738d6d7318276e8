//! Cron expressions: whether one can ever occur, and when it does next. Every search is bounded.

use croner::Cron;
use croner::parser::{CronParser, Seconds};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A cron expression without an occurrence in so many years has none. 29 February on a given
/// weekday comes back after at most 40 years (2100 is no leap year).
const SEARCH_YEARS: i16 = 40;

/// Where the check of an expression begins to look for an occurrence.
pub(super) const CHECK_FROM_MS: i64 = 1_767_225_600_000; // 2026-01-01T00:00:00Z

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

/// A daily time that a change of clocks skips comes right after the gap; one that it repeats comes
/// once, at the first of the two.
pub(super) fn next_occurrence_ms(expression: &str, zone: TimeZone, after_ms: i64) -> Option<i64> {
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
