//! Where the secrets are, with what they were before recent changes: reads are eventually
//! consistent, and a fault says how far behind one is.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::exception::{Code, Exception};
use super::secret::Secret;
use super::value::Typed;

/// Secrets that a sandbox holds.
pub const MAX_SECRETS: usize = 1_000;
/// Changes of which the state before is remembered.
const MAX_PHOTOS: usize = 128;

type Place = (String, String);
/// By primary region and name.
pub(super) type Held = BTreeMap<Place, Arc<Secret>>;

/// How far behind a read is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lag {
    #[default]
    None,
    /// As it was before the last so many changes.
    Changes(u64),
    /// As it was so many milliseconds ago.
    Ms(u64),
}

#[derive(Default)]
pub(super) struct Shelf {
    now: Held,
    /// The state before each change, oldest first, with the number and the time of the change.
    before: VecDeque<(u64, i64, Held)>,
    changes: u64,
    touched: Vec<String>,
    is_touched: bool,
}

impl Shelf {
    /// Changes so far.
    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    /// Versions changed since the last call, and whether anything was.
    pub(super) fn take_touched(&mut self) -> (Vec<String>, bool) {
        (std::mem::take(&mut self.touched), std::mem::take(&mut self.is_touched))
    }

    /// What a read that lags so far behind is answered from.
    pub(super) fn seen(&self, lag: Lag, now_ms: i64) -> &Held {
        let then = match lag {
            Lag::None | Lag::Changes(0) => None,
            Lag::Changes(changes) => {
                let first = self.changes.saturating_sub(changes) + 1;
                self.before.iter().find(|(number, ..)| *number >= first)
            }
            Lag::Ms(ms) => {
                let at_ms = now_ms.saturating_sub_unsigned(ms);
                self.before.iter().find(|(_, changed_ms, _)| *changed_ms > at_ms)
            }
        };
        then.map_or(&self.now, |(_, _, held)| held)
    }

    /// The secret that `id` means in a region.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn find(held: &Held, region: &str, id: &str) -> Result<Arc<Secret>, Exception> {
        let mut meant =
            held.values().filter(|secret| secret.is_in(region) && secret.is_named(id, region));
        meant.next().cloned().ok_or_else(Exception::no_secret)
    }

    /// The same, by its name alone, wherever it is: for people, who look until they find it.
    pub(super) fn find_anywhere(&self, name: &str) -> Result<Arc<Secret>, Exception> {
        let found = self.now.values().find(|secret| secret.name == name);
        found.cloned().ok_or_else(Exception::no_secret)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Secret>> {
        self.now.values()
    }

    /// Puts a secret in its place; `touched` are the versions that changed.
    ///
    /// # Errors
    /// The sandbox is full.
    pub(super) fn put(
        &mut self,
        mut secret: Secret,
        touched: &[&str],
        now_ms: i64,
    ) -> Result<(), Exception> {
        let place = (secret.region.clone(), secret.name.clone());
        if !self.now.contains_key(&place) && self.now.len() >= MAX_SECRETS {
            return Err(Exception::new(Code::LimitExceeded, "The sandbox holds no more secrets."));
        }
        secret.changed_ms = now_ms;
        self.photograph(now_ms);
        self.now.insert(place, Arc::new(secret));
        self.touch(touched);
        Ok(())
    }

    /// Takes a secret away for good.
    pub(super) fn remove(&mut self, secret: &Secret, now_ms: i64) {
        self.photograph(now_ms);
        self.now.remove(&(secret.region.clone(), secret.name.clone()));
    }

    /// Something changed, with those versions.
    pub(super) fn touch(&mut self, versions: &[&str]) {
        self.is_touched = true;
        self.touched.extend(versions.iter().map(|id| (*id).to_owned()));
    }

    /// A read leaves its date, which is no change of the secret.
    pub(super) fn read_at(&mut self, secret: &Secret, now_ms: i64) {
        let place = (secret.region.clone(), secret.name.clone());
        if let Some(secret) = self.now.get_mut(&place) {
            Arc::make_mut(secret).accessed_ms = Some(now_ms);
        }
    }

    /// Takes away what was scheduled to be gone by now.
    pub(super) fn settle(&mut self, now_ms: i64) {
        let due = |secret: &&Arc<Secret>| secret.deletion_ms.is_some_and(|ms| ms <= now_ms);
        let gone: Vec<Arc<Secret>> = self.now.values().filter(due).cloned().collect();
        for secret in gone {
            self.remove(&secret, now_ms);
        }
    }

    /// The current text of a secret, wherever it is.
    pub(super) fn text(&self, name: &str) -> Option<Typed> {
        self.find_anywhere(name).ok()?.current_text().map(Typed::new)
    }

    fn photograph(&mut self, now_ms: i64) {
        if self.before.len() >= MAX_PHOTOS {
            self.before.pop_front();
        }
        self.changes += 1;
        self.before.push_back((self.changes, now_ms, self.now.clone()));
    }
}
