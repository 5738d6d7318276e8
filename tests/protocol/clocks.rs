//! Wall clocks that jump: nothing is due, disabled, or stuck because of it (R19, invariant 13).

use rekeyd::domain::state::Phase;
use rekeyd::engine::{Goal, Halt, Stop};

use crate::rotation::assert_sound;
use crate::world::{HOUR, World};

const YEAR: i64 = 365 * 24 * HOUR;

#[tokio::test]
async fn a_wall_clock_that_was_a_year_ahead_when_a_drain_began_does_not_hold_it_for_a_year() {
    let world = World::new();
    world.time.set_wall_error(YEAR);
    let mut engine = world.rotating(Phase::Promoted).await;
    world.time.set_wall_error(0);
    let halt = engine.run(Goal::Nothing, 72 * HOUR, &mut Stop::never()).await.unwrap();
    assert_eq!(halt, Halt::Reached, "{:#?}", engine.state());
    assert_sound(&world, &halt, engine.state(), "clock set right");
    assert_eq!(world.counted().failures, 0);
}

#[tokio::test]
async fn a_forward_step_of_the_wall_clock_ends_no_drain() {
    let world = World::new();
    world.poll();
    let first = world.store.current_key().unwrap();
    let mut engine = world.rotating(Phase::Promoted).await;
    world.time.set_wall_error(YEAR);
    let halt = engine.run(Goal::Nothing, 23 * HOUR, &mut Stop::never()).await.unwrap();
    assert!(matches!(halt, Halt::Waiting { .. }), "{halt:?}");
    assert!(world.tenant.alive(&first), "disabled an hour before the drain was over");
    let (halt, state) = world.to_the_end().await;
    assert_sound(&world, &halt, &state, "stepped");
    assert_eq!(world.counted().failures, 0);
}

#[tokio::test]
async fn time_while_the_machine_was_off_does_not_count_without_a_witness() {
    let world = World::new();
    world.poll();
    let first = world.store.current_key().unwrap();
    drop(world.rotating(Phase::Promoted).await);
    world.time.reboot(23 * HOUR);
    let mut engine = world.open().await.unwrap();
    world.time.set_wall_error(YEAR);
    engine.run(Goal::Nothing, HOUR / 2, &mut Stop::never()).await.unwrap();
    assert!(world.tenant.alive(&first), "disabled by a wall clock that stepped over a reboot");
    world.time.set_wall_error(0);
    let (halt, state) = world.to_the_end().await;
    assert_sound(&world, &halt, &state, "rebooted");
    assert_eq!(world.counted().failures, 0);
}
