//! A world whose key list lacks one key: because it is not whole, because it lags, or because the key
//! is gone.

use std::sync::Arc;

use async_trait::async_trait;
use rekeyd::domain::ids::{Etag, KeyId};
use rekeyd::domain::secret::Credential;
use rekeyd::engine::{Engine, Plan, Ports};
use rekeyd::port::issuer::{Changed, Minted};
use rekeyd::port::{Issuer, Listing, PortError};

use crate::world::World;

/// The world with a list that lacks one key and says whether it is complete.
pub struct Lacking {
    pub world: World,
    pub key: KeyId,
    pub complete: bool,
}

#[async_trait]
impl Issuer for Lacking {
    async fn issue(&self, actor: &Credential) -> Result<Minted, PortError> {
        self.world.issue(actor).await
    }
    async fn list(&self, actor: &Credential) -> Result<Listing, PortError> {
        let mut listing = self.world.list(actor).await?;
        listing.keys.retain(|listed| listed.key != self.key);
        listing.complete = self.complete;
        Ok(listing)
    }
    async fn disable(
        &self,
        actor: &Credential,
        key: &KeyId,
        etag: Option<&Etag>,
    ) -> Result<Changed, PortError> {
        self.world.disable(actor, key, etag).await
    }
    async fn enable(
        &self,
        actor: &Credential,
        key: &KeyId,
        etag: Option<&Etag>,
    ) -> Result<Changed, PortError> {
        self.world.enable(actor, key, etag).await
    }
    async fn delete(
        &self,
        actor: &Credential,
        key: &KeyId,
        etag: Option<&Etag>,
    ) -> Result<(), PortError> {
        self.world.delete(actor, key, etag).await
    }
}

impl Lacking {
    pub async fn open(self) -> Engine {
        let world = Arc::new(self.world.clone());
        let plan = Plan {
            rules: world.rules.clone(),
            stream: World::stream(),
            canaries: Vec::new(),
            dead_rejections: 3,
            dead_over_ms: 2_000,
        };
        let ports = Ports {
            issuer: Arc::new(self),
            verifier: world.clone(),
            store: world.clone(),
            actor: None,
            journal: world.clone(),
            clock: world.clone(),
            random: world,
        };
        Engine::open(ports, plan, Arc::new(())).await.unwrap()
    }
}
