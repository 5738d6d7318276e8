//! The keys themselves, with the list as it was before recent changes.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::super::dice::Dice;
use super::super::person::NEWEST;
use super::super::reply::{Issued, Refusal};

/// Minted keys that a sandbox remembers, deleted ones included.
pub const MAX_KEYS: usize = 5_000;
/// Changes of which the list before is remembered.
pub const MAX_SNAPSHOTS: usize = 32;
/// Secrets and tokens that are remembered for leak scans.
pub const MAX_SECRETS: usize = 20_000;

/// A key as the API shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyView {
    pub id: String,
    pub client_id: String,
    /// Only right after create and regenerate.
    pub client_secret: Option<String>,
    pub etag: String,
    pub enabled: bool,
    /// Milliseconds since the Unix epoch.
    pub created_ms: i64,
    /// A user's id.
    pub created_by: String,
}

impl fmt::Debug for KeyView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyView")
            .field("client_id", &self.client_id)
            .field("etag", &self.etag)
            .field("enabled", &self.enabled)
            .finish_non_exhaustive()
    }
}

/// A key as it truly is, for tests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyTruth {
    pub client_id: String,
    pub enabled: bool,
    pub deleted: bool,
    /// A user's id.
    pub created_by: String,
    pub created_ms: i64,
    pub etag: String,
    pub permissions: BTreeSet<String>,
}

/// What `updateApiKey` is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Change {
    pub client_id: String,
    pub etag: Option<String>,
    /// Absent: unchanged.
    pub enabled: Option<bool>,
    /// Absent: false.
    pub regenerate_secret: Option<bool>,
}

pub(super) struct Key {
    pub(super) client_id: String,
    pub(super) secret: String,
    pub(super) enabled: bool,
    pub(super) deleted: bool,
    pub(super) created_by: String,
    pub(super) permissions: BTreeSet<String>,
    id: u64,
    etag: String,
    created_ms: i64,
}

impl Key {
    pub(super) fn view(&self) -> KeyView {
        KeyView {
            id: self.id.to_string(),
            client_id: self.client_id.clone(),
            client_secret: None,
            etag: self.etag.clone(),
            enabled: self.enabled,
            created_ms: self.created_ms,
            created_by: self.created_by.clone(),
        }
    }

    fn truth(&self) -> KeyTruth {
        KeyTruth {
            client_id: self.client_id.clone(),
            enabled: self.enabled,
            deleted: self.deleted,
            created_by: self.created_by.clone(),
            created_ms: self.created_ms,
            etag: self.etag.clone(),
            permissions: self.permissions.clone(),
        }
    }
}

/// Every key there ever was. What is deleted stays as a tombstone.
pub(super) struct Keys {
    pub(super) dice: Dice,
    all: Vec<Key>,
    /// The list after each change, oldest first, with the time of the change.
    history: VecDeque<(i64, Vec<KeyView>)>,
    changes: u64,
    touched: Vec<String>,
    secrets: VecDeque<String>,
}

impl Keys {
    pub(super) fn new(dice: Dice) -> Self {
        let history = VecDeque::from([(i64::MIN, Vec::new())]);
        Self {
            dice,
            all: Vec::new(),
            history,
            changes: 0,
            touched: Vec::new(),
            secrets: VecDeque::new(),
        }
    }

    pub(super) fn mint(
        &mut self,
        user: &str,
        permissions: BTreeSet<String>,
        now_ms: i64,
    ) -> Result<Issued, Refusal> {
        if self.all.len() >= MAX_KEYS {
            return Err(Refusal::Full);
        }
        let key = Key {
            id: 1000 + self.all.len() as u64,
            client_id: self.dice.uuid(),
            secret: self.dice.text(32),
            etag: self.dice.uuid(),
            enabled: true,
            deleted: false,
            created_ms: now_ms,
            created_by: user.into(),
            permissions,
        };
        self.remember(key.secret.clone());
        let issued = Issued { client_id: key.client_id.clone(), client_secret: key.secret.clone() };
        self.touched.push(key.client_id.clone());
        self.all.push(key);
        self.photograph(now_ms);
        Ok(issued)
    }

