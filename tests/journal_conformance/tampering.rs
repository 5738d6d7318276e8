//! A journal that is not what we wrote is refused, by name of the first row that does not hold.

use std::fs;
use std::path::Path;

use rekeyd::journal::{JOURNAL_FILE, SqliteJournal};
use rekeyd::port::{Journal, JournalError};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::harness::{append, at, event, one, written};

fn tamper(dir: &Path, sql: &str) {
    Connection::open(dir.join(JOURNAL_FILE)).unwrap().execute_batch(sql).unwrap();
}

fn broken(result: Result<SqliteJournal, JournalError>) -> String {
    match result {
        Err(JournalError::Broken(why)) => why,
        Err(other) => panic!("not broken: {other}"),
        Ok(_) => panic!("it was opened"),
    }
}

#[tokio::test]
async fn a_changed_removed_added_or_moved_row_is_refused_by_its_number() {
    let swap = "UPDATE events SET sequence = -1 WHERE sequence = 4;
                UPDATE events SET sequence = 4 WHERE sequence = 5;
                UPDATE events SET sequence = 5 WHERE sequence = -1;";
    let copy = "INSERT INTO events SELECT -3, 'x', 1, at, event, previous_hash, hash
                FROM events WHERE sequence = 1";
    for (sql, row) in [
        ("UPDATE events SET event = replace(event, '4', '5') WHERE sequence = 4", "row 4 "),
        ("UPDATE events SET event = event || ' ' WHERE sequence = 4", "row 4 "),
        ("UPDATE events SET at = replace(at, '1', '2') WHERE sequence = 4", "row 4 "),
        ("UPDATE events SET stream = 'other', position = 1 WHERE sequence = 4", "row 4 "),
        ("UPDATE events SET position = 99 WHERE sequence = 4", "row 4 "),
        ("UPDATE events SET hash = previous_hash WHERE sequence = 4", "row 4 "),
        ("UPDATE events SET previous_hash = hash WHERE sequence = 4", "row 4 "),
        ("UPDATE events SET event = CAST(x'ff' AS TEXT) WHERE sequence = 4", "row 4 "),
        ("UPDATE events SET event = hex(zeroblob(3000000)) WHERE sequence = 4", "row 4 "),
        ("UPDATE events SET sequence = 99 WHERE sequence = 9", "row 9 "),
        ("DELETE FROM events WHERE sequence = 1", "row 1 "),
        ("DELETE FROM events WHERE sequence = 4", "row 4 "),
        (swap, "row 4 "),
        (copy, "row 1 "),
        ("UPDATE meta SET journal = 'another'", "row 1 "),
        ("DELETE FROM meta", "lost its id"),
        ("CREATE TRIGGER t AFTER INSERT ON events BEGIN DELETE FROM events; END", "its tables"),
        ("DROP TABLE meta", "its tables"),
    ] {
        let dir = TempDir::new().unwrap();
        written(dir.path(), 9).await;
        tamper(dir.path(), sql);
        for opened in [SqliteJournal::open_read_only(dir.path()), SqliteJournal::open(dir.path())] {
            let why = broken(opened);
            assert!(why.contains(row), "{sql}: {why}");
        }
    }
}

#[tokio::test]
async fn rows_removed_from_the_end_are_seen_only_by_who_kept_the_head() {
    let dir = TempDir::new().unwrap();
    written(dir.path(), 9).await;
    let kept = SqliteJournal::open(dir.path()).unwrap().head().await.unwrap();
    tamper(dir.path(), "DELETE FROM events WHERE sequence = 9");
    let journal = SqliteJournal::open(dir.path()).unwrap();
    assert_eq!(journal.replay(&one()).await.unwrap().len(), 8);
    append(&journal, 8, event(10)).await;
    let now = journal.head().await.unwrap();
    assert!(now.0 == kept.0 && now.1 != kept.1);
}

