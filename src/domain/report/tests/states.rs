//! What is said of states.

use super::*;
use crate::domain::clocks::Moment;
use crate::domain::code::Concern;
use crate::domain::policy::parse;
use crate::domain::state::{
    Event, ManagedKey, Origin, Orphan, OrphanKind, Progress, Ruled, Ruling, Suspect, apply,
};

fn policy() -> Policy {
    parse(
        "p.toml",
        "[issuer.ion]\nenvironment = \"app.firstresonance.io\"\n[store.file]\npath = \"/a\"\n\
         [schedule]\nevery = \"30d\"\n",
    )
    .unwrap()
}

#[test]
fn what_nobody_adopted_is_unadopted_and_never_due() {
    let policy = policy();
    let state = State::default();
    let subject = Subject { name: "p", policy: Some(&policy), state: &state, certain_ms: 0 };
    let report = policy_report(&subject, &now());
    assert_eq!((report.state, report.next_due), (Standing::Unadopted, None));
    assert_eq!(report.problems, []);
}

const KEPT: Ruled = Ruled { ruling: Ruling::Keep, progress: Progress::Done };

#[test]
fn an_orphan_and_a_lost_policy_are_problems() {
    let mut state = State::default();
    let orphan = |kept: bool| Orphan {
        since: Moment { wall_ms: NOW_MS, ..Moment::default() },
        kind: OrphanKind::Stranger,
        ruled: kept.then_some(KEPT),
    };
    state.orphans.insert(key("awaits"), orphan(false));
    state.orphans.insert(key("ruled"), orphan(true));
    let subject = Subject { name: "p", policy: None, state: &state, certain_ms: 0 };
    let report = policy_report(&subject, &now());
    let codes: Vec<String> = report.problems.iter().map(|p| p.code.to_string()).collect();
    assert_eq!(codes, ["orphan", "no_policy"]);
    assert!(report.problems[0].message.contains("awaits"));
    assert_eq!(orphans("p", &state).len(), 2);
}

#[test]
fn a_count_of_keys_is_a_sentence_whatever_the_count() {
    let mut before = State::default();
    let now = Moment::default();
    let (kind, ruled) = (OrphanKind::Stranger, Some(KEPT));
    let kept = Orphan { since: now, kind, ruled };
    before.orphans.insert(key("ruled"), kept);
    let appeared = |names: &[&str]| {
        let keys = names.iter().map(|name| key(name)).collect();
        tell(&before, &Event::Strangers { keys }, "p").unwrap()
    };
    assert_eq!(appeared(&["ruled"]), "no key appeared around the leak");
    assert_eq!(appeared(&["ruled", "a"]), "1 key appeared around the leak");
    assert_eq!(appeared(&["a", "b"]), "2 keys appeared around the leak");
}

#[test]
fn what_a_failed_call_said_is_told_wherever_its_trouble_is() {
    let said = Some("the auth server at x.example could not be reached".to_owned());
    let (class, step) = (Class::Retryable, "exchange".to_owned());
    let troubled = Event::Troubled { class, step: step.clone(), said: said.clone() };
    let mut state = State::default();
    for _ in 0..3 {
        state = apply(state, &now(), &troubled).unwrap();
    }
    let refusal = Refusal::Trouble { class, step: step.clone(), said };
    let policy = policy();
    let subject = Subject { name: "p", policy: Some(&policy), state: &state, certain_ms: 0 };
    let problems = policy_report(&subject, &now()).problems;
    let shown_as =
        problems.iter().find(|p| p.code == Concern::Trouble.into()).unwrap().message.clone();
    let park = Event::Parked { reason: ParkReason::Trouble { class, step } };
    let stopped = apply(state.clone(), &now(), &park).unwrap();
    for text in [
        shown_as,
        tell(&state, &troubled, "p").unwrap(),
        tell(&state, &park, "p").unwrap(),
        parked("p", &stopped).unwrap().message,
        refused("p", RequestKind::Rotate, &refusal).message,
    ] {
        assert!(text.contains("x.example could not be reached"), "{text}");
    }
}

#[test]
fn a_key_that_the_next_run_removes_is_not_said_to_need_a_rotation() {
    let managed =
        |life| ManagedKey { life, ..ManagedKey::new(Origin::Minted, Moment::default(), None) };
    let gone = || managed(Life::Deleted { at: Moment::default(), proven: false });
    let mut state = State::default();
    state.keys.insert(key("k1"), gone());
    let suspect = Suspect {
        reported: Moment::default(),
        dead: Some(Moment::default()),
        fate: None,
        foreign: false,
    };
    state.suspects.insert(key("k1"), suspect);
    let problem = left_over("p", &state).unwrap();
    assert_eq!(problem.next_command, "rekeyd run --once");
    assert!(!problem.message.contains("not deleted"), "{}", problem.message);
    state.keys.insert(key("k2"), managed(Life::Live));
    assert_eq!(left_over("p", &state).unwrap().next_command, "rekeyd --rotate-now p");
}

/// Beside the old key, which was said to be off, stood that the same key is alive.
#[test]
fn a_suspect_that_is_disabled_was_called_alive() {
    let suspect = Suspect { reported: Moment::default(), dead: None, fate: None, foreign: false };
    let at = Moment::default();
    let off =
        Life::Disabled { at, pin: None, sent: None, pinned: false, proven: false, ours: true };
    for (life, is_off, said) in [
        (Life::Live, false, "key k1 is reported leaked and is not proven dead."),
        (off, true, "key k1 is reported leaked and off, but it is not proven dead."),
    ] {
        let mut state = State::default();
        let managed = ManagedKey::new(Origin::Minted, Moment::default(), None);
        state.keys.insert(key("k1"), ManagedKey { life, ..managed });
        state.suspects.insert(key("k1"), suspect.clone());
        let policy = policy();
        let subject = Subject { name: "p", policy: Some(&policy), state: &state, certain_ms: 0 };
        let report = policy_report(&subject, &now());
        assert_eq!((report.suspects[0].state, report.suspects[0].off), ("alive", is_off));
        let alive = report.problems.iter().find(|p| p.code == Concern::SuspectAlive.into());
        assert_eq!(alive.unwrap().message, said);
    }
}

/// After the last ruling the park went on to say that nobody had ruled, and named an empty list.
#[test]
fn a_park_for_orphans_that_are_all_ruled_on_says_to_resume() {
    let event = Event::Parked { reason: ParkReason::Orphans };
    let mut state = apply(State::default(), &now(), &event).unwrap();
    let orphan =
        |ruled| Orphan { since: Moment::default(), kind: OrphanKind::PossiblyMinted, ruled };
    for id in ["k1", "k2"] {
        state.orphans.insert(key(id), orphan(None));
    }
    assert_eq!(parked("p", &state).unwrap().next_command, "rekeyd orphans list");
    let kept = Ruled { ruling: Ruling::Keep, progress: Progress::Done };
    state.orphans.insert(key("k2"), orphan(Some(kept)));
    let problem = parked("p", &state).unwrap();
    assert_eq!(problem.next_command, "rekeyd resume p");
    assert!(!problem.message.contains("nobody has ruled"), "{}", problem.message);
}
