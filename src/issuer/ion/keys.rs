//! ION as [`Issuer`]: mint, disable, enable, delete. The list has a room of its own.
//! Every mutation here is sent once; what its answer leaves open is `Unknown`.

use async_trait::async_trait;
use secrecy::ExposeSecret;

use super::Ion;
use super::call::{Answer, request_body};
use super::dialect::Dialect;
use super::failure::{Failure, Operation};
use super::meaning::Meaning;
use super::operations::{
    CreateApiKey, DeleteApiKey, KeyInput, UpdateApiKey, UpdateApiKeyWithEtag, create_api_key,
    delete_api_key, update_api_key, update_api_key_with_etag,
};
use super::scalars::{Opaque, text_of};
use crate::domain::ids::{Etag, KeyId};
use crate::domain::secret::Credential;
use crate::port::issuer::{Changed, Minted};
use crate::port::{Class, Issuer, Listing, PortError};

#[async_trait]
impl Issuer for Ion {
    async fn issue(&self, actor: &Credential) -> Result<Minted, PortError> {
        let Ok(_slot) = tokio::time::timeout(self.slot_timeout, self.create_slot.lock()).await
        else {
            let words = "was not sent: another create of this organisation is still in flight";
            return Err(PortError::retryable(format!("{} {words}", Operation::CreateApiKey)));
        };
        let operation = Operation::CreateApiKey;
        let body = request_body::<CreateApiKey>(create_api_key::Variables)?;
        let mut answer: Answer<create_api_key::ResponseData> =
            self.call(operation, actor, &body).await?;
        let key = answer.data.take().and_then(|data| data.create_api_key?.apikey);
        match key.and_then(minted) {
            // The key is named: it lives, whatever else went wrong.
            Some(minted) => Ok(minted),
            None => Err(self.no_result(operation, &answer).error),
        }
    }

    async fn list(&self, actor: &Credential) -> Result<Listing, PortError> {
        self.list_keys(actor).await.map_err(PortError::from)
    }

    async fn disable(
        &self,
        actor: &Credential,
        key: &KeyId,
        etag: Option<&Etag>,
    ) -> Result<Changed, PortError> {
        Ok(self.update_key(actor, key, etag, false).await?)
    }

    async fn enable(
        &self,
        actor: &Credential,
        key: &KeyId,
        etag: Option<&Etag>,
    ) -> Result<Changed, PortError> {
        Ok(self.update_key(actor, key, etag, true).await?)
    }

    async fn delete(
        &self,
        actor: &Credential,
        key: &KeyId,
        etag: Option<&Etag>,
    ) -> Result<(), PortError> {
        Ok(self.delete_key(actor, key, etag).await?)
    }
}

impl Ion {
    /// Deletes once.
    pub(super) async fn delete_key(
        &self,
        actor: &Credential,
        key: &KeyId,
        etag: Option<&Etag>,
    ) -> Result<(), Failure> {
        let operation = Operation::DeleteApiKey;
        let dialect = self.dialect(actor).await;
        let input = self.input(&dialect, key, etag, None);
        let variables = delete_api_key::Variables { input };
        let body = fitted(request_body::<DeleteApiKey>(variables)?, &dialect);
        let mut answer: Answer<delete_api_key::ResponseData> =
            self.call(operation, actor, &body).await?;
        let deleted = answer.data.take().and_then(|data| data.delete_api_key?.apikey);
        match deleted {
            Some(deleted) if answer.errors.is_none() && is(deleted.client_id.as_ref(), key) => {
                Ok(())
            }
            _ => Err(self.no_result(operation, &answer)),
        }
    }

    /// Disables or enables once.
    pub(super) async fn update_key(
        &self,
        actor: &Credential,
        key: &KeyId,
        etag: Option<&Etag>,
        enabled: bool,
    ) -> Result<Changed, Failure> {
        let operation = Operation::UpdateApiKey;
        let dialect = self.dialect(actor).await;
        let input = self.input(&dialect, key, etag, Some(enabled));
        let body = if dialect.update_tells_etag {
            request_body::<UpdateApiKeyWithEtag>(update_api_key_with_etag::Variables { input })?
        } else {
            request_body::<UpdateApiKey>(update_api_key::Variables { input })?
        };
        let body = fitted(body, &dialect);
        // The richer answer's type fits both: what was not asked for is absent.
        let mut answer: Answer<update_api_key_with_etag::ResponseData> =
            self.call(operation, actor, &body).await?;
        let updated = answer.data.take().and_then(|data| data.update_api_key?.apikey);
        match updated {
            Some(updated) if answer.errors.is_none() && is(updated.client_id.as_ref(), key) => {
                Ok(Changed {
                    etag: text_of(updated.etag).and_then(|text| Etag::new(text).ok()),
                    enabled: updated.enabled.and_then(|flag| flag.0),
                })
            }
            _ => Err(self.no_result(operation, &answer)),
        }
    }

    fn input(
        &self,
        dialect: &Dialect,
        key: &KeyId,
        etag: Option<&Etag>,
        enabled: Option<bool>,
    ) -> KeyInput {
        KeyInput {
            client_id: key.as_str().to_owned(),
            etag: etag.map(|etag| self.dialect.etag_input(dialect, etag)),
            enabled,
        }
    }

    /// The failure of a mutation whose answer does not show its result.
    fn no_result<D>(&self, operation: Operation, answer: &Answer<D>) -> Failure {
        match answer.errors {
            Some(errors) => self.by_errors(operation, errors, answer),
            None => {
                let words = "answered without the key that was asked for";
                self.failure(operation, Class::Unknown, Some(Meaning::Other), None, words)
            }
        }
    }
}

fn minted(key: create_api_key::CreateApiKeyCreateApiKeyApikey) -> Option<Minted> {
    let id = KeyId::new(text_of(key.client_id)?).ok()?;
    let secret = key.client_secret.and_then(|secret| secret.0);
    let credential = secret
        .filter(|secret| !secret.expose_secret().is_empty())
        .map(|secret| Credential::new(id.clone(), secret));
    Some(Minted { key: id, credential })
}

fn is(client_id: Option<&Opaque>, key: &KeyId) -> bool {
    client_id.and_then(|id| id.text.as_deref()) == Some(key.as_str())
}

/// The request with the input's type as this tenant calls it. The name is known to be one, and
/// the body holds it nowhere else: ids and etags are JSON values, not query text.
fn fitted(body: Vec<u8>, dialect: &Dialect) -> Vec<u8> {
    let Some(name) = &dialect.input_type else { return body };
    match String::from_utf8(body) {
        Ok(text) => text.replacen("$input: APIKeyInput!", &format!("$input: {name}!"), 1).into(),
        Err(error) => error.into_bytes(),
    }
}
