//! Keys that await a ruling: who is one, who is not, and when its record goes.

use std::collections::BTreeSet;

use rekeyd::domain::ids::KeyId;
use rekeyd::domain::secret::Credential;
use rekeyd::domain::state::Event;
use rekeyd::engine::{Engine, Goal, Halt, Stop};
use rekeyd::sandbox::SERVICE_ACCOUNT;

use crate::world::{HOUR, World, leak, tester};

/// Reports a leak and runs until every suspect is dead and the account was compared.
async fn report_and_kill(engine: &mut Engine) {
    let report = leak(engine.state(), false);
    engine.request(report, tester()).await.unwrap();
    let halt = engine.run(Goal::SuspectsDead, HOUR, &mut Stop::never()).await.unwrap();
    assert_eq!(halt, Halt::Reached, "{:#?}", engine.state());
}

/// The keys that each comparison of the account found, in order.
fn strangers(world: &World) -> Vec<BTreeSet<KeyId>> {
    let found = |event| match event {
        Event::Strangers { keys } => Some(keys),
        _ => None,
    };
    world.journal.events().into_iter().filter_map(found).collect()
}

fn key(id: &str) -> KeyId {
    KeyId::new(id).unwrap()
}

/// An engine that has adopted, and a key that appeared afterwards.
async fn with_a_stranger(world: &World) -> (Engine, KeyId) {
    world.poll();
    let mut engine = world.open().await.unwrap();
    engine.run(Goal::Nothing, HOUR, &mut Stop::never()).await.unwrap();
    let stranger = key(&world.tenant.mint(SERVICE_ACCOUNT).unwrap().client_id);
    (engine, stranger)
}

#[tokio::test]
async fn a_key_that_somebody_ruled_on_does_not_appear_again_at_the_next_leak() {
    let world = World::new();
    let (mut engine, stranger) = with_a_stranger(&world).await;
    report_and_kill(&mut engine).await;
    engine.keep(stranger.clone(), tester()).await.unwrap();
    report_and_kill(&mut engine).await;
    assert_eq!(strangers(&world), [BTreeSet::from([stranger.clone()]), BTreeSet::new()]);
    assert!(engine.state().orphans[&stranger].kept);
    assert!(world.tenant.alive(stranger.as_str()), "it may live");
}

#[tokio::test]
async fn the_named_actors_own_key_is_nobodys_stranger_and_any_other_key_is() {
    let mut world = World::new();
    let (engine, stranger) = with_a_stranger(&world).await;
    drop(engine);
    // The actor is named after the adoption, so that no clean list holds its key.
    let actor = world.tenant.mint(SERVICE_ACCOUNT).unwrap();
    let named = key(&actor.client_id);
    world.named_actor = Some(Credential::new(named.clone(), actor.client_secret.into()));
    world.rules.named_actor = true;
    let mut engine = world.open().await.unwrap();
    report_and_kill(&mut engine).await;
    assert_eq!(strangers(&world), [BTreeSet::from([stranger])]);
    assert!(!engine.state().orphans.contains_key(&named));
    assert!(world.tenant.alive(named.as_str()));
}
