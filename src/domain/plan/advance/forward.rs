//! From the claim to the promote: mint, stage, verify, move.

use super::{Case, MAX_ATTEMPTS, MAX_CREATES, MAX_VERIFY_FAILURES, VERIFY_WAIT_MS};
use crate::domain::class::Class;
use crate::domain::clocks::remaining_ms;
use crate::domain::facts::{Holding, KeyProof, Profile};
use crate::domain::ids::KeyId;
use crate::domain::plan::account;
use crate::domain::plan::doubt;
use crate::domain::plan::guards::pending_is_foreign;
use crate::domain::plan::pace;
use crate::domain::plan::preflight::too_many_orphans;
use crate::domain::plan::retire::{Purpose, retire};
use crate::domain::plan::step::{Step, WaitFor};
use crate::domain::plan::view::Found;
use crate::domain::state::{
    Effect, Etags, Event, Life, Origin, ParkReason, Phase, Source, StagedVersion,
};

impl<'a> Case<'a> {
    pub(super) fn claimed(&self) -> Found<Step> {
        self.still_old()?;
        self.pending_is_free()?;
        let leak = self.v.state.requests.leak.is_some();
        let unfinished = self.unfinished_keys();
        // Under a leak one unfinished key may wait; suspects are the kill loop's.
        let mine = unfinished.iter().find(|key| !self.v.state.is_suspect(key) && !self.soaks(key));
        if let Some(key) = mine.filter(|_| !leak || unfinished.len() > 1)
            && let Some(step) = retire(self.v, key, Purpose::Leftover)?
        {
            return Ok(step);
        }
        if !self.r.refused.is_empty() || !self.r.doubts.is_empty() {
            let actor = self.v.actor(None)?;
            doubt::explained(self.v, self.v.complete_keys(&actor)?)?;
        }
        if self.r.creates >= MAX_CREATES {
            return Err(self.creates_are_spent());
        }
        if let Some(class) = self.no_for_good() {
            return Err(self.v.park(ParkReason::Trouble { class, step: "issue".to_owned() }));
        }
        if !leak && too_many_orphans(self.v)? {
            return Err(self.v.park(ParkReason::Orphans));
        }
        if self.v.state.open_creates() > 1 {
            let ms = self.quiesce_left();
            return Err(Step::Wait { reason: WaitFor::Quiesce, ms });
        }
        if !self.v.journal_has_room()? {
            return Err(self.v.trouble(Class::Retryable, "journal_room"));
        }
        let actor = self.v.actor(None)?;
        let snapshot = account::ids(self.v.complete_keys(&actor)?);
        Ok(Step::Do(Effect::Issue { actor, snapshot }))
    }

    /// The issuer said so often that it will not that asking again is of no use. A leak asks on.
    fn no_for_good(&self) -> Option<Class> {
        let trouble = self.v.state.trouble.as_ref().filter(|trouble| trouble.step == "issue")?;
        let firm = matches!(trouble.class, Class::Rejected | Class::Misconfigured);
        let leak = self.v.state.requests.leak.is_some();
        (firm && !leak && trouble.in_a_row >= MAX_CREATES).then_some(trouble.class)
    }

    /// No further create is sent. What was refused may be tried again once a list has shown that it
    /// made nothing.
    fn creates_are_spent(&self) -> Step {
        let Some(last) = self.r.refused.last() else {
            return self.v.park(ParkReason::TooManyCreates);
        };
        let (class, step) = (last.class, "issue".to_owned());
        let failing = self.v.state.trouble.as_ref().is_some_and(|trouble| trouble.step == step);
        if failing && self.v.state.requests.leak.is_none() {
            return self.v.park(ParkReason::Trouble { class, step });
        }
        let wait = doubt::waited_out(self.v, self.r);
        wait.err().unwrap_or_else(|| self.v.park(ParkReason::Trouble { class, step }))
    }

