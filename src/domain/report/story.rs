//! The journal's events as sentences, for `history`.

mod effects;

use std::collections::BTreeSet;

pub use effects::intent;

use effects::{proof, settled};

use super::park::problem_of;
use super::refusal::why_failed;
use super::{read_only, refused, withheld};
use crate::domain::ids::{KeyId, PolicyName};
use crate::domain::policy::duration::format_ms;
use crate::domain::state::{
    Ending, Event, Orphan, Phase, Request, Ruling, State, Suspect, Trigger,
};
use crate::domain::words::count_of;

/// What an event says, given the state before it. `None` for events that tell a person nothing.
#[must_use]
pub fn tell(before: &State, event: &Event, policy: &str) -> Option<String> {
    Some(match event {
        Event::Checkpoint | Event::Seen { .. } => return None,
        Event::Scheduled { .. } if before.scheduled.is_none() => return None,
        Event::Scheduled { .. } => "the schedule was edited: a cron line counts from now".into(),
        Event::Adopted { held, by_operator, unmanaged, .. } => format!(
            "adopted key {}{}; {} left alone",
            held.proof.key,
            if *by_operator { " on an operator's word" } else { "" },
            count_of(
                unmanaged.len(),
                "other key of the account is",
                "other keys of the account are"
            )
        ),
        Event::ReadOnly { reason, .. } => {
            format!("not adopted: {}", read_only(policy, reason).message)
        }
        Event::Owned { key, elsewhere, retire } => {
            let what = if *retire { " and may be retired here" } else { "" };
            format!("an operator ruled that key {key} is this policy's{what}, not {elsewhere}'s")
        }
        Event::Renamed { policy: now } => renamed(before, now),
        Event::Forgotten { by } => {
            let why = by.reason.as_ref().map_or_else(String::new, |why| format!(" ({why})"));
            format!("{} asked: forget this secret{why}; its keys are left as they are", by.who)
        }
        Event::Requested { request, by } => {
            format!("{} asked: {}{}", by.who, wish(request), because(by.reason.as_deref()))
        }
        Event::Answered { request, refused: Some(why) } => refused(policy, *request, why).message,
        Event::Answered { request, refused: None } => {
            format!("followed: {}", format!("{request:?}").to_lowercase())
        }
        Event::Started { rotation, trigger, old, .. } => format!(
            "rotation {rotation} started ({}); the old key is {}",
            trigger_name(*trigger),
            old.proof.key
        ),
        Event::Entered { phase, because } => {
            let why = because.as_ref().map_or_else(String::new, |why| format!(": {why}"));
            format!("{}{why}", achieved(*phase))
        }
        Event::Abandoned { key, because } => format!("abandoned key {key}: {because}"),
        Event::Rebased => "the secret's other fields were edited; staging again".into(),
        Event::Intended { effect, .. } => format!("about to {}", intent(effect)),
        Event::Settled { operation, outcome } => {
            settled(before, before.questions.get(operation), outcome)
        }
        Event::Parked { reason } => {
            format!("parked: {}", problem_of(policy, reason, before).message)
        }
        Event::Acked { consumer, by, .. } => {
            format!("{consumer} uses the new key, says {}{}", by.who, because(by.reason.as_deref()))
        }
        Event::Withheld { why } => withheld(before, why),
        Event::Unparked { by_operator: true } => "an operator resumed it".into(),
        Event::Unparked { by_operator: false } => "no longer parked: it can go on".into(),
        other => of_keys(before, other),
    })
}

fn renamed(before: &State, now: &PolicyName) -> String {
    let was = before.policy.as_ref().map_or_else(String::new, |was| format!(", not {was}"));
    format!("policy {now} is on this secret now{was}; its history goes on")
}

fn of_keys(before: &State, event: &Event) -> String {
    match event {
        Event::Pinned { key, .. } => format!("key {key}: the etag our disable left is noted"),
        Event::PinLost { key } => format!("the pin of key {key} is lost; it is disabled again"),
        Event::Proven { key, evidence } => proof(key.as_str(), evidence),
        Event::Revived { key } => format!("key {key} came back to life"),
        Event::Served { key } => format!("key {key} was seen as current; its drain starts anew"),
        Event::VerifyFailed => {
            "the new key was rejected; it may not be known everywhere yet".into()
        }
        Event::Unexplained { keys } => {
            let keys: Vec<&str> = keys.iter().map(KeyId::as_str).collect();
            format!("showed up after its create was given up: {}", keys.join(", "))
        }
        Event::RefusedCompared { keys, .. } if keys.is_empty() => {
            "the creates that were refused made nothing, by the list".into()
        }
        Event::RefusedCompared { keys, .. } => {
            let keys: Vec<&str> = keys.iter().map(KeyId::as_str).collect();
            format!("showed up after a create that was refused: {}", keys.join(", "))
        }
        Event::NeverListed { key, control } => format!(
            "key {key}, which a create named, is in no list: not in the one that holds {control}, \
             nor in any before; what that create made is looked for"
        ),
        Event::Strangers { keys } => appeared(before, keys),
        Event::Kept { key, by } => {
            format!("{} ruled that key {key} may live{}", by.who, because(by.reason.as_deref()))
        }
        Event::Ruled { key, ruling, by, carried_out_by } => {
            let by_whom = carried_out_by
                .as_ref()
                .map_or_else(String::new, |policy| format!("; carried out by policy {policy}"));
            let verb = match ruling {
                Ruling::Keep => "may live",
                Ruling::Disable => "is to be disabled",
                Ruling::Delete => "is to be deleted",
            };
            let why = because(by.reason.as_deref());
            format!("{} ruled that key {key} {verb}{by_whom}{why}", by.who)
        }
        Event::RulingStopped { key, why } => {
            let ruling = before.orphans.get(key).and_then(Orphan::sentence);
            super::ruling_stopped(key, ruling.unwrap_or(Ruling::Keep), why).message
        }
        Event::OrphansGone { keys } => {
            let keys: Vec<&str> = keys.iter().map(KeyId::as_str).collect();
            format!("the complete list no longer has {}: nothing to rule on", keys.join(", "))
        }
        other => of_ends(before, other),
    }
}

