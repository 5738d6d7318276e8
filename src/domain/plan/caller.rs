//! Who may call the issuer now (R17): the policy's named actor, or a credential of the secret.

use super::step::Step;
use super::view::{Found, View};
use crate::domain::class::Class;
use crate::domain::facts::{Actor, Exchange, Fact, KeyProof, Profile, Read};
use crate::domain::ids::KeyId;
use crate::domain::state::ParkReason;

impl<'a> View<'a> {
    /// Identity and rights of the policy's named actor (R17).
    pub fn named_profile(&self) -> Found<&'a Profile> {
        match &self.seen.named_profile {
            Fact::Known(profile) => Ok(profile),
            Fact::Unread => Err(Step::look(Read::NamedProfile)),
            Fact::Unclear(class) => Err(self.trouble(*class, "named_actor")),
        }
    }

    /// Who calls the issuer: the first that authenticates now (R17), never `except` itself.
    ///
    /// A policy that names an actor means that one; then *current*, then what the rotation holds.
    /// Unsuspected credentials go before suspects.
    pub fn actor(&self, except: Option<&KeyId>) -> Found<Actor> {
        let mut unclear = false;
        if self.rules.named_actor {
            match &self.seen.named_actor {
                Fact::Unread => return Err(Step::look(Read::NamedActor)),
                Fact::Known(Exchange::Alive { .. }) if !self.named_actor_is(except) => {
                    return Ok(Actor::Named);
                }
                Fact::Known(Exchange::Alive { .. } | Exchange::Rejected) => {}
                Fact::Known(_) | Fact::Unclear(_) => unclear = true,
            }
        }
        let mut candidates = self.candidates()?;
        candidates.retain(|proof| Some(&proof.key) != except);
        candidates.sort_by_key(|proof| self.state.is_suspect(&proof.key));
        for proof in candidates {
            match self.works_if_clear(&proof)? {
                Some(true) => return Ok(Actor::Key(proof)),
                Some(false) => {}
                None => unclear = true,
            }
        }
        if unclear {
            return Err(self.trouble(Class::Unknown, "exchange"));
        }
        Err(self.park(ParkReason::NoActor))
    }

    /// Whether the named actor is this very key: then it is no other credential (R16, R18).
    pub fn named_actor_is(&self, key: Option<&KeyId>) -> bool {
        key.is_some() && self.seen.named_key.as_ref() == key
    }

    /// Credentials that might call the issuer, best first.
    fn candidates(&self) -> Found<Vec<KeyProof>> {
        let mut found = Vec::new();
        if let Some(store) = self.store_if_clear()?
            && let Some(version) = &store.current
            && let Some(holding) = self.holding_if_clear(version)?
        {
            found.extend(holding.proof().cloned());
        }
        if let Some(rotation) = &self.state.rotation {
            for proof in [rotation.staged_new().map(|s| &s.proof), Some(&rotation.old.proof)] {
                if let Some(proof) = proof
                    && !found.contains(proof)
                    && self.state.keys.get(&proof.key).is_some_and(|k| !k.is_gone())
                {
                    found.push(proof.clone());
                }
            }
        } else if let Some(settled) = &self.state.settled
            && !found.contains(&settled.held.proof)
        {
            found.push(settled.held.proof.clone());
        }
        Ok(found)
    }
}
