//! The status table: 80 columns or what the terminal has, what needs a person first.

use super::out::{BOLD, GREEN, Out, RED, YELLOW};
use super::reminder::open_end;
use super::wrap::wrapped;
use crate::domain::code::{Code, Parked};
use crate::domain::policy::duration::format_ms;
use crate::domain::report::{LiveKey, OrphanReport, PolicyReport, Standing, Status};

/// What the table's columns take; on less, each value stands on a line of its own.
const TABLE_WIDTH: usize = 66;
/// An id of 36 characters, its role, and the space around them.
const KEY_WIDTH: usize = 49;

/// Prints the table, or the report as JSON.
pub fn print(out: &Out, status: &Status) {
    if out.is_json() {
        out.json(status);
        return;
    }
    problems(out, status);
    if status.policies.is_empty() && status.unwatched.is_empty() {
        out.data("no policies");
        return;
    }
    if out.width >= TABLE_WIDTH {
        out.data(&format!(
            "{BOLD}{:<24} {:<10} {:<9} {}{BOLD:#}",
            "POLICY", "STATE", "KEY AGE", "NEXT DUE"
        ));
    }
    for report in &status.policies {
        row(out, report);
        let ruled = |one: &&OrphanReport| one.policy == report.name && one.ruling.is_some();
        for orphan in status.orphans.iter().filter(ruled) {
            let line = format!("  {:<10} {}  {}", "orphan", orphan.key_id, orphan.ruled());
            out.data(&cut(&line, out.width));
        }
    }
    let problems = status.policies.iter().flat_map(|report| &report.problems);
    out.hint(problems.map(|problem| problem.code));
    for left in &status.unwatched {
        let name = cut(&left.name, 24);
        out.data(&format!("{name:<24} {YELLOW}unwatched{YELLOW:#}"));
        keys(out, &left.live_keys, false);
    }
}

fn row(out: &Out, report: &PolicyReport) {
    let style = match report.state {
        Standing::Parked | Standing::ReadOnly => RED,
        Standing::Rotating | Standing::Waiting => YELLOW,
        Standing::Idle => GREEN,
        Standing::Unadopted | Standing::Retired => anstyle::Style::new(),
    };
    let age = report.key_age_seconds.map_or_else(|| "-".into(), short_age);
    let due = report.next_due.as_deref().unwrap_or("on demand");
    let state = report.state.name();
    if out.width >= TABLE_WIDTH {
        let name = cut(&report.name, 24);
        out.data(format!("{name:<24} {style}{state:<10}{style:#} {age:<9} {due:<20}").trim_end());
    } else {
        out.data(&format!("{BOLD}{}{BOLD:#}", report.name));
        out.data(&format!("  {:<10} {style}{state}{style:#}", "state"));
        out.data(&format!("  {:<10} {age}", "key age"));
        out.data(&format!("  {:<10} {due}", "next due"));
    }
    keys(out, &report.live_keys, is_current_doubted(report));
    if let Some(key) = &report.store_holds {
        one_key(out, "in store", key, "");
    }
    for suspect in report.suspects.iter().filter(|one| !matches!(one.state, "dead" | "gone")) {
        let word = match (suspect.state, suspect.off) {
            ("disabled", _) => "disabled, by the list",
            ("alive", true) => "off, not proven dead",
            (state, _) => state,
        };
        one_key(out, "suspect", &suspect.key_id, word);
    }
    if let Some(open) = &report.decommission {
        let until = open.deadline.as_ref().map_or_else(String::new, |at| format!(" until {at}"));
        wrapped(
            out,
            &format!("key {} is being decommissioned: {}{until}", open.key, open.state),
            "  ",
        );
    }
    if let Some(withheld) = &report.withheld {
        wrapped(out, &format!("{}.", withheld.message), "  ");
    }
    if let Some((line, next)) = open_end(out, report) {
        wrapped(out, &line, "  ");
        // Not broken into lines: it is there to be copied.
        out.data(&format!("  next: {next}"));
    }
}

fn keys(out: &Out, keys: &[LiveKey], doubted: bool) {
    for key in keys {
        let word = if key.role == "current" && doubted { "(last known)" } else { "" };
        one_key(out, key.role, &key.key_id, word);
    }
}

/// Whether the store was last seen to hold something else than the journal's current key.
fn is_current_doubted(report: &PolicyReport) -> bool {
    let of_current = |code| {
        [
            Parked::CurrentChanged,
            Parked::CurrentMovedBack,
            Parked::CurrentMalformed,
            Parked::CurrentDead,
        ]
        .into_iter()
        .any(|parked| code == Code::Parked(parked))
    };
    report.store_holds.is_some() || report.problems.iter().any(|problem| of_current(problem.code))
}

/// An id is never cut where the terminal is narrow: it is there to be copied.
fn one_key(out: &Out, role: &str, key: &str, word: &str) {
    if out.width >= TABLE_WIDTH {
        out.data(&cut(format!("  {role:<10} {key}  {word}").trim_end(), out.width));
    } else if out.width >= KEY_WIDTH && word.is_empty() {
        out.data(&format!("  {role:<10} {key}"));
    } else {
        out.data(format!("  {role:<10} {word}").trim_end());
        out.data(&format!("    {key}"));
    }
}

fn problems(out: &Out, status: &Status) {
    let mut any = false;
    let watched = status.policies.iter().map(|report| (&report.name, &report.problems));
    let left = status.unwatched.iter().map(|left| (&left.name, &left.problems));
    for (name, problems) in watched.chain(left) {
        for problem in problems {
            any = true;
            let style = RED;
            out.data(&format!("{style}{name}{style:#} [{}]", problem.code));
            wrapped(out, &problem.message, "  ");
            out.next("  ", &problem.next_command);
        }
    }
    if any {
        out.data("");
    }
}

/// Two units are enough for an age.
fn short_age(seconds: i64) -> String {
    let rounded = match seconds {
        s if s >= 86_400 => s - s % 3_600,
        s if s >= 3_600 => s - s % 60,
        s => s,
    };
    format_ms(rounded.saturating_mul(1000))
}

fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(width.saturating_sub(1)).collect();
    short.push('…');
    short
}
