//! A store whose reads show what was a while ago, always or every other time.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use rekeyd::domain::claim::Claim;
use rekeyd::domain::facts::StoreView;
use rekeyd::domain::ids::VersionId;
use rekeyd::domain::secret::Credential;
use rekeyd::port::{PortError, SecretStore, Stored, Which};

use super::World;

pub struct SlowStore {
    world: World,
    lag_ms: i64,
    every_other: bool,
    reads: AtomicU64,
    past: Mutex<Vec<(i64, StoreView)>>,
    born: Mutex<Vec<(i64, VersionId)>>,
}

impl SlowStore {
    pub fn new(world: &World, lag_ms: i64, every_other: bool) -> Self {
        let (past, born) = (Mutex::default(), Mutex::default());
        Self { world: world.clone(), lag_ms, every_other, reads: AtomicU64::new(0), past, born }
    }

    /// What is true now goes on record, to be shown later.
    async fn note(&self) -> Result<StoreView, PortError> {
        let view = self.world.describe().await?;
        self.past.lock().unwrap().push((self.world.now_ms(), view.clone()));
        Ok(view)
    }

    fn lags(&self) -> bool {
        !self.every_other || self.reads.fetch_add(1, Ordering::SeqCst) % 2 == 1
    }

    fn is_young(&self, version: &VersionId) -> bool {
        let since = self.world.now_ms() - self.lag_ms;
        self.born.lock().unwrap().iter().any(|(at, born)| born == version && *at > since)
    }
}

#[async_trait]
impl SecretStore for SlowStore {
    async fn describe(&self) -> Result<StoreView, PortError> {
        let now = self.note().await?;
        if !self.lags() {
            return Ok(now);
        }
        let then = self.world.now_ms() - self.lag_ms;
        let past = self.past.lock().unwrap();
        let shown = past.iter().rev().find(|(at, _)| *at <= then).or(past.first());
        Ok(shown.unwrap().1.clone())
    }

    async fn read(&self, which: &Which) -> Result<Option<Stored>, PortError> {
        match which {
            Which::Version(version) if self.lags() && self.is_young(version) => Ok(None),
            Which::Current => match self.describe().await?.current {
                Some(version) => self.world.read(&Which::Version(version)).await,
                None => Ok(None),
            },
            other => self.world.read(other).await,
        }
    }

    async fn stage(
        &self,
        token: &VersionId,
        base: Option<&VersionId>,
        credential: &Credential,
    ) -> Result<(), PortError> {
        self.note().await?;
        let answer = SecretStore::stage(&self.world, token, base, credential).await;
        self.born.lock().unwrap().push((self.world.now_ms(), token.clone()));
        answer
    }

    async fn stage_empty(&self, token: &VersionId) -> Result<(), PortError> {
        self.note().await?;
        self.world.stage_empty(token).await
    }

    async fn promote(&self, from: Option<&VersionId>, to: &VersionId) -> Result<(), PortError> {
        self.note().await?;
        self.world.promote(from, to).await
    }

    async fn unstage(&self, version: &VersionId) -> Result<(), PortError> {
        self.note().await?;
        self.world.unstage(version).await
    }

    async fn append_claim(&self, entry: &Claim) -> Result<(), PortError> {
        self.note().await?;
        self.world.append_claim(entry).await
    }

    async fn drop_previous(&self, version: &VersionId) -> Result<(), PortError> {
        self.note().await?;
        self.world.drop_previous(version).await
    }
}
