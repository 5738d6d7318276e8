//! Reads a journal beside its writer, or after it, without the lock and without leaving a trace:
//! nothing in the state directory is created, written, or chowned, whoever asks.
//!
//! | beside the journal lie | then |
//! |---|---|
//! | `-wal` and `-shm` | read through both, the index read-only (a writer runs, or was killed) |
//! | no log, or an empty one | read the file alone (the writer closed it) |
//! | a log without index | read a copy elsewhere (SQLite would have to make the index here) |
//!
//! The last two see nothing of a writer that starts meanwhile: what they read counts only if the
//! files did not change under it.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

use super::schema::Found;
use super::trouble::Trouble;
use super::{rows, schema};
use crate::journal::JOURNAL_FILE;
use crate::journal::chain::Chain;
use crate::journal::place::{Place, size_bytes};
use crate::port::JournalError;

/// A file that keeps changing under us is tried this often.
const TRIES: u32 = 5;

/// A path in a URI keeps its slashes.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_');

pub(super) struct Reader {
    place: Place,
    view: View,
}

struct View {
    conn: Connection,
    chain: Chain,
    /// Sees a writer's commits as they come.
    live: bool,
    marks: Marks,
    _copy: Option<TempDir>,
}

impl Reader {
    pub(super) fn open(dir: &Path) -> Result<Self, JournalError> {
        let place = Place::to_read(dir).map_err(JournalError::NotOurs)?;
        if size_bytes(&place.journal()) == 0 {
            let why = format!("there is no journal in {}", place.dir().display());
            return Err(JournalError::NotOurs(why));
        }
        let view = View::steady(&place).map_err(Trouble::while_opening)?;
        Ok(Self { place, view })
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    pub(super) fn chain(&self) -> &Chain {
        &self.view.chain
    }

    /// Reads with the chain caught up, all in one view of the file.
    pub(super) fn read<T>(
        &mut self,
        look: impl Fn(&Connection, &Chain) -> Result<T, Trouble>,
    ) -> Result<T, JournalError> {
        let mut tries = 1;
        loop {
            let result = self.view.read(&look);
            let steady = self.view.marks == Marks::of(&self.place);
            if steady || tries == TRIES || (self.view.live && result.is_ok()) {
                return result.map_err(Trouble::in_use);
            }
            tries += 1;
            self.view = View::steady(&self.place).map_err(Trouble::in_use)?;
        }
    }
}

impl View {
    /// Opens and verifies; again, if it fails while the files are changing.
    fn steady(place: &Place) -> Result<Self, Trouble> {
        let mut tries = 1;
        loop {
            let marks = Marks::of(place);
            let opened = Self::open(place, marks);
            let steady = marks == Marks::of(place);
            if steady || tries == TRIES || opened.as_ref().is_ok_and(|view| view.live) {
                return opened;
            }
            tries += 1;
        }
    }

    fn open(place: &Place, marks: Marks) -> Result<Self, Trouble> {
        let (conn, live, copy) = if marks.wal.is_some() && marks.has_shm {
            // The log is there, so SQLite will not make one; it may not make an index either.
            (connect(&place.journal(), "readonly_shm=1")?, true, None)
        } else if marks.wal.is_none_or(|wal| wal.bytes == 0) {
            (connect(&place.journal(), "immutable=1")?, false, None)
        } else {
            let copy = copy(place).map_err(|error| {
                JournalError::NotOurs(format!("a copy for reading cannot be made: {error}"))
            })?;
            (Connection::open(copy.path().join(JOURNAL_FILE))?, false, Some(copy))
        };
        schema::tune(&conn)?;
        let chain = match schema::inspect(&conn)? {
            Found::Journal(id) => Chain::new(id),
            Found::Empty => {
                return Err(Trouble::broken(
                    "it was never finished being made: let rekeyd open it for writing",
                ));
            }
        };
        rows::check_sizes(&conn)?;
        let mut view = Self { conn, chain, live, marks, _copy: copy };
        view.read(&|_: &Connection, _: &Chain| Ok(()))?;
        Ok(view)
    }

    fn read<T>(
        &mut self,
        look: &impl Fn(&Connection, &Chain) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let transaction = self.conn.transaction()?;
        rows::catch_up(&transaction, &mut self.chain)?;
        look(&transaction, &self.chain)
    }
}

fn connect(path: &Path, how: &str) -> Result<Connection, Trouble> {
    let path = percent_encode(path.as_os_str().as_encoded_bytes(), PATH);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    Ok(Connection::open_with_flags(format!("file:{path}?mode=ro&{how}"), flags)?)
}

/// Only where no writer runs: reading the file beside SQLite would drop the locks of other
/// connections of this process (POSIX).
fn copy(place: &Place) -> io::Result<TempDir> {
    let copy = tempfile::Builder::new().prefix("rekeyd-journal-").tempdir()?;
    for from in [place.journal(), place.wal()] {
        if let Some(name) = from.file_name() {
            fs::copy(&from, copy.path().join(name))?;
        }
    }
    Ok(copy)
}

/// What tells whether a writer was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Marks {
    journal: Option<Mark>,
    wal: Option<Mark>,
    has_shm: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    inode: u64,
    bytes: u64,
    changed_s: i64,
    changed_ns: i64,
}

impl Marks {
    fn of(place: &Place) -> Self {
        let mark = |path: &Path| {
            path.symlink_metadata().ok().map(|facts| Mark {
                inode: facts.ino(),
                bytes: facts.len(),
                changed_s: facts.mtime(),
                changed_ns: facts.mtime_nsec(),
            })
        };
        Self {
            journal: mark(&place.journal()),
            wal: mark(&place.wal()),
            has_shm: place.shm().symlink_metadata().is_ok(),
        }
    }
}
