//! *Current* stops working and something of ours could serve: it is healed in every state, parked
//! or not, and a park that has nothing to do with it stays.

use rekeyd::domain::state::{Ending, ParkReason, Phase, Request};
use rekeyd::engine::{Halt, Turn};
use rekeyd::sandbox::{CallKind, Edit, Fault, SERVICE_ACCOUNT, What};

use crate::neighbours::Fixed;
use crate::rotation::assert_sound;
use crate::world::{Call as StoreCall, Fault as StoreFault, World, leak_of, phase_of};

fn reason(engine: &rekeyd::engine::Engine) -> Option<&ParkReason> {
    engine.state().parked.as_ref().map(|park| &park.reason)
}

#[tokio::test]
async fn a_park_does_not_stop_the_revert_from_a_dead_new_key() {
    let world = World::new();
    let first = world.store.current_key().unwrap();
    let mut engine = world.rotating(Phase::Promoted).await;
    engine.set_neighbours(Fixed::naming(&first));
    assert_eq!(world.go_on(&mut engine).await, Halt::Parked);
    assert!(matches!(reason(&engine), Some(ParkReason::NamedElsewhere { .. })));
    world.person(&Edit::Delete { key: world.store.current_key().unwrap() });
    world.go_on(&mut engine).await;
    assert_eq!(world.store.current_key(), Some(first));
}

#[tokio::test]
async fn an_old_key_that_a_person_enabled_serves_when_the_new_one_dies() {
    let mut world = World::new();
    world.name_an_actor();
    let first = world.store.current_key().unwrap();
    let mut engine = world.rotating(Phase::Disabled).await;
    let new = world.store.current_key().unwrap();
    world.person(&Edit::Enable { key: first.clone() });
    world.person(&Edit::Delete { key: new });
    world.go_on(&mut engine).await;
    assert_eq!(world.store.current_key(), Some(first));
}

#[tokio::test]
async fn a_foreign_pending_beside_a_dead_old_key_parks_once_and_stays() {
    let world = World::new();
    let theirs = world.tenant.mint(SERVICE_ACCOUNT).unwrap();
    let mut engine = world.rotating(Phase::Staged).await;
    // Somebody edits *current* and stages a version of their own, so that ours must be rebuilt.
    world.store.edit_rest("{\"note\":2}");
    world.reach(&mut engine, Phase::Issued).await;
    world.store.pend_by_hand("v-theirs", &theirs.client_id, &theirs.client_secret);
    world.person(&Edit::Disable { key: world.store.current_key().unwrap() });
    let mut turns = 0;
    while !matches!(engine.turn().await.unwrap(), Turn::Waiting { .. }) {
        turns += 1;
        assert!(turns < 200, "parks and lifts the park for ever, at one instant");
    }
    assert_eq!(reason(&engine), Some(&ParkReason::ForeignPending));
}

#[tokio::test]
async fn a_dead_new_key_that_a_person_promotes_while_rolling_back_is_reverted() {
    for parked in [false, true] {
        let world = World::new();
        let first = world.store.current_key().unwrap();
        let mut engine = world.rotating(Phase::Promoted).await;
        let new = world.store.current_key().unwrap();
        engine.request(Request::Abort, crate::world::tester()).await.unwrap();
        world.reach(&mut engine, Phase::RollingBack).await;
        if parked {
            engine.set_neighbours(Fixed::naming(&new));
            assert_eq!(world.go_on(&mut engine).await, Halt::Parked);
            engine.set_neighbours(Fixed::nobody());
        }
        world.person(&Edit::Delete { key: new.clone() });
        world.store.roll_back_by_hand();
        assert_eq!(world.store.current_key(), Some(new));
        let halt = world.go_on(&mut engine).await;
        assert_eq!(world.store.current_key(), Some(first), "parked {parked}: consumers stay out");
        assert_sound(&world, &halt, engine.state(), "reverted");
    }
}

