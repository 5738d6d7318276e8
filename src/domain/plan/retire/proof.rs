//! That a key is dead, or gone, is proven beside a live one (R20); a read that is behind is waited
//! for, and one that contradicts says that the key came back.

use super::{Case, Purpose, SLOW_DISABLE_MS};
use crate::domain::class::Class;
use crate::domain::clocks::Moment;
use crate::domain::facts::{Actor, Death, Fact, KeyProof, Read};
use crate::domain::ids::{Etag, KeyId};
use crate::domain::plan::step::{Step, WaitFor};
use crate::domain::plan::view::Found;
use crate::domain::state::{Event, Evidence, ManagedKey};

impl Case<'_> {
    pub(super) fn prove_dead(
        &self,
        managed: &ManagedKey,
        pin: Option<&Etag>,
        at: &Moment,
    ) -> Found<Step> {
        let readable =
            managed.version.is_some() || self.v.seen.in_memory == managed.proof(self.key);
        let Some(dying) = managed.proof(self.key).filter(|_| readable) else {
            return self.listed_disabled(pin, at);
        };
        let control = self.control(&dying)?;
        let proven = |evidence| Step::record(Event::Proven { key: self.key.clone(), evidence });
        match self.v.seen.death(&dying) {
            Fact::Unread => Err(Step::look(Read::Death { dying, control })),
            Fact::Known(Death::Proven) => Ok(proven(Evidence::Rejected { control })),
            Fact::Known(Death::Alive) => {
                // A disable may take a moment to reach every server.
                self.wait_out(at, SLOW_DISABLE_MS)?;
                Ok(Step::record(Event::Revived { key: self.key.clone() }))
            }
            Fact::Known(Death::NoSecret) => self.listed_disabled(pin, at),
            Fact::Known(Death::NoControl) => Err(self.v.trouble(Class::Unknown, "prove")),
            Fact::Unclear(class) => Err(self.v.trouble(*class, "prove")),
        }
    }

    /// A live key beside the dying one, at the same endpoint (R20).
    fn control(&self, dying: &KeyProof) -> Found<KeyProof> {
        if let Some((_, proof)) = self.v.current_alive()?
            && proof.key != dying.key
        {
            return Ok(proof.clone());
        }
        match self.actor()? {
            Actor::Key(proof) => Ok(proof),
            Actor::Named => match self.v.state.rotation.as_ref().and_then(|r| r.staged_new()) {
                Some(staged) if staged.proof.key != dying.key => Ok(staged.proof.clone()),
                // Nothing of this secret lives: the named actor itself has just authenticated.
                _ if self.purpose == Purpose::Decommissioned => {
                    let named = self.v.seen.named_proof.clone();
                    named.ok_or_else(|| self.v.trouble(Class::Unknown, "prove"))
                }
                _ => Err(self.v.trouble(Class::Unknown, "prove")),
            },
        }
    }

    /// Nobody holds its secret, so no exchange can show it: a complete list is the witness.
    fn listed_disabled(&self, pin: Option<&Etag>, at: &Moment) -> Found<Step> {
        let actor = self.actor()?;
        let listed = self.listed(&actor)?;
        self.v.complete_keys(&actor)?;
        if listed.enabled == Some(true) || listed.etag.as_ref() != pin {
            self.wait_out_lag(at)?;
            return Ok(Step::record(Event::Revived { key: self.key.clone() }));
        }
        let control = self.control_key(&actor)?;
        let Some(control) = control else { return Err(self.v.trouble(Class::Unknown, "prove")) };
        let evidence = Evidence::ListedDisabled { control };
        Ok(Step::record(Event::Proven { key: self.key.clone(), evidence }))
    }

    /// Absent from a complete list; where its secret is known it must be rejected as well (R20).
    pub(super) fn absent(&self, control: KeyId) -> Found<Step> {
        if !self.v.keys(&self.actor()?)?.keys.contains_key(&control) {
            return Err(self.v.trouble(Class::Unknown, "list"));
        }
        // Nor is a list whole that does not show a new key yet (R13).
        let orphan = self.v.state.orphans.get(self.key).map(|orphan| &orphan.since);
        let known = [self.managed.map(|m| &m.since), self.reported(), orphan];
        for since in known.into_iter().flatten() {
            self.v.wait_until(since, self.v.rules.lag_ms, WaitFor::ReadsLag)?;
        }
        let proof = self.managed.and_then(|m| m.version.as_ref().and(m.proof(self.key)));
        if let Some(proof) = proof {
            match self.v.works_if_clear(&proof)? {
                Some(false) => {}
                // No version holds its secret any more: nobody can present it.
                None if *self.v.seen.exchange(&proof) == Fact::Unclear(Class::Conflict) => {}
                // A list that lacks a key which authenticates is not the whole list.
                Some(true) | None => return Err(self.v.trouble(Class::Unknown, "list")),
            }
        }
        let open = self.v.state.rotation.as_ref();
        let unseen = open.is_some_and(|open| open.unseen.contains_key(self.key));
        if unseen && !self.v.state.is_suspect(self.key) {
            return Ok(Step::record(Event::NeverListed { key: self.key.clone(), control }));
        }
        Ok(Step::record(Event::Proven {
            key: self.key.clone(),
            evidence: Evidence::Absent { control },
        }))
    }

    /// Acknowledged as deleted, and still listed: lag, or it did not happen.
    pub(super) fn prove_absent(&self, at: &Moment) -> Found<Step> {
        let actor = self.actor()?;
        self.listed(&actor)?;
        self.wait_out(at, i64::MAX)?;
        Ok(Step::record(Event::Revived { key: self.key.clone() }))
    }
}
