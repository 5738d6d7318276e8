//! The cases of the suite.

use std::sync::Arc;

use rekeyd::port::{Journal, JournalError};

use crate::harness::{Harness, append, at, event, event_of, one, stream};

fn stale(error: &JournalError) -> (u64, u64) {
    match error {
        JournalError::StaleHead { expected, found } => (*expected, *found),
        other => panic!("not a stale head: {other}"),
    }
}

pub(crate) async fn an_empty_journal_has_no_streams_and_a_head_of_zeros(harness: &dyn Harness) {
    let journal = harness.open();
    assert_eq!(journal.streams().await.unwrap(), []);
    assert_eq!(journal.replay(&one()).await.unwrap(), []);
    assert_eq!(journal.head().await.unwrap(), (0, "0".repeat(64)));
    assert!(journal.free_bytes().await.unwrap() > 0);
}

pub(crate) async fn events_come_back_in_order_without_gaps(harness: &dyn Harness) {
    let journal = harness.open();
    for n in 0..20 {
        append(journal.as_ref(), n, event(n)).await;
    }
    let recorded = journal.replay(&one()).await.unwrap();
    assert_eq!(recorded.len(), 20);
    for (n, row) in (0..).zip(&recorded) {
        assert_eq!((row.sequence, row.position), (n + 1, n + 1));
        assert_eq!((&row.at, &row.event), (&at(n + 1), &event(n)));
    }
}

pub(crate) async fn streams_are_sorted_and_kept_apart(harness: &dyn Harness) {
    let journal = harness.open();
    for (n, name) in (0..).zip(["b", "a", "B", "b%", "a_", "b", "a"]) {
        let position = journal.replay(&stream(name)).await.unwrap().len() as u64;
        let now = journal.append(&stream(name), position, &at(n), &[event(n)]).await.unwrap();
        assert_eq!(now, position + 1);
    }
    let streams = journal.streams().await.unwrap();
    assert_eq!(streams, ["B", "a", "a_", "b", "b%"].map(stream));
    let heads = journal.heads().await.unwrap();
    assert_eq!(
        heads,
        [("B", 1), ("a", 2), ("a_", 1), ("b", 2), ("b%", 1)].map(|(n, p)| (stream(n), p))
    );
    let of_b = journal.replay(&stream("b")).await.unwrap();
    let rows: Vec<_> = of_b.iter().map(|row| (row.sequence, row.position)).collect();
    assert_eq!(rows, [(1, 1), (6, 2)]);
}

pub(crate) async fn a_wrong_expectation_appends_nothing(harness: &dyn Harness) {
    let journal = harness.open();
    append(journal.as_ref(), 0, event(1)).await;
    append(journal.as_ref(), 1, event(2)).await;
    let before = journal.head().await.unwrap();
    for expected in [0, 1, 3, u64::MAX] {
        let refused = journal.append(&one(), expected, &at(9), &[event(9)]).await.unwrap_err();
        assert_eq!(stale(&refused), (expected, 2));
    }
    let refused = journal.append(&stream("new"), 1, &at(9), &[event(9)]).await.unwrap_err();
    assert_eq!(stale(&refused), (1, 0));
    assert_eq!(journal.head().await.unwrap(), before);
    assert_eq!(journal.replay(&one()).await.unwrap().len(), 2);
    assert_eq!(journal.streams().await.unwrap(), [one()]);
}

pub(crate) async fn of_two_writers_the_slower_is_stale_and_then_reads_the_other_s_events(
    harness: &dyn Harness,
) {
    let (quick, slow) = (harness.open(), harness.open());
    append(quick.as_ref(), 0, event(1)).await;
    let refused = slow.append(&one(), 0, &at(2), &[event(2), event(3)]).await.unwrap_err();
    assert_eq!(stale(&refused), (0, 1));
    assert_eq!(slow.replay(&one()).await.unwrap(), quick.replay(&one()).await.unwrap());
    append(slow.as_ref(), 1, event(2)).await;
    assert_eq!(stale(&quick.append(&one(), 1, &at(3), &[event(3)]).await.unwrap_err()), (1, 2));
    assert_eq!(slow.head().await.unwrap(), quick.head().await.unwrap());
    assert_eq!(quick.head().await.unwrap().0, 2);
}

