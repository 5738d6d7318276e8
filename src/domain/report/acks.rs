//! Consumers that must say that they use the new key (F14): who has not, how much of their time is
//! gone, and where the new key is. Never the secret.

use std::collections::BTreeSet;

use super::Subject;
use super::problem::{Problem, ack};
use super::rfc3339;
use crate::domain::clocks::Stamp;
use crate::domain::code::Concern;
use crate::domain::ids::ConsumerName;
use crate::domain::policy::{Policy, Store};
use crate::domain::state::{ParkReason, Phase, Rotation, State};

/// How much of the consumers' time is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reminder {
    /// Half of it.
    Half,
    /// Nine tenths.
    Last,
}

/// Consumers whose word the open rotation waits for. Empty before its promote, and where the old key
/// is a suspect, which waits for nobody.
#[must_use]
pub fn acks_missing<'a>(policy: &'a Policy, state: &State) -> Vec<&'a ConsumerName> {
    let Some(open) = awaiting(state) else { return Vec::new() };
    policy.consumers.acks.iter().filter(|name| !open.acked.contains(*name)).collect()
}

/// Until when they have, by the wall clock, in milliseconds since the Unix epoch.
#[must_use]
pub fn ack_deadline_ms(policy: &Policy, state: &State) -> Option<i64> {
    let open = awaiting(state).filter(|_| !acks_missing(policy, state).is_empty())?;
    Some(open.entered.wall_ms.saturating_add(policy.consumers.ack_deadline_ms))
}

/// What a person is to be reminded of now. Nothing once it is parked for it: that says so itself.
#[must_use]
pub fn due_reminder(policy: &Policy, state: &State, now: &Stamp) -> Option<Reminder> {
    let until_ms = ack_deadline_ms(policy, state)?;
    let is_parked = |reason: &ParkReason| matches!(reason, ParkReason::AckMissing { .. });
    if state.parked.as_ref().is_some_and(|park| is_parked(&park.reason)) {
        return None;
    }
    let whole_ms = policy.consumers.ack_deadline_ms;
    let left_ms = until_ms.saturating_sub(now.wall_ms);
    match () {
        () if left_ms <= whole_ms / 10 => Some(Reminder::Last),
        () if left_ms <= whole_ms / 2 => Some(Reminder::Half),
        () => None,
    }
}

/// The reminder as `status` shows it.
pub(super) fn reminder(subject: &Subject<'_>, now: &Stamp) -> Option<Problem> {
    let policy = subject.policy?;
    let code = match due_reminder(policy, subject.state, now)? {
        Reminder::Half => Concern::AcksHalfTime,
        Reminder::Last => Concern::AcksLastCall,
    };
    let missing = acks_missing(policy, subject.state);
    let until = rfc3339(ack_deadline_ms(policy, subject.state)?);
    let said = format!(
        "{} not said yet that the new key is in use; after {until} the rotation parks. The new key \
         is in {}.",
        who(&missing),
        place(&policy.store)
    );
    Some(Problem::new(code, said, ack(subject.name, missing.first().copied())))
}

/// The deadline has passed.
pub(super) fn overdue(
    policy: &str,
    consumers: &BTreeSet<ConsumerName>,
    state: &State,
) -> (String, String) {
    let acked = state.rotation.as_ref().map(|open| &open.acked);
    let is_missing = |name: &&ConsumerName| acked.is_none_or(|acked| !acked.contains(*name));
    let missing: Vec<&ConsumerName> = consumers.iter().filter(is_missing).collect();
    let kept = state.policy.as_ref().zip(state.kept.as_ref());
    let store = kept.and_then(|(name, kept)| kept.policy(name)).map(|policy| policy.store);
    let place = store.map_or_else(|| "the policy's store".to_owned(), |store| place(&store));
    let said = format!(
        "{} not said in time that the new key is in use. Both keys live. The new key is in {place}: \
         let every consumer read it again, then say so for each; the last word lifts this.",
        who(&missing)
    );
    (said, ack(policy, missing.first().copied()))
}

/// The rotation whose consumers are to say so.
fn awaiting(state: &State) -> Option<&Rotation> {
    let open = state.rotation.as_ref().filter(|open| open.phase == Phase::Promoted)?;
    (!state.is_suspect(&open.old.proof.key)).then_some(open)
}

fn who(missing: &[&ConsumerName]) -> String {
    let names: Vec<&str> = missing.iter().map(|name| name.as_str()).collect();
    match names.as_slice() {
        [one] => format!("consumer {one} has"),
        all => format!("consumers {} have", all.join(", ")),
    }
}

fn place(store: &Store) -> String {
    let (place, fields) = match store {
        Store::AwsSecretsManager { secret_id, fields, .. } => {
            (format!("secret {secret_id}"), fields)
        }
        Store::File { path, fields } => (format!("file {}", path.display()), fields),
    };
    format!("{place}, fields `{}` and `{}`", fields.client_id, fields.client_secret)
}
