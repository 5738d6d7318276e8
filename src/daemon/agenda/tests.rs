//! What comes next, and what never does.

use super::*;
use crate::domain::policy::duration::HOUR_MS;

const WINDOW_MS: i64 = HOUR_MS;

fn now(wall_ms: i64, boottime_ms: i64) -> Stamp {
    Stamp { wall_ms, boot: "b".to_owned(), boottime_ms, dated: None }
}

fn secret(name: &str) -> SecretKey {
    SecretKey::new(format!("file:{name}")).unwrap()
}

fn outlook(due_ms: Option<i64>, look_in_ms: i64, rank: Rank) -> Outlook {
    Outlook { due_ms, look_in_ms, rank }
}

/// Each with what is known of it at the beginning of time.
fn agenda(all: &[(&str, Outlook)]) -> Agenda {
    let mut agenda = Agenda::new(WINDOW_MS);
    for (name, outlook) in all {
        agenda.put(&secret(name), name, outlook, &now(0, 0));
    }
    agenda
}

fn names(taken: &[Work]) -> Vec<&str> {
    taken.iter().map(|one| one.secret.as_str().trim_start_matches("file:")).collect()
}

#[test]
fn a_leak_goes_before_everything_and_the_rest_by_how_long_it_waits() {
    let mut agenda = agenda(&[
        ("idle", outlook(None, 0, Rank::Idle)),
        ("a-later-open-one", outlook(None, 5, Rank::Open)),
        ("leak", outlook(None, 5, Rank::Leak)),
    ]);
    for moment in [1, 6] {
        assert_eq!(agenda.tick(&now(moment, moment)), None);
    }
    assert_eq!(names(&agenda.take(0, &now(6, 6))), ["leak"], "it needs no place");
    assert_eq!(names(&agenda.take(1, &now(6, 6))), ["idle"]);
    assert_eq!(names(&agenda.take(1, &now(6, 6))), ["a-later-open-one"]);
    assert!(agenda.take(9, &now(6, 6)).is_empty());
}

#[test]
fn what_is_being_worked_on_is_not_taken_again_before_that_ends() {
    let mut agenda = agenda(&[("a", outlook(None, 0, Rank::Idle))]);
    agenda.tick(&now(1, 1));
    assert_eq!(names(&agenda.take(9, &now(1, 1))), ["a"]);
    agenda.put(&secret("a"), "a", &outlook(Some(1), 0, Rank::Leak), &now(2, 2));
    agenda.tick(&now(3, 3));
    assert!(agenda.take(9, &now(3, 3)).is_empty());
    agenda.settle(&secret("a"), &outlook(None, 1, Rank::Leak), &now(4, 4));
    agenda.tick(&now(5, 5));
    assert_eq!(names(&agenda.take(0, &now(5, 5))), ["a"]);
}

#[test]
fn a_start_is_on_time_or_at_the_secrets_own_place_in_the_window() {
    let mut agenda = agenda(&[
        ("now", outlook(Some(10 * HOUR_MS), 99 * HOUR_MS, Rank::Idle)),
        ("missed", outlook(Some(HOUR_MS), 99 * HOUR_MS, Rank::Idle)),
    ]);
    agenda.tick(&now(10 * HOUR_MS, 1));
    assert_eq!(names(&agenda.take(9, &now(0, 0))), ["now"]);
    let (start, _) = agenda.next_times();
    let start_ms = start.unwrap();
    assert!((10 * HOUR_MS + 1..=11 * HOUR_MS).contains(&start_ms), "{start_ms}");
    agenda.tick(&now(start_ms - 1, 2));
    assert!(agenda.take(9, &now(0, 0)).is_empty());
    agenda.tick(&now(start_ms, 3));
    assert_eq!(names(&agenda.take(9, &now(0, 0))), ["missed"]);
}

#[test]
fn what_was_removed_never_comes_also_when_its_work_ends_later() {
    let mut agenda = agenda(&[
        ("listed", outlook(Some(5), 5, Rank::Open)),
        ("worked", outlook(None, 0, Rank::Open)),
    ]);
    agenda.tick(&now(0, 0));
    assert_eq!(names(&agenda.take(9, &now(0, 0))), ["worked"]);
    agenda.remove(&secret("listed"));
    agenda.remove(&secret("worked"));
    agenda.settle(&secret("worked"), &outlook(Some(1), 0, Rank::Open), &now(1, 1));
    agenda.release(&secret("worked"), &now(1, 1));
    agenda.tick(&now(9 * HOUR_MS, 9 * HOUR_MS));
    assert!(agenda.take(9, &now(0, 0)).is_empty());
    assert_eq!(agenda.counts(), (0, 0, 0));
}

#[test]
fn nothing_is_lost_whatever_is_done_to_it() {
    let mut agenda = agenda(&[("a", outlook(Some(HOUR_MS), HOUR_MS, Rank::Idle))]);
    let a = secret("a");
    for round in 1..200 {
        let at = now(round * HOUR_MS, round * HOUR_MS);
        agenda.tick(&at);
        match round % 5 {
            0 => agenda.claim(&a),
            2 => agenda.put(&a, "a", &outlook(None, HOUR_MS, Rank::Idle), &at),
            3 => drop(agenda.take(1, &now(0, 0))),
            _ => {}
        }
        if agenda.is_working(&a) {
            agenda.release(&a, &at);
        }
    }
    agenda.tick(&now(300 * HOUR_MS, 300 * HOUR_MS));
    assert_eq!(names(&agenda.take(1, &now(0, 0))), ["a"]);
}
