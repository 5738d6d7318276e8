//! Retire one key: disable (reversible) → prove it dead → soak → delete by the pin → prove it
//! absent. The same steps for the old key, for abandoned ones, and for suspects; what differs is
//! the guard before each effect.

mod proof;

use super::guards;
use super::step::{Step, WaitFor};
use super::view::{Found, View};
use crate::domain::class::Class;
use crate::domain::clocks::Moment;
use crate::domain::facts::{Actor, ListedKey};
use crate::domain::ids::{Etag, KeyId};
use crate::domain::state::{Effect, Event, Life, ManagedKey, Origin, ParkReason};

/// Why a key goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The old key of the rotation: with soak; a stranger's act on it parks.
    Replaced,
    /// A key that consumers never had, or no longer have, as *current*.
    Leftover,
    /// A suspect: its own guards were checked by the caller (R16).
    Suspect,
    /// An orphan that a person ruled on; its guards were checked by the caller (R17).
    Ruled { delete: bool },
    /// *Current*'s own key, for good (R30): its drain was waited for by the caller.
    Decommissioned,
}

/// A key that comes back to life this often is somebody's doing.
const MAX_REVIVALS: u32 = 5;
/// Deletes of a dead suspect that came to nothing: then it stays disabled until an operator says
/// to go on.
const MAX_DELETES: u32 = 6;
/// An etag that is never the one that our own disable left: no delete by it will be taken.
const MAX_PINS_LOST: u32 = 6;
/// A suspect's death is shown by exchanges: the list is not waited for longer than this.
const SUSPECT_LAG_MS: i64 = 5_000;
const SLOW_DISABLE_MS: i64 = 15_000;

/// The next step of retiring `key`; `None` when it is gone and that is proven.
pub(super) fn retire(v: &View<'_>, key: &KeyId, purpose: Purpose) -> Found<Option<Step>> {
    let case = Case { v, key, purpose, managed: v.state.keys.get(key) };
    let Some(managed) = case.managed else { return case.disable().map(Some) };
    match &managed.life {
        Life::Live => case.disable().map(Some),
        Life::Disabled { pinned: false, sent, at, .. } => case.pin(sent.as_ref(), at).map(Some),
        Life::Disabled { proven: false, pin, at, .. } => {
            case.prove_dead(managed, pin.as_ref(), at).map(Some)
        }
        Life::Disabled { .. }
            if managed.origin == Origin::Foreign
                && purpose != (Purpose::Ruled { delete: true }) =>
        {
            Ok(None)
        }
        Life::Disabled { pin, at, .. } => case.delete(managed, pin.as_ref(), at),
        Life::Deleted { proven: false, at } => case.prove_absent(at).map(Some),
        Life::Deleted { proven: true, .. } => Ok(None),
    }
}

/// Whether a delete was sent so often to no avail that it is not sent again by itself.
pub(super) fn deletes_are_spent(managed: &ManagedKey) -> bool {
    managed.deletes >= MAX_DELETES || managed.pins_lost >= MAX_PINS_LOST
}

struct Case<'a> {
    v: &'a View<'a>,
    key: &'a KeyId,
    purpose: Purpose,
    managed: Option<&'a ManagedKey>,
}

