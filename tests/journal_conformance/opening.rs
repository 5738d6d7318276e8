//! Whose directory and files are written to, and what is made there.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use rekeyd::journal::{JOURNAL_FILE, LockError, RESERVE_FILE, SqliteJournal, StateLock};
use rekeyd::port::{Journal, JournalError};
use tempfile::TempDir;

use crate::harness::{append, at, event, names, one, written};

/// A directory of another account: made by chown where we may, else one of the system's.
fn foreign(dir: &TempDir) -> PathBuf {
    if !rustix::process::geteuid().is_root() {
        return PathBuf::from("/usr");
    }
    chown(dir.path(), Some(12345), Some(12345)).unwrap();
    dir.path().to_owned()
}

fn not_ours(dir: &Path) -> String {
    let locked = StateLock::acquire(dir);
    assert!(matches!(locked, Err(LockError::NotOurs(_))), "{locked:?}");
    match SqliteJournal::open(dir) {
        Err(JournalError::NotOurs(why)) => why,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn everything_that_is_made_is_for_its_owner_only() {
    let dir = TempDir::new().unwrap();
    assert!(!SqliteJournal::exists(dir.path()));
    let journal = SqliteJournal::open(dir.path()).unwrap();
    append(&journal, 0, event(1)).await;
    assert!(SqliteJournal::exists(dir.path()));
    let wal_and_shm = [format!("{JOURNAL_FILE}-shm"), format!("{JOURNAL_FILE}-wal")];
    let mut expected = vec![JOURNAL_FILE.to_owned(), RESERVE_FILE.to_owned()];
    expected.extend(wal_and_shm);
    expected.sort();
    assert_eq!(names(dir.path()), expected);
    for name in expected {
        let mode = fs::metadata(dir.path().join(&name)).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn a_directory_of_another_account_is_refused_with_what_to_type() {
    let dir = TempDir::new().unwrap();
    let foreign = foreign(&dir);
    let why = not_ours(&foreign);
    assert!(why.contains("sudo -u '#"), "{why}");
    assert_eq!(names(dir.path()), [""; 0]);
}

#[test]
fn a_directory_that_others_may_write_to_is_refused_with_what_to_type() {
    for mode in [0o777, 0o1777, 0o702, 0o770] {
        let dir = TempDir::new().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(mode)).unwrap();
        let why = not_ours(dir.path());
        assert!(why.contains("chmod go-w"), "{why}");
        assert_eq!(names(dir.path()), [""; 0]);
    }
}

#[test]
fn a_directory_that_is_not_there_is_refused_with_what_to_type() {
    let dir = TempDir::new().unwrap();
    let missing = dir.path().join("state");
    assert!(not_ours(&missing).contains("install -d -m 0700"));
    assert!(!SqliteJournal::exists(&missing));
    fs::write(&missing, "a file").unwrap();
    assert!(not_ours(&missing).contains("not a directory"));
}

#[tokio::test]
async fn a_journal_file_that_others_own_or_write_to_is_refused() {
    let dir = TempDir::new().unwrap();
    written(dir.path(), 1).await;
    let file = dir.path().join(JOURNAL_FILE);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
    assert!(not_ours(dir.path()).contains("chmod go-w"));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    if rustix::process::geteuid().is_root() {
        chown(&file, Some(12345), None).unwrap();
        assert!(not_ours(dir.path()).contains("12345"));
    }
}

#[tokio::test]
async fn a_symlink_in_the_journal_s_place_is_refused_and_one_to_the_directory_is_fine() {
    let (dir, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    written(other.path(), 1).await;
    symlink(other.path().join(JOURNAL_FILE), dir.path().join(JOURNAL_FILE)).unwrap();
    assert!(not_ours(dir.path()).contains("not a regular file"));
    assert!(SqliteJournal::open_read_only(dir.path()).is_err());
    let link = dir.path().join("state");
    symlink(other.path(), &link).unwrap();
    append(&SqliteJournal::open(&link).unwrap(), 1, event(2)).await;
}

#[tokio::test]
async fn an_empty_file_is_a_new_journal_but_not_beside_a_log_with_something_in_it() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join(JOURNAL_FILE);
    fs::write(&file, "").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(!SqliteJournal::exists(dir.path()));
    append(&SqliteJournal::open(dir.path()).unwrap(), 0, event(1)).await;
    let wal = dir.path().join(format!("{JOURNAL_FILE}-wal"));
    fs::write(&wal, "events that nobody else has").unwrap();
    for lost in [true, false] {
        if lost {
            fs::remove_file(&file).unwrap();
        } else {
            fs::write(&file, "").unwrap();
        }
        assert!(SqliteJournal::exists(dir.path()));
        let opened = SqliteJournal::open(dir.path());
        assert!(matches!(opened, Err(JournalError::Broken(_))), "{opened:?}");
        assert_eq!(fs::read(&wal).unwrap(), b"events that nobody else has");
    }
}

#[tokio::test]
async fn a_journal_that_is_moved_away_while_open_acknowledges_nothing_more() {
    let dir = TempDir::new().unwrap();
    let journal = SqliteJournal::open(dir.path()).unwrap();
    append(&journal, 0, event(1)).await;
    let (file, aside) = (dir.path().join(JOURNAL_FILE), dir.path().join("aside"));
    fs::rename(&file, &aside).unwrap();
    for _ in 0..2 {
        let refused = journal.append(&one(), 1, &at(2), &[event(2)]).await;
        assert!(matches!(refused, Err(JournalError::Unwritable(_))), "{refused:?}");
    }
    fs::rename(&aside, &file).unwrap();
    append(&journal, 1, event(2)).await;
    drop(journal);
    let journal = SqliteJournal::open(dir.path()).unwrap();
    assert_eq!(journal.replay(&one()).await.unwrap().len(), 2);
}
