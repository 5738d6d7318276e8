//! What both ends share: leftovers, labels, quiesce, the clean list (R1, R9, invariant 6).

use std::collections::BTreeSet;

use super::Case;
use crate::domain::class::Class;
use crate::domain::clocks::remaining_ms;
use crate::domain::facts::{Actor, StoreView};
use crate::domain::ids::{KeyId, VersionId};
use crate::domain::plan::account;
use crate::domain::plan::claim;
use crate::domain::plan::doubt;
use crate::domain::plan::guards::{self, MAX_LABEL_MOVES};
use crate::domain::plan::question::RECHECK_MS;
use crate::domain::plan::retire::{Purpose, deletes_are_spent, retire};
use crate::domain::plan::step::{Step, WaitFor};
use crate::domain::plan::view::Found;
use crate::domain::state::{Effect, Life, Origin, ParkReason};

impl Case<'_> {
    /// Under an open report the list is not clean yet: what appeared since stays a stranger.
    pub(super) fn clean_list(&self, actor: &Actor) -> Found<BTreeSet<KeyId>> {
        let index = self.v.complete_keys(actor)?;
        doubt::explained(self.v, index)?;
        doubt::waited_out(self.v, self.r)?;
        let keys = account::ids(index);
        let orphans: BTreeSet<_> =
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
    pub(super) fn leftovers(&self, survivor: Option<&KeyId>) -> Found<()> {
        for (key, managed) in &self.v.state.keys {
            if Some(key) == survivor || managed.origin == Origin::Foreign || managed.is_gone() {
                continue;
            }
            if let Some(step) = retire(self.v, key, self.purpose_of(key))? {
                return Err(step);
            }
            if deletes_are_spent(managed) {
                let (class, step) = (Class::Unknown, "delete".to_owned());
                return Err(self.v.park(ParkReason::Trouble { class, step }));
            }
        }
        Ok(())
    }

    pub(super) fn purpose_of(&self, key: &KeyId) -> Purpose {
        if self.v.state.is_suspect(key) { Purpose::Suspect } else { Purpose::Leftover }
    }

    /// R9: *pending* off every version of ours, *previous* off a dead key.
    pub(super) fn clear_labels(&self) -> Found<()> {
        let store = self.v.store()?;
        if let Some(pending) = &store.pending {
            let ours = self.r.put(pending) || store.pending != store.current;
            if ours {
                return Err(guards::unstage(self.v, pending));
            }
        }
        let shown = store.previous.as_ref().filter(|p| Some(*p) != store.current.as_ref());
        for previous in shown.into_iter().chain(self.left_by_our_move(store)) {
            if self.is_dead(previous)? {
                guards::label_lag(self.v, previous)?;
                if self.r.label_moves > MAX_LABEL_MOVES {
                    return Err(self.v.trouble(Class::Unknown, "drop_previous"));
                }
                return Err(Step::Do(Effect::DropPrevious { version: previous.clone() }));
            }
        }
        Ok(())
    }

    /// Our last acknowledged move of *current* put *previous* on the version that it left. A read
    /// that shows it elsewhere may be minutes behind: it is taken off there all the same (R13).
    fn left_by_our_move(&self, store: &StoreView) -> Option<&'_ VersionId> {
        let (left, _) = self.r.moved.as_ref()?;
        let is_current = store.current.as_ref() == Some(left);
        (!is_current && self.r.dropped.as_ref() != Some(left)).then_some(left)
    }

    /// Whether a version names a key that a console roll-back must not bring back.
    pub(super) fn is_dead(&self, version: &VersionId) -> Found<bool> {
        let Some(proof) = self.v.holding(version)?.proof() else { return Ok(false) };
        let gone = self.v.state.keys.get(&proof.key).is_none_or(|k| k.life != Life::Live);
        let ours = self.v.is_old(proof) || self.r.put(version);
        Ok(gone && ours || self.v.works_if_clear(proof)? == Some(false))
    }

    /// Requests that were never answered can no longer land (R1).
    pub(super) fn quiesced(&self) -> Found<()> {
        if !self.v.state.questions.is_empty() {
            return Err(Step::Wait { reason: WaitFor::Quiesce, ms: self.quiesce_left() });
        }
        for since in &self.v.state.unanswered {
            self.v.wait_until(&since.1, self.v.rules.quiesce_ms, WaitFor::Quiesce)?;
        }
        Ok(())
    }

    /// Nothing is left to do under the claim.
    pub(super) fn released(&self) -> Found<()> {
        claim::release(self.v)
    }

    /// Until the next open question can be judged. One that could be and was not waits for
    /// something else, and is looked at now and then.
    pub(super) fn quiesce_left(&self) -> i64 {
        let open = self.v.state.questions.values().map(|q| &q.asked);
        open.map(|asked| remaining_ms(asked, &self.v.now, self.v.rules.certain_ms()))
            .filter(|left_ms| *left_ms > 0)
            .min()
            .map_or(RECHECK_MS, |left_ms| left_ms.min(RECHECK_MS))
    }
}
