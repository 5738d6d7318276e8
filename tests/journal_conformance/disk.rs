//! Full and failing disks: the journal refuses, gives up its reserve, keeps what it acknowledged,
//! and goes on when it can (R4).

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use rekeyd::journal::{RESERVE_FILE, SqliteJournal};
use rekeyd::port::{Journal, JournalError};
use tempfile::TempDir;

use crate::child::{Role, start_through};
use crate::harness::{append, at, event, large_event, one, written};

const RESERVE_BYTES: u64 = 4 * 1024 * 1024;

#[tokio::test]
async fn the_reserve_is_really_written_and_made_again_when_it_is_not_whole() {
    use std::os::unix::fs::MetadataExt;
    let dir = TempDir::new().unwrap();
    let reserve = dir.path().join(RESERVE_FILE);
    let spoils: [fn(&Path); 3] = [
        |_| (),
        |path| fs::remove_file(path).unwrap(),
        |path| File::create(path).unwrap().set_len(RESERVE_BYTES).unwrap(),
    ];
    written(dir.path(), 0).await;
    for spoil in spoils {
        spoil(&reserve);
        written(dir.path(), 0).await;
        let facts = fs::metadata(&reserve).unwrap();
        assert!(facts.len() == RESERVE_BYTES && facts.blocks() * 512 >= RESERVE_BYTES);
    }
}

/// A file-size limit stands for a quota: writes fail, though the disk has room.
#[tokio::test]
async fn a_write_that_fails_is_unwritable_and_the_reserve_is_given_up() {
    let dir = TempDir::new().unwrap();
    written(dir.path(), 0).await;
    let limited = ["sh", "-c", "trap '' XFSZ; ulimit -f 2048; exec \"$0\" \"$@\""];
    let said = start_through(&limited, Role::AppendLarge, dir.path()).output_of_success();
    assert_eq!(said.first().unwrap(), "reserve true");
    assert_eq!(said.last().unwrap(), "reserve false");
    assert!(said.contains(&"refused".to_owned()));
    let acks = said.iter().filter(|word| word.starts_with("ack ")).count();
    assert!(acks > 5, "{acks}");
    let journal = SqliteJournal::open(dir.path()).unwrap();
    let recorded = journal.replay(&one()).await.unwrap();
    assert!(recorded.len() == acks || recorded.len() == acks + 1);
    append(&journal, recorded.len() as u64, event(0)).await;
    assert!(dir.path().join(RESERVE_FILE).exists());
}

#[test]
fn on_a_full_disk_the_reserve_takes_the_next_event_and_room_lets_it_go_on() {
    let dir = TempDir::new().unwrap();
    let root = rustix::process::geteuid().is_root();
    let flags = if root { "-m" } else { "-Urm" };
    let mount = format!(
        "mount -t tmpfs -o size=40m,mode=0700 tmpfs '{}' && echo mounted && exec \"$0\" \"$@\"",
        dir.path().display()
    );
    let tried = Command::new("unshare").args([flags, "true"]).stderr(Stdio::null()).status();
    if !tried.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: no mount namespace of our own (unshare {flags})");
        return;
    }
    let program = ["unshare", flags, "sh", "-c", &mount];
    let (said, good) = start_through(&program, Role::SmallDisk, dir.path()).finish();
    if said.is_empty() {
        eprintln!("SKIPPED: no file system of our own (mount -t tmpfs)");
        return;
    }
    assert!(good, "{said:?}");
    assert_eq!(said, ["mounted", "done"]);
}

/// The child's part of the story.
pub(crate) async fn use_up_a_small_disk(dir: &Path) {
    let reserve = dir.join(RESERVE_FILE);
    let journal = SqliteJournal::open(dir).unwrap();
    append(&journal, 0, event(1)).await;
    assert!(reserve.exists());
    assert!(journal.free_bytes().await.unwrap() > 30 << 20);

    fill(&dir.join("filler"));
    assert_eq!(journal.free_bytes().await.unwrap(), 0);
    append(&journal, 1, large_event(2)).await;
    assert!(!reserve.exists(), "it took the reserve to append this");

    fill(&dir.join("another filler"));
    let position = until_refused(&journal, 2).await;
    assert_eq!(journal.replay(&one()).await.unwrap().len() as u64, position);

    fs::remove_file(dir.join("filler")).unwrap();
    append(&journal, position, large_event(position + 1)).await;
    drop(journal);
    let journal = SqliteJournal::open(dir).unwrap();
    assert!(reserve.exists(), "there is room again");
    let recorded = journal.replay(&one()).await.unwrap();
    assert_eq!(recorded.len() as u64, position + 1);
    println!("done");
}

async fn until_refused(journal: &SqliteJournal, from: u64) -> u64 {
    for position in from..1000 {
        match journal.append(&one(), position, &at(0), &[large_event(position + 1)]).await {
            Ok(_) => {}
            Err(JournalError::Unwritable(_)) => return position,
            Err(other) => panic!("{other}"),
        }
    }
    panic!("the disk is never full");
}

fn fill(path: &Path) {
    let mut file = File::create(path).unwrap();
    for bytes in [1 << 16, 1 << 12, 1] {
        let chunk = vec![1; bytes];
        let error = loop {
            if let Err(error) = file.write_all(&chunk) {
                break error;
            }
        };
        assert_eq!(error.kind(), ErrorKind::StorageFull);
    }
}

/// Each flush to the disk fails once, and from each on for ever: nothing that was acknowledged is
/// missing, nothing is there twice, and what was refused can be asked for again.
#[tokio::test]
async fn no_failing_flush_loses_or_doubles_an_event() {
    let strace = Command::new("strace").args(["-qq", "-o", "/dev/null", "true"]).status();
    if !strace.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: strace is not there or may not trace");
        return;
    }
    let (mut healed, mut refused) = (0, 0);
    for when in (1..=16).flat_map(|n| [format!("{n}"), format!("{n}+")]) {
        let dir = TempDir::new().unwrap();
        let first = written(dir.path(), 1).await.len() as u64;
        let inject = format!("inject=fsync,fdatasync:error=EIO:when={when}");
        let program = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", &inject];
        let said = start_through(&program, Role::AppendSome, dir.path()).output_of_success();
        let acks = said.iter().filter(|word| word.starts_with("ack ")).count() as u64;
        let journal = SqliteJournal::open(dir.path()).unwrap();
        let recorded = journal.replay(&one()).await.unwrap();
        let count = recorded.len() as u64;
        assert!(
            count == first + acks || count == first + acks + 1,
            "{when}: {count} rows, {said:?}"
        );
        for (n, row) in (1..).zip(&recorded) {
            assert_eq!((row.position, &row.event), (n, &event(n)), "{when}");
        }
        healed += u64::from(acks == 5 && !when.ends_with('+'));
        refused += u64::from(said.contains(&"refused".to_owned()));
    }
    assert!(healed > 3 && refused > 3, "{healed} healed, {refused} refused");
}
