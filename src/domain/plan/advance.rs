//! The machine's own next step, phase by phase: the table of the protocol.

use super::guards::{self, MAX_LABEL_MOVES};
use super::idle::{MAX_ORPHANS, possible_orphans};
use super::request;
use super::retire::{Purpose, retire};
use super::step::{Step, WaitFor};
use super::view::{Found, View};
use crate::domain::class::Class;
use crate::domain::clocks::remaining_ms;
use crate::domain::facts::{Actor, Fact, Holding, KeyProof, Profile, Read};
use crate::domain::ids::{KeyId, VersionId};
use crate::domain::state::{
    Effect, Ending, Event, Life, Origin, ParkReason, Phase, Rotation, Source, StagedVersion,
};

/// Attempts to stage on a *current* that keeps changing (R6), over all new secrets.
pub(super) const MAX_ATTEMPTS: u32 = 12;
const MAX_CREATES: u32 = 3;
/// A new key may need a moment to work everywhere (F13): tries, and the waits between them.
const MAX_VERIFY_FAILURES: u32 = 6;
const VERIFY_WAIT_MS: i64 = 1_000;

pub(super) fn advance(v: &View<'_>, r: &Rotation) -> Found<Step> {
    let case = Case { v, r };
    match r.phase {
        Phase::Claimed => case.claimed(),
        Phase::Issued => case.issued(),
        Phase::Staged => case.staged(),
        Phase::Verified => case.verified(),
        Phase::Promoted | Phase::Drained | Phase::Disabled | Phase::Soaked => case.promoted(),
        Phase::Deleted => case.deleted(),
        Phase::Reverting => case.reverting(),
        Phase::RollingBack => case.rolling_back(),
    }
}

/// What *current* names, seen from the open rotation.
enum Names<'a> {
    Old(&'a VersionId, &'a KeyProof),
    New(&'a VersionId, &'a KeyProof),
    Other,
}

struct Case<'a> {
    v: &'a View<'a>,
    r: &'a Rotation,
}

impl<'a> Case<'a> {
    fn enter(phase: Phase, because: Option<&str>) -> Step {
        Step::record(Event::Entered { phase, because: because.map(str::to_owned) })
    }

