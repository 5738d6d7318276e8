//! Reads this machine's clocks. Decides nothing: what a stamp means is `domain::clocks`' business.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use rustix::time::{ClockId, clock_gettime};
use uuid::Uuid;

use crate::domain::clocks::Stamp;
use crate::port::{Clock, DateLog};

/// Names the running boot (proc(5)).
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// The wall clock, `CLOCK_BOOTTIME` (which counts suspension), and tokio's timer.
#[derive(Debug)]
pub struct SystemClock {
    boot: String,
    dates: DateLog,
}

impl SystemClock {
    /// Reads which boot this is, once: it cannot change under a running process.
    #[must_use]
    pub fn new() -> Self {
        Self { boot: boot_id(), dates: DateLog::default() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Clock for SystemClock {
    fn stamp(&self) -> Stamp {
        let boottime_ms = boottime_ms();
        Stamp {
            wall_ms: wall_ms(),
            boot: self.boot.clone(),
            boottime_ms,
            dated: self.dates.at(boottime_ms),
        }
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    fn dates(&self) -> &DateLog {
        &self.dates
    }
}

/// Where the kernel does not tell, every process is a boot of its own: time that nobody can
/// compare is then not counted, which only makes waits longer.
fn boot_id() -> String {
    std::fs::read_to_string(BOOT_ID)
        .ok()
        .and_then(|text| Uuid::parse_str(text.trim()).ok())
        .unwrap_or_else(Uuid::new_v4)
        .to_string()
}

#[expect(clippy::disallowed_methods, reason = "this is the port")]
fn wall_ms() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| 0 - ms),
    }
}

fn boottime_ms() -> i64 {
    let time = clock_gettime(ClockId::Boottime);
    time.tv_sec.saturating_mul(1000).saturating_add(time.tv_nsec / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clocks::DateSource;

    #[test]
    fn two_clocks_of_one_machine_name_the_same_boot_and_never_go_back() {
        let (one, other) = (SystemClock::new(), SystemClock::new());
        let (first, second) = (one.stamp(), other.stamp());
        assert_eq!(first.boot, second.boot);
        assert!(second.boottime_ms >= first.boottime_ms);
        assert!(first.boottime_ms > 0);
    }

    #[test]
    fn the_wall_clock_counts_milliseconds_since_1970() {
        let stamp = SystemClock::new().stamp();
        assert!(stamp.wall_ms > 1_700_000_000_000, "{}", stamp.wall_ms);
        assert!(stamp.wall_ms < 10_000_000_000_000, "{}", stamp.wall_ms);
    }

    #[test]
    fn a_stamp_carries_the_date_that_an_adapter_left() {
        let clock = SystemClock::new();
        assert_eq!(clock.stamp().dated, None);
        clock.dates().saw(DateSource::Api, 1_800_000_000_000, clock.stamp().boottime_ms);
        let dated = clock.stamp().dated.unwrap();
        assert_eq!(dated.source, DateSource::Api);
        assert!(dated.ms >= 1_800_000_000_000);
    }
}
