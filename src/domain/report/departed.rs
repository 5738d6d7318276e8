//! Secrets that no policy names any more: what of them a person must know, and what to type (R28).

use std::collections::BTreeSet;

use serde::Serialize;

use super::problem::{ORPHANS, Problem, RUN_ONCE, forget};
use super::{LiveKey, Subject, live_keys};
use crate::domain::code::Concern;
use crate::domain::departed::{Bar, open, remembered};
use crate::domain::ids::{KeyId, SecretKey};

/// A secret that nobody looks after, and that is not forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unwatched {
    /// The policy's last name.
    pub name: String,
    pub secret: String,
    pub live_keys: Vec<LiveKey>,
    pub problems: Vec<Problem>,
}

/// Where nothing is open and something would be forgotten; else nothing.
#[must_use]
pub fn unwatched(
    subject: &Subject<'_>,
    secret: &SecretKey,
    problems: Vec<Problem>,
) -> Option<Unwatched> {
    if open(subject.state).is_some() || remembered(subject.state).is_empty() {
        return None;
    }
    Some(Unwatched {
        name: subject.name.to_owned(),
        secret: secret.to_string(),
        live_keys: live_keys(subject.state),
        problems,
    })
}

/// What is wrong with a secret that no policy names. `moved`: its policy names another one now.
#[must_use]
pub fn departed(subject: &Subject<'_>, secret: &SecretKey, moved: bool) -> Problem {
    let name = subject.name;
    let what = if moved {
        format!("policy {name} names another secret now; {secret}, which it was on before,")
    } else {
        format!("policy {name} was removed; its secret {secret}")
    };
    if open(subject.state).is_none() {
        let said = format!(
            "{what} is looked after by nobody{}. Nothing that it names is retired by any policy. \
             Put the policy back, or, once nobody reads it, forget it.",
            naming(&remembered(subject.state))
        );
        return Problem::new(Concern::NoPolicy, said, forget(name, Some(secret)));
    }
    if subject.policy.is_none() {
        let said = format!(
            "{what} has something open, and the policy as it was is not in the journal. Put its \
             file back, then go on."
        );
        return Problem::new(Concern::PolicyUnknown, said, RUN_ONCE);
    }
    let before = subject.state.rotation.as_ref().is_some_and(|open| open.phase.before_promote());
    let how = if before && subject.state.requests.leak.is_none() {
        "its rotation is rolled back by the policy as it was"
    } else {
        "what is open ends by the policy as it was"
    };
    Problem::new(Concern::PolicyRemoved, format!("{what} is not left alone yet: {how}."), RUN_ONCE)
}

fn naming(keys: &BTreeSet<KeyId>) -> String {
    let word = match keys.len() {
        0 => return String::new(),
        1 => "key",
        _ => "keys",
    };
    format!("; it names {word} {}", ids(keys))
}

fn ids(keys: &BTreeSet<KeyId>) -> String {
    let ids: Vec<&str> = keys.iter().map(KeyId::as_str).collect();
    ids.join(", ")
}

/// Why no rotation starts on the new secret of a policy that moved, and what to type.
pub(super) fn moved(name: &str, secret: &SecretKey, keys: &BTreeSet<KeyId>) -> (String, String) {
    let said = format!(
        "the policy was on {secret} before, and that secret still names key {}: its consumers may \
         not have moved. Let them read the new secret, then forget the old one: its key is left as \
         it is. Or name the old secret in the policy again",
        ids(keys)
    );
    (said, forget(name, Some(secret)))
}