    /// Ours by what the list says, and dead: that it be gone too can wait until the end.
    fn soaks(&self, key: &KeyId) -> bool {
        self.v.state.keys.get(key).is_some_and(|managed| {
            managed.origin == Origin::Attributed
                && matches!(managed.life, Life::Disabled { proven: true, .. })
        })
    }

    /// Keys that this rotation minted and gave up, or that an earlier one left.
    pub(super) fn unfinished_keys(&self) -> Vec<&'a KeyId> {
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

    /// *Pending* belongs to nobody else (R8).
    pub(super) fn pending_is_free(&self) -> Found<()> {
        if pending_is_foreign(self.v)? {
            return Err(self.v.park(ParkReason::ForeignPending));
        }
        Ok(())
    }

    pub(super) fn abandon(&self, because: &str) -> Step {
        match &self.r.new {
            Some(new) => {
                Step::record(Event::Abandoned { key: new.key.clone(), because: because.to_owned() })
            }
            None => self.v.park(ParkReason::StagedChanged),
        }
    }

    pub(super) fn issued(&self) -> Found<Step> {
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
        if self.r.attempts_spent() >= MAX_ATTEMPTS {
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
    pub(super) fn stage_is_refused(&self) -> bool {
        self.v.state.trouble.as_ref().is_some_and(|t| {
            t.step == "stage"
                && (matches!(t.class, Class::Rejected | Class::Misconfigured) || t.in_a_row >= 6)
        })
    }

    /// The version that we put, as it reads now.
    pub(super) fn staged_version(&self) -> Found<&'a StagedVersion> {
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

    pub(super) fn staged(&self) -> Found<Step> {
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
        if let Some(step) = self.probe_etag(&staged.proof.key)? {
            return Ok(step);
        }
        Ok(Self::enter(Phase::Verified, None))
    }

    /// Whether etags are enforced is learnt once, on a key that nobody uses yet (R21). A leak does
    /// not wait for it. Any other key's etag will do; where all are alike it stays unknown.
    fn probe_etag(&self, key: &KeyId) -> Found<Option<Step>> {
        let unknown = self.v.state.etags == Etags::Unknown;
        if !unknown || self.r.etag_probed || self.v.state.requests.leak.is_some() {
            return Ok(None);
        }
        let actor = self.v.actor(None)?;
        let keys = &self.v.keys(&actor)?.keys;
        let Some(own) = keys.get(key).and_then(|listed| listed.etag.as_ref()) else {
            return Ok(None);
        };
        let other = keys.values().filter_map(|listed| listed.etag.as_ref()).find(|e| *e != own);
        let key = key.clone();
        Ok(other.cloned().map(|etag| Step::Do(Effect::ProbeEtag { actor, key, etag })))
    }

    pub(super) fn new_is_rejected(&self, old: &KeyProof) -> Found<Step> {
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
    pub(super) fn differs(&self, old: &KeyProof, new: &KeyProof) -> Found<Option<&'static str>> {
        let fresh = self.v.profile(new)?;
        if !self.v.rules.named_actor && fresh.rights.any_denied() {
            return Ok(Some("rights"));
        }
        let Some(baseline) = self.r.accepted.as_ref().or(self.v.state.baseline.as_ref()) else {
            return Ok(None);
        };
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

    pub(super) fn verified(&self) -> Found<Step> {
        if self.new_is_suspect() {
            return Ok(self.abandon("the new key was reported leaked"));
        }
        let (current, old) = self.still_old()?;
        let staged = self.staged_version()?;
        if !self.v.works(&staged.proof)? {
            return Ok(Self::enter(Phase::Staged, Some("the new key stopped working")));
        }
        if *current != staged.base {
            if self.r.attempts_spent() >= MAX_ATTEMPTS {
                return Err(self.v.park(ParkReason::TooManyAttempts));
            }
            // Same credential, other fields: somebody edited them. Build on what is there now (R6).
            return Ok(Step::record(Event::Rebased));
        }
        pace::promote(self.v, self.r, old)?;
        Ok(Step::Do(Effect::Promote { from: current.clone(), to: staged.version.clone() }))
    }
}
