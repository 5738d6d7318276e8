//! When a policy may start, promote, and disable (R29). What must never wait, does not ask: heal,
//! revert, kill, and everything of a leak.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};

use super::window::{Blackout, Window};
use super::zone::time_zone;
use crate::domain::policy::Schedule;
use crate::domain::policy::duration::DAY_MS;

/// A search looks at so many days, blackouts counted as one. With at most 64 windows and 64
/// blackouts of a week in between, an opening is found in less than half of them.
const MOST_DAYS: usize = 1_000;
/// Longer than this nothing may stay closed.
const LONGEST_CLOSED_MS: i64 = 400 * DAY_MS;

/// Windows and blackouts in their time zone. By default it is always open.
///
/// The local clock decides. What a change of clocks skips never opens, and what it repeats is open
/// both times.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Openings {
    pub timezone: String,
    /// None: open at any time of day.
    pub windows: Vec<Window>,
    pub blackout: Vec<Blackout>,
}

/// Whether a schedule lets a rotation start, promote, or disable at this moment, in milliseconds
/// since the Unix epoch.
#[must_use]
pub fn is_open(schedule: &Schedule, wall_ms: i64) -> bool {
    schedule.openings.is_open(wall_ms)
}

/// The first moment from this one on at which it does. `None` where there is none within about two
/// years, which no policy without a finding has.
#[must_use]
pub fn next_open_ms(schedule: &Schedule, wall_ms: i64) -> Option<i64> {
    schedule.openings.next_open_ms(wall_ms)
}

impl Openings {
    /// See [`is_open`].
    #[must_use]
    pub fn is_open(&self, wall_ms: i64) -> bool {
        if self.windows.is_empty() && self.blackout.is_empty() {
            return true;
        }
        local(&self.zone(), wall_ms).is_some_and(|now| self.is_open_at(now))
    }

    /// See [`next_open_ms`].
    #[must_use]
    pub fn next_open_ms(&self, wall_ms: i64) -> Option<i64> {
        if self.is_open(wall_ms) {
            return Some(wall_ms);
        }
        let zone = self.zone();
        let mut date = local(&zone, wall_ms)?.date();
        for _ in 0..MOST_DAYS {
            if let Some(closed) = self.blackout.iter().find(|closed| closed.holds(date)) {
                date = closed.last.tomorrow().ok()?;
                continue;
            }
            let mut moments = self.changes(&zone, date);
            moments.sort_unstable();
            let opens = |ms: &i64| *ms > wall_ms && self.is_open(*ms);
            if let Some(found) = moments.into_iter().find(opens) {
                return Some(found);
            }
            date = date.tomorrow().ok()?;
        }
        None
    }

    /// From when it would be closed for more than 400 days, where it ever is.
    #[must_use]
    pub fn never_opens_after(&self) -> Option<Date> {
        let zone = self.zone();
        let mut first_days = self.blackout.iter().map(|closed| closed.first);
        first_days.find(|first| {
            let Ok(zoned) = first.to_zoned(zone.clone()) else { return true };
            let from_ms = zoned.timestamp().as_millisecond();
            let opens_ms = self.next_open_ms(from_ms);
            opens_ms.is_none_or(|ms| ms.saturating_sub(from_ms) > LONGEST_CLOSED_MS)
        })
    }

    fn is_open_at(&self, now: DateTime) -> bool {
        let closed = self.blackout.iter().any(|closed| closed.holds(now.date()));
        let inside = self.windows.iter().any(|window| window.is_open(now));
        !closed && (inside || self.windows.is_empty())
    }

    /// Every moment of a local day at which it may begin to be open: midnight, the begin of a
    /// window, and a change of clocks. In between nothing opens.
    fn changes(&self, zone: &TimeZone, date: Date) -> Vec<i64> {
        let midnight = date.to_datetime(jiff::civil::Time::midnight());
        let begins = self.windows.iter().map(|window| window.opens(date));
        let mut found: Vec<i64> =
            begins.chain([midnight]).flat_map(|at| instants(zone, at)).collect();
        let from = date.yesterday().ok().and_then(|day| day.to_zoned(zone.clone()).ok());
        if let Some(from) = from {
            // A zone changes its clocks a few times a year.
            let changes = zone.following(from.timestamp()).take(4);
            found.extend(changes.map(|change| change.timestamp().as_millisecond()));
        }
        found.retain(|ms| local(zone, *ms).is_some_and(|at| at.date() == date));
        found
    }

