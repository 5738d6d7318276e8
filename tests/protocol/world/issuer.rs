//! ION as the engine sees it: the sandbox's tenant in process, with its lost and late answers.

use std::sync::atomic::Ordering;

use async_trait::async_trait;
use rekeyd::domain::facts::{Exchange, Identity, ListedKey, Right, Rights};
use rekeyd::domain::ids::{Etag, KeyId};
use rekeyd::domain::secret::{Credential, Digest};
use rekeyd::port::issuer::{Changed, Minted};
use rekeyd::port::{CredentialSource, Issuer, Listing, PortError, Verifier};
use rekeyd::sandbox::{Caller, Change, KeyView, Missed, Refusal};

use super::{SECOND, World};

/// A mutation's fate: what is certain after each way of not getting an answer.
fn missed(missed: &Missed) -> PortError {
    match missed {
        Missed::Refused(Refusal::EtagMismatch | Refusal::NotFound | Refusal::EtagMissing) => {
            PortError::conflict("etag or key")
        }
        Missed::Refused(Refusal::Permission(_)) => PortError::rejected("permission"),
        Missed::Refused(Refusal::Unauthorized) => PortError::rejected("unauthorized"),
        Missed::Status { status: 429, .. } => PortError::retryable("429"),
        Missed::Refused(_) | Missed::Nothing | Missed::Status { .. } | Missed::Unreadable => {
            PortError::unknown("no answer")
        }
    }
}

fn etag(text: &str) -> Option<Etag> {
    Some(Etag::new(text).unwrap())
}

#[async_trait]
impl Issuer for World {
    async fn issue(&self, actor: &Credential) -> Result<Minted, PortError> {
        self.crash.point().await;
        let answer = self.tenant.create_api_key(&self.caller(actor)?).arrived();
        self.poll();
        self.crash.point().await;
        let view = answer.map_err(|m| missed(&m))?;
        let key = KeyId::new(view.client_id).unwrap();
        let credential = view.client_secret.map(|s| Credential::new(key.clone(), s.into()));
        Ok(Minted { key, credential })
    }

    async fn list(&self, actor: &Credential) -> Result<Listing, PortError> {
        self.crash.point().await;
        let page = self
            .tenant
            .api_keys(&self.caller(actor)?, None, None)
            .arrived()
            .map_err(|m| missed(&m))?;
        let enabled = |k: &KeyView| self.extended().then_some(k.enabled);
        let keys = page.keys.iter().map(|k| ListedKey {
            key: KeyId::new(k.client_id.clone()).unwrap(),
            etag: etag(&k.etag),
            enabled: enabled(k),
            created_ms: self.extended().then_some(k.created_ms),
            created_by: self.extended().then(|| k.created_by.clone()),
        });
        Ok(Listing { keys: keys.collect(), complete: true })
    }

    async fn disable(
        &self,
        actor: &Credential,
        key: &KeyId,
        etag: Option<&Etag>,
    ) -> Result<Changed, PortError> {
        self.change(actor, key, etag, false).await
    }

    async fn enable(
        &self,
        actor: &Credential,
        key: &KeyId,
        etag: Option<&Etag>,
    ) -> Result<Changed, PortError> {
        self.change(actor, key, etag, true).await
    }

    async fn delete(
        &self,
        actor: &Credential,
        key: &KeyId,
        etag: Option<&Etag>,
    ) -> Result<(), PortError> {
        self.crash.point().await;
        let caller = self.caller(actor)?;
        let answer = self.tenant.delete_api_key(&caller, key.as_str(), etag.map(Etag::as_str));
        self.poll();
        self.crash.point().await;
        answer.arrived().map(drop).map_err(|m| missed(&m))
    }
}

impl World {
    fn caller(&self, actor: &Credential) -> Result<Caller, PortError> {
        let grant = self.tenant.exchange(actor.key().as_str(), actor.expose()).arrived();
        let grant = grant.map_err(|missed| match missed {
            Missed::Refused(_) => PortError::rejected("token refused"),
            _ => PortError::retryable("no token"),
        })?;
        let token = grant.access_token.ok_or_else(|| PortError::retryable("no token"))?;
        self.tenant.caller(&token).ok_or_else(|| PortError::rejected("token refused"))
    }

    fn extended(&self) -> bool {
        self.store.extended_lists.load(Ordering::SeqCst)
    }

    async fn change(
        &self,
        actor: &Credential,
        key: &KeyId,
        tag: Option<&Etag>,
        enabled: bool,
    ) -> Result<Changed, PortError> {
        self.crash.point().await;
        let change = Change {
            client_id: key.to_string(),
            etag: tag.map(ToString::to_string),
            enabled: Some(enabled),
            regenerate_secret: Some(false),
        };
        let answer = self.tenant.update_api_key(&self.caller(actor)?, &change).arrived();
        self.poll();
        self.crash.point().await;
        let view = answer.map_err(|m| missed(&m))?;
        Ok(Changed {
            etag: self.extended().then(|| Etag::new(view.etag).unwrap()),
            enabled: Some(view.enabled),
        })
    }
}

#[async_trait]
impl Verifier for World {
    async fn authenticate(&self, credential: &Credential) -> Exchange {
        self.crash.point().await;
        match self.tenant.exchange(credential.key().as_str(), credential.expose()).arrived() {
            Ok(grant) => Exchange::Alive { token_life_ms: Some(grant.expires_in_seconds * SECOND) },
            Err(Missed::Refused(_)) => Exchange::Rejected,
            Err(_) => Exchange::Unknown,
        }
    }

    async fn identity(&self, credential: &Credential) -> Result<Option<Identity>, PortError> {
        let user = self
            .tenant
            .current_user(&self.caller(credential)?)
            .arrived()
            .map_err(|m| missed(&m))?;
        Ok(Some(Identity {
            user_id: user.id,
            email: Some(user.email),
            organization_id: Some(user.organization.id),
        }))
    }

    async fn canary(&self, credential: &Credential, _query: &str) -> Result<Digest, PortError> {
        let user = self
            .tenant
            .current_user(&self.caller(credential)?)
            .arrived()
            .map_err(|m| missed(&m))?;
        Ok(Digest::of("test/canary", &user.id))
    }

    async fn rights(&self, credential: &Credential) -> Result<Rights, PortError> {
        let caller = self.caller(credential)?;
        let right = |allowed| if allowed { Right::Allowed } else { Right::Denied };
        let list = match self.tenant.api_keys(&caller, None, None).arrived() {
            Ok(_) => true,
            Err(Missed::Refused(Refusal::Permission(_))) => false,
            Err(other) => return Err(missed(&other)),
        };
        Ok(Rights { list: right(list), update: Right::Allowed, delete: Right::Allowed })
    }
}

#[async_trait]
impl CredentialSource for World {
    async fn credential(&self) -> Result<Credential, PortError> {
        self.named_actor.clone().ok_or_else(|| PortError::misconfigured("no named actor"))
    }
}
