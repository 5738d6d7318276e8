//! Keys that await a ruling: who is one, who is not, and when its record goes.

use std::collections::{BTreeMap, BTreeSet};

use rekeyd::domain::ids::KeyId;
use rekeyd::domain::secret::Credential;
use rekeyd::domain::state::{Ending, Event, ParkReason, Refusal, Request, State, apply};
use rekeyd::engine::{Engine, Goal, Halt, Stop, rule};
use rekeyd::port::Clock;
use rekeyd::sandbox::{CallKind, Edit, Fault, SERVICE_ACCOUNT, What};

use crate::lacking::Lacking;
use crate::world::{HOUR, SECOND, World, leak, rotate, tester};

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
    drop(engine);
    let mut engine = ruled(&world, &stranger).await;
    report_and_kill(&mut engine).await;
    assert_eq!(strangers(&world), [BTreeSet::from([stranger.clone()]), BTreeSet::new()]);
    assert!(engine.state().orphans[&stranger].is_kept());
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

/// An engine opened after somebody ruled that a key may live.
async fn ruled(world: &World, key: &KeyId) -> Engine {
    let word = Event::Kept { key: key.clone(), by: tester() };
    rule(world, &World::stream(), &world.stamp(), word).await.unwrap();
    world.open().await.unwrap()
}

/// A world in which one stranger awaits a ruling and nothing else is open.
async fn awaiting() -> (World, KeyId) {
    let world = World::new();
    let (mut engine, stranger) = with_a_stranger(&world).await;
    report_and_kill(&mut engine).await;
    on(&mut engine).await;
    assert!(engine.state().rotation.is_none());
    assert!(engine.state().orphans.contains_key(&stranger));
    (world, stranger)
}

#[tokio::test]
async fn a_key_that_somebody_deleted_awaits_no_ruling_after_the_next_rotation() {
    for kept in [false, true] {
        let (world, stranger) = awaiting().await;
        let mut engine = world.open().await.unwrap();
        if kept {
            engine = ruled(&world, &stranger).await;
        }
        world.person(&Edit::Delete { key: stranger.to_string() });
        engine.request(rotate(), tester()).await.unwrap();
        let halt = on(&mut engine).await;
        assert_eq!(halt, Halt::Reached);
        assert_eq!(engine.state().last.as_ref().map(|l| l.ending), Some(Ending::Complete));
        assert!(engine.state().orphans.is_empty(), "kept {kept}: {:#?}", engine.state().orphans);
        let replayed = world.open().await.unwrap();
        assert_eq!(replayed.state().orphans, engine.state().orphans);
    }
}

#[tokio::test]
async fn a_key_that_lives_awaits_its_ruling_through_any_number_of_rotations() {
    let (world, stranger) = awaiting().await;
    let mut engine = world.open().await.unwrap();
    for _ in 0..2 {
        engine.request(rotate(), tester()).await.unwrap();
        let halt = on(&mut engine).await;
        assert_eq!(halt, Halt::Reached);
    }
    assert!(engine.state().orphans.contains_key(&stranger));
}

#[tokio::test]
async fn a_list_that_is_not_complete_takes_no_key_off_the_record() {
    for complete in [false, true] {
        let (world, key) = awaiting().await;
        let lacking = Lacking { world, key: key.clone(), complete };
        let mut engine = lacking.open().await;
        engine.request(rotate(), tester()).await.unwrap();
        on(&mut engine).await;
        assert_eq!(engine.state().orphans.contains_key(&key), !complete, "complete {complete}");
    }
}

#[tokio::test]
async fn a_list_that_lags_behind_a_new_key_takes_no_key_off_the_record() {
    let world = World::new();
    let (mut engine, stranger) = with_a_stranger(&world).await;
    world.pass(HOUR);
    report_and_kill(&mut engine).await;
    let at = world.now_ms();
    engine.run(Goal::Nothing, 30 * SECOND, &mut Stop::never()).await.unwrap();
    assert!(engine.state().rotation.is_none(), "{:#?}", engine.state());
    let lacking = Lacking { world: world.clone(), key: stranger.clone(), complete: true };
    let mut engine = lacking.open().await;
    engine.request(rotate(), tester()).await.unwrap();
    let halt = engine.run(Goal::Current, 30 * SECOND, &mut Stop::never()).await.unwrap();
    assert_eq!(halt, Halt::Reached);
    assert!(world.now_ms() - at < 60 * SECOND);
    assert!(engine.state().orphans.contains_key(&stranger), "it was seen a moment ago");
    on(&mut engine).await;
    assert!(!engine.state().orphans.contains_key(&stranger), "nothing lags for so long");
}

