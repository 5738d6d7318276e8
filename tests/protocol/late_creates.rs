//! A create whose reply is lost and that lands as late as it can, while the list lags.

use rekeyd::domain::state::Phase;
use rekeyd::engine::Halt;
use rekeyd::sandbox::{CallKind, Fault, SERVICE_ACCOUNT, What};

use crate::rotation::assert_sound;
use crate::world::{HOUR, SECOND, World, leak_of, rotate};

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

/// The window in which a create may have landed was told by a wall clock that was a year off, so
/// the key was taken for somebody else's.
#[tokio::test]
async fn a_lost_create_is_not_forgotten_because_of_a_wrong_wall_clock() {
    let world = World::new();
    world.store.extended_lists.store(true, std::sync::atomic::Ordering::SeqCst);
    world.time.set_wall_error(365 * 24 * HOUR);
    let mut engine = world.adopted().await;
    world.tenant.add_fault(fault(CallKind::CreateApiKey, 1, What::LostAfter)).unwrap();
    let halt = world.ask(&mut engine, rotate()).await;
    assert_eq!(halt, Halt::Reached, "{:#?}", engine.state());
    assert_sound(&world, &halt, engine.state(), "a year ahead");
    assert_eq!(engine.state().orphans_unruled().count(), 1, "not proven ours, so reported");
}

/// A create's reply lost the secret, and the list did not show the key yet: it passed for gone.
#[tokio::test]
async fn a_new_key_that_the_list_does_not_show_yet_is_not_taken_for_gone() {
    let world = World::new();
    let mut engine = world.adopted().await;
    world.pass(600 * SECOND);
    world.tenant.add_fault(fault(CallKind::CreateApiKey, 1, What::NullSecret)).unwrap();
    let stale = What::StaleMs { ms: 50_000 };
    world.tenant.add_fault(fault(CallKind::ApiKeys, 1_000_000, stale)).unwrap();
    let halt = world.ask(&mut engine, rotate()).await;
    assert_sound(&world, &halt, engine.state(), "list lags");
    assert_eq!(halt, Halt::Reached, "{:#?}", engine.state());
    assert_eq!(world.live_keys().len(), 1);
}

/// The same for a suspect that somebody else minted a moment ago.
#[tokio::test]
async fn a_fresh_suspect_that_the_list_does_not_show_yet_is_killed_all_the_same() {
    let world = World::new();
    let mut engine = world.adopted().await;
    world.pass(600 * SECOND);
    let theirs = world.tenant.mint(SERVICE_ACCOUNT).unwrap().client_id;
    let stale = What::StaleMs { ms: 50_000 };
    world.tenant.add_fault(fault(CallKind::ApiKeys, 1_000_000, stale)).unwrap();
    let halt = world.ask(&mut engine, leak_of(&[&theirs], false)).await;
    assert_eq!(halt, Halt::Reached, "{:#?}", engine.state());
    assert!(!world.tenant.alive(&theirs));
}
