//! One window and one blackout, as people write them: `Mon-Fri 09:00-17:00`, `Sat 22:00-02:00`,
//! `2026-12-20/2027-01-02`. Only what they mean by a local clock; zones are `opening`'s.

use std::ops::Range;

use jiff::civil::{Date, DateTime, Weekday};

use crate::domain::policy::diagnostic::nearest;

/// A blackout is no way to switch a policy off.
const MAX_BLACKOUT_DAYS: i32 = 366;

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const DAY_MINUTES: u16 = 24 * 60;

/// A time of day on some days of the week, by the local clock. One that passes midnight belongs to
/// the day on which it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Window {
    /// Bit 0 is Monday.
    days: u8,
    /// Minutes since midnight: the first that is inside, and the first that no longer is.
    from: u16,
    until: u16,
}

/// Whole local days, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Blackout {
    pub(super) first: Date,
    pub(super) last: Date,
}

/// Why a text is none, and which part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misread {
    /// In bytes of the text.
    pub at: Range<usize>,
    /// The end of a sentence about the field.
    pub why: String,
    pub near: Option<&'static str>,
}

impl Window {
    /// Reads `[DAYS] HH:MM-HH:MM`; days as `Mon`, `Mon-Fri`, `Sat,Sun`, all seven where none is named.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn parse(text: &str) -> Result<Self, Misread> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let (days, times) = match words.as_slice() {
            [times] => (0b111_1111, *times),
            [days, times] => (parse_days(text, days)?, *times),
            _ => return Err(misread(text, text, "is no window")),
        };
        let Some((from, until)) = times.split_once('-') else {
            return Err(misread(text, times, "needs a first and a last time of day"));
        };
        let (first, last) = (parse_time(text, from)?, parse_time(text, until)?);
        if first == DAY_MINUTES {
            return Err(misread(text, from, "begins at the end of a day"));
        }
        if first == last {
            return Err(misread(text, times, "ends when it begins, so it never opens"));
        }
        Ok(Self { days, from: first, until: last })
    }

    pub(super) fn is_open(self, local: DateTime) -> bool {
        let minute = minute_of(local);
        let today = bit(local.weekday());
        let yesterday = bit(local.weekday().previous());
        let on = |day: u8| self.days & day != 0;
        if self.from < self.until {
            on(today) && (self.from..self.until).contains(&minute)
        } else {
            on(today) && minute >= self.from || on(yesterday) && minute < self.until
        }
    }

    /// When it opens on a day that it is for.
    pub(super) fn opens(self, date: Date) -> DateTime {
        let hour = i8::try_from(self.from / 60).unwrap_or(0);
        let minute = i8::try_from(self.from % 60).unwrap_or(0);
        date.at(hour, minute, 0, 0)
    }
}

impl Blackout {
    /// Reads `YYYY-MM-DD` or `YYYY-MM-DD/YYYY-MM-DD`.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn parse(text: &str) -> Result<Self, Misread> {
        let (first, last) = text.split_once('/').unwrap_or((text, text));
        let found = Self { first: parse_date(text, first)?, last: parse_date(text, last)? };
        let days = found.first.until(found.last).map_or(i32::MAX, |span| span.get_days());
        if days < 0 {
            return Err(misread(text, text, "ends before it begins"));
        }
        if days >= MAX_BLACKOUT_DAYS {
            let why = format!("lasts longer than {MAX_BLACKOUT_DAYS} days");
            return Err(misread(text, text, &why));
        }
        Ok(found)
    }

    pub(super) fn holds(self, date: Date) -> bool {
        (self.first..=self.last).contains(&date)
    }
}

fn parse_days(text: &str, days: &str) -> Result<u8, Misread> {
    let mut found = 0;
    for part in days.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (mut day, last) = (parse_day(text, first)?, parse_day(text, last)?);
        found |= bit(day);
        while day != last {
            day = day.next();
            found |= bit(day);
        }
    }
    Ok(found)
}

fn parse_day(text: &str, name: &str) -> Result<Weekday, Misread> {
    let known = DAYS.iter().position(|day| day.eq_ignore_ascii_case(name));
    let day = known.and_then(|at| Weekday::from_monday_zero_offset(i8::try_from(at).ok()?).ok());
    day.ok_or_else(|| {
        let near = nearest(name, DAYS.iter().copied());
        let near = near.and_then(|near| DAYS.iter().find(|day| **day == near).copied());
        Misread { near, ..misread(text, name, "names no day of the week") }
    })
}

