//! Journals to try, and events to put into them.

use std::path::Path;

use rekeyd::domain::class::Class;
use rekeyd::domain::clocks::{DateSource, Dated, Stamp};
use rekeyd::domain::ids::SecretKey;
use rekeyd::domain::state::Event;
use rekeyd::journal::{MemoryJournal, SqliteJournal};
use rekeyd::port::{Journal, Recorded};
use tempfile::TempDir;

/// Opens the same journal as often as asked.
pub(crate) trait Harness {
    fn open(&self) -> Box<dyn Journal>;
}

pub(crate) struct InMemory(MemoryJournal);

impl InMemory {
    pub(crate) fn new() -> Self {
        Self(MemoryJournal::new())
    }
}

impl Harness for InMemory {
    fn open(&self) -> Box<dyn Journal> {
        Box::new(self.0.clone())
    }
}

pub(crate) struct InSqlite(TempDir);

impl InSqlite {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }
}

impl Harness for InSqlite {
    fn open(&self) -> Box<dyn Journal> {
        Box::new(SqliteJournal::open(self.0.path()).unwrap())
    }
}

pub(crate) fn stream(name: &str) -> SecretKey {
    SecretKey::new(name).unwrap()
}

/// The stream that tests with one stream use.
pub(crate) fn one() -> SecretKey {
    stream("aws:us-west-2:prod/ion/netsuite-sync")
}

pub(crate) fn at(n: u64) -> Stamp {
    let ms = i64::try_from(n).unwrap();
    Stamp {
        wall_ms: 1_790_000_000_000 + ms,
        boot: "11111111-2222-4333-8444-555555555555".to_owned(),
        boottime_ms: ms,
        dated: Some(Dated { source: DateSource::Auth, ms: 1_790_000_000_000 + ms }),
    }
}

/// The journal does not look into events, so any event with a text in it will do.
pub(crate) fn event_of(text: &str) -> Event {
    Event::Troubled { class: Class::Retryable, step: text.to_owned(), said: None }
}

pub(crate) fn event(n: u64) -> Event {
    event_of(&format!("event {n}"))
}

/// About 64 KiB that are told apart by `n`.
pub(crate) fn large_event(n: u64) -> Event {
    event_of(&format!("{n:0>65000}"))
}

pub(crate) async fn append(journal: &dyn Journal, expected: u64, event: Event) {
    let position = journal.append(&one(), expected, &at(expected + 1), &[event]).await.unwrap();
    assert_eq!(position, expected + 1);
}

/// A journal of `count` events in one stream, closed.
pub(crate) async fn written(dir: &Path, count: u64) -> Vec<Recorded> {
    let journal = SqliteJournal::open(dir).unwrap();
    for n in 0..count {
        append(&journal, n, event(n + 1)).await;
    }
    journal.replay(&one()).await.unwrap()
}

/// Names in a directory, sorted.
pub(crate) fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
