//! What every command repeats while something is open: a key that nobody remembers is what must
//! never be.

use super::out::{Out, YELLOW};
use crate::app::Known;
use crate::domain::clocks::Stamp;
use crate::domain::code::Code;
use crate::domain::report::{PolicyReport, RUN_ONCE};

/// One line for every open rotation, on stderr.
pub fn remind(out: &Out, known: &[Known<'_>], certain_ms: i64, now: &Stamp, except: &[String]) {
    if out.is_json() {
        return;
    }
    for one in known.iter().filter(|one| !except.contains(&one.name)) {
        let report = one.report(certain_ms, now);
        if let Some((line, next)) = open_end(out, &report) {
            out.note(&format!("{YELLOW}open:{YELLOW:#} {}: {line}; next: {next}", one.name));
        }
    }
}

/// What is open of a policy, and the command that goes on with it.
#[must_use]
pub fn open_end(out: &Out, report: &PolicyReport) -> Option<(String, String)> {
    let Some(open) = &report.rotation else {
        let asked = report.requested.join(", ");
        let said = || (format!("asked for, and not done: {asked}"), out.typed().command(RUN_ONCE));
        return (!asked.is_empty()).then(said);
    };
    let until = match (&open.deadline, open.waiting_for.last()) {
        (Some(deadline), Some(what)) => format!("; {what} ends {deadline}"),
        _ => String::new(),
    };
    let parked = report.problems.iter().find(|problem| matches!(problem.code, Code::Parked(_)));
    let next = out.typed().command(parked.map_or(RUN_ONCE, |problem| &problem.next_command));
    let lives = report.live_keys.iter().any(|key| key.key_id == open.old_key);
    let fate = if lives { "lives on" } else { "is off" };
    let said = format!("the rotation is at {}; old key {} {fate}{until}", open.state, open.old_key);
    Some((said, next))
}