#[tokio::test]
async fn a_row_changed_while_the_journal_is_open_stops_every_append() {
    for (sql, row) in [
        ("DELETE FROM events WHERE sequence = 9", "row 9 "),
        ("UPDATE events SET hash = 'x' WHERE sequence = 9", "row 9 "),
        (
            "INSERT INTO events SELECT 10, stream, 10, at, event, hash, hash FROM events
          WHERE sequence = 9",
            "row 10 ",
        ),
    ] {
        let dir = TempDir::new().unwrap();
        written(dir.path(), 9).await;
        let journal = SqliteJournal::open(dir.path()).unwrap();
        tamper(dir.path(), sql);
        match journal.append(&one(), 9, &at(10), &[event(10)]).await {
            Err(JournalError::Broken(why)) => assert!(why.contains(row), "{sql}: {why}"),
            other => panic!("{sql}: {other:?}"),
        }
        assert!(matches!(journal.replay(&one()).await, Err(JournalError::Broken(_))));
    }
}

#[tokio::test]
async fn a_journal_from_the_future_is_refused_and_left_alone() {
    let dir = TempDir::new().unwrap();
    written(dir.path(), 3).await;
    tamper(dir.path(), "PRAGMA user_version = 7; CREATE TABLE later (x)");
    let before = fs::read(dir.path().join(JOURNAL_FILE)).unwrap();
    for opened in [SqliteJournal::open_read_only(dir.path()), SqliteJournal::open(dir.path())] {
        assert!(matches!(opened, Err(JournalError::Newer { found: 7, known: 1 })), "{opened:?}");
    }
    assert_eq!(fs::read(dir.path().join(JOURNAL_FILE)).unwrap(), before);
}

#[tokio::test]
async fn a_file_that_is_no_journal_is_refused_and_left_alone() {
    let foreign = TempDir::new().unwrap();
    tamper(foreign.path(), "CREATE TABLE photos (x); INSERT INTO photos VALUES (1)");
    let foreign = fs::read(foreign.path().join(JOURNAL_FILE)).unwrap();
    let versioned = TempDir::new().unwrap();
    tamper(versioned.path(), "PRAGMA user_version = 1");
    let versioned = fs::read(versioned.path().join(JOURNAL_FILE)).unwrap();
    for garbage in [b"not a database".to_vec(), vec![0; 8192], vec![0xa5; 8192], foreign, versioned]
    {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join(JOURNAL_FILE);
        fs::write(&path, &garbage).unwrap();
        broken(SqliteJournal::open_read_only(dir.path()));
        broken(SqliteJournal::open(dir.path()));
        assert_eq!(fs::read(&path).unwrap(), garbage);
    }
}

#[tokio::test]
async fn a_spoilt_page_is_never_read_as_something_else() {
    const PAGE: usize = 4096;
    let dir = TempDir::new().unwrap();
    let recorded = written(dir.path(), 120).await;
    let good = fs::read(dir.path().join(JOURNAL_FILE)).unwrap();
    let pages = good.len() / PAGE;
    assert!(pages > 10);
    for page in 0..pages {
        let mut bad = good.clone();
        bad[page * PAGE..(page + 1) * PAGE].fill(0xa5);
        fs::write(dir.path().join(JOURNAL_FILE), bad).unwrap();
        broken(SqliteJournal::open(dir.path()));
        if let Ok(journal) = SqliteJournal::open_read_only(dir.path()) {
            match journal.replay(&one()).await {
                Ok(rows) => assert_eq!(rows, recorded),
                Err(error) => assert!(matches!(error, JournalError::Broken(_)), "{error}"),
            }
        }
    }
    for kept in [PAGE, good.len() / 2, good.len() - PAGE, good.len() - 1] {
        fs::write(dir.path().join(JOURNAL_FILE), &good[..kept]).unwrap();
        broken(SqliteJournal::open_read_only(dir.path()));
        broken(SqliteJournal::open(dir.path()));
    }
}
