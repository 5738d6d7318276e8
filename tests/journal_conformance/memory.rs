//! The memory journal's failures on demand.

use rekeyd::journal::{FailWhen, MemoryJournal};
use rekeyd::port::{Journal, JournalError};

use crate::harness::{append, at, event, one};

async fn is_unwritable(journal: &MemoryJournal, expected: u64) -> bool {
    let result = journal.append(&one(), expected, &at(9), &[event(9)]).await;
    matches!(result, Err(JournalError::Unwritable(_)))
}

#[tokio::test]
async fn a_failure_before_the_effect_appends_nothing_and_comes_once() {
    let journal = MemoryJournal::new();
    journal.fail_append(2, FailWhen::Before);
    append(&journal, 0, event(1)).await;
    assert!(is_unwritable(&journal, 1).await);
    assert_eq!(journal.replay(&one()).await.unwrap().len(), 1);
    append(&journal, 1, event(2)).await;
    assert_eq!(journal.appends(), 3);
}

#[tokio::test]
async fn a_failure_after_the_effect_leaves_the_event_there() {
    let journal = MemoryJournal::new();
    journal.fail_append(1, FailWhen::After);
    assert!(is_unwritable(&journal, 0).await);
    assert_eq!(journal.replay(&one()).await.unwrap()[0].event, event(9));
    append(&journal, 1, event(2)).await;
}

#[tokio::test]
async fn free_space_is_what_the_test_says() {
    let journal = MemoryJournal::new();
    assert_eq!(journal.free_bytes().await.unwrap(), u64::MAX);
    journal.set_free_bytes(5);
    assert_eq!(journal.clone().free_bytes().await.unwrap(), 5);
}