fn parse_time(text: &str, time: &str) -> Result<u16, Misread> {
    let number = |digits: &str| {
        let plain = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse::<u16>().ok().filter(|_| plain)
    };
    let parts = time.split_once(':').and_then(|(hour, minute)| number(hour).zip(number(minute)));
    let minutes = parts.filter(|(_, minute)| *minute < 60).map(|(hour, minute)| hour * 60 + minute);
    let minutes = minutes.filter(|minutes| *minutes <= DAY_MINUTES);
    minutes.ok_or_else(|| misread(text, time, "holds no time of day from 00:00 to 24:00"))
}

fn parse_date(text: &str, date: &str) -> Result<Date, Misread> {
    let shaped =
        date.len() == "2026-12-20".len() && date.bytes().filter(|b| *b == b'-').count() == 2;
    let read = date.parse::<Date>().ok().filter(|_| shaped);
    read.ok_or_else(|| misread(text, date, "holds no date such as 2026-12-20"))
}

/// Speaks of a part of the text, or of the whole where the part is empty.
fn misread(text: &str, part: &str, why: &str) -> Misread {
    let start = part.as_ptr().addr().saturating_sub(text.as_ptr().addr());
    let at = if part.is_empty() { 0..text.len() } else { start..start + part.len() };
    Misread { at, why: why.to_owned(), near: None }
}

fn bit(day: Weekday) -> u8 {
    1 << day.to_monday_zero_offset()
}

fn minute_of(local: DateTime) -> u16 {
    let (hour, minute) = (local.hour().unsigned_abs(), local.minute().unsigned_abs());
    u16::from(hour) * 60 + u16::from(minute)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> (String, String, Option<&'static str>) {
        let wrong = Window::parse(text).unwrap_err();
        (text.get(wrong.at).unwrap().to_owned(), wrong.why, wrong.near)
    }

    #[test]
    fn days_may_be_named_alone_in_ranges_and_in_lists_or_not_at_all() {
        for (text, days) in [
            ("09:00-17:00", 0b111_1111),
            ("Mon 09:00-17:00", 0b000_0001),
            ("mon-FRI 09:00-17:00", 0b001_1111),
            ("Sat,Sun 09:00-17:00", 0b110_0000),
            ("Sat-Mon,Wed 09:00-17:00", 0b110_0101),
            ("Tue-Tue 09:00-17:00", 0b000_0010),
        ] {
            assert_eq!(Window::parse(text), Ok(Window { days, from: 540, until: 1020 }), "{text}");
        }
        assert!(Window::parse("00:00-24:00").is_ok());
    }

    #[test]
    fn what_is_no_window_says_which_part_is_wrong() {
        let part = |text| wrong(text).0;
        assert_eq!(wrong("Mon-Frd 09:00-17:00").0, "Frd");
        assert_eq!(wrong("Mon-Frd 09:00-17:00").2, Some("Fri"));
        assert_eq!(part("Mon 09:00-17:60"), "17:60");
        assert_eq!(part("Mon 9:00-17:00"), "9:00");
        assert_eq!(part("Mon 09:00-24:01"), "24:01");
        assert_eq!(part("Mon 24:00-02:00"), "24:00");
        assert_eq!(part("Mon 09:00-09:00"), "09:00-09:00");
        assert_eq!(part("Mon 09:00"), "09:00");
        assert_eq!(part("night"), "night");
        for whole in ["", "Mon Tue 09:00-17:00", "Mon 09:00 - 17:00"] {
            assert_eq!(part(whole), whole);
        }
    }

    #[test]
    fn a_blackout_is_one_date_or_two_and_at_most_a_year() {
        let day = Blackout::parse("2026-11-27").unwrap();
        assert_eq!(day.first, day.last);
        assert!(Blackout::parse("2026-12-20/2027-01-02").is_ok());
        assert!(Blackout::parse("2028-01-01/2028-12-31").is_ok());
        for text in [
            "",
            "2026-02-30",
            "2026-11",
            "20261127",
            "2026-11-27T10:00",
            "2027-01-02/2026-12-20",
            "2026-01-01/2027-01-02",
            "2026-01-01/0000-01-01",
            "2026-01-01/",
        ] {
            assert!(Blackout::parse(text).is_err(), "{text}");
        }
        let late = Blackout::parse("2026-12-20/2027-13-02").unwrap_err();
        assert_eq!(late.at, 11..21);
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,30}", day in "[A-Za-z,-]{0,8}", time in "[0-9:/-]{0,22}") {
            let texts = [text.clone(), format!("{day} {time}"), format!("{text} {time}"), time];
            for text in texts {
                for wrong in [Window::parse(&text).err(), Blackout::parse(&text).err()] {
                    proptest::prop_assert!(wrong.is_none_or(|wrong| text.get(wrong.at).is_some()));
                }
            }
        }
    }
}
