//! `[consumers]` and `[retire]` together, because one bounds the other.

use super::super::diagnostic::{Problem, quoted};
use super::super::document::Table;
use super::super::duration::{DAY_MS, HOUR_MS, MINUTE_MS, format_ms};
use super::super::report::Report;
use super::super::{Consumers, Retire};
use crate::domain::ids::ConsumerName;

const DEFAULT_CACHE_TTL_MS: i64 = HOUR_MS;
const DEFAULT_DRAIN_MS: i64 = 24 * HOUR_MS;
const DEFAULT_SOAK_MS: i64 = HOUR_MS;
const DEFAULT_ACK_DEADLINE_MS: i64 = 7 * DAY_MS;

const MAX_DRAIN_MS: i64 = 90 * DAY_MS;
const MAX_SOAK_MS: i64 = 30 * DAY_MS;
const MAX_ACK_DEADLINE_MS: i64 = 90 * DAY_MS;
const MAX_ACKS: usize = 32;

pub(super) fn read(root: &mut Table<'_>, report: &mut Report<'_>) -> (Consumers, Retire) {
    let mut cache_ttl = None;
    let (mut acks, mut ack_deadline) = (Vec::new(), None);
    if let Some(mut table) = root.table("consumers", report) {
        cache_ttl = table.duration_ms("cache_ttl", &(0..=MAX_DRAIN_MS), report);
        acks = acks_of(&mut table, report);
        ack_deadline = deadline_of(&mut table, report);
        table.finish(report);
    }
    let (mut drain, mut soak) = (None, None);
    let mut drain_is_bad = false;
    if let Some(mut table) = root.table("retire", report) {
        drain = table.duration_ms("drain", &(0..=MAX_DRAIN_MS), report);
        drain_is_bad = drain.is_none() && table.has("drain");
        soak = table.duration_ms("soak", &(0..=MAX_SOAK_MS), report);
        table.finish(report);
    }
    let cache_ttl_ms = cache_ttl.as_ref().map_or(DEFAULT_CACHE_TTL_MS, |at| at.value);
    let drain_ms = drain.as_ref().map_or(DEFAULT_DRAIN_MS, |at| at.value);
    let named = drain.as_ref().or(cache_ttl.as_ref());
    if let Some(at) = named.filter(|_| drain_ms < cache_ttl_ms && !drain_is_bad) {
        let (drain, ttl) = (format_ms(drain_ms), format_ms(cache_ttl_ms));
        let message = format!("`retire.drain` ({drain}) is below `consumers.cache_ttl` ({ttl})");
        let help = format!(
            "consumers would hold a dead key; let `retire.drain` be {ttl} and a token's life, or more"
        );
        report.add(Problem::DrainTooShort, &at.span, message, Some(help));
    }
    let soak_ms = soak.map_or(DEFAULT_SOAK_MS, |at| at.value);
    let ack_deadline_ms = ack_deadline.unwrap_or(DEFAULT_ACK_DEADLINE_MS);
    (Consumers { cache_ttl_ms, acks, ack_deadline_ms }, Retire { drain_ms, soak_ms })
}

fn acks_of(table: &mut Table<'_>, report: &mut Report<'_>) -> Vec<ConsumerName> {
    let mut found = Vec::new();
    for (index, at) in table.texts("acks", report).unwrap_or_default().into_iter().enumerate() {
        if index == MAX_ACKS {
            let message = format!("`consumers.acks` names more than {MAX_ACKS} consumers");
            report.add(Problem::TooMany, &at.span, message, None);
            break;
        }
        match ConsumerName::new(at.value) {
            Ok(name) if found.contains(&name) => {
                let message = format!("`consumers.acks` names {} twice", quoted(at.value));
                report.add(Problem::Conflict, &at.span, message, None);
            }
            Ok(name) => found.push(name),
            Err(why) => {
                report.add(Problem::BadText, &at.span, format!("`consumers.acks`: {why}"), None);
            }
        }
    }
    found
}

fn deadline_of(table: &mut Table<'_>, report: &mut Report<'_>) -> Option<i64> {
    let deadline = table.duration_ms("ack_deadline", &(MINUTE_MS..=MAX_ACK_DEADLINE_MS), report);
    if let (false, Some(at)) = (table.has("acks"), table.value("ack_deadline")) {
        let message = "`consumers.ack_deadline` says nothing without `consumers.acks`";
        let help = Some("name the consumers, or leave the deadline out".to_owned());
        report.add(Problem::MissingField, &at.key, message, help);
    }
    deadline.map(|at| at.value)
}
