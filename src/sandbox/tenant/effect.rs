//! What clients ask to be changed, as data, so that it can also land late; and the doing of it.

use super::super::ledger::{CallKind, Entry, key_id_only, version_id_only};
use super::super::reply::Refusal;
use super::super::secrets_manager::{Answer, Lag, Request, SecretsManager, Signer};
use super::super::settings::{CREATE, DELETE, UPDATE};
use super::keys::{Change, KeyView};
use super::tokens::Caller;
use super::world::{World, permitted};

/// Of ION, or of Secrets Manager.
#[derive(Debug, Clone)]
pub(super) enum Effect {
    OnKeys(Caller, OnKeys),
    /// Boxed because it is much the larger one.
    OnSecrets(Signer, Box<Request>),
}

#[derive(Debug, Clone)]
pub(super) enum OnKeys {
    Create,
    Update(Change),
    Delete { client_id: String, etag: Option<String> },
}

impl Effect {
    pub(super) fn kind(&self) -> CallKind {
        match self {
            Self::OnKeys(_, OnKeys::Create) => CallKind::CreateApiKey,
            Self::OnKeys(_, OnKeys::Update(_)) => CallKind::UpdateApiKey,
            Self::OnKeys(_, OnKeys::Delete { .. }) => CallKind::DeleteApiKey,
            Self::OnSecrets(_, request) => request.kind(),
        }
    }

    /// Writes into an entry who asked for it, and what it names.
    pub(super) fn sign(&self, entry: &mut Entry, secrets: &SecretsManager) {
        match self {
            Self::OnKeys(caller, _) => entry.as_key = Some(key_id_only(&caller.client_id)),
            Self::OnSecrets(signer, request) => {
                let id = request.secret_id().unwrap_or_default();
                entry.secret = match &**request {
                    Request::Create(create) => create.allowed_name(),
                    _ => secrets.name_of(&signer.region, id),
                };
                entry.keys = request.versions().into_iter().map(version_id_only).collect();
                entry.signer = Some(signer.clone());
            }
        }
    }
}

impl World {
    pub(super) fn perform_late(&mut self, effect: &Effect, now_ms: i64) -> Result<(), Refusal> {
        match effect {
            Effect::OnKeys(caller, effect) => self.on_keys(caller, effect, false, now_ms).map(drop),
            Effect::OnSecrets(signer, request) => {
                self.on_secrets(signer, request, Lag::None, now_ms).map(drop)
            }
        }
    }

    /// Does what a client asked of ION, if it may.
    pub(super) fn on_keys(
        &mut self,
        caller: &Caller,
        effect: &OnKeys,
        etag_ignored: bool,
        now_ms: i64,
    ) -> Result<KeyView, Refusal> {
        match effect {
            OnKeys::Create => {
                permitted(caller, CREATE)?;
                let issued = self.mint(&caller.user, now_ms)?;
                let key = self.keys.get(&issued.client_id).ok_or(Refusal::NotFound)?;
                Ok(KeyView { client_secret: Some(issued.client_secret), ..key.view() })
            }
            OnKeys::Update(change) => {
                permitted(caller, UPDATE)?;
                self.may_change(caller, &change.client_id)?;
                let given = change.etag.as_deref();
                self.guard(&change.client_id, given, false, etag_ignored)?;
                self.keys.change(&change.client_id, now_ms, |key, dice| {
                    key.enabled = change.enabled.unwrap_or(key.enabled);
                    if change.regenerate_secret == Some(true) {
                        key.secret = dice.text(32);
                    }
                })
            }
            OnKeys::Delete { client_id, etag } => {
                permitted(caller, DELETE)?;
                self.may_change(caller, client_id)?;
                self.guard(client_id, etag.as_deref(), true, etag_ignored)?;
                self.keys.change(client_id, now_ms, |key, _| key.deleted = true)
            }
        }
    }

    /// Does what a client asked of Secrets Manager.
    pub(super) fn on_secrets(
        &mut self,
        signer: &Signer,
        request: &Request,
        lag: Lag,
        now_ms: i64,
    ) -> Result<Answer, Refusal> {
        let dice = &mut self.secrets_dice;
        Ok(self.secrets.perform(signer, request, lag, dice, now_ms)?)
    }

    /// A key of another organisation is not there, for this caller.
    fn may_change(&self, caller: &Caller, client_id: &str) -> Result<(), Refusal> {
        let key = self.keys.get(client_id).ok_or(Refusal::NotFound)?;
        if self.same_organization(&caller.user, &key.created_by) {
            Ok(())
        } else {
            Err(Refusal::NotFound)
        }
    }

    fn guard(
        &self,
        client_id: &str,
        given: Option<&str>,
        required: bool,
        ignored: bool,
    ) -> Result<(), Refusal> {
        if ignored || !self.settings.etag_enforced {
            return Ok(());
        }
        match given {
            None if required => Err(Refusal::EtagMissing),
            Some(given) if self.keys.etag(client_id) != Some(given) => Err(Refusal::EtagMismatch),
            _ => Ok(()),
        }
    }
}
