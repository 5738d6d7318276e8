//! A process that dies, at any moment, has lost nothing that it acknowledged.

use rekeyd::journal::SqliteJournal;
use rekeyd::port::Journal;
use tempfile::TempDir;

use crate::child::{Role, Running, start};
use crate::harness::{event, one};

fn acknowledged(child: &mut Running) -> Option<u64> {
    child.next_word().map(|word| word.strip_prefix("ack ").unwrap().parse().unwrap())
}

#[tokio::test]
async fn every_acknowledged_append_survives_a_kill() {
    let dir = TempDir::new().unwrap();
    let mut last = 0;
    // One journal through all kills: also what the kill before left behind must be survived.
    for acks in [1, 3, 20, 2, 60, 1, 1, 1500] {
        let mut child = start(Role::Append, dir.path());
        for _ in 0..acks {
            last = acknowledged(&mut child).expect("the child goes on until it is killed");
        }
        child.kill();
        while let Some(position) = acknowledged(&mut child) {
            last = position;
        }
        let reader = SqliteJournal::open_read_only(dir.path()).unwrap();
        let seen = reader.replay(&one()).await.unwrap();
        drop(reader);
        let journal = SqliteJournal::open(dir.path()).unwrap();
        let recorded = journal.replay(&one()).await.unwrap();
        // At most the one that was under way may be there beyond.
        let count = recorded.len() as u64;
        assert!(count == last || count == last + 1, "{count} rows, {last} acknowledged");
        assert_eq!(seen, recorded);
        for (n, row) in (1..).zip(&recorded) {
            assert_eq!((row.position, &row.event), (n, &event(n)));
        }
    }
}
