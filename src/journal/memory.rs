//! A journal in memory, for tests and models: the same rules, texts, and chain as the durable
//! one, and failures on demand. Must never serve a real rotation.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::chain::{Chain, Row};
use super::text;
use crate::domain::clocks::Stamp;
use crate::domain::ids::SecretKey;
use crate::domain::state::Event;
use crate::port::{Journal, JournalError, Recorded};

/// On which side of its effect an append fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailWhen {
    /// Nothing is appended.
    Before,
    /// The events are there, and the caller is told otherwise.
    After,
}

/// A handle: clones share one journal, which so outlives the engine that is dropped.
#[derive(Debug, Clone)]
pub struct MemoryJournal {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug)]
struct Shared {
    chain: Chain,
    rows: Vec<Row<String>>,
    appends: u64,
    failure: Option<(u64, FailWhen)>,
    free_bytes: u64,
}

impl Default for MemoryJournal {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryJournal {
    #[must_use]
    pub fn new() -> Self {
        let shared = Shared {
            chain: Chain::new("memory"),
            rows: Vec::new(),
            appends: 0,
            failure: None,
            free_bytes: u64::MAX,
        };
        Self { shared: Arc::new(Mutex::new(shared)) }
    }

    /// Makes the `nth` append from now (1 is the next) answer [`JournalError::Unwritable`], once.
    /// A later call replaces an earlier one.
    pub fn fail_append(&self, nth: u64, when: FailWhen) {
        let mut shared = self.lock();
        shared.failure = Some((shared.appends.saturating_add(nth), when));
    }

    /// Takes back a failure that has not come yet.
    pub fn stop_failing(&self) {
        self.lock().failure = None;
    }

    /// How often `append` was called, refused calls included.
    #[must_use]
    pub fn appends(&self) -> u64 {
        self.lock().appends
    }

    /// What `free_bytes` answers from now on (R4).
    pub fn set_free_bytes(&self, bytes: u64) {
        self.lock().free_bytes = bytes;
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn append(
        &mut self,
        stream: &SecretKey,
        expected: u64,
        at: &Stamp,
        events: &[Event],
    ) -> Result<u64, JournalError> {
        self.appends = self.appends.saturating_add(1);
        let failure = self.failure.take_if(|(nth, _)| *nth <= self.appends);
        let refused = |when| {
            failure
                .filter(|(_, fails)| *fails == when)
                .map_or(Ok(()), |_| Err(JournalError::Unwritable("the test says so".into())))
        };
        refused(FailWhen::Before)?;
        let (at, events) = text::write(at, events)?;
        let found = self.chain.position(stream.as_str());
        if found != expected {
            return Err(JournalError::StaleHead { expected, found });
        }
        for row in self.chain.draft(stream.as_str(), &at, &events) {
            self.chain.follow(&row).map_err(|broken| JournalError::Broken(broken.to_string()))?;
            self.rows.push(row);
        }
        refused(FailWhen::After)?;
        Ok(self.chain.position(stream.as_str()))
    }
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn append(
        &self,
        stream: &SecretKey,
        expected: u64,
        at: &Stamp,
        events: &[Event],
    ) -> Result<u64, JournalError> {
        self.lock().append(stream, expected, at, events)
    }

    async fn replay(&self, stream: &SecretKey) -> Result<Vec<Recorded>, JournalError> {
        let shared = self.lock();
        shared.rows.iter().filter(|row| row.stream == stream.as_str()).map(text::read).collect()
    }

    async fn streams(&self) -> Result<Vec<SecretKey>, JournalError> {
        self.lock().chain.streams().map(text::stream).collect()
    }

    async fn heads(&self) -> Result<Vec<(SecretKey, u64)>, JournalError> {
        let shared = self.lock();
        shared.chain.positions().map(|(name, last)| Ok((text::stream(name)?, last))).collect()
    }

    async fn head(&self) -> Result<(u64, String), JournalError> {
        let shared = self.lock();
        Ok((shared.chain.sequence(), shared.chain.hash().to_owned()))
    }

    async fn free_bytes(&self) -> Result<u64, JournalError> {
        Ok(self.lock().free_bytes)
    }
}
