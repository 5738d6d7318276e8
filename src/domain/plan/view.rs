//! How the planner looks at facts: known, or the step that would make them known.
//!
//! Every accessor answers `Err(step)` when the fact is missing, so that a decision reads as if
//! everything were known and stops by itself at the first gap.

use super::account;
use super::rules::Rules;
use super::step::{Step, WaitFor};
use crate::domain::class::Class;
use crate::domain::clocks::{Moment, Stamp, passed, remaining_ms};
use crate::domain::facts::{
    Actor, Elsewhere, Exchange, Fact, Holding, KeyIndex, KeyProof, Observed, Profile, Read,
    StoreView,
};
use crate::domain::ids::VersionId;
use crate::domain::state::{Effect, Event, ParkReason, Question, Rotation, State, Trouble};

/// A fact, or the step to take for want of it.
pub(super) type Found<T> = Result<T, Step>;

/// After this many failures in a row a rotation parks; it goes on by itself when they stop.
const TROUBLE_LIMIT: u32 = 6;
/// A conflict says that a read was behind; reads may lag for a minute (R13).
const CONFLICT_LIMIT: u32 = 12;
/// So many failures in a row are journaled under a leak; later ones say nothing new.
const QUIET_AFTER: u32 = 20;
/// Parked: look again after this time.
const PARKED_RECHECK_MS: i64 = 60_000;
/// While reads may lag behind our own change they are repeated this often.
const LAG_RECHECK_MS: i64 = 1_000;

pub(super) struct View<'a> {
    pub rules: &'a Rules,
    pub state: &'a State,
    pub seen: &'a Observed,
    pub stamp: &'a Stamp,
    pub now: Moment,
}

impl<'a> View<'a> {
    pub fn new(rules: &'a Rules, state: &'a State, seen: &'a Observed, stamp: &'a Stamp) -> Self {
        Self { rules, state, seen, stamp, now: state.time.moment(stamp) }
    }

    pub fn passed(&self, since: &Moment, duration_ms: i64) -> bool {
        passed(since, &self.now, duration_ms)
    }

    /// `Err(Wait)` until the deadline has passed.
    pub fn wait_until(&self, since: &Moment, duration_ms: i64, reason: WaitFor) -> Found<()> {
        if self.passed(since, duration_ms) {
            return Ok(());
        }
        Err(Step::Wait { reason, ms: remaining_ms(since, &self.now, duration_ms) })
    }

    /// Until reads must show what we changed at `at`, or `most_ms` have passed (R13).
    pub fn wait_out_lag(&self, at: &Moment, most_ms: i64) -> Found<()> {
        if self.passed(at, self.rules.lag_ms.min(most_ms)) {
            return Ok(());
        }
        Err(Step::Wait { reason: WaitFor::ReadsLag, ms: LAG_RECHECK_MS })
    }

    /// How long consumers are given, never less than they were promised (R12).
    pub fn drain_ms(&self) -> i64 {
        let life = self.state.rotation.as_ref().and_then(|r| r.token_life_ms);
        self.rules.drain_ms.max(self.promised_ms(life))
    }

    /// What consumers were promised: their cache time and a token's life (R12).
    pub fn promised_ms(&self, token_life_ms: Option<i64>) -> i64 {
        self.rules.cache_ttl_ms.saturating_add(token_life_ms.unwrap_or(0))
    }

    /// Stops for an operator. Where it is parked already it stays so.
    pub fn park(&self, reason: ParkReason) -> Step {
        let trouble =
            |park: &crate::domain::state::Park| matches!(park.reason, ParkReason::Trouble { .. });
        match &self.state.parked {
            Some(park) if !trouble(park) || park.reason == reason => self.wait_for_operator(),
            _ => Step::record(Event::Parked { reason }),
        }
    }

    pub fn wait_for_operator(&self) -> Step {
        Step::Wait { reason: WaitFor::Operator, ms: PARKED_RECHECK_MS }
    }

    /// A fact could not be told: back off; park when it goes on, except under a leak, which is looked
    /// at every minute for as long as it takes. What went on for long is not written down again.
    pub fn trouble(&self, class: Class, step: &str) -> Step {
        let leak = self.state.requests.leak.is_some();
        let count = self.state.trouble.as_ref().map_or(0, |trouble| trouble.count);
        let parked = self.state.parked.is_some();
        if parked && !leak || leak && count >= QUIET_AFTER {
            return Step::Wait { reason: WaitFor::Trouble, ms: PARKED_RECHECK_MS };
        }
        let open = self.state.is_at_work();
        if count >= TROUBLE_LIMIT && !leak && open {
            return Step::record(Event::Parked {
                reason: ParkReason::Trouble { class, step: step.to_owned() },
            });
        }
        Step::Trouble { class, step: step.to_owned() }
    }

