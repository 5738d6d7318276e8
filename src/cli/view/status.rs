//! The status table: 80 columns, what needs a person first.

use super::out::{BOLD, GREEN, Out, RED, YELLOW};
use super::reminder::open_end;
use crate::domain::policy::duration::format_ms;
use crate::domain::report::{OrphanReport, PolicyReport, Standing, Status};

const WIDTH: usize = 80;

/// Prints the table, or the JSON of `design.md`.
pub fn print(out: Out, status: &Status) {
    if out.is_json() {
        out.json(status);
        return;
    }
    problems(out, status);
    if status.policies.is_empty() {
        out.data("no policies");
        return;
    }
    out.data(&format!(
        "{BOLD}{:<24} {:<10} {:<9} {}{BOLD:#}",
        "POLICY", "STATE", "KEY AGE", "NEXT DUE"
    ));
    for report in &status.policies {
        row(out, report);
        let ruled = |one: &&OrphanReport| one.policy == report.name && one.ruling.is_some();
        for orphan in status.orphans.iter().filter(ruled) {
            let line = format!("  {:<10} {}  {}", "orphan", orphan.key_id, orphan.ruled());
            out.data(&cut(&line, WIDTH));
        }
    }
}

fn row(out: Out, report: &PolicyReport) {
    let style = match report.state {
        Standing::Parked | Standing::ReadOnly => RED,
        Standing::Rotating | Standing::Waiting => YELLOW,
        Standing::Idle => GREEN,
        Standing::Unadopted | Standing::Retired => anstyle::Style::new(),
    };
    let age = report.key_age_seconds.map_or_else(|| "-".into(), short_age);
    let due = report.next_due.as_deref().unwrap_or("on demand");
    let name = cut(&report.name, 24);
    out.data(
        format!("{name:<24} {style}{:<10}{style:#} {age:<9} {due:<20}", report.state.name())
            .trim_end(),
    );
    for key in &report.live_keys {
        out.data(&cut(&format!("  {:<10} {}", key.role, key.key_id), WIDTH));
    }
    for suspect in report.suspects.iter().filter(|one| !matches!(one.state, "dead" | "gone")) {
        let word =
            if suspect.state == "disabled" { "disabled, by the list" } else { suspect.state };
        out.data(&cut(&format!("  {:<10} {}  {word}", "suspect", suspect.key_id), WIDTH));
    }
    if let Some(open) = &report.decommission {
        let until = open.deadline.as_ref().map_or_else(String::new, |at| format!(" until {at}"));
        wrapped(
            out,
            &format!("key {} is being decommissioned: {}{until}", open.key, open.state),
            "  ",
        );
    }
    if let Some(line) = open_end(report) {
        wrapped(out, &line, "  ");
    }
}

fn problems(out: Out, status: &Status) {
    let mut any = false;
    for report in &status.policies {
        for problem in &report.problems {
            any = true;
            let style = RED;
            out.data(&format!("{style}{}{style:#} [{}]", report.name, problem.code));
            wrapped(out, &problem.message, "  ");
            out.data(&format!("  next: {}", problem.next_command));
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

/// Breaks a text at spaces so that it fits 80 columns.
pub fn wrapped(out: Out, text: &str, indent: &str) {
    let mut line = String::new();
    for word in text.split_whitespace() {
        let longer = indent.len() + line.chars().count() + 1 + word.chars().count();
        if !line.is_empty() && longer > WIDTH {
            out.data(&format!("{indent}{line}"));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        out.data(&format!("{indent}{line}"));
    }
}