impl Case<'_> {
    fn guard(&self) -> Found<()> {
        match self.purpose {
            Purpose::Suspect | Purpose::Ruled { .. } => Ok(()),
            Purpose::Decommissioned => guards::may_decommission(self.v, self.key),
            Purpose::Leftover if self.nobody_holds_it() => Ok(()),
            Purpose::Replaced | Purpose::Leftover => guards::may_retire(self.v, self.key).map(drop),
        }
    }

    /// A key whose secret nobody holds is no credential: it may go while *current* fails.
    fn nobody_holds_it(&self) -> bool {
        self.managed.is_some_and(|m| m.fingerprint.is_none() && m.last_served.is_none())
    }

    fn actor(&self) -> Found<Actor> {
        self.v.actor(Some(self.key))
    }

    /// The key in the list, or the record that it is not in a complete one.
    fn listed(&self, actor: &Actor) -> Found<&ListedKey> {
        if let Some(listed) = self.v.keys(actor)?.keys.get(self.key) {
            return Ok(listed);
        }
        let Some(control) = self.control_key(actor)? else {
            return Err(self.v.trouble(Class::Unknown, "list"));
        };
        self.v.complete_keys(actor)?;
        Err(self.absent(control)?)
    }

    /// A live key that a whole list must hold.
    fn control_key(&self, actor: &Actor) -> Found<Option<KeyId>> {
        if let Actor::Key(proof) = actor {
            return Ok(Some(proof.key.clone()));
        }
        let current = self.v.current_alive()?.map(|(_, proof)| proof.key.clone());
        // The named actor's own key has just authenticated.
        Ok(current.or_else(|| self.v.seen.named_key.clone()))
    }

    /// When a key that is not ours was first heard of.
    fn reported(&self) -> Option<&Moment> {
        let suspect = self.v.state.suspects.get(self.key)?;
        self.managed.is_none_or(|m| m.origin == Origin::Foreign).then_some(&suspect.reported)
    }

    fn disable(&self) -> Found<Step> {
        if self.managed.is_some_and(|m| m.revivals > MAX_REVIVALS) {
            return Err(self.v.park(ParkReason::KeepsReviving { key: self.key.clone() }));
        }
        self.guard()?;
        let actor = self.actor()?;
        let listed = self.listed(&actor)?;
        let was_enabled = match (listed.enabled, self.v.state.proof_of(self.key)) {
            (Some(enabled), _) => enabled,
            (None, Some(proof)) => self.v.works_if_clear(&proof)? == Some(true),
            (None, None) => false,
        };
        let etag = listed.etag.clone();
        Ok(Step::Do(Effect::Disable { actor, key: self.key.clone(), etag, was_enabled }))
    }

    /// The reply carried no etag: the list, read directly after, shows the pin (R21).
    fn pin(&self, sent: Option<&Etag>, at: &Moment) -> Found<Step> {
        let actor = self.actor()?;
        let listed = self.listed(&actor)?;
        let unchanged = listed.etag.is_some() && listed.etag.as_ref() == sent;
        if listed.enabled == Some(true) || unchanged {
            self.wait_out_lag(at)?;
        }
        if listed.enabled == Some(true) && !self.is_rejected()? {
            return Ok(Step::record(Event::Revived { key: self.key.clone() }));
        }
        Ok(Step::record(Event::Pinned { key: self.key.clone(), etag: listed.etag.clone() }))
    }

    /// A suspect's own exchange tells sooner than a list that lags behind its disable.
    fn is_rejected(&self) -> Found<bool> {
        let proof = self.managed.and_then(|m| m.version.as_ref().and(m.proof(self.key)));
        match proof.filter(|_| self.purpose == Purpose::Suspect) {
            Some(proof) => Ok(self.v.works_if_clear(&proof)? == Some(false)),
            None => Ok(false),
        }
    }

    /// A list may lag for a moment behind our own acknowledged change (R13).
    fn wait_out_lag(&self, at: &Moment) -> Found<()> {
        let suspect = self.v.state.suspects.get(self.key).filter(|s| s.dead.is_none());
        let hurried = self.purpose == Purpose::Suspect && suspect.is_some();
        self.wait_out(at, if hurried { SUSPECT_LAG_MS } else { i64::MAX })
    }

    fn wait_out(&self, at: &Moment, most_ms: i64) -> Found<()> {
        self.v.wait_out_lag(at, most_ms)
    }

    fn delete(&self, managed: &ManagedKey, pin: Option<&Etag>, at: &Moment) -> Found<Option<Step>> {
        // A key that is ours only by what the list says gets time to be missed, too.
        let attributed = managed.origin == Origin::Attributed;
        let leaves = self.purpose == Purpose::Decommissioned && !self.v.state.is_suspect(self.key);
        if self.purpose == Purpose::Replaced
            || leaves
            || self.purpose == Purpose::Leftover && attributed
        {
            self.v.wait_until(at, self.v.rules.soak_ms, WaitFor::Soak)?;
        }
        self.guard()?;
        // Deleting is for ever: that waits until consumers are served again.
        if self.purpose == Purpose::Suspect
            && (deletes_are_spent(managed) || self.v.current_alive()?.is_none())
        {
            return Ok(None);
        }
        if matches!(self.purpose, Purpose::Ruled { .. }) && deletes_are_spent(managed) {
            return Ok(None);
        }
        if managed.pins_lost >= MAX_PINS_LOST {
            // Refused as changed each time: the same again would go on for ever (F5).
            let (class, step) = (Class::Conflict, "delete".to_owned());
            return Err(self.v.park(ParkReason::Trouble { class, step }));
        }
        let actor = self.actor()?;
        let listed = self.listed(&actor)?;
        let revived = match listed.enabled {
            Some(enabled) => enabled,
            None => match managed.version.as_ref().and(managed.proof(self.key)) {
                Some(proof) => self.v.works_if_clear(&proof)? == Some(true),
                None => false,
            },
        };
        if revived || listed.etag.as_ref() != pin {
            self.wait_out_lag(at)?;
            return Err(self.somebody_acted(revived));
        }
        let key = self.key.clone();
        Ok(Some(Step::Do(Effect::Delete { actor, key, etag: pin.cloned() })))
    }

    fn somebody_acted(&self, revived: bool) -> Step {
        let key = self.key.clone();
        match (self.purpose, revived) {
            (Purpose::Replaced | Purpose::Ruled { .. } | Purpose::Decommissioned, _) => {
                self.v.park(ParkReason::PinDiffers { key })
            }
            (_, true) => Step::record(Event::Revived { key }),
            (_, false) => Step::record(Event::PinLost { key }),
        }
    }
}