    /// Changes one key; its etag changes with it, even where nothing else does.
    pub(super) fn change(
        &mut self,
        client_id: &str,
        now_ms: i64,
        edit: impl FnOnce(&mut Key, &mut Dice),
    ) -> Result<KeyView, Refusal> {
        let Some(key) = self.all.iter_mut().find(|key| key.client_id == client_id) else {
            return Err(Refusal::NotFound);
        };
        if key.deleted {
            return Err(Refusal::NotFound);
        }
        let secret_before = key.secret.clone();
        edit(key, &mut self.dice);
        key.etag = self.dice.uuid();
        let mut view = key.view();
        if key.secret != secret_before {
            view.client_secret = Some(key.secret.clone());
        }
        if let Some(secret) = view.client_secret.clone() {
            self.remember(secret);
        }
        self.touched.push(client_id.into());
        self.photograph(now_ms);
        Ok(view)
    }

    /// A key that is not deleted.
    pub(super) fn get(&self, client_id: &str) -> Option<&Key> {
        self.all.iter().find(|key| key.client_id == client_id && !key.deleted)
    }

    pub(super) fn etag(&self, client_id: &str) -> Option<&str> {
        self.get(client_id).map(|key| key.etag.as_str())
    }

    /// The id that a person means.
    pub(super) fn resolve(&self, name: &str) -> String {
        let newest = self.all.last().filter(|_| name == NEWEST);
        newest.map_or_else(|| name.into(), |key| key.client_id.clone())
    }

    pub(super) fn of_user(&self, user: &str) -> Vec<String> {
        let theirs = self.all.iter().filter(|key| key.created_by == user && !key.deleted);
        theirs.map(|key| key.client_id.clone()).collect()
    }

    pub(super) fn truths(&self) -> Vec<KeyTruth> {
        self.all.iter().map(Key::truth).collect()
    }

    /// The list, oldest key first.
    pub(super) fn list(&self) -> Vec<KeyView> {
        self.history.back().map(|(_, list)| list.clone()).unwrap_or_default()
    }

    /// The list before the last so many changes, or the oldest that is remembered.
    pub(super) fn list_before(&self, changes: u32) -> Vec<KeyView> {
        let back = usize::try_from(changes).unwrap_or(usize::MAX);
        let index = self.history.len().saturating_sub(1).saturating_sub(back);
        self.history.get(index).map(|(_, list)| list.clone()).unwrap_or_default()
    }

    /// The list at that time, or the oldest that is remembered.
    pub(super) fn list_at(&self, at_ms: i64) -> Vec<KeyView> {
        let then = self.history.iter().rev().find(|(changed_ms, _)| *changed_ms <= at_ms);
        then.or_else(|| self.history.front()).map(|(_, list)| list.clone()).unwrap_or_default()
    }

    /// Changes of the list so far.
    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    /// Keys changed since the last call.
    pub(super) fn take_touched(&mut self) -> Vec<String> {
        std::mem::take(&mut self.touched)
    }

    /// Keeps a secret for leak scans.
    pub(super) fn remember(&mut self, secret: String) {
        if self.secrets.len() >= MAX_SECRETS {
            self.secrets.pop_front();
        }
        self.secrets.push_back(secret);
    }

    pub(super) fn secrets(&self) -> Vec<String> {
        self.secrets.iter().cloned().collect()
    }

    fn photograph(&mut self, now_ms: i64) {
        if self.history.len() > MAX_SNAPSHOTS {
            self.history.pop_front();
        }
        self.changes += 1;
        let list = self.all.iter().filter(|key| !key.deleted).map(Key::view).collect();
        self.history.push_back((now_ms, list));
    }
}
