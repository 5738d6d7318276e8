//! Space kept back for the outcome of a create (R4): when the disk is full, the reserve is given
//! up, and what must be recorded still can be. Failing to make it is no error: `free_bytes` tells
//! the engine that no create may be sent.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};

use super::place::Place;

/// Bytes really written to the reserve.
pub(super) const RESERVE_BYTES: u64 = 4 * 1024 * 1024;

/// The reserve is made only where this much stays free beside it: the engine's own limit (R4).
const ROOM_BYTES: u64 = 16 * 1024 * 1024;

const CHUNK_BYTES: usize = 64 * 1024;

/// Makes the reserve if it is not there, whole, and there is room for it.
pub(super) fn ensure(place: &Place) {
    if is_whole(place) {
        return;
    }
    let made = remove(place).and_then(|()| {
        if place.free_bytes()? < ROOM_BYTES + RESERVE_BYTES {
            return Ok(());
        }
        write(place)
    });
    if let Err(error) = made {
        tracing::warn!("the journal's reserve cannot be made: {error}");
        // Half a reserve only takes away space. If this fails too, the next open tries again.
        drop(remove(place));
    }
}

/// Gives the space back to the disk. Answers whether there was any to give.
pub(super) fn give_up(place: &Place) -> bool {
    let had = place.reserve().symlink_metadata().is_ok();
    match remove(place) {
        Ok(()) => had,
        Err(error) => {
            tracing::warn!("the journal's reserve cannot be given up: {error}");
            false
        }
    }
}

/// There with its full size in blocks: a sparse file would reserve nothing.
fn is_whole(place: &Place) -> bool {
    place.reserve().symlink_metadata().is_ok_and(|facts| {
        facts.is_file()
            && facts.len() == RESERVE_BYTES
            && facts.blocks().saturating_mul(512) >= RESERVE_BYTES
    })
}

fn remove(place: &Place) -> io::Result<()> {
    match fs::remove_file(place.reserve()) {
        Ok(()) => place.sync(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn write(place: &Place) -> io::Result<()> {
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(place.reserve())?;
    let mut chunk = vec![0; CHUNK_BYTES];
    for _ in 0..RESERVE_BYTES / CHUNK_BYTES as u64 {
        // A file system that compresses would make nothing of zeros.
        getrandom::fill(&mut chunk).map_err(io::Error::other)?;
        file.write_all(&chunk)?;
    }
    file.sync_all()?;
    place.sync()
}