    fn names(&self) -> Found<Names<'a>> {
        let Some((version, holding)) = self.v.current()? else {
            return Err(self.v.park(ParkReason::CurrentMalformed));
        };
        let Holding::Key { proof, .. } = holding else {
            return Err(self.v.park(ParkReason::CurrentMalformed));
        };
        Ok(if self.v.is_new(proof) {
            Names::New(version, proof)
        } else if self.v.is_old(proof) {
            Names::Old(version, proof)
        } else {
            Names::Other
        })
    }

    /// Before promote *current* names the old key; our new one there means: promoted (late reply,
    /// or a person). Anything else is a person's choice.
    fn still_old(&self) -> Found<(&'a VersionId, &'a KeyProof)> {
        match self.names()? {
            Names::Old(version, proof) => Ok((version, proof)),
            Names::New(..) => Err(Self::enter(Phase::Promoted, Some("current names the new key"))),
            Names::Other => Err(self.v.park(ParkReason::CurrentChanged)),
        }
    }

    /// *Pending* belongs to nobody else (R8).
    fn pending_is_free(&self) -> Found<()> {
        let store = self.v.store()?;
        match &store.pending {
            Some(pending) if store.pending != store.current && !self.r.put(pending) => {
                let holding = self.v.holding(pending)?;
                let ours = holding.proof().is_some_and(|p| self.v.state.keys.contains_key(&p.key));
                if ours { Ok(()) } else { Err(self.v.park(ParkReason::ForeignPending)) }
            }
            _ => Ok(()),
        }
    }

    fn claimed(&self) -> Found<Step> {
        self.still_old()?;
        self.pending_is_free()?;
        let leak = self.v.state.requests.leak.is_some();
        let unfinished = self.unfinished_keys();
        // Under a leak one unfinished key may wait; suspects are the kill loop's.
        let mine = unfinished.iter().find(|key| !self.v.state.is_suspect(key));
        if let Some(key) = mine.filter(|_| !leak || unfinished.len() > 1)
            && let Some(step) = retire(self.v, key, Purpose::Leftover)?
        {
            return Ok(step);
        }
        if self.r.creates >= MAX_CREATES {
            return Err(self.v.park(ParkReason::TooManyCreates));
        }
        if !leak && possible_orphans(self.v.state) >= MAX_ORPHANS {
            return Err(self.v.park(ParkReason::Orphans));
        }
        if self.v.state.open_creates() > 1 {
            let ms = self.quiesce_left();
            return Err(Step::Wait { reason: WaitFor::Quiesce, ms });
        }
        match &self.v.seen.journal_room {
            Fact::Known(true) => {}
            Fact::Unread => return Err(Step::look(Read::JournalRoom)),
            Fact::Known(false) | Fact::Unclear(_) => {
                return Err(self.v.trouble(Class::Retryable, "journal_room"));
            }
        }
        let actor = self.v.actor(None)?;
        let snapshot = request::ids(self.v.complete_keys(&actor)?);
        Ok(Step::Do(Effect::Issue { actor, snapshot }))
    }

    /// Keys that this rotation minted and gave up, or that an earlier one left.
    fn unfinished_keys(&self) -> Vec<&'a KeyId> {
        let keep = [Some(&self.r.old.proof.key), self.r.new.as_ref().map(|new| &new.key)];
        let keys = &self.v.state.keys;
        keys.iter()
            .filter(|(key, managed)| {
                managed.origin != Origin::Foreign
                    && !managed.is_gone()
                    && !keep.contains(&Some(*key))
            })
            .filter(|(_, managed)| {
                managed.last_served.is_none() && managed.origin != Origin::Adopted
            })
            .map(|(key, _)| key)
            .collect()
    }

    fn purpose_of(&self, key: &KeyId) -> Purpose {
        if self.v.state.is_suspect(key) { Purpose::Suspect } else { Purpose::Leftover }
    }

    fn abandon(&self, because: &str) -> Step {
        match &self.r.new {
            Some(new) => {
                Step::record(Event::Abandoned { key: new.key.clone(), because: because.to_owned() })
            }
            None => self.v.park(ParkReason::StagedChanged),
        }
    }

    fn new_is_suspect(&self) -> bool {
        self.r.new.as_ref().is_some_and(|new| self.v.state.is_suspect(&new.key))
    }

    fn issued(&self) -> Found<Step> {
        if self.new_is_suspect() {
            return Ok(self.abandon("the new key was reported leaked"));
        }
        let Some(proof) = self.r.new_proof() else {
            return Ok(self.abandon("the issuer's reply held no secret"));
        };
        let source = match self.r.staged_new() {
            Some(staged) => Source::Version(staged.version.clone()),
            None if self.v.seen.in_memory.as_ref() == Some(proof) => Source::Memory,
            None => return Ok(self.abandon("its secret was lost before any version held it")),
        };
        let (base, _) = self.still_old()?;
        self.pending_is_free()?;
        if self.r.attempt >= MAX_ATTEMPTS {
            return Err(self.v.park(ParkReason::TooManyAttempts));
        }
        if self.stage_is_refused() {
            return Ok(Self::enter(Phase::RollingBack, Some("the store refused the new version")));
        }
        Ok(Step::Do(Effect::Stage {
            token: self.r.next_token(),
            base: base.clone(),
            proof: proof.clone(),
            source,
        }))
    }

    /// The store said no to a put, or failed it too often while only memory holds the secret.
    fn stage_is_refused(&self) -> bool {
        self.v.state.trouble.as_ref().is_some_and(|t| {
            t.step == "stage"
                && (matches!(t.class, Class::Rejected | Class::Misconfigured) || t.count >= 6)
        })
    }

    /// The version that we put, as it reads now.
    fn staged_version(&self) -> Found<&'a StagedVersion> {
        let Some(staged) = self.r.staged_new() else {
            return Err(self.abandon("no version holds it"));
        };
        match self.v.holding(&staged.version)? {
            Holding::Key { proof, .. } if *proof == staged.proof => Ok(staged),
            // Reads may lag behind our own put.
            Holding::Absent if !self.v.passed(&self.r.entered, self.v.rules.lag_ms) => {
                Err(Step::Wait { reason: WaitFor::ReadsLag, ms: 1_000 })
            }
            _ => Err(self.v.park(ParkReason::StagedChanged)),
        }
    }

    fn staged(&self) -> Found<Step> {
        if self.new_is_suspect() {
            return Ok(self.abandon("the new key was reported leaked"));
        }
        let (_, old) = self.still_old()?;
        let staged = self.staged_version()?;
        if !self.v.works(&staged.proof)? {
            return self.new_is_rejected(old);
        }
        if let Some(what) = self.differs(old, &staged.proof)? {
            return Err(self.v.park(ParkReason::ProfileDiffers { what: what.to_owned() }));
        }
        Ok(Self::enter(Phase::Verified, None))
    }

    fn new_is_rejected(&self, old: &KeyProof) -> Found<Step> {
        if self.r.verify_failures < MAX_VERIFY_FAILURES {
            let doubled = VERIFY_WAIT_MS << self.r.verify_failures.min(5);
            if self.v.passed(&self.r.entered, doubled) || self.r.verify_failures == 0 {
                return Ok(Step::record(Event::VerifyFailed));
            }
            let ms = remaining_ms(&self.r.entered, &self.v.now, doubled);
            return Err(Step::Wait { reason: WaitFor::Propagation, ms });
        }
        if self.v.works(old)? {
            return Ok(Self::enter(Phase::RollingBack, Some("the new key does not authenticate")));
        }
        Err(self.v.park(ParkReason::BothDead))
    }

    /// How the new key differs from the account that the old one acts as (R17, R23).
    fn differs(&self, old: &KeyProof, new: &KeyProof) -> Found<Option<&'static str>> {
        let fresh = self.v.profile(new)?;
        if !self.v.rules.named_actor && fresh.rights.any_denied() {
            return Ok(Some("rights"));
        }
        let Some(baseline) = &self.v.state.baseline else { return Ok(None) };
        if baseline.identity.is_some() && baseline.identity != fresh.identity {
            return Ok(Some("identity"));
        }
        if baseline.questions == self.v.rules.canaries && baseline.canaries == fresh.canaries {
            return Ok(None);
        }
        // The account's data may have changed since; the old key's answer of now tells.
        if self.v.works_if_clear(old)? == Some(true) {
            let before: &Profile = self.v.profile(old)?;
            return Ok((before.canaries != fresh.canaries).then_some("canary"));
        }
        let same_questions = baseline.questions == self.v.rules.canaries;
        Ok(same_questions.then_some("canary"))
    }

    fn verified(&self) -> Found<Step> {
        if self.new_is_suspect() {
            return Ok(self.abandon("the new key was reported leaked"));
        }
        let (current, _) = self.still_old()?;
        let staged = self.staged_version()?;
        if !self.v.works(&staged.proof)? {
            return Ok(Self::enter(Phase::Staged, Some("the new key stopped working")));
        }
        if *current != staged.base {
            if self.r.attempt >= MAX_ATTEMPTS {
                return Err(self.v.park(ParkReason::TooManyAttempts));
            }
            // Same credential, other fields: somebody edited them. Build on what is there now (R6).
            return Ok(Step::record(Event::Rebased));
        }
        Ok(Step::Do(Effect::Promote { from: current.clone(), to: staged.version.clone() }))
    }

    /// *Current* holds our (key, secret), whichever version, and authenticates.
    fn still_new(&self) -> Found<()> {
        match self.names()? {
            Names::New(_, proof) => {
                if self.v.works(proof)? {
                    return Ok(());
                }
                // Heal had nothing to offer.
                Err(self.v.park(ParkReason::BothDead))
            }
            Names::Old(_, proof) => {
                let served = Event::Served { key: proof.key.clone() };
                match self.v.park(ParkReason::CurrentMovedBack) {
                    Step::Record(mut events) => {
                        events.push(served);
                        Err(Step::Record(events))
                    }
                    wait => Err(wait),
                }
            }
            Names::Other => Err(self.v.park(ParkReason::CurrentChanged)),
        }
    }

    fn promoted(&self) -> Found<Step> {
        if self.new_is_suspect() {
            return self.supersede();
        }
        self.still_new()?;
        let old = &self.r.old.proof.key;
        let suspect = self.v.state.is_suspect(old);
        let life =
            self.v.state.keys.get(old).map_or(Life::Deleted { proven: true }, |k| k.life.clone());
        match (self.r.phase, &life) {
            (Phase::Promoted, _) => {
                let served = self.v.state.keys.get(old).and_then(|k| k.last_served.as_ref());
                if let Some(served) = served.filter(|_| !suspect) {
                    self.v.wait_until(served, self.v.drain_ms(), WaitFor::Drain)?;
                }
                Ok(Self::enter(Phase::Drained, None))
            }
            (_, Life::Deleted { proven: true }) => Ok(Self::enter(Phase::Deleted, None)),
            (Phase::Drained, Life::Disabled { proven: true, .. }) => {
                Ok(Self::enter(Phase::Disabled, None))
            }
            (Phase::Disabled, Life::Disabled { at, .. }) => {
                if !suspect {
                    self.v.wait_until(at, self.v.rules.soak_ms, WaitFor::Soak)?;
                }
                Ok(Self::enter(Phase::Soaked, None))
            }
            (Phase::Disabled | Phase::Soaked, Life::Live) => Ok(Self::enter(Phase::Drained, None)),
            _ => {
                if suspect {
                    // The kill loop is at it, and waits where it must.
                    return Err(Step::Wait { reason: WaitFor::Grace, ms: 1_000 });
                }
                let step = retire(self.v, old, Purpose::Replaced)?;
                Ok(step.unwrap_or_else(|| Self::enter(Phase::Deleted, None)))
            }
        }
    }

    /// The promoted key is a suspect: this rotation ends, the report starts the next at once (R14).
    fn supersede(&self) -> Found<Step> {
        self.quiesced()?;
        let actor = self.v.actor(None)?;
        let keys = request::ids(self.v.complete_keys(&actor)?);
        // Only what was known before the leak counts as known after it.
        let keys = keys.intersection(&self.known_or_managed()).cloned().collect();
        Ok(Step::record(Event::Ended { ending: Ending::Superseded, keys }))
    }

    fn known_or_managed(&self) -> std::collections::BTreeSet<KeyId> {
        self.v.state.known.iter().chain(self.v.state.keys.keys()).cloned().collect()
    }

    fn deleted(&self) -> Found<Step> {
        if self.new_is_suspect() {
            return self.supersede();
        }
        self.still_new()?;
        self.leftovers(self.r.new.as_ref().map(|new| &new.key))?;
        self.clear_labels()?;
        self.quiesced()?;
        let Some(proof) = self.r.new_proof() else {
            return Err(self.v.park(ParkReason::StagedChanged));
        };
        let baseline = request::baseline(self.v, proof)?;
        let keys = self.clean_list(proof)?;
        Ok(Step::Record(vec![
            Event::BaselineTaken { baseline },
            Event::Ended { ending: Ending::Complete, keys },
        ]))
    }

    /// Under an open report the list is not clean yet: what appeared since stays a stranger.
    fn clean_list(&self, current: &KeyProof) -> Found<std::collections::BTreeSet<KeyId>> {
        let keys = request::ids(self.v.complete_keys(&Actor::Key(current.clone()))?);
        let orphans: std::collections::BTreeSet<_> =
            self.v.state.orphans_unruled().map(|(key, _)| key.clone()).collect();
        let clean = keys.difference(&orphans);
        Ok(if self.v.state.requests.leak.is_some() {
            let known = self.known_or_managed();
            clean.filter(|key| known.contains(*key)).cloned().collect()
        } else {
            clean.cloned().collect()
        })
    }

    /// Every other managed key goes before the end (invariant 6).
    fn leftovers(&self, survivor: Option<&KeyId>) -> Found<()> {
        for (key, managed) in &self.v.state.keys {
            if Some(key) == survivor || managed.origin == Origin::Foreign || managed.is_gone() {
                continue;
            }
            if let Some(step) = retire(self.v, key, self.purpose_of(key))? {
                return Err(step);
            }
        }
        Ok(())
    }

    /// R9: *pending* off every version of ours, *previous* off a dead key.
    fn clear_labels(&self) -> Found<()> {
        let store = self.v.store()?;
        if let Some(pending) = &store.pending {
            let ours = self.r.put(pending) || store.pending != store.current;
            if ours {
                return Err(guards::unstage(self.v, pending));
            }
        }
        let Some(previous) = store.previous.as_ref().filter(|p| Some(*p) != store.current.as_ref())
        else {
            return Ok(());
        };
        if self.is_dead(previous)? {
            if self.r.label_moves > MAX_LABEL_MOVES {
                return Err(self.v.trouble(Class::Unknown, "drop_previous"));
            }
            return Err(Step::Do(Effect::DropPrevious { version: previous.clone() }));
        }
        Ok(())
    }

    /// Whether a version names a key that a console roll-back must not bring back.
    fn is_dead(&self, version: &VersionId) -> Found<bool> {
        let Some(proof) = self.v.holding(version)?.proof() else { return Ok(false) };
        let gone = self.v.state.keys.get(&proof.key).is_none_or(|k| k.life != Life::Live);
        let ours = self.v.is_old(proof) || self.r.put(version);
        Ok(gone && ours || self.v.works_if_clear(proof)? == Some(false))
    }

    /// Requests that were never answered can no longer land (R1).
    fn quiesced(&self) -> Found<()> {
        if !self.v.state.questions.is_empty() {
            return Err(Step::Wait { reason: WaitFor::Quiesce, ms: self.quiesce_left() });
        }
        for since in &self.v.state.unanswered {
            self.v.wait_until(&since.1, self.v.rules.quiesce_ms, WaitFor::Quiesce)?;
        }
        Ok(())
    }

    fn quiesce_left(&self) -> i64 {
        let open = self.v.state.questions.values().map(|q| &q.asked);
        open.map(|asked| remaining_ms(asked, &self.v.now, self.v.rules.quiesce_ms))
            .min()
            .unwrap_or(1_000)
            .clamp(1, 15_000)
    }

    fn reverting(&self) -> Found<Step> {
        let old = &self.r.old.proof;
        if self.v.state.is_suspect(&old.key) {
            return Ok(Self::enter(Phase::Promoted, Some("the old key was reported leaked")));
        }
        let (version, new) = match self.names()? {
            Names::Old(_, proof) if self.v.works(proof)? => {
                return Ok(Self::enter(Phase::RollingBack, None));
            }
            Names::Old(..) => return Err(self.v.park(ParkReason::BothDead)),
            Names::Other => return Err(self.v.park(ParkReason::CurrentChanged)),
            Names::New(version, proof) => (version, proof),
        };
        if let Some(step) = self.enable_old()? {
            return Ok(step);
        }
        if !self.v.works(old)? {
            if self.v.works(new)? {
                return Ok(Self::enter(Phase::Promoted, Some("the old key no longer works")));
            }
            return Err(self.v.park(ParkReason::BothDead));
        }
        self.move_back(version)
    }

    /// Undoes our own disable of the old key, if its etag is still the pin (R13).
    fn enable_old(&self) -> Found<Option<Step>> {
        let old = &self.r.old.proof.key;
        let Some(Life::Disabled { ours, pin, pinned, .. }) =
            self.v.state.keys.get(old).map(|k| &k.life)
        else {
            return Ok(None);
        };
        let differs = || self.v.park(ParkReason::PinDiffers { key: old.clone() });
        if !ours || !pinned {
            return Err(differs());
        }
        let actor = self.v.actor(Some(old))?;
        match self.v.keys(&actor)?.keys.get(old) {
            Some(listed) if listed.etag == *pin && listed.enabled != Some(true) => {
                Ok(Some(Step::Do(Effect::Enable { actor, key: old.clone(), etag: pin.clone() })))
            }
            _ => Err(differs()),
        }
    }

    /// *Current* exactly our version: back to its base. Otherwise: *current*'s other fields with
    /// the old credential, then to that.
    fn move_back(&self, current: &VersionId) -> Found<Step> {
        let promote =
            |to: &VersionId| Step::Do(Effect::Promote { from: current.clone(), to: to.clone() });
        let ours = self.r.staged.iter().find(|s| s.version == *current && self.v.is_new(&s.proof));
        if let Some(staged) = ours
            && self.v.holding(&staged.base)?.proof() == Some(&self.r.old.proof)
            && (staged.base == self.r.old.version || self.r.put(&staged.base))
        {
            return Ok(promote(&staged.base));
        }
        if let Some(staged) = self.r.staged_old()
            && staged.base == *current
        {
            return Ok(promote(&staged.version));
        }
        if self.r.attempt >= MAX_ATTEMPTS {
            return Err(self.v.park(ParkReason::TooManyAttempts));
        }
        Ok(Step::Do(Effect::Stage {
            token: self.r.next_token(),
            base: current.clone(),
            proof: self.r.old.proof.clone(),
            source: Source::Version(self.r.old.version.clone()),
        }))
    }

    fn rolling_back(&self) -> Found<Step> {
        let (_, old) = match self.names()? {
            Names::Old(version, proof) => (version, proof),
            Names::New(..) => {
                return Ok(Self::enter(Phase::Promoted, Some("current names the new key")));
            }
            Names::Other => return Err(self.v.park(ParkReason::CurrentChanged)),
        };
        if !self.v.works(old)? {
            return Err(self.v.park(ParkReason::BothDead));
        }
        let pending = self.v.store()?.pending.as_ref();
        if let Some(pending) = pending.filter(|p| self.r.put(p)) {
            return Ok(guards::unstage(self.v, pending));
        }
        self.leftovers(Some(&self.r.old.proof.key))?;
        self.clear_labels()?;
        self.quiesced()?;
        let keys = self.clean_list(old)?;
        Ok(Step::record(Event::Ended { ending: Ending::RolledBack, keys }))
    }
}
