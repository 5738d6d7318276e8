//! The one connection that appends. It believes SQLite's word on a commit only while the disk
//! does not fail: after an I/O error it opens the file anew, forces what is there to the disk,
//! and looks.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::trouble::Trouble;
use super::{rows, schema};
use crate::journal::chain::Chain;
use crate::journal::place::{Place, size_bytes};
use crate::journal::reserve;
use crate::port::JournalError;

/// What one append asks for, as the text to be stored.
#[derive(Debug, Clone)]
pub(super) struct Batch {
    pub stream: String,
    pub expected: u64,
    pub at: String,
    pub events: Vec<String>,
}

impl Batch {
    /// The same request again; its stamp is the moment of asking, and so may differ.
    fn repeats(&self, other: &Self) -> bool {
        (&self.stream, self.expected, &self.events)
            == (&other.stream, other.expected, &other.events)
    }
}

/// An open file, by device and inode.
type FileId = (u64, u64);

pub(super) struct Writer {
    place: Place,
    chain: Chain,
    /// Absent after an I/O error, until it can be opened again.
    open: Option<(Connection, FileId)>,
    /// By stream: an append of which it could not be told whether it took effect.
    doubtful: BTreeMap<String, Batch>,
}

impl Writer {
    pub(super) fn open(dir: &Path) -> Result<Self, JournalError> {
        let place = Place::to_write(dir).map_err(JournalError::NotOurs)?;
        make_file(&place)?;
        reserve::ensure(&place);
        let attached = match attach(&place, None) {
            Err(trouble) if trouble.wants_room() && reserve::give_up(&place) => {
                attach(&place, None)
            }
            attached => attached,
        };
        let (conn, file, chain) = attached.map_err(Trouble::while_opening)?;
        Ok(Self { place, chain, open: Some((conn, file)), doubtful: BTreeMap::new() })
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    pub(super) fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Appends all events or none; see [`crate::port::Journal::append`]. One more try follows
    /// where the first left it open or room could be made.
    pub(super) fn append(&mut self, batch: &Batch) -> Result<u64, JournalError> {
        let first = match self.attempt(batch) {
            Ok(position) => return Ok(position),
            Err(trouble) => trouble,
        };
        let roomier = first.wants_room() && reserve::give_up(&self.place);
        if matches!(first, Trouble::Moved) || !(roomier || first.leaves_doubt()) {
            return Err(first.in_use());
        }
        self.attempt(batch).map_err(Trouble::in_use)
    }

    fn attempt(&mut self, batch: &Batch) -> Result<u64, Trouble> {
        let result = self.try_append(batch);
        match &result {
            Ok(_) => drop(self.doubtful.remove(&batch.stream)),
            Err(trouble) if trouble.leaves_doubt() => {
                self.open = None;
                self.doubtful.insert(batch.stream.clone(), batch.clone());
            }
            Err(_) => {}
        }
        result
    }

    fn try_append(&mut self, batch: &Batch) -> Result<u64, Trouble> {
        self.attach_again()?;
        let Self { place, chain, open: Some((conn, file)), doubtful } = self else {
            return Err(not_open());
        };
        let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        rows::catch_up(&transaction, chain)?;
        let found = chain.position(&batch.stream);
        if found != batch.expected {
            let again = doubtful.get(&batch.stream).is_some_and(|doubtful| doubtful.repeats(batch));
            if again && rows::holds(&transaction, &batch.stream, batch.expected, &batch.events)? {
                return Ok(found);
            }
            return Err(JournalError::StaleHead { expected: batch.expected, found }.into());
        }
        let drafted = chain.draft(&batch.stream, &batch.at, &batch.events);
        for row in &drafted {
            rows::insert(&transaction, row)?;
        }
        transaction.commit()?;
        // What was written to a file without a name is lost with the next start.
        if file_id(place)? != *file {
            return Err(Trouble::Moved);
        }
        for row in &drafted {
            chain.follow(row).map_err(|broken| Trouble::broken(broken.to_string()))?;
        }
        Ok(chain.position(&batch.stream))
    }

    /// Reads with the chain caught up, all in one view of the file.
    pub(super) fn read<T>(
        &mut self,
        look: impl Fn(&Connection, &Chain) -> Result<T, Trouble>,
    ) -> Result<T, JournalError> {
        let result = self.try_read(look);
        if result.as_ref().is_err_and(Trouble::leaves_doubt) {
            self.open = None;
        }
        result.map_err(Trouble::in_use)
    }

    fn try_read<T>(
        &mut self,
        look: impl Fn(&Connection, &Chain) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        self.attach_again()?;
        let Self { chain, open: Some((conn, _)), .. } = self else {
            return Err(not_open());
        };
        let transaction = conn.transaction()?;
        rows::catch_up(&transaction, chain)?;
        look(&transaction, chain)
    }

    fn attach_again(&mut self) -> Result<(), Trouble> {
        if self.open.is_none() {
            let (conn, file, chain) = attach(&self.place, Some(&self.chain))?;
            self.chain = chain;
            self.open = Some((conn, file));
        }
        Ok(())
    }
}

/// Opens, verifies from `known` on (everything when there is nothing known), and forces what was
/// read to the disk: a row that only the page cache holds must not be acted on.
fn attach(place: &Place, known: Option<&Chain>) -> Result<(Connection, FileId, Chain), Trouble> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let mut conn = Connection::open_with_flags(place.journal(), flags)?;
    let file = file_id(place)?;
    schema::tune(&conn)?;
    let id = schema::prepare(&mut conn)?;
    let mut chain = match known {
        Some(chain) if chain.journal_id() == id => chain.clone(),
        Some(_) => return Err(Trouble::broken("another journal was put in its place")),
        None => Chain::new(id),
    };
    let transaction = conn.transaction()?;
    if known.is_none() {
        rows::check_pages(&transaction)?;
        rows::check_sizes(&transaction)?;
    }
    rows::catch_up(&transaction, &mut chain)?;
    drop(transaction);
    settle(&conn)?;
    Ok((conn, file, chain))
}

/// Moves the whole write-ahead log into the database file, with fsyncs, and empties it. After a
/// failed fsync nothing less tells what is durable: the log's pages look clean to the kernel, and
/// frames of a commit that was reported as failed may still be found by the next recovery.
fn settle(conn: &Connection) -> Result<(), Trouble> {
    let busy: i64 = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy != 0 {
        let why = "another process is reading it: try again".to_owned();
        return Err(JournalError::Unwritable(why).into());
    }
    Ok(())
}

/// Makes an empty file with the right mode; SQLite gives the same mode to the files beside it.
/// A file that is there is not touched: closing it would drop the locks of other connections of
/// this process (POSIX).
fn make_file(place: &Place) -> Result<(), JournalError> {
    if size_bytes(&place.journal()) == 0 && size_bytes(&place.wal()) > 0 {
        return Err(JournalError::Broken(format!(
            "{} is empty or missing, and its write-ahead log is not: put it back from a copy",
            place.journal().display()
        )));
    }
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(place.journal());
    let kept = match made {
        Ok(_) => place.sync(),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    };
    kept.map_err(|error| match error.kind() {
        io::ErrorKind::StorageFull => JournalError::Unwritable(error.to_string()),
        _ => JournalError::NotOurs(format!("{}: {error}", place.journal().display())),
    })
}

fn file_id(place: &Place) -> Result<FileId, Trouble> {
    let facts = place.journal().symlink_metadata().map_err(|_| Trouble::Moved)?;
    Ok((facts.dev(), facts.ino()))
}

fn not_open() -> Trouble {
    JournalError::Unwritable("it is not open".to_owned()).into()
}