    fn zone(&self) -> TimeZone {
        time_zone(&self.timezone).unwrap_or(TimeZone::UTC)
    }
}

fn local(zone: &TimeZone, wall_ms: i64) -> Option<DateTime> {
    Some(zone.to_datetime(Timestamp::from_millisecond(wall_ms).ok()?))
}

/// When a local clock shows this: once, twice, or never.
fn instants(zone: &TimeZone, at: DateTime) -> Vec<i64> {
    let offsets = match zone.to_ambiguous_timestamp(at).offset() {
        AmbiguousOffset::Unambiguous { offset } => vec![offset],
        AmbiguousOffset::Fold { before, after } => vec![before, after],
        AmbiguousOffset::Gap { .. } => Vec::new(),
    };
    let moments = offsets.into_iter().filter_map(|offset| offset.to_timestamp(at).ok());
    moments.map(Timestamp::as_millisecond).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::policy::duration::{HOUR_MS, MINUTE_MS};
    use proptest::prelude::*;

    fn openings(timezone: &str, windows: &[&str], blackout: &[&str]) -> Openings {
        Openings {
            timezone: timezone.to_owned(),
            windows: windows.iter().map(|text| Window::parse(text).unwrap()).collect(),
            blackout: blackout.iter().map(|text| Blackout::parse(text).unwrap()).collect(),
        }
    }
    fn ms(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }
    fn opens(openings: &Openings, from: &str) -> String {
        let ms = openings.next_open_ms(ms(from)).unwrap();
        Timestamp::from_millisecond(ms).unwrap().to_string()
    }

    #[test]
    fn a_window_is_open_from_its_first_minute_and_closed_from_its_last() {
        let work = openings("Europe/Berlin", &["Mon-Fri 09:00-17:00"], &[]);
        // Friday, 2026-07-03, is 2 hours ahead of UTC there.
        for (at, open) in [
            ("2026-07-03T06:59:59.999Z", false),
            ("2026-07-03T07:00:00Z", true),
            ("2026-07-03T14:59:59.999Z", true),
            ("2026-07-03T15:00:00Z", false),
            ("2026-07-04T10:00:00Z", false),
        ] {
            assert_eq!(work.is_open(ms(at)), open, "{at}");
        }
        assert_eq!(opens(&work, "2026-07-03T08:00:00Z"), "2026-07-03T08:00:00Z");
        assert_eq!(opens(&work, "2026-07-03T15:00:00Z"), "2026-07-06T07:00:00Z");
    }

    #[test]
    fn a_window_past_midnight_belongs_to_the_day_on_which_it_begins() {
        let night = openings("UTC", &["Sat 22:00-02:00"], &[]);
        for (at, open) in [
            ("2026-07-04T21:59:00Z", false),
            ("2026-07-04T22:00:00Z", true),
            ("2026-07-05T01:59:00Z", true),
            ("2026-07-05T02:00:00Z", false),
            ("2026-07-05T22:30:00Z", false),
            ("2026-07-04T01:00:00Z", false),
        ] {
            assert_eq!(night.is_open(ms(at)), open, "{at}");
        }
    }

    #[test]
    fn both_ends_of_a_blackout_are_closed_by_the_local_date() {
        let quiet = openings("America/Los_Angeles", &[], &["2026-12-20/2027-01-02", "2026-11-27"]);
        for (at, open) in [
            ("2026-12-20T07:59:59Z", true),
            ("2026-12-20T08:00:00Z", false),
            ("2027-01-03T07:59:59Z", false),
            ("2027-01-03T08:00:00Z", true),
            ("2026-11-27T08:00:00Z", false),
            ("2026-11-28T08:00:00Z", true),
        ] {
            assert_eq!(quiet.is_open(ms(at)), open, "{at}");
        }
        assert_eq!(opens(&quiet, "2026-12-25T00:00:00Z"), "2027-01-03T08:00:00Z");
        // It also cuts a window that began the day before.
        let cut = openings("UTC", &["22:00-02:00"], &["2026-11-27"]);
        assert!(!cut.is_open(ms("2026-11-27T01:00:00Z")));
        assert_eq!(opens(&cut, "2026-11-27T01:00:00Z"), "2026-11-28T00:00:00Z");
    }

    #[test]
    fn a_window_that_a_change_of_clocks_cuts_opens_right_after_it_or_on_the_next_day() {
        // On 2027-03-28 Berlin goes from 02:00 to 03:00, at 01:00Z.
        let cut = openings("Europe/Berlin", &["02:30-03:30"], &[]);
        assert_eq!(opens(&cut, "2027-03-28T00:00:00Z"), "2027-03-28T01:00:00Z");
        let gone = openings("Europe/Berlin", &["02:00-03:00"], &[]);
        assert_eq!(opens(&gone, "2027-03-28T00:00:00Z"), "2027-03-29T00:00:00Z");
    }

    #[test]
    fn a_window_that_a_change_of_clocks_repeats_is_open_both_times() {
        // On 2026-10-25 Berlin goes from 03:00 back to 02:00, at 01:00Z.
        let twice = openings("Europe/Berlin", &["02:00-02:30"], &[]);
        assert_eq!(opens(&twice, "2026-10-24T12:00:00Z"), "2026-10-25T00:00:00Z");
        assert_eq!(opens(&twice, "2026-10-25T00:40:00Z"), "2026-10-25T01:00:00Z");
        assert_eq!(opens(&twice, "2026-10-25T01:40:00Z"), "2026-10-26T01:00:00Z");
    }

    #[test]
    fn what_stays_closed_for_more_than_400_days_is_told() {
        let years = ["2027-01-01/2027-12-31", "2028-01-01/2028-12-30"];
        let never = openings("UTC", &[], &years).never_opens_after();
        assert_eq!(never, Some("2027-01-01".parse().unwrap()));
        assert_eq!(openings("UTC", &["Sat 22:00-02:00"], &years[..1]).never_opens_after(), None);
        // Only the window's day of every week is taken, for more than a year.
        let mut saturdays: Vec<String> = Vec::new();
        let mut day: Date = "2027-01-02".parse().unwrap();
        for _ in 0..64 {
            saturdays.push(day.to_string());
            day = day.checked_add(jiff::Span::new().days(7)).unwrap();
        }
        let saturdays: Vec<&str> = saturdays.iter().map(String::as_str).collect();
        assert!(openings("UTC", &["Sat 09:00-10:00"], &saturdays).never_opens_after().is_some());
        assert_eq!(openings("UTC", &["Sun 09:00-10:00"], &saturdays).never_opens_after(), None);
    }

    #[test]
    fn no_moment_panics_or_searches_for_ever() {
        let odd = openings("Africa/Casablanca", &["Sun 23:59-00:01"], &["9999-12-31"]);
        for at in [i64::MIN, i64::MAX, 253_402_300_799_000, -62_135_596_800_001] {
            let _ = (odd.is_open(at), odd.next_open_ms(at));
        }
    }

    const WINDOWS: [&str; 7] = [
        "Mon-Fri 09:00-17:00",
        "Sat 22:00-02:00",
        "02:30-02:45",
        "Sun 23:00-24:00",
        "00:00-00:01",
        "Wed,Sun 01:15-01:20",
        "Sun-Mon 23:59-00:30",
    ];
    const ZONES: [&str; 8] = [
        "UTC",
        "Europe/Berlin",
        "America/Los_Angeles",
        "Australia/Lord_Howe",
        "Africa/Casablanca",
        "America/Santiago",
        "Asia/Beirut",
        "America/Havana",
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn the_next_opening_is_open_and_nothing_opens_before_it(
            windows in proptest::sample::subsequence(&WINDOWS[..], 1..3),
            zone in proptest::sample::select(&ZONES[..]),
            // Around both changes of clocks of 2026 and 2027, and in between.
            hours in 0i64..15_000,
            minutes in 0i64..60,
        ) {
            let openings = openings(zone, &windows, &["2026-11-01", "2027-03-27/2027-03-28"]);
            let from = ms("2026-03-01T00:00:00Z") + hours * HOUR_MS + minutes * MINUTE_MS;
            let opens = openings.next_open_ms(from).unwrap();
            prop_assert!(opens >= from && openings.is_open(opens));
            let mut at = from;
            while at < opens {
                prop_assert!(!openings.is_open(at), "{at} before {opens}");
                at += MINUTE_MS;
            }
        }
    }
}
