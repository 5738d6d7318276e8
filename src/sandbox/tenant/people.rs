//! What people do by hand, and its line in the ledger.

use std::collections::BTreeSet;

use super::super::ledger::{CallKind, Entry};
use super::super::person::Edit;
use super::super::reply::{Issued, Refusal};
use super::super::settings::CREATE;
use super::world::World;

impl World {
    /// Does what a person does by hand, and writes it down.
    pub(super) fn edit(&mut self, edit: &Edit, now_ms: i64) -> Result<Option<Issued>, Refusal> {
        let result = self.edit_unrecorded(edit, now_ms);
        let secret = match edit {
            Edit::Secret { secret, .. } => Some(secret.clone()).filter(|_| result.is_ok()),
            _ => None,
        };
        self.write(Entry {
            effect_applied: result.is_ok(),
            detail: edit.name().into(),
            outcome: result.as_ref().map_or_else(Refusal::name, |_| "ok").into(),
            secret,
            ..Entry::of(CallKind::Person, now_ms)
        });
        result
    }

    /// A new key of that user.
    pub(super) fn mint(&mut self, user: &str, now_ms: i64) -> Result<Issued, Refusal> {
        if !self.is_active(user) {
            return Err(Refusal::Permission(CREATE));
        }
        let permissions = self.user(user).map(|user| user.permissions.clone()).unwrap_or_default();
        self.keys.mint(user, permissions, now_ms)
    }

    fn edit_unrecorded(&mut self, edit: &Edit, now_ms: i64) -> Result<Option<Issued>, Refusal> {
        match edit {
            Edit::Mint { user } => self.mint(user, now_ms).map(Some),
            Edit::Disable { key } => self.set_enabled(key, false, now_ms).map(|()| None),
            Edit::Enable { key } => self.set_enabled(key, true, now_ms).map(|()| None),
            Edit::Regenerate { key } => {
                let id = self.keys.resolve(key);
                let view = self.keys.change(&id, now_ms, |key, dice| key.secret = dice.text(32))?;
                let client_secret = view.client_secret.unwrap_or_default();
                Ok(Some(Issued { client_id: view.client_id, client_secret }))
            }
            Edit::Delete { key } => {
                let id = self.keys.resolve(key);
                self.keys.change(&id, now_ms, |key, _| key.deleted = true).map(|_| None)
            }
            Edit::Deactivate { user } => {
                let found = self.users.iter_mut().find(|(found, _)| found.id == *user);
                found.ok_or(Refusal::NotFound)?.1 = false;
                for key in self.keys.of_user(user) {
                    self.set_enabled(&key, false, now_ms)?;
                }
                Ok(None)
            }
            Edit::Permit { user, permissions } => self.permit(user, permissions).map(|()| None),
            Edit::Secret { secret, edit } => {
                self.secrets.edit(secret, edit, &mut self.secrets_dice, now_ms)?;
                Ok(None)
            }
        }
    }

    fn set_enabled(&mut self, key: &str, enabled: bool, now_ms: i64) -> Result<(), Refusal> {
        let id = self.keys.resolve(key);
        self.keys.change(&id, now_ms, |key, _| key.enabled = enabled).map(|_| ())
    }

    fn permit(&mut self, user: &str, permissions: &BTreeSet<String>) -> Result<(), Refusal> {
        let found = self.users.iter_mut().find(|(found, _)| found.id == user);
        found.ok_or(Refusal::NotFound)?.0.permissions = permissions.clone();
        Ok(())
    }
}
