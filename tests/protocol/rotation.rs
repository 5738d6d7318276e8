//! One rotation, undisturbed and killed at every point.

use rekeyd::domain::state::{Ending, State};
use rekeyd::engine::{Goal, Halt, Stop};

use crate::world::{HOUR, World, rotate, tester};

/// What must hold whenever nothing more happens by itself (invariants 5 to 10).
pub fn assert_sound(world: &World, halt: &Halt, state: &State, case: &str) {
    let current = world.store.current_key().unwrap();
    assert!(world.tenant.alive(&current), "{case}: current does not work");
    if *halt == Halt::Parked {
        assert!(state.parked.is_some(), "{case}: parked without a reason");
        return;
    }
    assert_eq!(*halt, Halt::Reached, "{case}: {state:#?}");
    assert!(state.rotation.is_none(), "{case}: {state:#?}");
    let mut live = world.live_keys();
    live.remove(&current);
    live.retain(|key| !state.orphans.keys().any(|orphan| orphan.as_str() == key));
    assert!(live.is_empty(), "{case}: forgotten live keys {live:?}");
    assert!(world.store.pending_is_current_or_absent(), "{case}: pending dangles");
    if let Some(previous) = world.store.previous_key() {
        assert!(world.tenant.alive(&previous), "{case}: previous names a dead key");
    }
    assert!(state.questions.is_empty(), "{case}");
}

#[tokio::test]
async fn a_rotation_ends_complete_and_no_consumer_fails() {
    let world = World::new();
    let first = world.store.current_key().unwrap();
    world.poll();
    let mut engine = world.open().await.unwrap();
    engine.request(rotate(), tester()).await.unwrap();
    let halt = engine.run(Goal::Current, HOUR, &mut Stop::never()).await.unwrap();
    assert_eq!(halt, Halt::Reached);
    let second = world.store.current_key().unwrap();
    assert_ne!(first, second);
    assert!(world.tenant.alive(&first), "the old key lives through the drain");
    let halt = engine.run(Goal::Nothing, 48 * HOUR, &mut Stop::never()).await.unwrap();
    let state = engine.state().clone();
    assert_eq!(state.last.as_ref().map(|l| l.ending), Some(Ending::Complete), "{state:#?}");
    assert_sound(&world, &halt, &state, "undisturbed");
    assert_eq!(world.live_keys(), [second].into());
    assert_eq!(world.store.current_rest().as_deref(), Some("{\"note\":1}"));
    let counted = world.counted();
    assert_eq!(counted.failures, 0);
    assert!(counted.requests > 300, "{counted:?}");
}

#[tokio::test]
async fn killed_before_and_after_every_append_and_call_it_ends_sound() {
    for extended in [false, true] {
        let mut at = 0;
        loop {
            at += 1;
            let case = format!("extended lists {extended}, killed at point {at}");
            let world = World::new();
            world.store.extended_lists.store(extended, std::sync::atomic::Ordering::SeqCst);
            world.poll();
            world.crash.arm(at);
            let done = world
                .live(async |engine| {
                    engine.request(rotate(), tester()).await.unwrap();
                    engine.run(Goal::Nothing, 48 * HOUR, &mut Stop::never()).await.unwrap()
                })
                .await;
            if done.is_some() {
                assert!(at > 40, "only {at} points were tried");
                break;
            }
            world.crash.arm(0);
            let (halt, state) = world.to_the_end().await;
            assert_sound(&world, &halt, &state, &case);
            assert_eq!(world.counted().failures, 0, "{case}");
            assert_ne!(halt, Halt::Parked, "{case}: {:?}", state.parked);
        }
    }
}
