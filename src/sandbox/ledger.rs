//! What really happened, call by call: the outside that tests assert on. Never holds a secret,
//! nor any text of a caller's that is not a well-formed key id.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::secrets_manager::Signer;

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
    CreateSecret,
    GetSecretValue,
    PutSecretValue,
    UpdateSecretVersionStage,
    DescribeSecret,
    ListSecretVersionIds,
    UpdateSecret,
    DeleteSecret,
    RestoreSecret,
    TagResource,
    UntagResource,
    RotateSecret,
    CancelRotateSecret,
    ReplicateSecretToRegions,
    RemoveRegionsFromReplication,
    /// A request that names none of these, or that could not be read.
    Other,
    /// A person's edit, in ION's web page or AWS's console as it were.
    Person,
    /// In a fault: any call of a client. Never in the ledger.
    Any,
}

impl CallKind {
    /// Whether it is a call of AWS Secrets Manager.
    #[must_use]
    pub fn is_of_secrets_manager(self) -> bool {
        matches!(
            self,
            Self::CreateSecret
                | Self::GetSecretValue
                | Self::PutSecretValue
                | Self::UpdateSecretVersionStage
                | Self::DescribeSecret
                | Self::ListSecretVersionIds
                | Self::UpdateSecret
                | Self::DeleteSecret
                | Self::RestoreSecret
                | Self::TagResource
                | Self::UntagResource
                | Self::RotateSecret
                | Self::CancelRotateSecret
                | Self::ReplicateSecretToRegions
                | Self::RemoveRegionsFromReplication
        )
    }
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
    /// The keys, or the versions of a secret, that the call named or changed.
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
    /// The secret's name, where the call named one that is there, or that it would make.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// Who signed a call of Secrets Manager.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<Signer>,
}

impl Entry {
    /// An entry that says no more than what was called, and when.
    pub(super) fn of(kind: CallKind, at_ms: i64) -> Self {
        Self {
            sequence: 0,
            at_ms,
            kind,
            as_key: None,
            keys: Vec::new(),
            detail: String::new(),
            outcome: String::new(),
            effect_applied: false,
            fault: None,
            late_of: None,
            secret: None,
            signer: None,
        }
    }
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

/// The same for a version's id, which a client makes up: what looks like a UUID or a digest.
pub(super) fn version_id_only(text: &str) -> String {
    let fits = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-';
    if (32..=64).contains(&text.len()) && text.bytes().all(fits) {
        return text.to_owned();
    }
    "(no version id)".into()
}

/// The same for a staging label, all of which are capitals here.
pub(super) fn label_only(text: &str) -> &str {
    let fits = |byte: u8| byte.is_ascii_uppercase() || byte == b'_';
    if (1..=64).contains(&text.len()) && text.bytes().all(fits) { text } else { "(a label)" }
}
