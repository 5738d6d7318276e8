//! A create whose reply is lost and that lands as late as it can, while the list lags.

use rekeyd::domain::state::Phase;
use rekeyd::engine::Halt;
use rekeyd::sandbox::{CallKind, Fault, What};

use crate::rotation::assert_sound;
use crate::world::{SECOND, World, rotate};

fn fault(on: CallKind, count: u32, what: What) -> Fault {
    Fault { on, nth: 1, count, key: None, what }
}

/// The list that was read exactly at quiesce did not show it yet: the key was forgotten.
#[tokio::test]
async fn a_create_that_lands_last_is_not_forgotten_though_the_list_lags() {
    for lag_ms in [2_000, 20_000, 55_000] {
        for after_ms in [300_000, 329_000] {
            let case = format!("lands after {after_ms} ms, the list lags {lag_ms} ms");
            let world = World::new();
            let mut engine = world.adopted().await;
            let late = What::LateLanding { after_ms, hang_ms: 0 };
            world.tenant.add_fault(fault(CallKind::CreateApiKey, 1, late)).unwrap();
            let stale = What::StaleMs { ms: lag_ms };
            world.tenant.add_fault(fault(CallKind::ApiKeys, 1_000_000, stale)).unwrap();
            let halt = world.ask(&mut engine, rotate()).await;
            world.tenant.clear_faults();
            world.pass(600 * SECOND);
            assert_sound(&world, &halt, engine.state(), &case);
            assert_eq!(world.counted().failures, 0, "{case}");
        }
    }
}

/// The net below: whatever the list hid for longer than we waited is reported, not taken as known.
#[tokio::test]
async fn a_key_that_shows_up_only_after_its_create_was_given_up_is_a_possible_orphan() {
    let world = World::new();
    drop(world.adopted().await);
    world.pass(600 * SECOND);
    let late = What::LateLanding { after_ms: 300_000, hang_ms: 0 };
    world.tenant.add_fault(fault(CallKind::CreateApiKey, 1, late)).unwrap();
    // Far beyond every lag that R13 allows for.
    let stale = What::StaleMs { ms: 590_000 };
    world.tenant.add_fault(fault(CallKind::ApiKeys, 1_000, stale)).unwrap();
    let mut engine = world.rotating(Phase::Staged).await;
    world.tenant.clear_faults();
    let halt = world.go_on(&mut engine).await;
    assert_eq!(halt, Halt::Reached, "{:#?}", engine.state());
    assert_sound(&world, &halt, engine.state(), "shown too late");
    assert_eq!(engine.state().orphans_unruled().count(), 1, "{:#?}", engine.state());
}
