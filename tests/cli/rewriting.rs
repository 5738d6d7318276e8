//! A journal as another version, or an earlier day, would have left it.

use std::collections::BTreeMap;

use rekeyd::journal::SqliteJournal;
use rekeyd::port::{Journal, Recorded};

use crate::stage::Stage;

/// Writes the whole journal anew, each row changed.
pub(crate) async fn rewrite(stage: &Stage, change: impl Fn(&mut Recorded)) {
    let state = stage.path("state");
    let mut rows = Vec::new();
    {
        let journal = SqliteJournal::open_read_only(&state).unwrap();
        for stream in journal.streams().await.unwrap() {
            let replayed = journal.replay(&stream).await.unwrap();
            rows.extend(replayed.into_iter().map(|row| (stream.clone(), row)));
        }
    }
    rows.sort_by_key(|(_, row)| row.sequence);
    std::fs::remove_dir_all(&state).unwrap();
    std::fs::create_dir(&state).unwrap();
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(&state, private).unwrap();
    let journal = SqliteJournal::open(&state).unwrap();
    let mut positions = BTreeMap::new();
    for (stream, mut row) in rows {
        change(&mut row);
        let position = positions.entry(stream.clone()).or_insert(0);
        *position = journal.append(&stream, *position, &row.at, &[row.event]).await.unwrap();
    }
}