pub(crate) async fn events_of_one_append_are_there_all_or_none(harness: &dyn Harness) {
    let journal = harness.open();
    let position = journal.append(&one(), 0, &at(1), &[event(1), event(2), event(3)]).await;
    assert_eq!(position.unwrap(), 3);
    let head = journal.head().await.unwrap();
    let too_long = event_of(&"x".repeat(2_000_000));
    let refused = journal.append(&one(), 3, &at(2), &[event(4), too_long]).await.unwrap_err();
    assert!(matches!(refused, JournalError::Unwritable(_)), "{refused}");
    let too_many = vec![event(4); 5000];
    let refused = journal.append(&one(), 3, &at(2), &too_many).await.unwrap_err();
    assert!(matches!(refused, JournalError::Unwritable(_)), "{refused}");
    assert_eq!(journal.head().await.unwrap(), head);
    let recorded = journal.replay(&one()).await.unwrap();
    let events: Vec<_> = recorded.iter().map(|row| row.event.clone()).collect();
    assert_eq!(events, [event(1), event(2), event(3)]);
    assert!(recorded.iter().all(|row| row.at == at(1)));
}

pub(crate) async fn every_event_moves_the_head(harness: &dyn Harness) {
    let journal = harness.open();
    let mut heads = vec![journal.head().await.unwrap().1];
    for n in 0..10 {
        // The same event and stamp each time: the head tells how often it was appended.
        journal.append(&one(), n, &at(0), &[event(0)]).await.unwrap();
        let (sequence, hash) = journal.head().await.unwrap();
        assert_eq!(sequence, n + 1);
        assert!(hash.len() == 64 && !heads.contains(&hash), "{hash}");
        heads.push(hash);
    }
}

pub(crate) async fn what_was_appended_is_the_same_after_reopening(harness: &dyn Harness) {
    let journal = harness.open();
    for n in 0..7 {
        append(journal.as_ref(), n, event(n)).await;
        journal.append(&stream("other"), n, &at(n), &[event(n)]).await.unwrap();
    }
    let (head, streams) = (journal.head().await.unwrap(), journal.streams().await.unwrap());
    let recorded = journal.replay(&one()).await.unwrap();
    drop(journal);
    let journal = harness.open();
    assert_eq!(journal.head().await.unwrap(), head);
    assert_eq!(journal.streams().await.unwrap(), streams);
    assert_eq!(journal.replay(&one()).await.unwrap(), recorded);
    append(journal.as_ref(), 7, event(7)).await;
    assert_eq!(journal.head().await.unwrap().0, 15);
}

pub(crate) async fn an_append_of_nothing_changes_nothing(harness: &dyn Harness) {
    let journal = harness.open();
    append(journal.as_ref(), 0, event(1)).await;
    let head = journal.head().await.unwrap();
    assert_eq!(journal.append(&one(), 1, &at(2), &[]).await.unwrap(), 1);
    assert_eq!(stale(&journal.append(&one(), 0, &at(2), &[]).await.unwrap_err()), (0, 1));
    assert_eq!(journal.append(&stream("new"), 0, &at(2), &[]).await.unwrap(), 0);
    assert_eq!(journal.head().await.unwrap(), head);
    assert_eq!(journal.streams().await.unwrap(), [one()]);
}

pub(crate) async fn racing_writers_lose_nothing_and_leave_no_gap(harness: &dyn Harness) {
    const WRITERS: u64 = 6;
    const EACH: u64 = 5;
    let journals: [Arc<dyn Journal>; 2] = [Arc::from(harness.open()), Arc::from(harness.open())];
    let tasks: Vec<_> = (0..WRITERS)
        .zip(journals.iter().cycle().cloned())
        .map(|(writer, journal)| {
            tokio::spawn(async move {
                let mut expected = 0;
                for n in 0..EACH {
                    let wanted = [event(writer * EACH + n)];
                    loop {
                        match journal.append(&one(), expected, &at(n), &wanted).await {
                            Ok(now) => break expected = now,
                            Err(error) => expected = stale(&error).1,
                        }
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let recorded = journals[0].replay(&one()).await.unwrap();
    let positions: Vec<u64> = recorded.iter().map(|row| row.position).collect();
    assert_eq!(positions, (1..=WRITERS * EACH).collect::<Vec<_>>());
    for n in 0..WRITERS * EACH {
        assert_eq!(recorded.iter().filter(|row| row.event == event(n)).count(), 1);
    }
}

pub(crate) async fn odd_text_comes_back_as_it_went_in(harness: &dyn Harness) {
    let odd = ["", "'; DROP TABLE events; --", "\"\\\u{0}\u{7f}\n", "Schlüssel 鍵 🔑", "%_*?"];
    let journal = harness.open();
    let events = odd.map(event_of);
    let name = stream("aws:arn:aws:secretsmanager:eu-west-1:1:secret:ünï'\"\\%_🔑");
    journal.append(&name, 0, &at(1), &events).await.unwrap();
    drop(journal);
    let recorded = harness.open().replay(&name).await.unwrap();
    assert!(recorded.iter().map(|row| &row.event).eq(&events));
}