/// What ends, and what begins beside a rotation.
fn of_ends(before: &State, event: &Event) -> String {
    match event {
        Event::BaselineTaken { .. } => "identity and canary answers were recorded".into(),
        Event::Troubled { class, step, said } => {
            format!("`{step}` failed: {}", why_failed(*class, said.as_deref()))
        }
        Event::Ended { ending, .. } => {
            let id = before.rotation.as_ref().map(|open| open.id.to_string()).unwrap_or_default();
            let how = match ending {
                Ending::Complete => "is complete",
                Ending::RolledBack => "was rolled back; the old key stays",
                Ending::Superseded => "was superseded",
            };
            format!("rotation {id} {how}")
        }
        Event::PutBackBegun { held, rejected, .. } => format!(
            "current names key {rejected}, which does not work, and no rotation is open: the last \
             key that works, {}, is put back",
            held.proof.key
        ),
        Event::PutBackEnded => match &before.put_back {
            Some(open) if !open.is_served(before) => {
                format!("key {} is not put back", open.held.proof.key)
            }
            _ => "current works again".into(),
        },
        Event::LeakClosed => {
            let by_list = before.suspects.values().any(Suspect::is_disabled_by_list);
            let dead = if by_list { "proven dead, or disabled by the list" } else { "proven dead" };
            format!("every suspect is {dead}; the leak report is closed")
        }
        Event::DecommissionBegun { held, .. } => {
            format!("key {} is being decommissioned: its drain counts from now", held.proof.key)
        }
        Event::DecommissionWithdrawn => "the decommission was taken back; the key lives on".into(),
        Event::Retired => "the policy is retired: it never rotates and never heals".into(),
        other => other.name().replace('_', " "),
    }
}

/// The reason that a person gave, in parentheses.
fn because(reason: Option<&str>) -> String {
    reason.map_or_else(String::new, |why| format!(" ({why})"))
}

/// Keys that somebody has ruled on already are no news.
fn appeared(before: &State, keys: &BTreeSet<KeyId>) -> String {
    let is_ruled =
        |key: &&KeyId| before.orphans.get(*key).is_some_and(|orphan| orphan.ruled.is_some());
    let news = keys.iter().filter(|key| !is_ruled(key)).count();
    match news {
        0 => "no key appeared around the leak".into(),
        _ => format!("{} appeared around the leak", count_of(news, "key", "keys")),
    }
}

fn wish(request: &Request) -> String {
    match request {
        Request::Rotate { .. } => "rotate".into(),
        Request::Abort => "abort".into(),
        Request::Resume => "resume".into(),
        Request::Adopt => "adopt what current holds".into(),
        Request::Decommission { clear_store } => {
            let value = if *clear_store { ", and clear the store" } else { "" };
            format!("decommission{value}")
        }
        Request::AdoptIssued => "mint a first key and adopt it".into(),
        Request::Leak { suspects, kill_first, grace_ms, .. } => {
            let keys: Vec<&str> = suspects.keys().map(KeyId::as_str).collect();
            let first = if *kill_first { ", kill first" } else { "" };
            let grace = if *grace_ms > 0 {
                format!(", {} of grace", format_ms(*grace_ms))
            } else {
                String::new()
            };
            format!("leaked: {}{first}{grace}", keys.join(", "))
        }
    }
}

fn trigger_name(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Schedule => "by schedule",
        Trigger::Person => "on request",
        Trigger::Leak => "because of a leak",
    }
}

/// The name of a phase in a sentence about progress.
#[must_use]
pub fn achieved(phase: Phase) -> &'static str {
    match phase {
        Phase::Claimed => "preflight passed",
        Phase::Issued => "a new key exists",
        Phase::Staged => "the new key is staged as pending",
        Phase::Verified => "the new key works and acts as the old one",
        Phase::Promoted => "the new key is current",
        Phase::Drained => "drained: nobody should be using the old key",
        Phase::Disabled => "the old key is disabled and proven dead",
        Phase::Soaked => "soaked: nobody missed the old key",
        Phase::Deleted => "the old key is deleted and proven gone",
        Phase::Reverting => "going back to the old key",
        Phase::RollingBack => "removing the new key",
    }
}
