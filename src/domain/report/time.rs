//! Times as they are shown: RFC 3339 in UTC.

use jiff::Timestamp;

/// Whole seconds; milliseconds since the Unix epoch that are no date show as the epoch.
#[must_use]
pub fn rfc3339(ms: i64) -> String {
    Timestamp::from_second(ms.div_euclid(1000)).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}

/// Reads a date and time with an offset or `Z`, or a date alone (its beginning in UTC).
///
/// # Errors
/// When the text is neither.
pub fn parse_ms(text: &str) -> Result<i64, String> {
    let whole =
        if text.len() == "2026-01-31".len() { format!("{text}T00:00:00Z") } else { text.into() };
    let time: Timestamp = whole
        .parse()
        .map_err(|_| "is no time such as 2026-01-31T08:00:00Z or 2026-01-31".to_owned())?;
    Ok(time.as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_to_the_second_and_read_with_or_without_a_clock() {
        assert_eq!(rfc3339(1_800_000_000_999), "2027-01-15T08:00:00Z");
        assert_eq!(parse_ms("2027-01-15T08:00:00Z"), Ok(1_800_000_000_000));
        assert_eq!(parse_ms("2027-01-15T09:00:00+01:00"), Ok(1_800_000_000_000));
        assert_eq!(parse_ms("2027-01-15"), Ok(1_799_971_200_000));
        assert!(parse_ms("yesterday").is_err());
        assert!(parse_ms("2027-01-15 nono").is_err());
    }
}
