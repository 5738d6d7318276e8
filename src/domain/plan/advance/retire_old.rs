//! From the promote to the end: drain, disable, soak, delete, and what must be in order before Complete.

use std::collections::BTreeSet;

use super::{Case, Names};
use crate::domain::class::Class;
use crate::domain::facts::Actor;
use crate::domain::ids::KeyId;
use crate::domain::plan::account;
use crate::domain::plan::doubt;
use crate::domain::plan::pace;
use crate::domain::plan::retire::{Purpose, deletes_are_spent, retire};
use crate::domain::plan::step::{Step, WaitFor};
use crate::domain::plan::view::Found;
use crate::domain::state::{Ending, Event, Life, ParkReason, Phase};

impl Case<'_> {
    pub(super) fn promoted(&self) -> Found<Step> {
        if self.new_is_suspect() {
            return self.supersede();
        }
        self.still_new()?;
        if let Some(proof) = self.r.new_proof() {
            doubt::meanwhile(self.v, self.r, &Actor::Key(proof.clone()))?;
        }
        let old = &self.r.old.proof.key;
        let suspect = self.v.state.is_suspect(old);
        let life = self.v.state.keys.get(old).map(|k| &k.life);
        match (self.r.phase, life) {
            (Phase::Promoted, _) => {
                let served = self.v.state.keys.get(old).and_then(|k| k.last_served.as_ref());
                if !suspect {
                    pace::acks(self.v, self.r)?;
                }
                if let Some(served) = served.filter(|_| !suspect) {
                    self.v.wait_until(served, self.v.drain_ms(), WaitFor::Drain)?;
                }
                Ok(Self::enter(Phase::Drained, None))
            }
            (_, None | Some(Life::Deleted { proven: true, .. })) => {
                Ok(Self::enter(Phase::Deleted, None))
            }
            (Phase::Drained, Some(Life::Disabled { proven: true, .. })) => {
                Ok(Self::enter(Phase::Disabled, None))
            }
            (Phase::Disabled, Some(Life::Disabled { at, .. })) => {
                if !suspect {
                    self.v.wait_until(at, self.v.rules.soak_ms, WaitFor::Soak)?;
                }
                Ok(Self::enter(Phase::Soaked, None))
            }
            (Phase::Disabled | Phase::Soaked, Some(Life::Live)) => {
                Ok(Self::enter(Phase::Drained, None))
            }
            _ => {
                let managed = self.v.state.keys.get(old);
                if suspect && managed.is_some_and(deletes_are_spent) {
                    let (class, step) = (Class::Unknown, "delete".to_owned());
                    return Err(self.v.park(ParkReason::Trouble { class, step }));
                }
                if suspect {
                    // The kill loop is at it, and waits where it must.
                    return Err(Step::Wait { reason: WaitFor::Grace, ms: 1_000 });
                }
                if matches!(life, Some(Life::Live)) {
                    pace::disable(self.v, self.r)?;
                }
                let step = retire(self.v, old, Purpose::Replaced)?;
                Ok(step.unwrap_or_else(|| Self::enter(Phase::Deleted, None)))
            }
        }
    }

    /// *Current* holds our (key, secret), whichever version, and authenticates.
    pub(super) fn still_new(&self) -> Found<()> {
        match self.names()? {
            Names::New(_, proof) => {
                if self.v.works(proof)? {
                    return Ok(());
                }
                // Heal had nothing to offer.
                Err(self.v.park(ParkReason::BothDead))
            }
            Names::Old(..) => Err(self.v.park(ParkReason::CurrentMovedBack)),
            Names::Other => Err(self.v.park(ParkReason::CurrentChanged)),
        }
    }

    /// The promoted key is a suspect: this rotation ends, the report starts the next at once (R14).
    pub(super) fn supersede(&self) -> Found<Step> {
        if !self.v.state.questions.is_empty() {
            return Err(Step::Wait { reason: WaitFor::Quiesce, ms: self.quiesce_left() });
        }
        let actor = self.v.actor(None)?;
        let keys = account::ids(self.v.complete_keys(&actor)?);
        // Only what was known before the leak counts as known after it.
        let keys = keys.intersection(&self.known_or_managed()).cloned().collect();
        Ok(Step::record(Event::Ended { ending: Ending::Superseded, keys }))
    }

    pub(super) fn known_or_managed(&self) -> BTreeSet<KeyId> {
        self.v.state.known.iter().chain(self.v.state.keys.keys()).cloned().collect()
    }

    pub(super) fn deleted(&self) -> Found<Step> {
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
        let baseline = account::baseline(self.v, proof)?;
        let keys = self.clean_list(&Actor::Key(proof.clone()))?;
        self.released()?;
        Ok(Step::Record(vec![
            Event::BaselineTaken { baseline },
            Event::Ended { ending: Ending::Complete, keys },
        ]))
    }
}