#[tokio::test]
async fn an_orphan_that_was_killed_and_proven_dead_awaits_no_ruling() {
    let (world, stranger) = awaiting().await;
    let mut engine = world.open().await.unwrap();
    let suspects = BTreeMap::from([(stranger.clone(), None)]);
    let report = Request::Leak { suspects, kill_first: false, grace_ms: 0, since_ms: None };
    engine.request(report, tester()).await.unwrap();
    let halt = engine.run(Goal::SuspectsDead, HOUR, &mut Stop::never()).await.unwrap();
    assert_eq!(halt, Halt::Reached);
    assert!(!world.tenant.alive(stranger.as_str()));
    assert!(engine.state().orphans.is_empty(), "{:#?}", engine.state().orphans);
    assert!(engine.state().suspects.contains_key(&stranger), "what was reported stays known");
}

/// A rotation that parked because two creates were lost, and the keys that they made.
async fn parked_on_two_lost_creates() -> (World, Engine, Vec<KeyId>) {
    let world = World::new();
    let (mut engine, _) = with_a_stranger(&world).await;
    let lost =
        Fault { on: CallKind::CreateApiKey, nth: 1, count: 2, key: None, what: What::LostAfter };
    world.tenant.add_fault(lost).unwrap();
    engine.request(rotate(), tester()).await.unwrap();
    assert_eq!(on(&mut engine).await, Halt::Parked);
    let reason = engine.state().parked.as_ref().map(|park| park.reason.clone());
    assert_eq!(reason, Some(ParkReason::Orphans));
    let orphans: Vec<KeyId> = engine.state().orphans.keys().cloned().collect();
    assert_eq!(orphans.len(), 2);
    (world, engine, orphans)
}

async fn on(engine: &mut Engine) -> Halt {
    engine.run(Goal::Nothing, 96 * HOUR, &mut Stop::never()).await.unwrap()
}

fn delete_by_hand(world: &World, keys: &[KeyId]) {
    keys.iter().for_each(|key| world.person(&Edit::Delete { key: key.to_string() }));
}

#[tokio::test]
async fn two_lost_creates_stop_a_rotation_only_until_their_keys_are_gone() {
    let (world, mut engine, orphans) = parked_on_two_lost_creates().await;
    engine.request(Request::Resume, tester()).await.unwrap();
    assert_eq!(on(&mut engine).await, Halt::Parked, "they live, and nobody ruled on them");
    delete_by_hand(&world, &orphans);
    engine.request(Request::Resume, tester()).await.unwrap();
    assert_eq!(on(&mut engine).await, Halt::Reached);
    assert_eq!(engine.state().last.as_ref().map(|l| l.ending), Some(Ending::Complete));
    assert!(engine.state().orphans.is_empty());
}

#[tokio::test]
async fn two_lost_creates_forbid_the_next_rotation_only_until_their_keys_are_gone() {
    let (world, mut engine, orphans) = parked_on_two_lost_creates().await;
    engine.request(Request::Abort, tester()).await.unwrap();
    assert_eq!(on(&mut engine).await, Halt::Reached);
    engine.request(rotate(), tester()).await.unwrap();
    on(&mut engine).await;
    let refused = engine.state().refused.as_ref().map(|(_, why)| why.clone());
    assert_eq!(refused, Some(Refusal::Orphans));
    delete_by_hand(&world, &orphans);
    engine.request(rotate(), tester()).await.unwrap();
    assert_eq!(on(&mut engine).await, Halt::Reached);
    assert_eq!(engine.state().last.as_ref().map(|l| l.ending), Some(Ending::Complete));
    assert!(engine.state().orphans.is_empty());
}

#[tokio::test]
async fn a_list_that_is_not_complete_shows_no_foreign_key_disabled() {
    for complete in [false, true] {
        let (world, foreign) = awaiting().await;
        let other = key(&world.tenant.mint(SERVICE_ACCOUNT).unwrap().client_id);
        let mut engine = Lacking { world: world.clone(), key: other, complete }.open().await;
        let suspects = BTreeMap::from([(foreign.clone(), None)]);
        let report = Request::Leak { suspects, kill_first: false, grace_ms: 0, since_ms: None };
        engine.request(report, tester()).await.unwrap();
        engine.run(Goal::SuspectsDead, HOUR, &mut Stop::never()).await.unwrap();
        assert!(!world.tenant.alive(foreign.as_str()), "it is disabled all the same");
        let proven = engine.state().suspects_alive().next().is_none();
        assert_eq!(proven, complete, "complete {complete}");
    }
}

#[test]
fn a_ruling_that_an_earlier_version_recorded_on_a_dead_key_still_replays() {
    let world = World::new();
    let ruling = Event::Kept { key: key("dead"), by: tester() };
    let state = apply(State::default(), &world.stamp(), &ruling).unwrap();
    assert!(state.orphans.is_empty());
}
