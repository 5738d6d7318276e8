//! Somebody moves *current* by hand between the old and the new key: every move restarts a drain.

use rekeyd::domain::state::{Phase, Request};
use rekeyd::engine::{Goal, Halt, Stop};
use rekeyd::port::SecretStore;

use crate::neighbours::Fixed;
use crate::rotation::assert_sound;
use crate::world::{HOUR, SECOND, World};

#[tokio::test]
async fn an_abort_after_a_roll_back_by_hand_gives_the_new_key_its_own_drain() {
    let world = World::new();
    world.poll();
    let mut engine = world.rotating(Phase::Promoted).await;
    world.pass(2 * HOUR);
    world.store.roll_back_by_hand();
    assert_eq!(world.go_on(&mut engine).await, Halt::Parked);
    let halt = world.ask(&mut engine, Request::Abort).await;
    assert_sound(&world, &halt, engine.state(), "aborted");
    world.pass(HOUR);
    assert_eq!(world.counted().failures, 0);
}

#[tokio::test]
async fn a_promote_by_hand_while_rolling_back_restarts_the_old_keys_drain() {
    let world = World::new();
    world.poll();
    let first = world.store.current_key().unwrap();
    let mut engine = world.rotating(Phase::Promoted).await;
    let promoted_ms = world.now_ms();
    world.pass(HOUR);
    engine.request(Request::Abort, crate::world::tester()).await.unwrap();
    world.reach(&mut engine, Phase::RollingBack).await;
    let soon = engine.run(Goal::Nothing, 60 * SECOND, &mut Stop::never()).await.unwrap();
    assert!(matches!(soon, Halt::Waiting { .. }), "{soon:?}");
    assert_eq!(world.store.current_key(), Some(first.clone()));
    world.pass(promoted_ms + 24 * HOUR - 10 * 60 * SECOND - world.now_ms());
    world.store.roll_back_by_hand();
    engine.run(Goal::Nothing, 2 * HOUR, &mut Stop::never()).await.unwrap();
    assert!(world.tenant.alive(&first), "disabled though it was served two hours ago");
    assert_eq!(world.counted().failures, 0);
}

#[tokio::test]
async fn a_resume_after_two_moves_by_hand_restarts_the_drain() {
    let world = World::new();
    world.poll();
    let first = world.store.current_key().unwrap();
    let mut engine = world.rotating(Phase::Promoted).await;
    world.pass(HOUR);
    world.store.roll_back_by_hand();
    assert_eq!(world.go_on(&mut engine).await, Halt::Parked);
    world.pass(24 * HOUR);
    world.store.roll_back_by_hand();
    assert_ne!(world.store.current_key(), Some(first.clone()));
    engine.request(Request::Resume, crate::world::tester()).await.unwrap();
    engine.run(Goal::Nothing, 2 * HOUR, &mut Stop::never()).await.unwrap();
    assert!(world.tenant.alive(&first));
}

#[tokio::test]
async fn a_promote_by_hand_in_a_second_rotation_starts_a_drain_of_its_own() {
    let world = World::new();
    world.poll();
    let first = world.store.current_key().unwrap();
    let mut engine = world.rotating(Phase::Promoted).await;
    world.ask(&mut engine, Request::Abort).await;
    assert!(engine.state().rotation.is_none());
    engine.request(crate::world::rotate(), crate::world::tester()).await.unwrap();
    world.reach(&mut engine, Phase::Verified).await;
    let staged = engine.state().rotation.as_ref().unwrap().staged_new().unwrap().version.clone();
    let current = engine.state().settled.as_ref().unwrap().held.version.clone();
    SecretStore::promote(&world, Some(&current), &staged).await.unwrap();
    engine.run(Goal::Nothing, 60 * SECOND, &mut Stop::never()).await.unwrap();
    assert!(world.tenant.alive(&first), "disabled at once by an earlier rotation's drain");
}

/// The roll-back was seen while the policy was parked for a neighbour, and was thrown away: the old
/// key went at once when the neighbour let go, from under consumers who had just been served it.
#[tokio::test]
async fn a_roll_back_by_hand_beside_another_park_restarts_the_drain() {
    let world = World::new();
    world.poll();
    let first = world.store.current_key().unwrap();
    let mut engine = world.rotating(Phase::Drained).await;
    engine.set_neighbours(Fixed::naming(&first));
    assert_eq!(world.go_on(&mut engine).await, Halt::Parked);
    world.store.roll_back_by_hand();
    engine.run(Goal::Nothing, HOUR, &mut Stop::never()).await.unwrap();
    let named = rekeyd::domain::neighbours::named(engine.state());
    assert!(named.iter().any(|key| key.as_str() == first), "other policies must know");
    world.pass(10 * 60 * SECOND);
    world.store.roll_back_by_hand();
    engine.set_neighbours(Fixed::nobody());
    engine.run(Goal::Nothing, 2 * HOUR, &mut Stop::never()).await.unwrap();
    assert!(world.tenant.alive(&first), "disabled though it was served minutes ago");
    assert_eq!(world.counted().failures, 0);
}

#[tokio::test]
async fn an_abort_after_a_promote_by_hand_reverts_and_does_not_go_forward() {
    let world = World::new();
    world.poll();
    let first = world.store.current_key().unwrap();
    let mut engine = world.rotating(Phase::Verified).await;
    let staged = engine.state().rotation.as_ref().unwrap().staged_new().unwrap().version.clone();
    let current = engine.state().settled.as_ref().unwrap().held.version.clone();
    SecretStore::promote(&world, Some(&current), &staged).await.unwrap();
    let halt = world.ask(&mut engine, Request::Abort).await;
    assert_eq!(world.store.current_key(), Some(first), "the word was abort; {halt:?}");
    assert_sound(&world, &halt, engine.state(), "aborted");
}
