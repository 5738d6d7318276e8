//! Questions about keys: whether a disable, an enable, or a delete took effect, by what the list and
//! the key's own exchange show.

use super::Case;
use crate::domain::class::Class;
use crate::domain::facts::{KeyProof, ListedKey};
use crate::domain::ids::{Etag, KeyId};
use crate::domain::plan::step::Step;
use crate::domain::plan::view::Found;
use crate::domain::state::{Etags, Event, Outcome};

impl Case<'_> {
    /// The key as the list shows it now: `None` when a complete list does not have it.
    fn listed(&self, key: &KeyId) -> Found<Option<&ListedKey>> {
        // For a look any credential will do, also the key's own: it may be the last that works.
        let actor = self.v.actor(None)?;
        if let Some(listed) = self.v.keys(&actor)?.keys.get(key) {
            return Ok(Some(listed));
        }
        self.v.complete_keys(&actor).map(|_| None)
    }

    /// The etag has moved on and the server refuses stale ones: the request can no longer land.
    fn fenced(&self, sent: Option<&Etag>, listed: &ListedKey) -> bool {
        self.v.state.etags == Etags::Enforced && sent.is_some() && listed.etag.as_ref() != sent
    }

    /// Whether the key is seen enabled; nothing where that cannot be told.
    fn enabled(&self, listed: &ListedKey) -> Found<Option<bool>> {
        match (listed.enabled, self.v.state.proof_of(&listed.key)) {
            (Some(enabled), _) => Ok(Some(enabled)),
            (None, Some(proof)) => self.v.works_if_clear(&proof),
            (None, None) => Ok(None),
        }
    }

    pub(super) fn disable(
        &self,
        key: &KeyId,
        sent: Option<&Etag>,
        was_enabled: bool,
    ) -> Found<Option<Step>> {
        let Some(listed) = self.listed(key)? else {
            return Ok(Some(self.settle(Outcome::Gone)));
        };
        let etag_moved = sent.is_some() && listed.etag.as_ref() != sent;
        let disabled = self.enabled(listed)?.map_or(etag_moved, |enabled| !enabled);
        let fenced = self.fenced(sent, listed);
        let ours = was_enabled && (self.question.seen || !self.over);
        // An etag that the list may be behind with is no pin: it is looked for again (R21).
        let pin = listed.etag.clone().filter(|_| self.certain || etag_moved);
        let done = Outcome::Done { etag: pin, ours };
        Ok(match (disabled, fenced) {
            (true, true) => Some(self.settle(done)),
            (true, false) if self.over => Some(self.settle(done)),
            (true, false) if !self.question.seen => {
                Some(Step::record(Event::Seen { operation: self.operation }))
            }
            (false, _) if self.certain => Some(self.no_effect()),
            (false, true) => Some(self.settle(Outcome::NoEffect { class: Class::Conflict })),
            (_, false) => None,
        })
    }

    /// What it would have told stays unknown; it only must not land later.
    pub(super) fn probe_etag(&self) -> Option<Step> {
        self.over.then(|| self.no_effect())
    }

    pub(super) fn enable(&self, key: &KeyId, sent: Option<&Etag>) -> Found<Option<Step>> {
        let Some(listed) = self.listed(key)? else {
            return Ok(Some(self.settle(Outcome::Gone)));
        };
        let enabled = self.enabled(listed)?.unwrap_or(false);
        let fenced = self.fenced(sent, listed);
        Ok(if enabled && (self.over || fenced) {
            Some(self.settle(Outcome::Done { etag: listed.etag.clone(), ours: true }))
        } else {
            (self.certain || fenced && !enabled).then(|| self.no_effect())
        })
    }

    /// A key that deleted itself (R30) leaves nobody who could list: its own exchange tells.
    pub(super) fn own_delete(&self, own: &KeyProof) -> Found<Option<Step>> {
        if !self.over {
            return Ok(None);
        }
        Ok(match self.v.works_if_clear(own)? {
            Some(false) => Some(self.settle(Outcome::Done { etag: None, ours: true })),
            Some(true) if self.certain => Some(self.no_effect()),
            Some(true) => None,
            None => return Err(self.v.trouble(Class::Unknown, "exchange")),
        })
    }

    pub(super) fn delete(&self, key: &KeyId) -> Found<Option<Step>> {
        Ok(match self.listed(key)? {
            // Nothing brings a deleted key back: seeing it gone is enough.
            None => Some(self.settle(Outcome::Gone)),
            Some(_) => self.certain.then(|| self.no_effect()),
        })
    }
}
