//! When a policy is due, by what the journal knows of it: the one answer that `status`, a run, and
//! the daemon share.

use super::next_occurrence;
use crate::domain::policy::{Policy, Schedule, When};
use crate::domain::secret::Digest;
use crate::domain::state::{Adoption, Event, State};

/// One occurrence of a schedule. Times are milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    pub occurrence_ms: i64,
    /// The occurrence put off by its jitter; may be past.
    pub at_ms: i64,
}

/// When the policy is due next. `None` where it is due on demand only, where its secret is not
/// adopted or is on its way out, and where a cron expression was edited and the journal was not told
/// yet ([`schedule_changed`]): what lies in the past of a new expression was never missed.
#[must_use]
pub fn due(policy: &Policy, state: &State) -> Option<Due> {
    let known = state.scheduled.as_ref();
    let is_new = known.is_some_and(|known| known.digest != digest(&policy.schedule));
    match policy.schedule.when {
        When::Cron(_) if is_new => None,
        _ => after(policy, anchor_ms(state)?, known.and_then(|known| known.changed_ms)),
    }
}

/// As [`due`], where a change that the journal was not told of yet counts from `now_ms`.
#[must_use]
pub fn due_as_of(policy: &Policy, state: &State, now_ms: i64) -> Option<Due> {
    match schedule_changed(policy, state) {
        Some(_) if state.scheduled.is_some() => after(policy, anchor_ms(state)?, Some(now_ms)),
        _ => due(policy, state),
    }
}

/// What to journal where the schedule is not the one that the state holds; `None` where it is, and
/// before the secret is adopted. To be recorded before [`due`] is asked.
#[must_use]
pub fn schedule_changed(policy: &Policy, state: &State) -> Option<Event> {
    anchor_ms(state)?;
    let schedule = digest(&policy.schedule);
    let known = state.scheduled.as_ref().is_some_and(|known| known.digest == schedule);
    (!known).then_some(Event::Scheduled { schedule })
}

/// From when a schedule counts: the end of the last rotation, or the adoption. `None` before, and
/// while the secret is decommissioned. A wall clock that was wrong then makes nothing due, and puts
/// nothing off, once it is set right.
#[must_use]
pub fn anchor_ms(state: &State) -> Option<i64> {
    if state.adoption != Adoption::Adopted || state.decommission.is_some() {
        return None;
    }
    let ended = state.last.as_ref().map(|last| last.ended.calendar_ms());
    let settled = state.settled.as_ref().map(|settled| settled.since.calendar_ms());
    ended.max(settled)
}

/// Stands for when a key is due, and in which zone that is read; not for jitter and windows.
#[must_use]
pub fn digest(schedule: &Schedule) -> Digest {
    let when = match &schedule.when {
        When::OnDemand => "on demand".to_owned(),
        When::Cron(expression) => format!("cron {expression}"),
        When::Every { ms } => format!("every {ms}"),
    };
    Digest::of("rekeyd/schedule/1", &format!("{when}\u{0}{}", schedule.timezone))
}

