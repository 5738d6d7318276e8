//! A policy's ports: the adapters that it names, ready to be called. Calls nobody itself.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::clients::Clients;
use super::{App, AppError};
use crate::domain::policy::{ActorSource, IonIssuer, Policy, Store};
use crate::engine::Ports;
use crate::issuer::ion::{Ion, IonConfig};
use crate::port::{Clock, CredentialSource, Journal, PortError, SecretStore};
use crate::store::actor::{FileActor, SecretActor};
use crate::store::{AwsSecretsManager, FileStore};

impl App {
    /// Everything outside that a policy names. Calls nobody yet.
    ///
    /// # Errors
    /// When the policy's URLs or paths cannot be used.
    pub async fn ports(
        &self,
        policy: &Policy,
        journal: Arc<dyn Journal>,
    ) -> Result<Ports, AppError> {
        let clock = &self.clock;
        let ion = self.ion(policy, clock.clone())?;
        Ok(Ports {
            issuer: ion.clone(),
            verifier: ion,
            store: self.store(policy, clock.clone()).await?,
            actor: self.actor(policy, clock.clone()).await?,
            journal,
            clock: clock.clone(),
            random: self.random.clone(),
        })
    }

    pub(super) fn ion(
        &self,
        policy: &Policy,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Ion>, PortError> {
        let config = self.ion_config(&policy.issuer);
        let connections = self.clients.ion(config.request_timeout);
        Ok(Arc::new(Ion::on(&connections, config, clock)?))
    }

    fn ion_config(&self, issuer: &IonIssuer) -> IonConfig {
        let timeout_ms = self.settings.limits.request_timeout_ms;
        IonConfig {
            token_url: issuer.token_url.clone(),
            graphql_url: issuer.graphql_url.clone(),
            scheme: issuer.scheme,
            audience: issuer.audience.clone(),
            request_timeout: Duration::from_millis(u64::try_from(timeout_ms).unwrap_or(30_000)),
        }
    }

    pub(super) async fn store(
        &self,
        policy: &Policy,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<dyn SecretStore>, AppError> {
        store_of(policy, clock, &self.clients).await
    }

    pub(super) async fn actor(
        &self,
        policy: &Policy,
        clock: Arc<dyn Clock>,
    ) -> Result<Option<Arc<dyn CredentialSource>>, AppError> {
        let (Store::AwsSecretsManager { fields, .. } | Store::File { fields, .. }) = &policy.store;
        Ok(match &policy.issuer.actor {
            ActorSource::OwnKey => None,
            ActorSource::SecretId(id) => Some(Arc::new(SecretActor::new(
                aws(policy, id, clock, &self.clients).await,
                id.clone(),
            ))),
            ActorSource::Credential(name) => {
                let dir = std::env::var_os("CREDENTIALS_DIRECTORY")
                    .ok_or_else(|| AppError::NoCredentials(name.clone()))?;
                Some(Arc::new(FileActor::new(Path::new(&dir).join(name), fields.clone())))
            }
        })
    }
}

/// The store that a policy names. Calls nobody yet.
///
/// # Errors
/// When the store's path cannot be used.
pub(super) async fn store_of(
    policy: &Policy,
    clock: Arc<dyn Clock>,
    clients: &Clients,
) -> Result<Arc<dyn SecretStore>, AppError> {
    Ok(match &policy.store {
        Store::File { path, fields } => Arc::new(FileStore::new(path, fields.clone())?),
        Store::AwsSecretsManager { secret_id, .. } => {
            Arc::new(aws(policy, secret_id, clock, clients).await)
        }
    })
}

/// A secret of AWS Secrets Manager, with the policy's region and field names.
async fn aws(
    policy: &Policy,
    secret_id: &str,
    clock: Arc<dyn Clock>,
    clients: &Clients,
) -> AwsSecretsManager {
    let (Store::AwsSecretsManager { fields, .. } | Store::File { fields, .. }) = &policy.store;
    let region = match &policy.store {
        Store::AwsSecretsManager { region, .. } => region.as_deref(),
        Store::File { .. } => None,
    };
    let client = clients.aws(region).await;
    AwsSecretsManager::with_client(&client, secret_id, fields.clone(), clock).paced(clients.pace())
}
