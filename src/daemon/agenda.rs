//! Which secret is worked on next: a pure table of when each is due and when it is looked at again.
//! Reads no clock: stamps come in. Knows nothing of engines; whoever works says how it ended.
//!
//! Two clocks rule it. *Due* is a time of day, so the wall clock tells it; *looking again* is a
//! span, so the clock that never steps tells it. A wall clock that steps makes nothing due twice:
//! what is due is asked of the journal's history, and a start is weighed once more before it.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::clocks::Stamp;
use crate::domain::ids::SecretKey;
use crate::domain::policy::duration::MINUTE_MS;
use crate::domain::schedule::{ON_TIME_MS, catch_up_ms};

/// The wall clock stepped if it and the steady one differ by more between two beats.
const STEP_MS: i64 = MINUTE_MS;
/// So much leaked work may run beyond the places that there are.
const EXTRA_FOR_LEAKS: usize = 64;

/// What work goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rank {
    /// A suspect lives, or a leak report is open: goes before everything and waits for no place.
    Leak,
    /// Something is open: a rotation, a question, a request.
    Open,
    /// Nothing is open.
    Idle,
}

/// How ready ones stand in line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Order {
    Leak,
    Other,
}

impl Rank {
    fn order(self) -> Order {
        if self == Self::Leak { Order::Leak } else { Order::Other }
    }
}

/// Work that is to be done now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    pub secret: SecretKey,
    /// The time of a start that is due has come. What was missed has a time of its own, and a look
    /// before that begins nothing.
    pub may_start: bool,
}

/// What is known of a secret after somebody worked on it, or read its journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outlook {
    /// When its next rotation is due, by the wall clock; may be past.
    pub due_ms: Option<i64>,
    /// After so long it is looked at again.
    pub look_in_ms: i64,
    pub rank: Rank,
}

/// Every secret that is looked after.
#[derive(Debug, Default)]
pub struct Agenda {
    entries: BTreeMap<SecretKey, Entry>,
    /// By wall clock: when each is to be started.
    starts: BTreeSet<(i64, SecretKey)>,
    /// By boot clock: when each is to be looked at.
    looks: BTreeSet<(i64, SecretKey)>,
    /// Leaks first; the rest by how long they wait, so that no kind starves another.
    ready: BTreeSet<(Order, i64, SecretKey)>,
    working: BTreeSet<SecretKey>,
    last: Option<Stamp>,
    catch_up_window_ms: i64,
}

#[derive(Debug)]
struct Entry {
    /// Spreads what is caught up.
    name: String,
    due_ms: Option<i64>,
    start_ms: Option<i64>,
    look_ms: i64,
    rank: Rank,
    /// Since when it is ready, by the boot clock.
    ready_since: Option<i64>,
}

impl Agenda {
    /// `catch_up_window_ms`: over how long missed starts are spread.
    #[must_use]
    pub fn new(catch_up_window_ms: i64) -> Self {
        Self { catch_up_window_ms, ..Self::default() }
    }

    /// Puts a secret on the agenda, or replaces what is known of it. One that is being worked on
    /// stays so.
    pub fn put(&mut self, secret: &SecretKey, name: &str, outlook: &Outlook, now: &Stamp) {
        self.unlist(secret);
        let look_ms = now.boottime_ms.saturating_add(outlook.look_in_ms.max(0));
        let entry = Entry {
            name: name.to_owned(),
            due_ms: outlook.due_ms,
            start_ms: outlook.due_ms,
            look_ms,
            rank: outlook.rank,
            ready_since: None,
        };
        self.entries.insert(secret.clone(), entry);
        if !self.working.contains(secret) {
            self.list(secret);
        }
    }

    /// Takes a secret off. One that is being worked on is taken off when that ends.
    pub fn remove(&mut self, secret: &SecretKey) {
        self.unlist(secret);
        self.entries.remove(secret);
    }

    #[must_use]
    pub fn is_working(&self, secret: &SecretKey) -> bool {
        self.working.contains(secret)
    }

    /// The number of secrets, of those being worked on, and of those that wait for a place.
    #[must_use]
    pub fn counts(&self) -> (usize, usize, usize) {
        (self.entries.len(), self.working.len(), self.ready.len())
    }

    /// When the next start is due by the wall clock, and the next look by the boot clock.
    #[must_use]
    pub fn next_times(&self) -> (Option<i64>, Option<i64>) {
        let first = |set: &BTreeSet<(i64, SecretKey)>| set.first().map(|(at, _)| *at);
        (first(&self.starts), first(&self.looks))
    }

    /// One beat: whatever has come due, or is to be looked at, becomes ready. Returns how far the
    /// wall clock stepped since the last beat, where it did, in milliseconds.
    pub fn tick(&mut self, now: &Stamp) -> Option<i64> {
        let step_ms = self.step_ms(now);
        if step_ms.is_some() {
            self.weigh_anew();
        }
        self.last = Some(now.clone());
        while let Some((at, secret)) = self.starts.first().cloned() {
            if at > now.wall_ms {
                break;
            }
            self.starts.remove(&(at, secret.clone()));
            self.start(&secret, now);
        }
        while let Some((at, secret)) = self.looks.first().cloned() {
            if at > now.boottime_ms {
                break;
            }
            self.make_ready(&secret, now.boottime_ms);
        }
        step_ms
    }

