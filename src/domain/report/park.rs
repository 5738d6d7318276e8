//! The text of every reason to park.

use super::acks;
use super::claim::lost;
use super::preflight::preflight;
use super::problem::{ORPHANS, Problem, RUN_ONCE, abort, adopt, forget, from_stdin, resume};
use super::refusal::{class_text, why_failed};
use crate::domain::code::Parked;
use crate::domain::ids::KeyId;
use crate::domain::plan::has_too_many_orphans;
use crate::domain::state::{ParkReason, Rotation, State};

/// Why a policy waits for an operator, and what that operator may type, if it does.
#[must_use]
pub fn parked(policy: &str, state: &State) -> Option<Problem> {
    let park = state.parked.as_ref()?;
    let mut problem = problem_of(policy, &park.reason, state);
    if park.reason == ParkReason::Orphans && !has_too_many_orphans(state) {
        // Their list would name nothing that holds it up.
        let said = "two or more keys may have been ours; each is ruled on by now, or gone, or one \
                    is left. No further key is made until you say so.";
        let left = state.rotation.as_ref();
        let left = left.map_or_else(String::new, |open| left_as(open, &park.reason));
        problem = Problem::new(Parked::Orphans, format!("{said}{left}"), resume(policy));
    }
    Some(problem)
}

/// A reason to park, in the state that it leaves.
pub(super) fn problem_of(policy: &str, reason: &ParkReason, state: &State) -> Problem {
    let rotation = state.rotation.as_ref();
    let (said, next) = match (reason, &state.trouble) {
        (ParkReason::Trouble { class, step }, Some(trouble)) if trouble.step == *step => {
            again_and_again(policy, reason, step, why_failed(*class, trouble.said.as_deref()))
        }
        (ParkReason::AckMissing { consumers }, _) => acks::overdue(policy, consumers, state),
        _ => text(policy, reason, rotation.is_some()),
    };
    let left = rotation.map_or_else(String::new, |open| left_as(open, reason));
    Problem::new(Parked::from(reason), format!("{said}{left}"), next)
}

fn again_and_again(policy: &str, reason: &ParkReason, step: &str, why: &str) -> (String, String) {
    let said = format!("step `{step}` failed again and again: {why}.");
    if reason.cures_itself() {
        let more = "It is tried again by itself, by the daemon or by each run, and goes on when it \
                    succeeds.";
        return (format!("{said} {more}"), RUN_ONCE.to_owned());
    }
    (said, resume(policy))
}

/// What state a parked rotation leaves behind.
fn left_as(open: &Rotation, reason: &ParkReason) -> String {
    let until = if reason.cures_itself() { "until then" } else { "until you say so" };
    let old = &open.old.proof.key;
    let new = open.new.as_ref().map(|new| &new.key);
    match new {
        Some(new) => format!(
            " The rotation stands at {}: old key {old}, new key {new}. Nothing is changed \
             {until}, except what keeps the current secret working.",
            open.phase.name()
        ),
        None => format!(" The rotation stands at {}: old key {old}.", open.phase.name()),
    }
}

/// Break-glass. Under an open rotation nothing is written from standard input.
fn by_hand(policy: &str, open: bool, said: &str) -> (String, String) {
    if open {
        let how = "put it into the store as current, then adopt it.";
        (format!("{said} Create a key in ION by hand, {how}"), adopt(policy))
    } else {
        (format!("{said} Create a key in ION by hand and pipe it in."), from_stdin(policy))
    }
}

/// The settled credential would have been put back, if it could.
fn dead_between_rotations(policy: &str) -> (String, String) {
    let said = "the store's current credential does not authenticate, and the last one that was \
                known to work cannot take its place: it is rejected, reported leaked, or no longer \
                in the store. Consumers are failing. Create a key in ION by hand and pipe it in.";
    (said.to_owned(), from_stdin(policy))
}

/// Somebody writes the same bad value again and again: the writer is what has to be mended.
fn overwritten(policy: &str, key: &KeyId, failing: bool) -> (String, String) {
    let now = if failing {
        "It is there again now, and consumers are failing; `resume` puts the working key back."
    } else {
        "The last put-back stands, and current works; the next such write within the day is left \
         as it is."
    };
    let said = format!(
        "somebody writes key {key}, which does not work, into the secret again and again; three \
         times within a day the last key that works was put back. {now} Mend whoever writes it \
         (Terraform: take the value out of its hands), then go on."
    );
    (said, resume(policy))
}

