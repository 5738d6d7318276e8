//! When a policy is due, and when it may act. Pure: the caller says since when, and keeps what it
//! was told. Time zones come from the bundle in the binary, never from the machine.

mod cron;
mod due;
mod jitter;
mod late;
mod opening;
#[cfg(test)]
mod tests;
mod window;
mod zone;

pub use cron::check_cron;
pub use due::{Due, anchor_ms, digest, due, due_as_of, schedule_changed};
pub use late::{ON_TIME_MS, catch_up_ms};
pub use opening::{Openings, is_open, next_open_ms};
pub use window::{Blackout, Misread, Window};
pub use zone::{canonical_timezone, timezone_names};

use super::policy::{Policy, When};
use cron::next_occurrence_ms;
use jitter::jitter_ms;
use zone::time_zone;

/// When the policy is due after `anchor_ms`, both in milliseconds since the Unix epoch: the next
/// occurrence of its schedule, put off by its jitter.
#[must_use]
pub fn next_due(policy: &Policy, anchor_ms: i64) -> Option<i64> {
    next_occurrence(policy, anchor_ms).map(|due| due.at_ms)
}

/// The first occurrence strictly after the anchor with `cron`, the anchor and that time with
/// `every`; in both cases put off by a jitter in `0..jitter_ms` that depends on the policy's name
/// and the occurrence alone, so that it is the same whenever it is asked. `None` for a policy that is
/// due on demand only, and where no occurrence is left within 40 years. Parses the expression anew:
/// keep the answer.
fn next_occurrence(policy: &Policy, anchor_ms: i64) -> Option<Due> {
    let schedule = &policy.schedule;
    let occurrence_ms = match &schedule.when {
        When::OnDemand => return None,
        When::Every { ms } => anchor_ms.checked_add(*ms)?,
        When::Cron(expression) => {
            next_occurrence_ms(expression, time_zone(&schedule.timezone)?, anchor_ms)?
        }
    };
    let late_ms = jitter_ms(policy.name.as_str(), occurrence_ms, schedule.jitter_ms);
    Some(Due { occurrence_ms, at_ms: occurrence_ms.checked_add(late_ms)? })
}