/// Reverting was parked; what it waited for came, and nobody looked until `resume`.
#[tokio::test]
async fn a_parked_revert_goes_on_as_soon_as_it_can() {
    let world = World::new();
    let first = world.store.current_key().unwrap();
    let mut engine = world.rotating(Phase::Promoted).await;
    engine.request(Request::Abort, crate::world::tester()).await.unwrap();
    world.reach(&mut engine, Phase::Reverting).await;
    let new = world.store.current_key().unwrap();
    for key in [&first, &new] {
        world.person(&Edit::Disable { key: key.clone() });
    }
    assert_eq!(world.go_on(&mut engine).await, Halt::Parked);
    assert_eq!(reason(&engine), Some(&ParkReason::BothDead));
    world.person(&Edit::Enable { key: first.clone() });
    let halt = world.go_on(&mut engine).await;
    assert_eq!(world.store.current_key(), Some(first), "consumers hold a dead key");
    assert_sound(&world, &halt, engine.state(), "went on");
    assert_eq!(engine.state().last.as_ref().map(|l| l.ending), Some(Ending::RolledBack));
}

/// A person's credential was put as *current*, reported leaked, and killed: their choice no more.
#[tokio::test]
async fn a_foreign_current_that_was_killed_gives_way_to_a_key_of_ours() {
    for phase in [Phase::Claimed, Phase::Staged, Phase::Verified, Phase::Promoted, Phase::Disabled]
    {
        let case = format!("put at {}", phase.name());
        let mut world = World::new();
        world.name_an_actor();
        let theirs = world.tenant.mint(SERVICE_ACCOUNT).unwrap();
        let mut engine = world.rotating(phase).await;
        world.store.put_by_hand("v-theirs", &theirs.client_id, &theirs.client_secret);
        assert_eq!(world.go_on(&mut engine).await, Halt::Parked, "{case}");
        let halt = world.ask(&mut engine, leak_of(&[&theirs.client_id], true)).await;
        assert!(!world.tenant.alive(&theirs.client_id), "{case}: the suspect lives");
        let current = world.store.current_key().unwrap();
        assert!(world.tenant.alive(&current), "{case}: consumers hold a dead key; {halt:?}");
        assert_eq!(halt, Halt::Reached, "{case}: {:?} {:?}", phase_of(&engine), reason(&engine));
        assert_sound(&world, &halt, engine.state(), &case);
    }
}

/// The question about the last key that works was asked of everybody but that key, so nobody could
/// answer it, and nothing else is done while a question is open.
#[tokio::test]
async fn a_lost_disable_of_the_last_key_that_works_does_not_bar_the_revert() {
    let world = World::new();
    let first = world.store.current_key().unwrap();
    let mut engine = world.rotating(Phase::Drained).await;
    let (on, what) = (CallKind::UpdateApiKey, What::LostBefore);
    world.tenant.add_fault(Fault { on, nth: 1, count: 1, key: None, what }).unwrap();
    while engine.state().questions.is_empty() {
        engine.turn().await.unwrap();
    }
    world.person(&Edit::Delete { key: world.store.current_key().unwrap() });
    let halt = world.go_on(&mut engine).await;
    assert_eq!(world.store.current_key(), Some(first), "consumers hold a dead key; {halt:?}");
}

/// Every throttled put used up one of the ten attempts that are meant for edits.
#[tokio::test]
async fn a_store_that_throttles_for_a_while_does_not_end_a_revert() {
    let world = World::new();
    let first = world.store.current_key().unwrap();
    let mut engine = world.rotating(Phase::Promoted).await;
    world.store.edit_rest("{\"note\":2}");
    for _ in 0..25 {
        world.store.fault(StoreCall::Stage, StoreFault::Throttled);
    }
    world.person(&Edit::Delete { key: world.store.current_key().unwrap() });
    let mut halt = world.go_on(&mut engine).await;
    for _ in 0..10 {
        world.pass(120_000);
        halt = world.go_on(&mut engine).await;
    }
    assert_eq!(world.store.current_key(), Some(first), "consumers hold a dead key; {halt:?}");
    assert_eq!(world.store.current_rest().as_deref(), Some("{\"note\":2}"));
}
