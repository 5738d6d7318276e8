//! Time, chance, and sudden death: a clock that only moves when somebody waits, ids that a seed
//! replays, and a switch that kills the engine at the n-th point where it touches the outside.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use rekeyd::domain::clocks::Stamp;
use rekeyd::port::{Clock, DateLog, Random};
use uuid::Uuid;

use super::World;

pub const SECOND: i64 = 1_000;
pub const HOUR: i64 = 3_600 * SECOND;
pub(super) const START_MS: i64 = 1_800_000_000_000;

/// True time, and what this machine's clocks make of it.
pub struct Time {
    true_ms: AtomicI64,
    wall_error_ms: AtomicI64,
    boots: AtomicU64,
    booted_ms: AtomicI64,
    dates: DateLog,
}

impl Default for Time {
    fn default() -> Self {
        Self {
            true_ms: AtomicI64::new(START_MS),
            wall_error_ms: AtomicI64::new(0),
            boots: AtomicU64::new(1),
            booted_ms: AtomicI64::new(START_MS),
            dates: DateLog::default(),
        }
    }
}

impl Time {
    pub fn now_ms(&self) -> i64 {
        self.true_ms.load(Ordering::SeqCst)
    }
    pub fn advance(&self, ms: i64) {
        self.true_ms.fetch_add(ms, Ordering::SeqCst);
    }
    /// From now on the wall clock is wrong by this much.
    pub fn set_wall_error(&self, ms: i64) {
        self.wall_error_ms.store(ms, Ordering::SeqCst);
    }
    /// The machine was off for this long; its next engine runs in another boot.
    pub fn reboot(&self, off_ms: i64) {
        self.advance(off_ms);
        self.boots.fetch_add(1, Ordering::SeqCst);
        self.booted_ms.store(self.now_ms(), Ordering::SeqCst);
    }
}

/// Kills at the n-th point: the future never returns, and the test drops the engine.
#[derive(Default)]
pub struct Crash {
    points: AtomicU64,
    calls: AtomicU64,
    at: AtomicU64,
    pub(super) notify: tokio::sync::Notify,
}

impl Crash {
    pub fn arm(&self, at: u64) {
        self.points.store(0, Ordering::SeqCst);
        self.at.store(at, Ordering::SeqCst);
    }
    pub(super) async fn point(&self) {
        let calls = self.calls.fetch_add(1, Ordering::SeqCst);
        assert!(calls < 100_000, "it never comes to an end");
        let n = self.points.fetch_add(1, Ordering::SeqCst) + 1;
        if n == self.at.load(Ordering::SeqCst) {
            self.notify.notify_one();
            std::future::pending::<()>().await;
        }
    }
}

#[async_trait]
impl Clock for World {
    fn stamp(&self) -> Stamp {
        let now = self.now_ms();
        let boottime_ms = now - self.time.booted_ms.load(Ordering::SeqCst);
        Stamp {
            wall_ms: now + self.time.wall_error_ms.load(Ordering::SeqCst),
            boot: format!("boot-{}", self.time.boots.load(Ordering::SeqCst)),
            boottime_ms,
            dated: self.time.dates.at(boottime_ms),
        }
    }
    async fn sleep(&self, duration: Duration) {
        self.pass(i64::try_from(duration.as_millis()).unwrap().max(1));
        tokio::task::yield_now().await;
    }
    fn dates(&self) -> &DateLog {
        &self.time.dates
    }
}

impl Random for World {
    fn uuid(&self) -> Uuid {
        Uuid::from_u64_pair(0x1234, self.ids.fetch_add(1, Ordering::SeqCst))
    }
    fn below(&self, _bound: u64) -> u64 {
        0
    }
}
