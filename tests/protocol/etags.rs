//! Whether the issuer enforces etags is learnt on a key that nobody uses yet, once (R21).

use rekeyd::domain::state::{Effect, Etags, Event, Phase, Request};
use rekeyd::engine::Halt;
use rekeyd::sandbox::{CallKind, Edit, Fault, What};

use crate::rotation::assert_sound;
use crate::world::{World, leak, rotate};

fn probes(world: &World) -> usize {
    let probe =
        |event: &Event| matches!(event, Event::Intended { effect: Effect::ProbeEtag { .. }, .. });
    world.journal.events().iter().filter(|event| probe(event)).count()
}

#[tokio::test]
async fn the_first_rotation_learns_that_they_are_enforced_and_the_second_knows() {
    let world = World::new();
    world.poll();
    let mut engine = world.adopted().await;
    for _ in 0..2 {
        assert_eq!(world.ask(&mut engine, rotate()).await, Halt::Reached);
        assert_eq!(engine.state().etags, Etags::Enforced);
        assert_eq!(probes(&world), 1);
    }
    assert_eq!(world.counted().failures, 0);
}

#[tokio::test]
async fn an_issuer_that_does_not_look_at_them_is_found_out() {
    let world = World::new();
    let mut engine = world.adopted().await;
    let (on, what) = (CallKind::UpdateApiKey, What::EtagIgnored);
    world.tenant.add_fault(Fault { on, nth: 1, count: 1_000, key: None, what }).unwrap();
    let halt = world.ask(&mut engine, rotate()).await;
    assert_sound(&world, &halt, engine.state(), "ignored");
    assert_eq!(engine.state().etags, Etags::Ignored);
}

#[tokio::test]
async fn the_key_that_consumers_use_is_never_tried() {
    let world = World::new();
    let first = world.store.current_key().unwrap();
    drop(world.rotating(Phase::Promoted).await);
    let current = world.store.current_key().unwrap();
    for event in world.journal.events() {
        if let Event::Intended { effect: Effect::ProbeEtag { key, .. }, .. } = event {
            assert_ne!(key.as_str(), first);
            assert_eq!(key.as_str(), current);
        }
    }
    assert_eq!(probes(&world), 1);
}

#[tokio::test]
async fn a_leak_does_not_wait_for_it() {
    let world = World::new();
    let mut engine = world.adopted().await;
    let report = leak(engine.state(), false);
    world.ask(&mut engine, report).await;
    assert_eq!(probes(&world), 0);
}

/// Each refusal led to a new disable, whose success wiped the count of failures: the same delete was
/// sent for ever, and nobody was told (F5).
#[tokio::test]
async fn a_delete_whose_etag_is_never_right_was_sent_for_ever() {
    let world = World::new();
    let first = world.store.current_key().unwrap();
    let mut engine = world.adopted().await;
    let on = CallKind::DeleteApiKey;
    // Some tool touches the key again and again.
    let what = What::Person { edit: Edit::Disable { key: first.clone() } };
    world.tenant.add_fault(Fault { on, nth: 1, count: 1_000, key: Some(first), what }).unwrap();
    let sent = || world.tenant.ledger().iter().filter(|call| call.kind == on).count();
    assert_eq!(world.ask(&mut engine, rotate()).await, Halt::Parked);
    assert!((2..10).contains(&sent()), "{}", sent());
    let before = sent();
    world.go_on(&mut engine).await;
    assert_eq!(sent(), before, "not before an operator says so");
    world.tenant.clear_faults();
    assert_eq!(world.ask(&mut engine, Request::Resume).await, Halt::Reached);
    assert_eq!(world.live_keys().len(), 1);
}
