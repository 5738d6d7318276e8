//! Creates that are answered with a key that was there before: by a cache on the way that answers
//! everything alike, or by a server that mixes up two callers. Such a key is not ours to take.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use rekeyd::domain::ids::{Etag, KeyId};
use rekeyd::domain::secret::Credential;
use rekeyd::domain::state::ParkReason;
use rekeyd::engine::{Engine, Halt, Plan, Ports};
use rekeyd::port::issuer::{Changed, Minted};
use rekeyd::port::{Issuer, Listing, PortError};
use rekeyd::sandbox::{CallKind, SERVICE_ACCOUNT};

use crate::world::{World, leak, rotate};

/// The world with a create that is answered, so many times, with this key.
struct Mixed {
    world: World,
    named: KeyId,
    secret: String,
    /// The create has its effect all the same.
    mints: bool,
    times: AtomicU32,
}

#[async_trait]
impl Issuer for Mixed {
    async fn issue(&self, actor: &Credential) -> Result<Minted, PortError> {
        if self.times.load(Ordering::SeqCst) == 0 {
            return self.world.issue(actor).await;
        }
        self.times.fetch_sub(1, Ordering::SeqCst);
        if self.mints {
            self.world.issue(actor).await?;
        }
        let credential = Credential::new(self.named.clone(), self.secret.clone().into());
        Ok(Minted { key: self.named.clone(), credential: Some(credential) })
    }
    async fn list(&self, actor: &Credential) -> Result<Listing, PortError> {
        self.world.list(actor).await
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

/// An engine that has adopted a key, beside a key that was there before, and both keys. A create is
/// answered with the one or the other.
async fn adopted(current: bool, mints: bool, times: u32) -> (World, Engine, KeyId) {
    let world = World::new();
    let held = world.tenant.mint(SERVICE_ACCOUNT).unwrap();
    let other = world.tenant.mint(SERVICE_ACCOUNT).unwrap();
    world.store.put_by_hand("v-held", &held.client_id, &held.client_secret);
    world.poll();
    drop(world.adopted().await);
    let said = if current { held } else { other };
    let named = KeyId::new(said.client_id).unwrap();
    let times = AtomicU32::new(times);
    let shared = Arc::new(world.clone());
    let issuer = Mixed {
        world: world.clone(),
        named: named.clone(),
        secret: said.client_secret,
        mints,
        times,
    };
    let plan = Plan {
        rules: world.rules.clone(),
        stream: World::stream(),
        canaries: vec!["query { currentUser { id } }".to_owned()],
        dead_rejections: 3,
        dead_over_ms: 2_000,
    };
    let ports = Ports {
        issuer: Arc::new(issuer),
        verifier: shared.clone(),
        store: shared.clone(),
        actor: None,
        journal: shared.clone(),
        clock: shared.clone(),
        random: shared,
    };
    let engine = Engine::open(ports, plan, Arc::new(())).await.unwrap();
    (world, engine, named)
}

fn is_touched(world: &World, key: &KeyId) -> bool {
    let on_a_key = |kind| matches!(kind, CallKind::UpdateApiKey | CallKind::DeleteApiKey);
    let ledger = world.tenant.ledger();
    ledger
        .iter()
        .any(|e| on_a_key(e.kind) && e.effect_applied && e.keys.iter().any(|k| k == key.as_str()))
}

/// The key of the answer was taken for the new one, did not work, and was deleted at the rollback;
/// the key that the create had made was forgotten.
#[tokio::test]
async fn a_key_of_somebody_else_that_a_create_named_was_deleted() {
    let (world, mut engine, other) = adopted(false, true, 1).await;
    assert_eq!(
        world.ask(&mut engine, rotate()).await,
        Halt::Reached,
        "{:?}",
        engine.state().parked
    );
    assert!(world.tenant.alive(other.as_str()) && !is_touched(&world, &other));
    assert_ne!(world.store.current_key().as_deref(), Some(other.as_str()));
    assert_eq!(
        engine.state().orphans_unruled().count(),
        1,
        "what the create made is on the record"
    );
    assert_eq!(world.counted().failures, 0);
}

/// *Current*'s own credential was staged and promoted as the new one, and called so.
#[tokio::test]
async fn a_cached_answer_passed_the_current_key_off_as_a_new_one() {
    let (world, mut engine, current) = adopted(true, false, u32::MAX).await;
    assert_eq!(world.ask(&mut engine, rotate()).await, Halt::Parked);
    let reason = engine.state().parked.as_ref().map(|park| park.reason.clone());
    assert_eq!(reason, Some(ParkReason::TooManyCreates));
    assert!(world.tenant.alive(current.as_str()) && !is_touched(&world, &current));
    assert!(engine.state().rotation.as_ref().is_some_and(|r| r.staged.is_empty()));
    assert_eq!(world.counted().failures, 0);
}

#[tokio::test]
async fn a_cached_answer_with_the_leaked_key_delays_its_death_and_no_more() {
    let (world, mut engine, leaked) = adopted(true, false, 1).await;
    let report = leak(engine.state(), false);
    assert_eq!(world.ask(&mut engine, report).await, Halt::Reached, "{:?}", engine.state().parked);
    assert!(!world.tenant.alive(leaked.as_str()));
    assert!(world.tenant.alive(&world.store.current_key().unwrap()));
    assert_eq!(world.counted().failures_after_reread, 0);
}
