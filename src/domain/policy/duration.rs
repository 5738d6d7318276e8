//! Durations as people write them: `30s`, `10m`, `24h`, `30d`, `1w`, `1h30m`. Whole numbers only,
//! so that nothing is rounded; a day is 24 hours and a week 7 days, whatever a clock change does.

pub const SECOND_MS: i64 = 1000;
pub const MINUTE_MS: i64 = 60 * SECOND_MS;
pub const HOUR_MS: i64 = 60 * MINUTE_MS;
pub const DAY_MS: i64 = 24 * HOUR_MS;
pub const WEEK_MS: i64 = 7 * DAY_MS;

/// Largest unit first: the order in which they may stand.
const UNITS: [(char, i64); 5] =
    [('w', WEEK_MS), ('d', DAY_MS), ('h', HOUR_MS), ('m', MINUTE_MS), ('s', SECOND_MS)];

/// What is accepted, for messages.
pub const EXPECTED: &str =
    "a duration such as \"30s\", \"10m\", \"24h\", \"30d\", \"1w\", \"1h30m\"";

/// Why a text is not a duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadDuration {
    #[error("is empty")]
    Empty,
    #[error("needs a whole number before each unit")]
    NoNumber,
    #[error("needs a unit after each number: s, m, h, d, or w")]
    NoUnit,
    #[error("holds `{}`, which is neither a digit nor a unit: s, m, h, d, w", .0.escape_debug())]
    UnknownUnit(char),
    #[error("must name each unit once, the largest first")]
    Order,
    #[error("is too long to be meant")]
    TooLong,
}

/// Reads a duration.
///
/// # Errors
/// When the text is not one or more of NUMBER UNIT, units from large to small, in all below
/// 2^63 milliseconds.
pub fn parse_ms(text: &str) -> Result<i64, BadDuration> {
    if text.is_empty() {
        return Err(BadDuration::Empty);
    }
    let mut total_ms: i64 = 0;
    let mut units = UNITS.iter();
    let mut number: Option<i64> = None;
    for c in text.chars() {
        if let Some(digit) = c.to_digit(10) {
            let so_far = number.unwrap_or(0).checked_mul(10);
            let with_digit = so_far.and_then(|n| n.checked_add(i64::from(digit)));
            number = Some(with_digit.ok_or(BadDuration::TooLong)?);
            continue;
        }
        if !UNITS.iter().any(|(unit, _)| *unit == c) {
            return Err(BadDuration::UnknownUnit(c));
        }
        let count = number.take().ok_or(BadDuration::NoNumber)?;
        let (_, unit_ms) = units.find(|(unit, _)| *unit == c).ok_or(BadDuration::Order)?;
        let part_ms = count.checked_mul(*unit_ms).ok_or(BadDuration::TooLong)?;
        total_ms = total_ms.checked_add(part_ms).ok_or(BadDuration::TooLong)?;
    }
    if number.is_some() { Err(BadDuration::NoUnit) } else { Ok(total_ms) }
}

/// Writes a duration as [`parse_ms`] reads it, without weeks; below a second it says `0s`.
#[must_use]
pub fn format_ms(ms: i64) -> String {
    let mut rest = ms.max(0);
    let mut text = String::new();
    for (unit, unit_ms) in UNITS.into_iter().skip(1) {
        let count = rest / unit_ms;
        if count > 0 {
            text.push_str(&format!("{count}{unit}"));
            rest %= unit_ms;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_unit_and_combinations_are_read() {
        for (text, ms) in [
            ("0s", 0),
            ("30s", 30_000),
            ("10m", 600_000),
            ("24h", 86_400_000),
            ("30d", 2_592_000_000),
            ("1w", 604_800_000),
            ("1h30m", 5_400_000),
            ("1w2d3h4m5s", 788_645_000),
        ] {
            assert_eq!(parse_ms(text), Ok(ms), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_says_why() {
        for (text, why) in [
            ("", BadDuration::Empty),
            ("h", BadDuration::NoNumber),
            ("30", BadDuration::NoUnit),
            ("1h30", BadDuration::NoUnit),
            ("5y", BadDuration::UnknownUnit('y')),
            ("-5s", BadDuration::UnknownUnit('-')),
            ("1.5h", BadDuration::UnknownUnit('.')),
            ("5 m", BadDuration::UnknownUnit(' ')),
            ("5m1h", BadDuration::Order),
            ("5m5m", BadDuration::Order),
            ("99999999999999999999s", BadDuration::TooLong),
            ("9223372036854775807w", BadDuration::TooLong),
        ] {
            assert_eq!(parse_ms(text), Err(why), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(seconds in 0i64..10_000_000_000) {
            prop_assert_eq!(parse_ms(&format_ms(seconds * SECOND_MS)), Ok(seconds * SECOND_MS));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,40}") {
            let _ = parse_ms(&text);
        }
    }
}
