//! Rate limits that end while a rotation waits, and leak reports that follow one another.

use std::sync::atomic::Ordering;

use rekeyd::domain::ids::KeyId;
use rekeyd::domain::state::Request;
use rekeyd::engine::{Goal, Halt, Stop};
use rekeyd::sandbox::{CallKind, Fault, PERSON, What};

use crate::rotation::assert_sound;
use crate::world::{HOUR, SECOND, World, leak, leak_of, rotate, tester};

/// It stayed parked until the drain was over, and `run --once` said that an operator is needed.
#[tokio::test]
async fn a_park_for_a_rate_limit_that_ended_during_the_drain_asks_for_no_operator() {
    let world = World::new();
    world.poll();
    let mut engine = world.adopted().await;
    engine.request(rotate(), tester()).await.unwrap();
    engine.run(Goal::Current, HOUR, &mut Stop::never()).await.unwrap();
    let what = What::Status { status: 429, retry_after_seconds: Some(30), after_effect: false };
    let limit = Fault { on: CallKind::Any, nth: 1, count: 1_000_000, key: None, what };
    world.tenant.add_fault(limit).unwrap();
    let halt = engine.run(Goal::Nothing, HOUR, &mut Stop::never()).await.unwrap();
    assert_eq!(halt, Halt::Parked);
    world.tenant.clear_faults();
    world.pass(61 * SECOND);
    let halt = world.go_on(&mut engine).await;
    assert_sound(&world, &halt, engine.state(), "after the limit");
    assert_eq!(halt, Halt::Reached, "{:?}", engine.state().parked);
    assert_eq!(world.counted().failures, 0);
}

/// The second report's word replaced the first's, and a key that appeared since was not reported.
#[tokio::test]
async fn a_second_report_does_not_forget_since_when_the_first_is_to_be_compared() {
    let world = World::new();
    world.store.extended_lists.store(true, Ordering::SeqCst);
    let since = world.now_ms();
    // It is in the clean list of the adoption, and younger than the suspected leak.
    let stranger = world.tenant.mint(PERSON).unwrap().client_id;
    let mut engine = world.adopted().await;
    let Request::Leak { suspects, .. } = leak(engine.state(), false) else { panic!("no leak") };
    let first = Request::Leak { suspects, kill_first: false, grace_ms: 0, since_ms: Some(since) };
    engine.request(first, tester()).await.unwrap();
    let current = world.store.current_key().unwrap();
    assert_eq!(world.ask(&mut engine, leak_of(&[&current], false)).await, Halt::Reached);
    let stranger = KeyId::new(stranger).unwrap();
    assert!(engine.state().orphans.contains_key(&stranger), "{:#?}", engine.state().orphans);
}
