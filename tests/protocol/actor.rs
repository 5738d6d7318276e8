//! The named actor under the protocol: what it lacks is known before anything is minted (R17).

use std::sync::Arc;

use async_trait::async_trait;
use rekeyd::domain::clocks::Stamp;
use rekeyd::domain::facts::{Exchange, Identity, Right, Rights};
use rekeyd::domain::ids::{KeyId, SecretKey};
use rekeyd::domain::secret::{Credential, Digest};
use rekeyd::domain::state::{Event, Outcome, ParkReason, Refusal, RequestKind};
use rekeyd::engine::{Engine, Goal, Halt, Plan, Ports, Stop};
use rekeyd::port::{CredentialSource, Journal, JournalError, PortError, Recorded, Verifier};
use rekeyd::sandbox::{CallKind, SERVICE_ACCOUNT};

use crate::world::{HOUR, World, leak, rotate, tester};

/// A world whose policy names another key of the same account as its actor.
pub fn world_with_actor() -> (World, KeyId) {
    let mut world = World::new();
    let other = world.tenant.mint(SERVICE_ACCOUNT).unwrap();
    let key = KeyId::new(other.client_id).unwrap();
    world.named_actor = Some(Credential::new(key.clone(), other.client_secret.into()));
    world.rules.named_actor = true;
    (world, key)
}

/// An engine on the world's ports, with another verifier or journal where one is given.
pub async fn open_with(
    world: &World,
    verifier: Option<Arc<dyn Verifier>>,
    journal: Option<Arc<dyn Journal>>,
) -> Engine {
    let own = Arc::new(world.clone());
    let actor = own.named_actor.as_ref().map(|_| -> Arc<dyn CredentialSource> { own.clone() });
    let ports = Ports {
        issuer: own.clone(),
        verifier: verifier.unwrap_or_else(|| own.clone()),
        store: own.clone(),
        actor,
        journal: journal.unwrap_or_else(|| own.clone()),
        clock: own.clone(),
        random: own.clone(),
    };
    let plan = Plan {
        rules: world.rules.clone(),
        stream: World::stream(),
        canaries: vec!["query { currentUser { id } }".to_owned()],
        dead_rejections: 3,
        dead_over_ms: 2_000,
    };
    Engine::open(ports, plan, Arc::new(())).await.unwrap()
}

/// Takes one right from one key, as a probe would find it.
pub struct Narrow {
    pub world: World,
    pub key: KeyId,
}

#[async_trait]
impl Verifier for Narrow {
    async fn authenticate(&self, credential: &Credential) -> Exchange {
        self.world.authenticate(credential).await
    }
    async fn identity(&self, credential: &Credential) -> Result<Option<Identity>, PortError> {
        self.world.identity(credential).await
    }
    async fn canary(&self, credential: &Credential, query: &str) -> Result<Digest, PortError> {
        self.world.canary(credential, query).await
    }
    async fn rights(&self, credential: &Credential) -> Result<Rights, PortError> {
        let rights = self.world.rights(credential).await?;
        let delete = if *credential.key() == self.key { Right::Denied } else { rights.delete };
        Ok(Rights { delete, ..rights })
    }
}

fn creates(world: &World) -> usize {
    let sent =
        |event: &Event| matches!(event, Event::Intended { effect, .. } if effect.name() == "issue");
    world.journal.events().iter().filter(|event| sent(event)).count()
}

#[tokio::test]
async fn a_named_actor_without_a_right_refuses_a_person_and_parks_a_leak_before_any_create() {
    let (world, key) = world_with_actor();
    let narrow: Arc<dyn Verifier> = Arc::new(Narrow { world: world.clone(), key });
    let mut engine = open_with(&world, Some(narrow), None).await;
    engine.request(rotate(), tester()).await.unwrap();
    engine.run(Goal::Nothing, HOUR, &mut Stop::never()).await.unwrap();
    let refused = engine.state().refused.clone();
    assert!(matches!(refused, Some((RequestKind::Rotate, Refusal::Rights { .. }))), "{refused:?}");

    let report = leak(engine.state(), false);
    engine.request(report, tester()).await.unwrap();
    let halt = engine.run(Goal::SuspectsDead, HOUR, &mut Stop::never()).await.unwrap();
    assert_eq!(halt, Halt::Parked);
    let parked = engine.state().parked.as_ref().map(|park| &park.reason);
    let rights =
        matches!(parked, Some(ParkReason::PreflightRefused { refusal: Refusal::Rights { .. } }));
    assert!(rights, "{parked:?}");
    assert!(engine.state().requests.leak.is_some(), "the leak was dropped");
    assert_eq!(creates(&world), 0);

    // The same actor with all rights: the leak goes on by itself.
    let halt = world.open().await.unwrap().run(Goal::SuspectsDead, HOUR, &mut Stop::never()).await;
    assert_eq!(halt.unwrap(), Halt::Reached);
}

/// A journal whose disk is full as soon as a new key's id has to be written down.
struct Full(World);

#[async_trait]
impl Journal for Full {
    async fn append(
        &self,
        stream: &SecretKey,
        expected: u64,
        at: &Stamp,
        events: &[Event],
    ) -> Result<u64, JournalError> {
        let minted =
            |event: &Event| matches!(event, Event::Settled { outcome: Outcome::Minted { .. }, .. });
        if events.iter().any(minted) {
            return Err(JournalError::Unwritable("full".to_owned()));
        }
        self.0.append(stream, expected, at, events).await
    }
    async fn replay(&self, stream: &SecretKey) -> Result<Vec<Recorded>, JournalError> {
        self.0.replay(stream).await
    }
    async fn streams(&self) -> Result<Vec<SecretKey>, JournalError> {
        self.0.streams().await
    }
    async fn head(&self) -> Result<(u64, String), JournalError> {
        self.0.head().await
    }
    async fn free_bytes(&self) -> Result<u64, JournalError> {
        self.0.free_bytes().await
    }
}

#[tokio::test]
async fn a_key_that_cannot_be_journaled_is_disabled_by_the_actor_that_minted_it() {
    let (world, actor) = world_with_actor();
    let mut engine = open_with(&world, None, Some(Arc::new(Full(world.clone())))).await;
    engine.request(rotate(), tester()).await.unwrap();
    assert!(engine.run(Goal::Current, HOUR, &mut Stop::never()).await.is_err());
    let current = world.store.current_key().unwrap();
    let known = [current.as_str(), actor.as_str()];
    let keys = world.tenant.keys();
    let minted: Vec<_> = keys.iter().filter(|k| !known.contains(&k.client_id.as_str())).collect();
    assert_eq!(minted.len(), 1);
    assert!(!minted[0].enabled, "a live key that no journal knows");
    let ledger = world.tenant.ledger();
    let disabled = ledger.iter().find(|entry| entry.kind == CallKind::UpdateApiKey).unwrap();
    assert_eq!(disabled.as_key.as_deref(), Some(actor.as_str()));
}