    /// What is to be worked on now, the most urgent first, where so many places are free. It counts
    /// as being worked on until [`Agenda::settle`] or [`Agenda::release`].
    pub fn take(&mut self, free: usize, now: &Stamp) -> Vec<Work> {
        let mut taken = Vec::new();
        let mut others = 0;
        while let Some((order, since, secret)) = self.ready.first().cloned() {
            let has_place = match order {
                Order::Leak => taken.len() < free.saturating_add(EXTRA_FOR_LEAKS),
                Order::Other => others < free.saturating_sub(taken.len() - others),
            };
            if !has_place {
                break;
            }
            others += usize::from(order != Order::Leak);
            self.ready.remove(&(order, since, secret.clone()));
            let start_ms = self.entries.get(&secret).and_then(|entry| entry.start_ms);
            let may_start = start_ms.is_some_and(|start_ms| start_ms <= now.wall_ms);
            self.claim(&secret);
            taken.push(Work { secret, may_start });
        }
        taken
    }

    /// Marks a secret as being worked on, by whomever.
    pub fn claim(&mut self, secret: &SecretKey) {
        self.unlist(secret);
        self.working.insert(secret.clone());
    }

    /// The work on it ended, with what is known of it now.
    pub fn settle(&mut self, secret: &SecretKey, outlook: &Outlook, now: &Stamp) {
        self.working.remove(secret);
        let Some(name) = self.entries.get(secret).map(|entry| entry.name.clone()) else { return };
        self.put(secret, &name, outlook, now);
    }

    /// The work on it ended, and nobody says what is known of it: it is looked at next.
    pub fn release(&mut self, secret: &SecretKey, now: &Stamp) {
        self.working.remove(secret);
        self.make_ready(secret, now.boottime_ms);
    }

    fn start(&mut self, secret: &SecretKey, now: &Stamp) {
        let Some(entry) = self.entries.get_mut(secret) else { return };
        let (Some(due_ms), Some(start_ms)) = (entry.due_ms, entry.start_ms) else { return };
        // What was missed (the machine was off, asleep, or its clock stepped) is caught up at a time
        // of its own, so that not all start at once (F18).
        let is_missed = start_ms == due_ms && now.wall_ms.saturating_sub(due_ms) > ON_TIME_MS;
        let start_ms = if is_missed {
            catch_up_ms(&entry.name, due_ms, now.wall_ms, self.catch_up_window_ms)
        } else {
            start_ms
        };
        if start_ms > now.wall_ms {
            entry.start_ms = Some(start_ms);
            self.starts.insert((start_ms, secret.clone()));
        } else {
            self.make_ready(secret, now.boottime_ms);
        }
    }

    fn make_ready(&mut self, secret: &SecretKey, boottime_ms: i64) {
        self.unlist(secret);
        let Some(entry) = self.entries.get_mut(secret) else { return };
        entry.ready_since = Some(boottime_ms);
        self.ready.insert((entry.rank.order(), boottime_ms, secret.clone()));
    }

    fn list(&mut self, secret: &SecretKey) {
        let Some(entry) = self.entries.get(secret) else { return };
        self.looks.insert((entry.look_ms, secret.clone()));
        if let Some(start_ms) = entry.start_ms {
            self.starts.insert((start_ms, secret.clone()));
        }
    }

    fn unlist(&mut self, secret: &SecretKey) {
        let Some(entry) = self.entries.get_mut(secret) else { return };
        self.looks.remove(&(entry.look_ms, secret.clone()));
        if let Some(start_ms) = entry.start_ms {
            self.starts.remove(&(start_ms, secret.clone()));
        }
        if let Some(since) = entry.ready_since.take() {
            self.ready.remove(&(entry.rank.order(), since, secret.clone()));
        }
    }

    /// After a step of the wall clock a time that was set by it means nothing any more.
    fn weigh_anew(&mut self) {
        let moved = |(secret, entry): &(&SecretKey, &Entry)| {
            let idle = entry.ready_since.is_none() && !self.working.contains(*secret);
            idle && entry.start_ms != entry.due_ms
        };
        let secrets: Vec<SecretKey> =
            self.entries.iter().filter(moved).map(|(secret, _)| secret.clone()).collect();
        for secret in &secrets {
            self.unlist(secret);
            if let Some(entry) = self.entries.get_mut(secret) {
                entry.start_ms = entry.due_ms;
            }
            self.list(secret);
        }
    }

    fn step_ms(&self, now: &Stamp) -> Option<i64> {
        let last = self.last.as_ref().filter(|last| last.boot == now.boot)?;
        let wall_ms = now.wall_ms.saturating_sub(last.wall_ms);
        let steady_ms = now.boottime_ms.saturating_sub(last.boottime_ms);
        let step_ms = wall_ms.saturating_sub(steady_ms);
        (step_ms.saturating_abs() > STEP_MS).then_some(step_ms)
    }
}

#[cfg(test)]
mod tests;
