//! Consumers: they cache what they read from the store, and read again once when it is refused.

use std::sync::Mutex;

use super::{HOUR, SECOND, World};

pub(super) struct Consumers(Mutex<Vec<Consumer>>);

impl Default for Consumers {
    fn default() -> Self {
        Self::caching([HOUR, HOUR / 2, 5 * 60 * SECOND])
    }
}

impl Consumers {
    /// Three that cache what they read for so long.
    pub(super) fn caching(ttls_ms: [i64; 3]) -> Self {
        Self(Mutex::new(ttls_ms.map(Consumer::caching).into()))
    }
}

struct Consumer {
    cache_ttl_ms: i64,
    read_ms: i64,
    key: Option<String>,
    requests: u64,
    failures: u64,
    failures_after_reread: u64,
}

impl Consumer {
    fn caching(cache_ttl_ms: i64) -> Self {
        Self {
            cache_ttl_ms,
            read_ms: i64::MIN / 2,
            key: None,
            requests: 0,
            failures: 0,
            failures_after_reread: 0,
        }
    }
}

/// What the consumers counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    pub requests: u64,
    pub failures: u64,
    pub failures_after_reread: u64,
}

impl World {
    pub fn counted(&self) -> Counted {
        let consumers = self.consumers.0.lock().unwrap();
        consumers.iter().fold(Counted::default(), |sum, c| Counted {
            requests: sum.requests + c.requests,
            failures: sum.failures + c.failures,
            failures_after_reread: sum.failures_after_reread + c.failures_after_reread,
        })
    }

    /// Every consumer makes a request with what it cached, and re-reads once when that fails.
    pub fn poll(&self) {
        let now = self.now_ms();
        self.store.land(now);
        for consumer in self.consumers.0.lock().unwrap().iter_mut() {
            let current = || self.store.current_key();
            if now - consumer.read_ms >= consumer.cache_ttl_ms || consumer.key.is_none() {
                consumer.key = current();
                consumer.read_ms = now;
            }
            consumer.requests += 1;
            let works = |key: &Option<String>| key.as_ref().is_some_and(|k| self.tenant.alive(k));
            if works(&consumer.key) {
                continue;
            }
            consumer.failures += 1;
            consumer.key = current();
            consumer.read_ms = now;
            if !works(&consumer.key) {
                consumer.failures_after_reread += 1;
            }
        }
    }
}
