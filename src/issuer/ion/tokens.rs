//! Access tokens for GraphQL calls, kept in memory while they are surely good for one more call.
//! Must never answer an `authenticate`: that proof is always a fresh exchange.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use secrecy::SecretString;

use crate::domain::secret::Fingerprint;

/// More credentials than one client ever calls with.
const MAX_TOKENS: usize = 64;
/// However long a token says that it lives.
const MAX_LIFE_MS: i64 = 60 * 60 * 1000;
/// A cached token outlives a request of the default length.
const MIN_MARGIN_MS: i64 = 30 * 1000;

struct Cached {
    token: Arc<SecretString>,
    until_ms: i64,
}

/// Keyed by fingerprint: another secret of the same key is another entry. Times are `boottime_ms`.
#[derive(Default)]
pub(super) struct TokenCache {
    entries: Mutex<HashMap<Fingerprint, Cached>>,
}

impl TokenCache {
    pub(super) fn get(&self, whose: Fingerprint, now_ms: i64) -> Option<Arc<SecretString>> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries
            .get(&whose)
            .filter(|cached| now_ms < cached.until_ms)
            .map(|cached| Arc::clone(&cached.token))
    }

    /// Keeps a token for its life less 20 % or 30 s, whichever is more; not at all when the life
    /// is unknown or shorter than that.
    pub(super) fn put(
        &self,
        whose: Fingerprint,
        token: Arc<SecretString>,
        life_ms: Option<i64>,
        now_ms: i64,
    ) {
        let life_ms = life_ms.unwrap_or(0).min(MAX_LIFE_MS);
        let kept_ms = life_ms - (life_ms / 5).max(MIN_MARGIN_MS);
        if kept_ms <= 0 {
            return;
        }
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|_, cached| now_ms < cached.until_ms);
        if entries.len() >= MAX_TOKENS {
            let soonest = entries.iter().min_by_key(|(_, c)| c.until_ms).map(|(key, _)| *key);
            soonest.and_then(|key| entries.remove(&key));
        }
        entries.insert(whose, Cached { token, until_ms: now_ms.saturating_add(kept_ms) });
    }

    pub(super) fn forget(&self, whose: Fingerprint) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).remove(&whose);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whose(n: u8) -> Fingerprint {
        Fingerprint::from_bytes([n; 16])
    }
    fn token() -> Arc<SecretString> {
        Arc::new(SecretString::from("t"))
    }

    #[test]
    fn a_token_is_given_up_a_fifth_of_its_life_early() {
        let cache = TokenCache::default();
        cache.put(whose(1), token(), Some(300_000), 1000);
        assert!(cache.get(whose(1), 240_999).is_some());
        assert!(cache.get(whose(1), 241_000).is_none());
        assert!(cache.get(whose(2), 1000).is_none());
    }

    #[test]
    fn a_short_or_unknown_life_is_not_cached_and_a_huge_one_is_capped() {
        let cache = TokenCache::default();
        cache.put(whose(1), token(), Some(30_000), 0);
        cache.put(whose(2), token(), None, 0);
        cache.put(whose(3), token(), Some(i64::MAX), 0);
        assert!(cache.get(whose(1), 0).is_none());
        assert!(cache.get(whose(2), 0).is_none());
        assert!(cache.get(whose(3), 48 * 60 * 1000 - 1).is_some());
        assert!(cache.get(whose(3), 48 * 60 * 1000).is_none());
    }

    #[test]
    fn the_cache_never_grows_past_its_bound_and_forgets_on_demand() {
        let cache = TokenCache::default();
        for n in 0..=255 {
            cache.put(whose(n), token(), Some(300_000 + i64::from(n)), 0);
        }
        assert_eq!(cache.entries.lock().unwrap().len(), MAX_TOKENS);
        assert!(cache.get(whose(255), 0).is_some());
        cache.forget(whose(255));
        assert!(cache.get(whose(255), 0).is_none());
    }
}
