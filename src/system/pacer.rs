//! Paces calls by host, so that this process stays inside what a service allows, whatever the number
//! of policies. Leaks pass.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use crate::port::{CallKind, Pace, is_urgent};

/// Nobody waits longer, however many are before: a call that is too many is answered by the host.
const PATIENCE: Duration = Duration::from_secs(30);
/// A write has its intent in the journal already, and is to be sent soon after.
const WRITE_PATIENCE: Duration = Duration::from_secs(5);
/// More hosts than this share one place.
const MAX_HOSTS: usize = 1_024;

/// How many calls a host gets in a second, on average and at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    pub reads_per_second: NonZeroU32,
    pub writes_per_second: NonZeroU32,
}

/// One bucket a host and kind of call.
pub struct Pacer {
    rates: Rates,
    buckets: Mutex<HashMap<(String, CallKind), Arc<DefaultDirectRateLimiter>>>,
}

impl Pacer {
    #[must_use]
    pub fn new(rates: Rates) -> Self {
        Self { rates, buckets: Mutex::default() }
    }

    fn bucket(&self, host: &str, call: CallKind) -> Arc<DefaultDirectRateLimiter> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let host = if buckets.len() < MAX_HOSTS { host } else { "" };
        let key = (host.to_owned(), call);
        let bucket = buckets.entry(key).or_insert_with(|| {
            let rate = match call {
                CallKind::Read => self.rates.reads_per_second,
                CallKind::Write => self.rates.writes_per_second,
            };
            Arc::new(RateLimiter::direct(Quota::per_second(rate)))
        });
        bucket.clone()
    }
}

#[async_trait]
impl Pace for Pacer {
    async fn turn(&self, host: &str, call: CallKind) {
        let bucket = self.bucket(host, call);
        if is_urgent() {
            // It takes its share, so that the others make room for it, and waits for nobody.
            drop(bucket.check());
            return;
        }
        let patience = match call {
            CallKind::Read => PATIENCE,
            CallKind::Write => WRITE_PATIENCE,
        };
        if tokio::time::timeout(patience, bucket.until_ready()).await.is_err() {
            tracing::debug!(host, "waited long enough for a place among the calls");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::urgently;

    fn pacer() -> Pacer {
        let one = NonZeroU32::new(1).unwrap();
        Pacer::new(Rates { reads_per_second: one, writes_per_second: one })
    }

    /// Whether a turn comes without waiting.
    fn comes_at_once(turn: impl Future<Output = ()>) -> bool {
        let waker = std::task::Waker::noop();
        let mut turn = std::pin::pin!(turn);
        turn.as_mut().poll(&mut std::task::Context::from_waker(waker)).is_ready()
    }

    #[tokio::test]
    async fn a_host_that_had_its_share_makes_others_wait_but_no_leak() {
        let pacer = pacer();
        assert!(comes_at_once(pacer.turn("a", CallKind::Read)));
        assert!(!comes_at_once(pacer.turn("a", CallKind::Read)));
        assert!(comes_at_once(pacer.turn("a", CallKind::Write)), "another kind of call");
        assert!(comes_at_once(pacer.turn("b", CallKind::Read)), "another host");
        assert!(comes_at_once(urgently(true, pacer.turn("a", CallKind::Read))));
        assert!(!comes_at_once(urgently(false, pacer.turn("a", CallKind::Read))));
    }
}