    /// An effect that came to nothing again and again is not sent once more: it parks (F5).
    pub fn bounded(&self, step: Step) -> Step {
        let Step::Do(effect) = &step else { return step };
        match &self.state.trouble {
            Some(Trouble { class, step, .. })
                if self.trouble_is_chronic()
                    && step == effect.name()
                    && self.state.requests.leak.is_none() =>
            {
                self.park(ParkReason::Trouble { class: *class, step: step.clone() })
            }
            _ => step,
        }
    }

    /// Whether the same failure came so often that a request is given up.
    pub fn trouble_is_chronic(&self) -> bool {
        self.state.trouble.as_ref().is_some_and(|trouble| {
            let conflict = trouble.class == Class::Conflict;
            trouble.count >= if conflict { CONFLICT_LIMIT } else { TROUBLE_LIMIT }
        })
    }

    pub fn store(&self) -> Found<&'a StoreView> {
        match &self.seen.store {
            Fact::Known(view) => Ok(view),
            Fact::Unread => Err(Step::look(Read::Store)),
            // Two ways of looking do not agree yet on what our own move did (R13).
            Fact::Unclear(Class::Unknown) if self.has_just_moved() => {
                Err(Step::Wait { reason: WaitFor::ReadsLag, ms: 1_000 })
            }
            Fact::Unclear(class) => Err(self.trouble(*class, "read_store")),
        }
    }

    /// Our move of *current* was acknowledged a moment ago, or may land at any moment.
    fn has_just_moved(&self) -> bool {
        let is_move = |question: &Question| matches!(question.effect, Effect::Promote { .. });
        if self.state.questions.values().any(is_move) {
            return true;
        }
        self.just_left().is_some()
    }

    /// The version that our own acknowledged move of *current* left, while reads may lag behind it.
    pub fn just_left(&self) -> Option<&'a VersionId> {
        if let Some((left, at)) = self.state.rotation.as_ref().and_then(|r| r.moved.as_ref()) {
            return (!self.passed(at, self.rules.lag_ms)).then_some(left);
        }
        let (left, at) = self.state.moved.as_ref()?;
        self.is_within(at, self.rules.lag_ms).then_some(left)
    }

    /// Whether something is so fresh by the wall clock. Between rotations nobody observes time, so
    /// the second witness may never come (R19): only for what no kill hangs on.
    pub fn is_within(&self, at: &Moment, duration_ms: i64) -> bool {
        (0..duration_ms).contains(&self.stamp.wall_ms.saturating_sub(at.wall_ms))
    }

    /// Labels, or nothing where the store cannot be read now.
    pub fn store_if_clear(&self) -> Found<Option<&'a StoreView>> {
        match &self.seen.store {
            Fact::Unclear(_) => Ok(None),
            _ => self.store().map(Some),
        }
    }

    pub fn holding(&self, version: &VersionId) -> Found<&'a Holding> {
        match self.seen.version(version) {
            Fact::Known(holding) => Ok(holding),
            Fact::Unread => Err(Step::look(Read::Version(version.clone()))),
            Fact::Unclear(class) => Err(self.trouble(*class, "read_version")),
        }
    }

    pub fn holding_if_clear(&self, version: &VersionId) -> Found<Option<&'a Holding>> {
        match self.seen.version(version) {
            Fact::Unclear(_) => Ok(None),
            _ => self.holding(version).map(Some),
        }
    }

    /// Whether a credential works: `Some(true | false)`, or nothing where that is unclear.
    pub fn works_if_clear(&self, proof: &KeyProof) -> Found<Option<bool>> {
        match self.seen.exchange(proof) {
            Fact::Unread => Err(Step::look(Read::Exchange(proof.clone()))),
            Fact::Known(Exchange::Alive { .. }) => Ok(Some(true)),
            Fact::Known(Exchange::Rejected) => Ok(Some(false)),
            Fact::Known(Exchange::Misconfigured | Exchange::Unreachable(_) | Exchange::Unknown)
            | Fact::Unclear(_) => Ok(None),
        }
    }

    /// Whether a credential works; unclear is trouble.
    pub fn works(&self, proof: &KeyProof) -> Found<bool> {
        match (self.works_if_clear(proof)?, self.seen.exchange(proof)) {
            (Some(works), _) => Ok(works),
            (None, Fact::Known(Exchange::Misconfigured)) => {
                Err(self.trouble(Class::Misconfigured, "exchange"))
            }
            (None, Fact::Known(Exchange::Unreachable(_))) => {
                Err(self.trouble(Class::Retryable, "exchange"))
            }
            (None, Fact::Unclear(class)) => Err(self.trouble(*class, "exchange")),
            (None, _) => Err(self.trouble(Class::Unknown, "exchange")),
        }
    }

    pub fn profile(&self, proof: &KeyProof) -> Found<&'a Profile> {
        match self.seen.profile(proof) {
            Fact::Known(profile) => Ok(profile),
            Fact::Unread => Err(Step::look(Read::Profile(proof.clone()))),
            Fact::Unclear(class) => Err(self.trouble(*class, "profile")),
        }
    }

    /// Whether the journal can surely take a create's outcome; where that cannot be told it cannot.
    pub fn journal_has_room(&self) -> Found<bool> {
        match &self.seen.journal_room {
            Fact::Known(room) => Ok(*room),
            Fact::Unread => Err(Step::look(Read::JournalRoom)),
            Fact::Unclear(_) => Ok(false),
        }
    }

    /// What other secrets name, by the journal as it is now (R22).
    pub fn elsewhere(&self) -> Found<&'a Elsewhere> {
        match &self.seen.elsewhere {
            Fact::Known(elsewhere) => Ok(elsewhere),
            Fact::Unread => Err(Step::look(Read::Elsewhere)),
            Fact::Unclear(class) => Err(self.trouble(*class, "read_journal")),
        }
    }

    /// *Current* and what it holds. A read that still shows the version which our own
    /// acknowledged move left is lag for a minute (R13).
    pub fn current(&self) -> Found<Option<(&'a VersionId, &'a Holding)>> {
        let store = self.store()?;
        let Some(version) = &store.current else { return Ok(None) };
        if self.just_left() == Some(version) {
            return Err(Step::Wait { reason: WaitFor::ReadsLag, ms: 1_000 });
        }
        Ok(Some((version, self.holding(version)?)))
    }

    /// The credential that *current* holds, where it holds one that authenticates now.
    pub fn current_alive(&self) -> Found<Option<(&'a VersionId, &'a KeyProof)>> {
        let Some((version, holding)) = self.current()? else { return Ok(None) };
        let Some(proof) = holding.proof() else { return Ok(None) };
        Ok(self.works(proof)?.then_some((version, proof)))
    }

    /// The issuer's list, whole or not.
    pub fn keys(&self, actor: &Actor) -> Found<&'a KeyIndex> {
        match &self.seen.keys {
            Fact::Known(index) => Ok(index),
            Fact::Unread => Err(Step::look(Read::Keys { actor: actor.clone() })),
            Fact::Unclear(class) => Err(self.trouble(*class, "list")),
        }
    }

    /// A complete list: only such a one may be asked what is not in it (R20). `live` is a key that
    /// authenticates now, so a list without it is not the whole list. Orphans that it lacks are gone,
    /// and that is recorded first, whatever the list was read for.
    pub fn complete_keys(&self, actor: &Actor) -> Found<&'a KeyIndex> {
        let index = self.keys(actor)?;
        let live = match actor {
            Actor::Key(proof) => Some(&proof.key),
            Actor::Named => self.current_alive()?.map(|(_, proof)| &proof.key),
        };
        let missing = live.filter(|key| !index.keys.contains_key(*key));
        if let Some(young) = missing.and_then(|key| self.state.keys.get(key))
            && !self.passed(&young.since, self.rules.lag_ms)
        {
            // It lags behind a key that was minted just now (R13).
            return Err(Step::Wait { reason: WaitFor::ReadsLag, ms: 1_000 });
        }
        if !index.complete || missing.is_some() {
            return Err(self.trouble(Class::Unknown, "list"));
        }
        let gone = account::gone_orphans(self, index);
        if gone.is_empty() {
            return Ok(index);
        }
        Err(Step::record(Event::OrphansGone { keys: gone }))
    }

    /// Whether a credential is the new one of the open rotation.
    pub fn is_new(&self, proof: &KeyProof) -> bool {
        self.state.rotation.as_ref().and_then(Rotation::new_proof) == Some(proof)
    }

    pub fn is_old(&self, proof: &KeyProof) -> bool {
        self.state.rotation.as_ref().is_some_and(|r| r.old.proof == *proof)
    }
}