/// A new cron expression counts from the moment it was first seen; `every` keeps its anchor, so that
/// a shorter one may be due at once.
fn after(policy: &Policy, anchor_ms: i64, changed_ms: Option<i64>) -> Option<Due> {
    let from_ms = match policy.schedule.when {
        When::Cron(_) => changed_ms.map_or(anchor_ms, |changed_ms| changed_ms.max(anchor_ms)),
        _ => anchor_ms,
    };
    next_occurrence(policy, from_ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::policy::duration::{DAY_MS, HOUR_MS, MINUTE_MS};
    use crate::domain::policy::parse;
    use crate::domain::schedule::zone::time_zone;
    use jiff::Timestamp;
    use jiff::tz::TimeZone;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn policy(schedule: &str) -> Policy {
        let text = format!(
            "[issuer.ion]\nenvironment = \"app.firstresonance.io\"\n\
             [store.file]\npath = \"/a\"\n[schedule]\n{schedule}"
        );
        parse("a.toml", &text).unwrap()
    }
    const FROM_MS: i64 = 1_800_000_000_000; // 2027-01-15T08:00:00Z

    #[test]
    fn a_new_expression_counts_from_its_edit_and_a_new_period_from_the_last_rotation() {
        let cron = policy("cron = \"0 7 * * *\"");
        let at = |due: Option<Due>| due.unwrap().at_ms;
        assert_eq!(at(after(&cron, FROM_MS - 3 * DAY_MS, None)), FROM_MS - 2 * DAY_MS - HOUR_MS);
        let edited = after(&cron, FROM_MS - 3 * DAY_MS, Some(FROM_MS));
        assert_eq!(at(edited), FROM_MS + 23 * HOUR_MS);
        // An edit before the last rotation is history.
        assert_eq!(after(&cron, FROM_MS, Some(FROM_MS - DAY_MS)), after(&cron, FROM_MS, None));
        let every = policy("every = \"2d\"");
        assert_eq!(at(after(&every, FROM_MS - 3 * DAY_MS, Some(FROM_MS))), FROM_MS - DAY_MS);
    }

    #[test]
    fn jitter_windows_and_words_are_no_change_of_the_schedule() {
        let plain = digest(&policy("cron = \"0 7 * * *\"").schedule);
        let dressed = "cron = \"0 7 * * *\"\njitter = \"1h\"\nwindows = [\"07:00-08:00\"]";
        assert_eq!(plain, digest(&policy(dressed).schedule));
        for other in [
            "cron = \"0 8 * * *\"",
            "cron = \"0 7 * * *\"\ntimezone = \"Europe/Berlin\"",
            "every = \"7d\"",
            "jitter = \"1h\"",
        ] {
            assert_ne!(plain, digest(&policy(other).schedule), "{other}");
        }
    }

    /// How often a daily 02:30 comes on each local day around a moment.
    fn by_day(policy: &Policy, zone: &TimeZone, around_ms: i64) -> BTreeMap<String, u32> {
        let mut days = BTreeMap::new();
        let mut at_ms = around_ms - 3 * DAY_MS;
        while at_ms < around_ms + 3 * DAY_MS {
            at_ms = after(policy, at_ms, None).unwrap().at_ms;
            let at = Timestamp::from_millisecond(at_ms).unwrap().to_zoned(zone.clone());
            *days.entry(at.date().to_string()).or_insert(0) += 1;
        }
        days
    }

    #[test]
    fn a_daily_job_runs_once_a_day_on_every_day_that_changes_clocks_anywhere() {
        let from: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let until: Timestamp = "2028-01-01T00:00:00Z".parse().unwrap();
        let mut seen = 0;
        for name in crate::domain::schedule::timezone_names() {
            let zone = time_zone(&name).unwrap();
            let policy = policy(&format!("cron = \"30 2 * * *\"\ntimezone = \"{name}\""));
            let changes: Vec<i64> = zone
                .following(from)
                .map(|change| change.timestamp())
                .take_while(|at| *at < until)
                .map(Timestamp::as_millisecond)
                .collect();
            for change_ms in changes {
                let days = by_day(&policy, &zone, change_ms);
                assert!(days.len() >= 6, "{name}: {days:?}");
                assert!(days.values().all(|count| *count == 1), "{name}: {days:?}");
                seen += 1;
            }
        }
        assert!(seen > 200, "{seen} changes of clocks");
    }

    const SCHEDULES: [&str; 6] = [
        "cron = \"30 2 * * *\"",
        "cron = \"0 3 * * SUN\"",
        "cron = \"*/7 * * * *\"",
        "cron = \"15 0 2 1 * *\"",
        "every = \"30d\"",
        "every = \"1s\"",
    ];
    const ZONES: [&str; 4] = ["UTC", "Europe/Berlin", "America/Los_Angeles", "Australia/Lord_Howe"];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]
        #[test]
        fn no_occurrence_comes_twice_and_a_later_anchor_is_never_due_sooner(
            schedule in proptest::sample::select(&SCHEDULES[..]),
            zone in proptest::sample::select(&ZONES[..]),
            jitter in proptest::sample::select(&["0s", "10m", "3d"][..]),
            minutes in 0i64..800_000,
            later_minutes in 0i64..100_000,
        ) {
            let text = format!("{schedule}\ntimezone = \"{zone}\"\njitter = \"{jitter}\"");
            let policy = policy(&text);
            let anchor_ms = FROM_MS + minutes * MINUTE_MS;
            let first = after(&policy, anchor_ms, None).unwrap();
            prop_assert!(first.occurrence_ms > anchor_ms && first.at_ms >= first.occurrence_ms);
            // Rotated as soon as it is due: the next occurrence is another one.
            let next = after(&policy, first.at_ms, None).unwrap();
            prop_assert!(next.occurrence_ms > first.occurrence_ms && next.at_ms > first.at_ms);
            let later = after(&policy, anchor_ms + later_minutes * MINUTE_MS, None).unwrap();
            prop_assert!(later.occurrence_ms >= first.occurrence_ms);
        }
    }
}
