//! The named actor under the protocol: what it lacks is known before anything is minted (R17).

use std::sync::Arc;

use async_trait::async_trait;
use rekeyd::domain::facts::{Exchange, Identity, Right, Rights};
use rekeyd::domain::ids::KeyId;
use rekeyd::domain::secret::{Credential, Digest};
use rekeyd::domain::state::{Event, ParkReason, Refusal, RequestKind};
use rekeyd::engine::{Engine, Goal, Halt, Plan, Ports, Stop};
use rekeyd::port::{CredentialSource, Journal, PortError, Verifier};
use rekeyd::sandbox::SERVICE_ACCOUNT;

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
