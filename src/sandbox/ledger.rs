//! What really happened, call by call: the outside that tests assert on. Never holds a secret,
//! nor any text of a caller's that is not a well-formed key id.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Oldest entries make room beyond this many.
pub const MAX_ENTRIES: usize = 100_000;

/// What was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallKind {
    TokenExchange,
    CreateApiKey,
    ApiKeys,
    UpdateApiKey,
    DeleteApiKey,
    CurrentUser,
    Introspection,
    /// A GraphQL request that names none of these, or that could not be read.
    Other,
    /// A person's edit, in ION's web page as it were.
    Person,
    /// In a fault: any call of a client. Never in the ledger.
    Any,
}

/// One call, or the late landing of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// From 1, without gaps.
    pub sequence: u64,
    /// Milliseconds since the Unix epoch, by the sandbox's clock.
    pub at_ms: i64,
    pub kind: CallKind,
    /// The key that the caller exchanged, or tried to.
    pub as_key: Option<String>,
    /// The keys that the call named or changed.
    pub keys: Vec<String>,
    /// What was asked, such as `enabled=false`.
    pub detail: String,
    /// `ok`, or a refusal's name. What the *server* decided: a lost reply can be `ok`.
    pub outcome: String,
    /// Whether anything changed because of it.
    pub effect_applied: bool,
    /// The fault that was injected, if one was.
    pub fault: Option<String>,
    /// For a late landing: the sequence of the call that asked for it.
    pub late_of: Option<u64>,
}

/// A bounded ring of entries.
#[derive(Default)]
pub(super) struct Ledger {
    entries: VecDeque<Entry>,
    written: u64,
}

impl Ledger {
    /// Numbers the entry and keeps it.
    pub(super) fn write(&mut self, mut entry: Entry) -> u64 {
        self.written += 1;
        entry.sequence = self.written;
        if self.entries.len() >= MAX_ENTRIES {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
        self.written
    }

    /// Entries after `sequence`, oldest first.
    pub(super) fn after(&self, sequence: u64) -> Vec<Entry> {
        self.entries.iter().filter(|entry| entry.sequence > sequence).cloned().collect()
    }
}

/// What of a caller's text may stand in the ledger: a key id, never what may be a secret.
pub(super) fn key_id_only(text: &str) -> String {
    Uuid::try_parse(text).map_or_else(|_| "(no key id)".into(), |id| id.hyphenated().to_string())
}
