//! The durable journal: one SQLite file, one thread that owns the connection, and a handle that
//! asks it and waits, so that no async caller ever blocks on a disk.
//!
//! ```text
//! SqliteJournal ── bounded channel ──▶ thread "journal": Writer (or Reader) ──▶ journal.sqlite3
//!       ◀──────────── one reply ────────────┘
//! ```
//!
//! An append that was asked for happens, even if its caller went away. Dropping the handle waits
//! for what is under way and closes the file.

mod audit;
mod reader;
mod rows;
mod schema;
mod trouble;
mod writer;

use std::path::Path;
use std::thread::{self, JoinHandle};

pub use audit::{Link, StreamSurvey, Survey};

use async_trait::async_trait;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use self::reader::Reader;
use self::trouble::Trouble;
use self::writer::{Batch, Writer};
use super::chain::Chain;
use super::place::{Place, size_bytes};
use super::text;
use crate::domain::clocks::Stamp;
use crate::domain::ids::SecretKey;
use crate::domain::state::Event;
use crate::port::{Journal, JournalError, Recorded};

/// Requests that may wait for the thread; further callers wait for a place.
const WAITING: usize = 64;

type Job = Box<dyn FnOnce(&mut Side) + Send>;

/// The journal of one state directory.
#[derive(Debug)]
pub struct SqliteJournal {
    id: String,
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl SqliteJournal {
    /// Opens the journal of a state directory for writing, and makes it if there is none. The
    /// directory must exist and be ours alone. Reads the whole journal, in bounded memory: call
    /// it where blocking is allowed, and hold the [`super::StateLock`].
    ///
    /// # Errors
    /// `NotOurs` says what to type; `Broken` names the first row that does not hold; `Newer` is a
    /// later rekeyd's; `Unwritable` is the disk's refusal.
    pub fn open(dir: &Path) -> Result<Self, JournalError> {
        let writer = Writer::open(dir)?;
        Self::start(writer.chain().journal_id().to_owned(), Side::Writer(Box::new(writer)))
    }

    /// Opens a journal that exists, for reading, also while another process writes. Creates and
    /// writes nothing, and may be asked by anyone who may read the files; appends are refused.
    ///
    /// Meant for a process that only reads: while such a journal is open, SQLite shares its
    /// read-only index within the process, and a writer opened after it there is refused.
    ///
    /// # Errors
    /// As [`SqliteJournal::open`]; `NotOurs` also when there is no journal.
    pub fn open_read_only(dir: &Path) -> Result<Self, JournalError> {
        let reader = Reader::open(dir)?;
        Self::start(reader.chain().journal_id().to_owned(), Side::Reader(Box::new(reader)))
    }

    /// Whether the directory holds a journal, or what is left of one. An empty file is none.
    #[must_use]
    pub fn exists(dir: &Path) -> bool {
        Place::to_read(dir)
            .is_ok_and(|place| size_bytes(&place.journal()) > 0 || size_bytes(&place.wal()) > 0)
    }

    /// The journal's own random id, made with it.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    fn start(id: String, mut side: Side) -> Result<Self, JournalError> {
        let (jobs, mut waiting) = mpsc::channel::<Job>(WAITING);
        let thread = thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || {
                while let Some(job) = waiting.blocking_recv() {
                    job(&mut side);
                }
            })
            .map_err(|error| JournalError::Unwritable(format!("no thread for it: {error}")))?;
        Ok(Self { id, jobs: Some(jobs), thread: Some(thread) })
    }

    async fn ask<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Side) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, JournalError> {
        let gone = || JournalError::Unwritable("its thread has ended".to_owned());
        let jobs = self.jobs.as_ref().ok_or_else(gone)?;
        let (reply, answer) = oneshot::channel();
        // A caller that has gone needs no answer.
        let job: Job = Box::new(move |side| drop(reply.send(job(side))));
        jobs.send(job).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

impl Drop for SqliteJournal {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// What the thread owns.
enum Side {
    Writer(Box<Writer>),
    Reader(Box<Reader>),
}

impl Side {
    fn append(&mut self, batch: &Batch) -> Result<u64, JournalError> {
        match self {
            Self::Writer(writer) => writer.append(batch),
            Self::Reader(_) => {
                Err(JournalError::Unwritable("it was opened for reading only".to_owned()))
            }
        }
    }

    fn read<T>(
        &mut self,
        look: impl Fn(&Connection, &Chain) -> Result<T, Trouble>,
    ) -> Result<T, JournalError> {
        match self {
            Self::Writer(writer) => writer.read(look),
            Self::Reader(reader) => reader.read(look),
        }
    }

    fn place(&self) -> &Place {
        match self {
            Self::Writer(writer) => writer.place(),
            Self::Reader(reader) => reader.place(),
        }
    }
}

#[async_trait]
impl Journal for SqliteJournal {
    async fn append(
        &self,
        stream: &SecretKey,
        expected: u64,
        at: &Stamp,
        events: &[Event],
    ) -> Result<u64, JournalError> {
        let (at, events) = text::write(at, events)?;
        let batch = Batch { stream: stream.as_str().to_owned(), expected, at, events };
        self.ask(move |side| side.append(&batch)).await
    }

    async fn replay(&self, stream: &SecretKey) -> Result<Vec<Recorded>, JournalError> {
        let stream = stream.clone();
        self.ask(move |side| side.read(|conn, chain| rows::replay(conn, chain, stream.as_str())))
            .await
    }

    async fn streams(&self) -> Result<Vec<SecretKey>, JournalError> {
        self.ask(|side| {
            side.read(|_, chain| Ok(chain.streams().map(text::stream).collect::<Result<_, _>>()?))
        })
        .await
    }

    async fn heads(&self) -> Result<Vec<(SecretKey, u64)>, JournalError> {
        self.ask(|side| {
            side.read(|_, chain| {
                let heads = chain.positions().map(|(name, last)| Ok((text::stream(name)?, last)));
                Ok(heads.collect::<Result<_, JournalError>>()?)
            })
        })
        .await
    }

    async fn head(&self) -> Result<(u64, String), JournalError> {
        self.ask(|side| side.read(|_, chain| Ok((chain.sequence(), chain.hash().to_owned())))).await
    }

    async fn free_bytes(&self) -> Result<u64, JournalError> {
        self.ask(|side| {
            side.place().free_bytes().map_err(|error| {
                JournalError::Unwritable(format!("its free space cannot be told: {error}"))
            })
        })
        .await
    }
}