fn text(policy: &str, reason: &ParkReason, open: bool) -> (String, String) {
    match reason {
        ParkReason::CurrentChanged if open => (
            "somebody put another credential into the store as current. It was left alone. `adopt` \
             takes it, if it works. If it is rejected, consumers fail: `resume` puts a key of this \
             rotation that works in its place; where none does, put a working credential there by \
             hand, and adopt it."
                .into(),
            adopt(policy),
        ),
        ParkReason::CurrentChanged => (
            "somebody put another credential into the store as current. It was left alone.".into(),
            adopt(policy),
        ),
        ParkReason::CurrentMovedBack => (
            "somebody moved current back to the old key after the new one was promoted.".into(),
            abort(policy),
        ),
        ParkReason::CurrentDead if !open => dead_between_rotations(policy),
        ParkReason::CurrentDead => by_hand(
            policy,
            open,
            "the current credential does not authenticate, and no other that is known can take \
             its place. Consumers are failing.",
        ),
        ParkReason::BothDead => by_hand(
            policy,
            open,
            "neither the old nor the new key authenticates. Consumers are failing.",
        ),
        ParkReason::CurrentOverwritten { key, failing } => overwritten(policy, key, *failing),
        ParkReason::CurrentMalformed if open => (
            "the secret is gone, or its current version holds no credential: no JSON object, or \
             not both fields. Consumers fail. Mend it in the store, then go on."
                .into(),
            resume(policy),
        ),
        ParkReason::CurrentMalformed => (
            "the secret is gone, or its current version holds no credential: no JSON object, or \
             not both fields. Consumers fail. Mend it in the store, or pipe a credential in."
                .into(),
            from_stdin(policy),
        ),
        ParkReason::ForeignPending => (
            "a pending version that is not this rotation's is in the store: another tool, or a \
             person, is changing the secret. Remove its pending label, then go on."
                .into(),
            resume(policy),
        ),
        ParkReason::ProfileDiffers { what } if what == "rights" => (
            "the new key may do less with keys than rotating needs; it was not promoted. Give the \
             account its right to list, update, and delete keys back; `abort` removes the key."
                .into(),
            resume(policy),
        ),
        ParkReason::ProfileDiffers { what } => (
            format!(
                "the new key does not act as the old one did: {what}. It was not promoted. \
                 `adopt` accepts it as right; `abort` removes it."
            ),
            abort(policy),
        ),
        ParkReason::Orphans => (
            "two or more keys may be ours and nobody has ruled on them; no further key is made."
                .into(),
            ORPHANS.into(),
        ),
        ParkReason::NoActor => {
            by_hand(policy, open, "no credential is left that may call the issuer.")
        }
        other => text_of_keys(policy, other),
    }
}

fn text_of_keys(policy: &str, reason: &ParkReason) -> (String, String) {
    match reason {
        ParkReason::TooManyCreates => (
            "three keys were made and none could be promoted. No further one is made; those \
             that are left over are removed by `abort`."
                .into(),
            abort(policy),
        ),
        ParkReason::TooManyAttempts => (
            "the secret was edited ten times while the new key was being staged. Stop the edits, \
             then go on."
                .into(),
            resume(policy),
        ),
        ParkReason::PinDiffers { key } => (
            format!(
                "somebody changed key {key} after it was disabled here. It was not deleted. If \
                 that change was meant, `resume` disables it again and starts the soak anew."
            ),
            resume(policy),
        ),
        ParkReason::NamedElsewhere { key, policy: other, departed: Some(secret) } => (
            format!(
                "secret {secret}, which was policy {other}'s and which no policy names any more, names \
                 key {key} too, so it is not retired here: whoever still reads that secret would \
                 lose it. Once nobody does, `forget` it; then this goes on by itself."
            ),
            forget(other, Some(secret)),
        ),
        ParkReason::NamedElsewhere { key, policy: other, departed: None } => (
            format!(
                "policy {other} names key {key} too, so it is not retired here: the consumers of \
                 {other} would lose it. Rotate {other}; once its drain is over this goes on by \
                 itself. `adopt` is your word that {other} no longer matters, and retires the key."
            ),
            format!("rekeyd rotate {other}"),
        ),
        ParkReason::ElsewhereUnreadable { key, secret } => (
            format!(
                "the journal of {secret} does not replay, or its store cannot be read, so it cannot \
                 be told whether its consumers hold key {key}, which was adopted and not made here. \
                 It is not retired until that can be told. `adopt` is your word that nobody else \
                 has it."
            ),
            adopt(policy),
        ),
        ParkReason::ClaimLost => lost(policy),
        ParkReason::StagedChanged => (
            "a version that was staged here is gone or holds something else. `abort` removes the \
             new key."
                .into(),
            abort(policy),
        ),
        ParkReason::KeepsReviving { key } => (
            format!(
                "key {key} came back to life again and again after it was disabled. Find who \
                 enables it, then go on."
            ),
            resume(policy),
        ),
        ParkReason::Trouble { class, step } => {
            again_and_again(policy, reason, step, class_text(*class))
        }
        ParkReason::LeakRolledBack => (
            "the rotation that a leak started was rolled back; the leaked key still lives. \
             `resume` tries again."
                .into(),
            resume(policy),
        ),
        ParkReason::PreflightRefused { refusal } => preflight(policy, refusal),
        _ => (format!("it waits for an operator: {}.", reason.code()), resume(policy)),
    }
}
