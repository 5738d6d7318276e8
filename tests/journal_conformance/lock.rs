//! One process a state directory.

use rekeyd::journal::{LOCK_FILE, LockError, StateLock};
use tempfile::TempDir;

use crate::child::{Role, start};

fn holder(result: Result<StateLock, LockError>) -> Option<u32> {
    match result {
        Err(LockError::Held { pid, since, .. }) => {
            assert_eq!(pid.is_some(), since.is_some());
            pid
        }
        other => panic!("not held: {other:?}"),
    }
}

#[test]
fn a_lock_is_held_once_and_ends_with_its_value() {
    let dir = TempDir::new().unwrap();
    let lock = StateLock::acquire(dir.path()).unwrap();
    let refused = StateLock::acquire(dir.path());
    let said = refused.as_ref().unwrap_err().to_string();
    assert!(said.contains(&format!("process {}, since 2", std::process::id())), "{said}");
    assert_eq!(holder(refused), Some(std::process::id()));
    drop(lock);
    drop(StateLock::acquire(dir.path()).unwrap());
}

#[test]
fn a_lock_ends_with_its_process_however_that_ends() {
    let dir = TempDir::new().unwrap();
    let mut child = start(Role::Lock, dir.path());
    assert_eq!(child.next_word().as_deref(), Some("locked"));
    assert_eq!(holder(StateLock::acquire(dir.path())), Some(child.pid()));
    child.kill();
    drop(StateLock::acquire(dir.path()).unwrap());
}

#[test]
fn an_illegible_note_in_the_lock_file_hides_only_who_holds_it() {
    let dir = TempDir::new().unwrap();
    let lock = StateLock::acquire(dir.path()).unwrap();
    std::fs::write(dir.path().join(LOCK_FILE), [0xff; 4000]).unwrap();
    assert_eq!(holder(StateLock::acquire(dir.path())), None);
    drop(lock);
    drop(StateLock::acquire(dir.path()).unwrap());
}
