//! Who is suspected when somebody says "it leaked" (R14). Decides nothing about what happens to a
//! suspect: the planner does.

use std::collections::BTreeMap;

use super::ids::KeyId;
use super::secret::Fingerprint;
use super::state::{Leak, Life, State};

/// What a person said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// `--key`: only these, managed or not. Empty: every live key that we manage.
    pub keys: Vec<KeyId>,
    /// `--again`: a new report, even while one is open.
    pub again: bool,
    pub kill_first: bool,
    /// `--since`: keys that appeared from then on await a ruling.
    pub since_ms: Option<i64>,
}

/// What a report comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Suspicion {
    /// A new event: these are suspects from now on.
    Report(BTreeMap<KeyId, Option<Fingerprint>>),
    /// An open report says it already.
    Joins,
    /// We manage no live key, and no key was named.
    NoKey,
}

/// Weighs a leak report against what is known of the secret.
#[must_use]
pub fn weigh(state: &State, report: &Report) -> Suspicion {
    let fingerprint = |key: &KeyId| state.keys.get(key).and_then(|managed| managed.fingerprint);
    let open = state.requests.leak.as_ref();
    let with_prints =
        |keys: Vec<KeyId>| keys.into_iter().map(|key| (key.clone(), fingerprint(&key))).collect();
    if !report.keys.is_empty() {
        let known = |key: &KeyId| open.is_some_and(|leak| leak.suspects.contains(key));
        let harsher = open.is_some_and(|leak| says_more(leak, report));
        if !report.again && !harsher && report.keys.iter().all(known) {
            return Suspicion::Joins;
        }
        return Suspicion::Report(with_prints(report.keys.clone()));
    }
    if let Some(leak) = open.filter(|_| !report.again) {
        if says_more(leak, report) {
            // The same suspects, in more of a hurry or for longer; the dead ones stay dead.
            let alive = |key: &&KeyId| state.suspects.get(*key).is_some_and(|s| s.dead.is_none());
            let alive: Vec<KeyId> = leak.suspects.iter().filter(alive).cloned().collect();
            if !alive.is_empty() || report.since_ms.is_some() {
                return Suspicion::Report(with_prints(alive));
            }
        }
        return Suspicion::Joins;
    }
    let live = state.keys.iter().filter(|(_, managed)| managed.life == Life::Live);
    let keys: Vec<KeyId> = live.map(|(key, _)| key.clone()).collect();
    if keys.is_empty() { Suspicion::NoKey } else { Suspicion::Report(with_prints(keys)) }
}

/// The keys of a report that nothing known here names: neither managed, nor in a list that was
/// kept, nor reported before.
#[must_use]
pub fn never_seen<'r>(state: &State, keys: &'r [KeyId]) -> Vec<&'r KeyId> {
    let is_seen = |key: &KeyId| {
        state.keys.contains_key(key)
            || state.known.contains(key)
            || state.orphans.contains_key(key)
            || state.suspects.contains_key(key)
            || state.seen_key.as_ref() == Some(key)
    };
    keys.iter().filter(|key| !is_seen(key)).collect()
}

/// In more of a hurry, or looking further back, than the report that is open.
fn says_more(leak: &Leak, report: &Report) -> bool {
    let since = |ms: i64| leak.since_ms.is_none_or(|known| ms < known);
    report.kill_first && !leak.kill_first || report.since_ms.is_some_and(since)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clocks::Moment;
    use crate::domain::state::{ManagedKey, Origin, Suspect};

    fn key(name: &str) -> KeyId {
        KeyId::new(name).unwrap()
    }
    fn managed(life: Life) -> ManagedKey {
        ManagedKey {
            life,
            ..ManagedKey::new(
                Origin::Minted,
                Moment::default(),
                Some(Fingerprint::from_bytes([1; 16])),
            )
        }
    }
    fn state(open: &[&str]) -> State {
        let mut state = State::default();
        state.keys.insert(key("a"), managed(Life::Live));
        state.keys.insert(key("b"), managed(Life::Live));
        state
            .keys
            .insert(key("gone"), managed(Life::Deleted { at: Moment::default(), proven: true }));
        if !open.is_empty() {
            let suspects = open.iter().map(|name| key(name)).collect();
            state.requests.leak = Some(Leak {
                reported: Moment::default(),
                kill_first: false,
                grace_ms: 0,
                since_ms: None,
                suspects,
                rolled_back: 0,
                compared: false,
            });
            for name in open {
                let reported = Moment::default();
                let suspect = Suspect { reported, dead: None, fate: None, foreign: false };
                state.suspects.insert(key(name), suspect);
            }
        }
        state
    }
    fn named(names: &[&str]) -> Report {
        Report { keys: names.iter().map(|name| key(name)).collect(), ..Report::default() }
    }
    fn suspects(suspicion: &Suspicion) -> Vec<&str> {
        match suspicion {
            Suspicion::Report(keys) => keys.keys().map(KeyId::as_str).collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn every_live_managed_key_is_suspected_unless_one_is_named() {
        assert_eq!(suspects(&weigh(&state(&[]), &Report::default())), ["a", "b"]);
        assert_eq!(suspects(&weigh(&state(&[]), &named(&["b"]))), ["b"]);
        assert_eq!(suspects(&weigh(&state(&[]), &named(&["stranger"]))), ["stranger"]);
        assert_eq!(weigh(&State::default(), &Report::default()), Suspicion::NoKey);
    }

    #[test]
    fn a_second_report_joins_the_first_unless_it_says_something_new() {
        let open = state(&["a"]);
        assert_eq!(weigh(&open, &Report::default()), Suspicion::Joins);
        assert_eq!(weigh(&open, &named(&["a"])), Suspicion::Joins);
        assert_eq!(suspects(&weigh(&open, &named(&["a", "b"]))), ["a", "b"]);
        let again = Report { again: true, ..Report::default() };
        assert_eq!(suspects(&weigh(&open, &again)), ["a", "b"]);
        let hurry = Report { kill_first: true, ..Report::default() };
        assert_eq!(suspects(&weigh(&open, &hurry)), ["a"]);
        let longer = Report { since_ms: Some(5), ..Report::default() };
        assert_eq!(suspects(&weigh(&open, &longer)), ["a"], "a longer look back is no repetition");
    }
}
