//! Reading beside a writer, and after it, leaves no trace and misses nothing.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rekeyd::journal::{JOURNAL_FILE, SqliteJournal};
use rekeyd::port::{Journal, JournalError};
use tempfile::TempDir;

use crate::child::{Role, start_as_other_user};
use crate::harness::{append, at, event, one, written};

/// Every file with its content and time of change. The index is the writer's scratch space, in
/// which a reader's locks show; that it is there or not is what counts.
fn traces(dir: &Path) -> BTreeMap<String, (Vec<u8>, i64, i64)> {
    let entries = fs::read_dir(dir).unwrap().map(Result::unwrap);
    entries
        .map(|entry| {
            let facts = entry.metadata().unwrap();
            let content = fs::read(entry.path()).unwrap();
            let name = entry.file_name().into_string().unwrap();
            (name, (content, facts.mtime(), facts.mtime_nsec()))
        })
        .collect()
}

/// Copies a journal that is in use, as a crash would leave it.
fn crashed(from: &Path, suffixes: &[&str]) -> TempDir {
    let to = TempDir::new().unwrap();
    for suffix in suffixes {
        let name = format!("{JOURNAL_FILE}{suffix}");
        fs::copy(from.join(&name), to.path().join(&name)).unwrap();
    }
    to
}

#[tokio::test]
async fn a_reader_sees_what_a_writer_appends_and_may_append_nothing() {
    let dir = TempDir::new().unwrap();
    let writer = SqliteJournal::open(dir.path()).unwrap();
    append(&writer, 0, event(1)).await;
    let reader = SqliteJournal::open_read_only(dir.path()).unwrap();
    assert_eq!(reader.id(), writer.id());
    for n in 1..50 {
        assert_eq!(reader.replay(&one()).await.unwrap(), writer.replay(&one()).await.unwrap());
        append(&writer, n, event(n + 1)).await;
    }
    assert_eq!(reader.head().await.unwrap(), writer.head().await.unwrap());
    assert_eq!(reader.streams().await.unwrap(), [one()]);
    let refused = reader.append(&one(), 50, &at(1), &[event(51)]).await;
    assert!(matches!(refused, Err(JournalError::Unwritable(_))), "{refused:?}");
    assert_eq!(writer.replay(&one()).await.unwrap().len(), 50);
}

#[tokio::test]
async fn a_reader_sees_a_writer_that_comes_and_goes() {
    let dir = TempDir::new().unwrap();
    written(dir.path(), 3).await;
    let reader = SqliteJournal::open_read_only(dir.path()).unwrap();
    for n in 3..9 {
        let writer = SqliteJournal::open(dir.path()).unwrap();
        append(&writer, n, event(n + 1)).await;
        if n % 2 == 0 {
            drop(writer);
            assert_eq!(reader.replay(&one()).await.unwrap().len() as u64, n + 1);
        } else {
            assert_eq!(reader.replay(&one()).await.unwrap().len() as u64, n + 1);
        }
    }
}

#[tokio::test]
async fn reading_leaves_no_trace_whatever_the_writer_left() {
    let dir = TempDir::new().unwrap();
    let writer = SqliteJournal::open(dir.path()).unwrap();
    for n in 0..5 {
        append(&writer, n, event(n + 1)).await;
    }
    let killed = crashed(dir.path(), &["", "-wal", "-shm"]);
    let copied = crashed(dir.path(), &["", "-wal"]);
    let recorded = writer.replay(&one()).await.unwrap();
    drop(writer);
    for left in [&dir, &killed, &copied] {
        let before = traces(left.path());
        let reader = SqliteJournal::open_read_only(left.path()).unwrap();
        assert_eq!(reader.replay(&one()).await.unwrap(), recorded);
        assert_eq!(traces(left.path()), before);
        drop(reader);
        assert_eq!(traces(left.path()), before);
    }
}

#[tokio::test]
async fn a_user_who_may_only_read_can_read_and_cannot_write() {
    let dir = TempDir::new().unwrap();
    written(dir.path(), 5).await;
    let said = start_as_other_user(Role::Read, dir.path()).output_of_success();
    assert!(said.contains(&"read 5".to_owned()), "{said:?}");
    assert!(said.contains(&"not ours to write".to_owned()), "{said:?}");
}

#[tokio::test]
async fn a_log_torn_anywhere_leaves_a_beginning_of_what_was_appended() {
    let dir = TempDir::new().unwrap();
    let writer = SqliteJournal::open(dir.path()).unwrap();
    for n in 0..6 {
        append(&writer, n, event(n + 1)).await;
    }
    let recorded = writer.replay(&one()).await.unwrap();
    let whole = fs::metadata(dir.path().join(format!("{JOURNAL_FILE}-wal"))).unwrap().len();
    let mut lengths = Vec::new();
    for cut in (0..=whole).step_by(1031) {
        let torn = crashed(dir.path(), &["", "-wal"]);
        let wal = torn.path().join(format!("{JOURNAL_FILE}-wal"));
        fs::OpenOptions::new().write(true).open(wal).unwrap().set_len(whole - cut).unwrap();
        let seen = SqliteJournal::open_read_only(torn.path()).unwrap();
        let seen = seen.replay(&one()).await.unwrap();
        let journal = SqliteJournal::open(torn.path()).unwrap();
        let left = journal.replay(&one()).await.unwrap();
        assert_eq!(left, recorded[..left.len()]);
        assert_eq!(seen, left);
        append(&journal, left.len() as u64, event(99)).await;
        lengths.push(left.len());
    }
    assert_eq!((lengths.first(), lengths.last()), (Some(&6), Some(&0)));
}

#[test]
fn where_no_journal_is_none_is_made_by_reading() {
    let dir = TempDir::new().unwrap();
    let opened = SqliteJournal::open_read_only(dir.path());
    assert!(matches!(opened, Err(JournalError::NotOurs(_))), "{opened:?}");
    assert!(traces(dir.path()).is_empty());
}
