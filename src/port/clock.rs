//! Time as the shell reads it.

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;

use crate::domain::clocks::{DateSource, Dated, Stamp};

/// Reads all clocks at once, and waits.
///
/// `stamp` MUST use a monotonic clock that counts suspension. `sleep` MAY return early.
#[async_trait]
pub trait Clock: Send + Sync {
    fn stamp(&self) -> Stamp;
    async fn sleep(&self, duration: Duration);
    /// Where adapters leave the `Date` of authenticated replies.
    fn dates(&self) -> &DateLog;
}

/// The latest `Date` of an authenticated reply of each source, of this process.
#[derive(Debug, Default)]
pub struct DateLog {
    latest: Mutex<Option<(Dated, i64)>>,
}

/// Dates before 2020 are garbage, not time.
const EARLIEST_MS: i64 = 1_577_836_800_000;

impl DateLog {
    /// Takes in a `Date` (milliseconds since the epoch) that came with an authenticated reply
    /// received at `boottime_ms`. Garbage is ignored; a preferred source replaces a lesser one.
    pub fn saw(&self, source: DateSource, ms: i64, boottime_ms: i64) {
        if ms < EARLIEST_MS {
            return;
        }
        let mut latest = self.latest.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if latest.as_ref().is_none_or(|(known, _)| source >= known.source) {
            *latest = Some((Dated { source, ms }, boottime_ms));
        }
    }

    /// The latest `Date`, carried forward to `boottime_ms` of the same boot.
    pub fn at(&self, boottime_ms: i64) -> Option<Dated> {
        let latest = self.latest.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        latest.as_ref().map(|(dated, then)| Dated {
            source: dated.source,
            ms: dated.ms.saturating_add(boottime_ms.saturating_sub(*then).max(0)),
        })
    }
}
