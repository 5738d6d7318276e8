//! `[schedule]`: when a key is due, and when it may be rotated.

use std::ops::Range;

use super::super::diagnostic::{Problem, nearest, quoted};
use super::super::document::{At, Table};
use super::super::duration::{DAY_MS, HOUR_MS, SECOND_MS};
use super::super::report::Report;
use super::super::{Group, Schedule, When};
use crate::domain::ids::GroupName;
use crate::domain::schedule::{
    Blackout, Misread, Openings, Window, canonical_timezone, check_cron, timezone_names,
};

const MAX_JITTER_MS: i64 = 7 * DAY_MS;
const MAX_EVERY_MS: i64 = 3650 * DAY_MS;
const MAX_WINDOWS: usize = 64;
const DEFAULT_SPACING_MS: i64 = HOUR_MS;
const MAX_SPACING_MS: i64 = 30 * DAY_MS;

pub(super) fn read(table: Option<Table<'_>>, report: &mut Report<'_>) -> Schedule {
    let Some(mut table) = table else {
        return Schedule::on_demand();
    };
    let when = when_of(&mut table, report);
    let timezone = timezone_of(&mut table, report).unwrap_or_else(|| "UTC".to_owned());
    let jitter = table.duration_ms("jitter", &(0..=MAX_JITTER_MS), report);
    let max_age = table.duration_ms("max_age", &(SECOND_MS..=MAX_EVERY_MS), report);
    let openings = openings_of(&mut table, &timezone, report);
    let group = group_of(&mut table, report);
    table.finish(report);
    Schedule {
        when,
        timezone,
        jitter_ms: jitter.map_or(0, |at| at.value),
        max_age_ms: max_age.map(|at| at.value),
        openings,
        group,
    }
}

fn group_of(table: &mut Table<'_>, report: &mut Report<'_>) -> Option<Group> {
    let named = table.text("group", 64, report);
    let spacing = table.duration_ms("spacing", &(0..=MAX_SPACING_MS), report);
    if let (false, Some(at)) = (table.has("group"), table.value("spacing")) {
        let message = "`schedule.spacing` says nothing without `schedule.group`";
        let help = Some("name the group, or leave the spacing out".to_owned());
        report.add(Problem::MissingField, &at.key, message, help);
    }
    let named = named?;
    match GroupName::new(named.value) {
        Ok(name) => {
            let spacing_ms = spacing.map_or(DEFAULT_SPACING_MS, |at| at.value);
            Some(Group { name, spacing_ms })
        }
        Err(why) => {
            report.add(Problem::BadText, &named.span, format!("`schedule.group`: {why}"), None);
            None
        }
    }
}

fn when_of(table: &mut Table<'_>, report: &mut Report<'_>) -> When {
    let cron = table.text("cron", 200, report);
    let every = table.duration_ms("every", &(SECOND_MS..=MAX_EVERY_MS), report);
    if let (true, Some(at)) = (table.has("cron"), table.value("every")) {
        let message = "`schedule.every` and `schedule.cron` exclude each other";
        let help = Some("keep one of them".to_owned());
        report.add(Problem::Conflict, &at.key, message, help);
    }
    if let Some(cron) = &cron
        && let Err(why) = check_cron(cron.value)
    {
        let message = format!("`schedule.cron` {why}");
        let help = Some("minute hour day month weekday, as in \"0 3 * * SUN\"".to_owned());
        report.add(Problem::BadCron, &cron.span, message, help);
    }
    match (cron, every) {
        (Some(cron), _) => When::Cron(cron.value.to_owned()),
        (None, Some(every)) => When::Every { ms: every.value },
        (None, None) => When::OnDemand,
    }
}

fn timezone_of(table: &mut Table<'_>, report: &mut Report<'_>) -> Option<String> {
    let at = table.text("timezone", 100, report)?;
    let known = canonical_timezone(at.value);
    if known.is_none() {
        let names = timezone_names();
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

fn openings_of(table: &mut Table<'_>, timezone: &str, report: &mut Report<'_>) -> Openings {
    let windows = list_of(table, "windows", report);
    let blackout = list_of(table, "blackout", report);
    let form = "write [DAYS] HH:MM-HH:MM, as in \"Mon-Fri 09:00-17:00\" or \"22:00-02:00\"";
    let windows = each(&windows, Problem::BadWindow, form, Window::parse, report);
    let form = "write a date or two, as in \"2026-11-27\" or \"2026-12-20/2027-01-02\"";
    let days = each(&blackout, Problem::BadBlackout, form, Blackout::parse, report);
    let openings = Openings { timezone: timezone.to_owned(), windows, blackout: days };
    if let (Some(from), Some(at)) = (openings.never_opens_after(), blackout.first()) {
        let message = format!(
            "`schedule.windows` and `schedule.blackout` leave no rotation a time for more than 400 \
             days from {from} on"
        );
        let help = Some("shorten the blackout, or add a window".to_owned());
        report.add(Problem::BadBlackout, &at.key, message, help);
    }
    openings
}

/// The items of a list that has at least one, and at most 64.
fn list_of<'d>(
    table: &mut Table<'d>,
    field: &'static str,
    report: &mut Report<'_>,
) -> Vec<At<&'d str>> {
    let Some(mut items) = table.texts(field, report) else { return Vec::new() };
    let empty = table.value(field).and_then(|at| at.value.as_array().map(|all| all.is_empty()));
    if empty == Some(true)
        && let Some(at) = table.value(field)
    {
        let message = format!("`{}` is an empty list", table.name(field));
        let help = Some("leave the field out where there is nothing to say".to_owned());
        report.add(Problem::OutOfBounds, &at.key, message, help);
    }
    if let Some(at) = items.get(MAX_WINDOWS) {
        let message = format!("`{}` has more than {MAX_WINDOWS} items", table.name(field));
        report.add(Problem::TooMany, &at.span, message, None);
    }
    items.truncate(MAX_WINDOWS);
    items
}

fn each<T>(
    items: &[At<&str>],
    problem: Problem,
    form: &str,
    parse: impl Fn(&str) -> Result<T, Misread>,
    report: &mut Report<'_>,
) -> Vec<T> {
    let mut found = Vec::with_capacity(items.len());
    for item in items {
        match parse(item.value) {
            Ok(one) => found.push(one),
            Err(wrong) => {
                let message = format!("{} {}", quoted(item.value), wrong.why);
                let near = wrong.near.map(|near| format!("did you mean `{near}`?"));
                let help = near.unwrap_or_else(|| form.to_owned());
                report.add(problem, &part_of(item, &wrong.at), message, Some(help));
            }
        }
    }
    found
}

/// The place of a part of a text, or of the whole where the file writes it with escapes.
fn part_of(item: &At<&str>, part: &Range<usize>) -> Range<usize> {
    let begin = item.span.start + 1;
    if item.span.len() != item.value.len() + 2 {
        return item.span.clone();
    }
    begin + part.start..begin + part.end
}