/// Why a secret is not forgotten now. Nothing was done.
#[must_use]
pub fn barred(name: &str, secret: &SecretKey, bar: &Bar) -> Problem {
    let (said, next) = match bar {
        Bar::Rotation => ("its rotation is open; it ends by the policy as it was".into(), RUN_ONCE),
        Bar::Decommission => {
            ("its key is being decommissioned, by the policy as it was".into(), RUN_ONCE)
        }
        Bar::PutBack => ("its last key that worked is being put back as current".into(), RUN_ONCE),
        Bar::Question => ("a request whose reply was lost may still land".into(), RUN_ONCE),
        Bar::Leak => ("a leak report is open".into(), RUN_ONCE),
        Bar::FirstKey => ("a first key is being made; put the policy's file back".into(), RUN_ONCE),
        Bar::Suspects(keys) => {
            (format!("reported leaked, and not proven dead: {}", ids(keys)), RUN_ONCE)
        }
        Bar::Orphans(keys) => {
            (format!("may be ours, and nobody has ruled on it: {}", ids(keys)), ORPHANS)
        }
    };
    let said = format!("secret {secret} of policy {name} is not forgotten: {said}.");
    Problem::new(Concern::ForgetOpen, said, next)
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::super::{park, refused};
    use super::*;
    use crate::domain::state::{FirstKey, ParkReason, Refusal, RequestKind, State};

    fn key(id: &str) -> KeyId {
        KeyId::new(id).unwrap()
    }

    fn subject(state: &State) -> Subject<'_> {
        Subject { name: "p", policy: None, state, certain_ms: 0 }
    }

    fn shown(problem: &Problem) -> String {
        format!("{}: {}\n  next: {}", problem.code, problem.message, problem.next_command)
    }

    #[test]
    fn what_a_secret_without_a_policy_means_says_what_to_type() {
        let secret = SecretKey::new("file:/old").unwrap();
        let keys: BTreeSet<KeyId> = [key("k1")].into();
        let state = State { seen_key: Some(key("k1")), ..State::default() };
        let mut texts = vec![shown(&departed(&subject(&state), &secret, false))];
        texts.push(shown(&departed(&subject(&state), &secret, true)));
        let minted = FirstKey::Minted { key: key("k1"), proof: None, installs: 0 };
        let open = State { first: Some(minted), ..State::default() };
        texts.push(shown(&departed(&subject(&open), &secret, false)));
        let moved = Refusal::Moved { secret: secret.clone(), keys: keys.clone() };
        texts.push(shown(&refused("p", RequestKind::Rotate, &moved)));
        texts.push(shown(&refused("p", RequestKind::Rotate, &Refusal::Departed)));
        let (policy, departed) = ("other".to_owned(), Some(secret.clone()));
        let named = ParkReason::NamedElsewhere { key: key("k1"), policy, departed };
        texts.push(shown(&park::problem_of("p", &named, &State::default())));
        for bar in [Bar::Question, Bar::FirstKey, Bar::Suspects(keys.clone()), Bar::Orphans(keys)] {
            texts.push(shown(&barred("p", &secret, &bar)));
        }
        assert_snapshot!(texts.join("\n"), @r#"
        no_policy: policy p was removed; its secret file:/old is looked after by nobody; it names key k1. Nothing that it names is retired by any policy. Put the policy back, or, once nobody reads it, forget it.
          next: rekeyd forget p --secret file:/old --yes
        no_policy: policy p names another secret now; file:/old, which it was on before, is looked after by nobody; it names key k1. Nothing that it names is retired by any policy. Put the policy back, or, once nobody reads it, forget it.
          next: rekeyd forget p --secret file:/old --yes
        policy_unknown: policy p was removed; its secret file:/old has something open, and the policy as it was is not in the journal. Put its file back, then go on.
          next: rekeyd run --once
        refused/moved: no rotation was started: the policy was on file:/old before, and that secret still names key k1: its consumers may not have moved. Let them read the new secret, then forget the old one: its key is left as it is. Or name the old secret in the policy again.
          next: rekeyd forget p --secret file:/old --yes
        refused/departed: no rotation was started: no policy names this secret any more.
          next: rekeyd forget p --yes
        parked/named_elsewhere: secret file:/old, which was policy other's and which no policy names any more, names key k1 too, so it is not retired here: whoever still reads that secret would lose it. Once nobody does, `forget` it; then this goes on by itself.
          next: rekeyd forget other --secret file:/old --yes
        forget/open: secret file:/old of policy p is not forgotten: a request whose reply was lost may still land.
          next: rekeyd run --once
        forget/open: secret file:/old of policy p is not forgotten: a first key is being made; put the policy's file back.
          next: rekeyd run --once
        forget/open: secret file:/old of policy p is not forgotten: reported leaked, and not proven dead: k1.
          next: rekeyd run --once
        forget/open: secret file:/old of policy p is not forgotten: may be ours, and nobody has ruled on it: k1.
          next: rekeyd orphans list
        "#);
    }
}
