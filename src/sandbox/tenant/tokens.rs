//! Access tokens. They are judged on their own, without a look at their key, as a signature is.

use std::collections::{BTreeSet, HashMap};

/// No more live tokens than this; the sandbox then forgets the one that expires first.
pub const MAX_TOKENS: usize = 20_000;

/// Who a valid token speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The key that was exchanged.
    pub client_id: String,
    /// The user that the key acts as.
    pub user: String,
    /// As they were when the key was minted.
    pub permissions: BTreeSet<String>,
}

#[derive(Default)]
pub(super) struct Tokens {
    live: HashMap<String, (Caller, i64)>,
}

impl Tokens {
    /// Takes in a token that was just made.
    pub(super) fn insert(&mut self, token: String, caller: Caller, expires_ms: i64, now_ms: i64) {
        if self.live.len() >= MAX_TOKENS {
            self.live.retain(|_, (_, expires_ms)| *expires_ms > now_ms);
        }
        if self.live.len() >= MAX_TOKENS {
            let first = self.live.iter().min_by_key(|(_, (_, expires_ms))| *expires_ms);
            if let Some(token) = first.map(|(token, _)| token.clone()) {
                self.live.remove(&token);
            }
        }
        self.live.insert(token, (caller, expires_ms));
    }

    pub(super) fn caller(&self, token: &str, now_ms: i64) -> Option<&Caller> {
        self.live.get(token).filter(|(_, expires_ms)| *expires_ms > now_ms).map(|(who, _)| who)
    }
}
