//! The durable record: SQLite for the product, memory for tests, one hash chain for both.
//!
//! ```text
//! state directory (ours, nobody else may write)
//!   rekeyd.lock       one engine a directory (StateLock)
//!   journal.sqlite3   the events, and SQLite's own -wal and -shm beside it
//!   journal.reserve   4 MiB of real blocks, given up when the disk is full (R4)
//! ```
//!
//! Events are opaque here: this room stores and returns them, and never decides by one. It must
//! never change or remove a row, and never repair a chain that does not hold.
//!
//! What the chain shows, and what it does not: a row that was changed, removed from the middle, or
//! moved breaks it. Rows removed *from the end* do not, and neither does a journal that was put
//! back whole from an older copy: what is left is a good chain. That is why the head's sequence and
//! hash ([`crate::port::Journal::head`]) go out with the logs: an outside copy catches it.

mod chain;
mod lock;
mod memory;
mod place;
mod reserve;
mod sqlite;
mod text;

pub use lock::{LockError, StateLock};
pub use memory::{FailWhen, MemoryJournal};
pub use sqlite::{Link, SqliteJournal, StreamSurvey, Survey};

/// The journal's file in the state directory.
pub const JOURNAL_FILE: &str = "journal.sqlite3";
/// The lock's file in the state directory. Never removed: a removed lock can be held twice.
pub const LOCK_FILE: &str = "rekeyd.lock";
/// The reserve's file in the state directory.
pub const RESERVE_FILE: &str = "journal.reserve";
