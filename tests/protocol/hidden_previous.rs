//! Descriptions that are minutes behind our own moves: they do not show where *previous* is.

use std::sync::Arc;

use async_trait::async_trait;
use rekeyd::domain::claim::Claim;
use rekeyd::domain::facts::StoreView;
use rekeyd::domain::ids::VersionId;
use rekeyd::domain::secret::Credential;
use rekeyd::domain::state::{Phase, Request};
use rekeyd::port::{PortError, SecretStore, Stored, Which};

use crate::rotation::assert_sound;
use crate::world::{World, rotate, tester};

/// The world's store, whose descriptions never show *previous*.
struct Hidden(World);

#[async_trait]
impl SecretStore for Hidden {
    async fn describe(&self) -> Result<StoreView, PortError> {
        Ok(StoreView { previous: None, ..self.0.describe().await? })
    }
    async fn read(&self, which: &Which) -> Result<Option<Stored>, PortError> {
        self.0.read(which).await
    }
    async fn stage(
        &self,
        token: &VersionId,
        base: Option<&VersionId>,
        credential: &Credential,
    ) -> Result<(), PortError> {
        SecretStore::stage(&self.0, token, base, credential).await
    }
    async fn stage_empty(&self, token: &VersionId) -> Result<(), PortError> {
        self.0.stage_empty(token).await
    }
    async fn promote(&self, from: Option<&VersionId>, to: &VersionId) -> Result<(), PortError> {
        self.0.promote(from, to).await
    }
    async fn unstage(&self, version: &VersionId) -> Result<(), PortError> {
        self.0.unstage(version).await
    }
    async fn append_claim(&self, entry: &Claim) -> Result<(), PortError> {
        self.0.append_claim(entry).await
    }
    async fn drop_previous(&self, version: &VersionId) -> Result<(), PortError> {
        self.0.drop_previous(version).await
    }
}

/// A roll-back in the console would have brought the dead key back.
#[tokio::test]
async fn descriptions_that_were_behind_left_previous_on_a_dead_key() {
    for reverted in [false, true] {
        let world = World::new();
        world.poll();
        let mut engine = world.adopted_on(Arc::new(Hidden(world.clone()))).await;
        engine.request(rotate(), tester()).await.unwrap();
        world.reach(&mut engine, Phase::Promoted).await;
        if reverted {
            engine.request(Request::Abort, tester()).await.unwrap();
        }
        let halt = world.go_on(&mut engine).await;
        assert_sound(&world, &halt, engine.state(), &format!("reverted {reverted}"));
        assert!(engine.state().last.is_some());
        assert_eq!(world.store.previous_key(), None, "reverted {reverted}");
    }
}
