//! The durable record that every decision is replayed from.

use async_trait::async_trait;

use crate::domain::clocks::Stamp;
use crate::domain::ids::SecretKey;
use crate::domain::state::Event;

/// One journaled event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Position in the whole journal, from 1 without gaps.
    pub sequence: u64,
    /// Position in this secret's stream, from 1 without gaps.
    pub position: u64,
    pub at: Stamp,
    pub event: Event,
}

/// Why the journal did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Somebody else appended first: what we decided on is stale. Read again.
    #[error("the journal has moved on: expected position {expected}, found {found}")]
    StaleHead { expected: u64, found: u64 },
    /// The disk refused. Nothing was appended, or it cannot be told.
    #[error("the journal cannot be written: {0}")]
    Unwritable(String),
    /// The journal is not what we wrote: chain broken, page corrupt, row not understood.
    #[error("the journal is broken: {0}")]
    Broken(String),
    /// Written by a later rekeyd.
    #[error("the journal has schema version {found}; this rekeyd reads up to {known}")]
    Newer { found: u32, known: u32 },
    /// Another account's file, or no permission.
    #[error("the journal cannot be opened: {0}")]
    NotOurs(String),
}

/// Append-only streams of events, one a secret, in one hash chain.
///
/// Implementations
/// - MUST return from `append` only after the event would survive a power loss;
/// - MUST append nothing unless the stream's last position is `expected` (compare-and-append);
/// - MUST verify the chain before the first replay and refuse one that does not hold.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Appends events to a stream in one atomic step; returns the stream's new last position.
    async fn append(
        &self,
        stream: &SecretKey,
        expected: u64,
        at: &Stamp,
        events: &[Event],
    ) -> Result<u64, JournalError>;

    /// A stream from its beginning.
    async fn replay(&self, stream: &SecretKey) -> Result<Vec<Recorded>, JournalError>;

    /// Every stream that has an event, sorted.
    async fn streams(&self) -> Result<Vec<SecretKey>, JournalError>;

    /// Every stream with the position of its last event, sorted.
    async fn heads(&self) -> Result<Vec<(SecretKey, u64)>, JournalError> {
        let mut heads = Vec::new();
        for stream in self.streams().await? {
            let last = self.replay(&stream).await?.last().map_or(0, |row| row.position);
            heads.push((stream, last));
        }
        Ok(heads)
    }

    /// Sequence and chain hash of the last row, for an outside copy (0 and zeros when empty).
    async fn head(&self) -> Result<(u64, String), JournalError>;

    /// Free bytes where the journal lives; `u64::MAX` where space is no concern (R4).
    async fn free_bytes(&self) -> Result<u64, JournalError>;
}
