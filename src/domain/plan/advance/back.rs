//! Back to the old key: revert *current*, then remove the new key.

use super::{Case, MAX_ATTEMPTS, Names};
use crate::domain::facts::Actor;
use crate::domain::ids::VersionId;
use crate::domain::plan::guards::{self};
use crate::domain::plan::step::Step;
use crate::domain::plan::view::Found;
use crate::domain::state::{Effect, Ending, Event, Life, ParkReason, Phase, Source};

impl Case<'_> {
    pub(super) fn reverting(&self) -> Found<Step> {
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
        let works = self.v.works(old)?;
        let disabled = self.v.state.keys.get(&old.key).is_some_and(|k| k.life != Life::Live);
        if works && disabled {
            // Somebody enabled it before us.
            return Ok(Step::record(Event::Revived { key: old.key.clone() }));
        }
        if disabled && let Some(step) = self.enable_old()? {
            return Ok(step);
        }
        if !works {
            if self.v.works(new)? {
                return Ok(Self::enter(Phase::Promoted, Some("the old key no longer works")));
            }
            if self.new_is_suspect() {
                return Ok(Self::enter(Phase::Promoted, Some("both keys are dead, one leaked")));
            }
            return Err(self.v.park(ParkReason::BothDead));
        }
        self.move_back(version)
    }

    /// Undoes our own disable of the old key, if its etag is still the pin (R13).
    pub(super) fn enable_old(&self) -> Found<Option<Step>> {
        let old = &self.r.old.proof.key;
        let Some(Life::Disabled { ours, pin, pinned, at, .. }) =
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
            _ => {
                // The list may not show our own disable yet: that is nobody's act (R13).
                self.v.wait_out_lag(at, i64::MAX)?;
                Err(differs())
            }
        }
    }

    /// *Current* exactly our version: back to its base. Otherwise: *current*'s other fields with
    /// the old credential, then to that.
    pub(super) fn move_back(&self, current: &VersionId) -> Found<Step> {
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
        if self.r.attempts_spent() >= MAX_ATTEMPTS {
            return Err(self.v.park(ParkReason::TooManyAttempts));
        }
        Ok(Step::Do(Effect::Stage {
            token: self.r.next_token(),
            base: current.clone(),
            proof: self.r.old.proof.clone(),
            source: Source::Version(self.r.old.version.clone()),
        }))
    }

    pub(super) fn rolling_back(&self) -> Found<Step> {
        let (_, old) = match self.names()? {
            Names::Old(version, proof) => (version, proof),
            Names::New(..) => {
                return Ok(Self::enter(Phase::Promoted, Some("current names the new key")));
            }
            Names::Other => return Err(self.v.park(ParkReason::CurrentChanged)),
        };
        let works = self.v.works(old)?;
        // A dead suspect is replaced by the rotation that its report starts next (R14).
        if !works && !self.v.state.is_suspect(&old.key) {
            return Err(self.v.park(ParkReason::BothDead));
        }
        let pending = self.v.store()?.pending.as_ref();
        if let Some(pending) = pending.filter(|p| self.r.put(p)) {
            return Ok(guards::unstage(self.v, pending));
        }
        if works {
            self.leftovers(Some(&self.r.old.proof.key))?;
        }
        self.clear_labels()?;
        self.quiesced()?;
        let actor = if works { Actor::Key(old.clone()) } else { self.v.actor(None)? };
        let keys = self.clean_list(&actor)?;
        self.released()?;
        Ok(Step::record(Event::Ended { ending: Ending::RolledBack, keys }))
    }
}
