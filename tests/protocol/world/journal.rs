//! A journal whose rows survive the engine, and that refuses appends on demand.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use rekeyd::domain::clocks::Stamp;
use rekeyd::domain::ids::SecretKey;
use rekeyd::domain::state::Event;
use rekeyd::port::{Journal, JournalError, Recorded};

use super::World;

/// Rows that survive the engine.
#[derive(Default)]
pub struct Rows {
    rows: Mutex<Vec<Recorded>>,
    refusals: AtomicU32,
}

impl Rows {
    /// What a copy of the file on another machine holds.
    pub fn copied(&self) -> Self {
        let rows = self.rows.lock().unwrap().clone();
        Self { rows: Mutex::new(rows), refusals: AtomicU32::new(0) }
    }
    /// The next `count` appends are refused, as by a full disk.
    pub fn refuse(&self, count: u32) {
        self.refusals.store(count, Ordering::SeqCst);
    }
    fn refuses(&self) -> bool {
        let less = |left: u32| left.checked_sub(1);
        self.refusals.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok()
    }
    /// Events with the time since the start.
    pub fn story(&self) -> Vec<(i64, Event)> {
        let rows = self.rows.lock().unwrap();
        rows.iter().map(|row| (row.at.boottime_ms, row.event.clone())).collect()
    }
    pub fn events(&self) -> Vec<Event> {
        self.rows.lock().unwrap().iter().map(|row| row.event.clone()).collect()
    }
}

#[async_trait]
impl Journal for World {
    async fn append(
        &self,
        _stream: &SecretKey,
        expected: u64,
        at: &Stamp,
        events: &[Event],
    ) -> Result<u64, JournalError> {
        self.crash.point().await;
        if self.journal.refuses() {
            return Err(JournalError::Unwritable("the disk is full".into()));
        }
        let position = {
            let mut rows = self.journal.rows.lock().unwrap();
            let found = rows.len() as u64;
            if found != expected {
                return Err(JournalError::StaleHead { expected, found });
            }
            for event in events {
                let position = rows.len() as u64 + 1;
                // What is journaled is text: a value that does not survive it is found here.
                let text = serde_json::to_string(event).unwrap();
                let event = serde_json::from_str(&text).unwrap();
                rows.push(Recorded { sequence: position, position, at: at.clone(), event });
            }
            rows.len() as u64
        };
        self.crash.point().await;
        Ok(position)
    }
    async fn replay(&self, _stream: &SecretKey) -> Result<Vec<Recorded>, JournalError> {
        Ok(self.journal.rows.lock().unwrap().clone())
    }
    async fn streams(&self) -> Result<Vec<SecretKey>, JournalError> {
        Ok(vec![Self::stream()])
    }
    async fn head(&self) -> Result<(u64, String), JournalError> {
        Ok((self.journal.rows.lock().unwrap().len() as u64, String::new()))
    }
    async fn free_bytes(&self) -> Result<u64, JournalError> {
        Ok(u64::MAX)
    }
}
