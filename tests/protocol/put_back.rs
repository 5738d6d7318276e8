//! Between rotations somebody writes a credential that does not work into the secret, most often the
//! old value: the last key that works goes back, and whoever writes on is reported.

use std::sync::Arc;

use rekeyd::domain::claim::{Claim, Generation, Owner};
use rekeyd::domain::ids::RotationId;
use rekeyd::domain::state::{Event, ParkReason, Request};
use rekeyd::engine::{Engine, Goal, Halt, Stop, Turn};
use rekeyd::port::SecretStore;
use rekeyd::sandbox::{Edit, SERVICE_ACCOUNT};
use uuid::Uuid;

use crate::rotation::assert_sound;
use crate::world::{Call, Fault, HOUR, SECOND, SlowStore, World, leak_of, rotate, tester};

/// A finished rotation: the engine, the deleted key, and the one that works.
async fn rotated(world: &World) -> (Engine, String, String) {
    let first = world.store.current_key().unwrap();
    let mut engine = world.open().await.unwrap();
    assert_eq!(world.ask(&mut engine, rotate()).await, Halt::Reached);
    let second = world.store.current_key().unwrap();
    assert!(first != second && !world.tenant.alive(&first));
    (engine, first, second)
}

/// Somebody's tool writes the old value again.
fn overwrite(world: &World, key: &str, time: u32) {
    world.store.put_by_hand(&format!("v-theirs-{time}"), key, "the old secret");
}

fn reason(engine: &Engine) -> Option<&ParkReason> {
    engine.state().parked.as_ref().map(|park| &park.reason)
}

/// The steps that were meant since the journal had `from` events.
fn sent(world: &World, from: usize) -> Vec<&'static str> {
    let events = world.journal.events();
    let name = |event: &Event| match event {
        Event::Intended { effect, .. } => Some(effect.name()),
        _ => None,
    };
    events.iter().skip(from).filter_map(name).collect()
}

fn assert_back(world: &World, halt: &Halt, engine: &Engine, key: &str, case: &str) {
    let state = engine.state();
    assert_eq!(world.store.current_key().as_deref(), Some(key), "{case}: {halt:?} {state:#?}");
    assert_eq!(*halt, Halt::Reached, "{case}: {:?} {:?}", state.parked, state.trouble);
    assert_sound(world, halt, state, case);
    assert!(state.put_back.is_none() && state.parked.is_none(), "{case}: it is still at it");
    assert!(world.store.claim().is_some_and(|claim| claim.ended), "{case}: the claim is kept");
    assert_eq!(world.live_keys(), [key.to_owned()].into(), "{case}");
}

#[tokio::test]
async fn an_old_value_that_is_written_between_rotations_gives_way_to_the_key_that_works() {
    let world = World::new();
    world.store.edit_rest("{}");
    let (mut engine, first, second) = rotated(&world).await;
    let before = world.journal.events().len();
    overwrite(&world, &first, 1);
    let halt = world.go_on(&mut engine).await;
    assert_back(&world, &halt, &engine, &second, "overwritten");
    // No other field differs: the label alone moves.
    assert_eq!(sent(&world, before), ["claim", "promote", "drop_previous", "release"]);
    assert_eq!(world.open().await.unwrap().state(), engine.state(), "a replay differs");
    // The next rotation starts as ever.
    assert_eq!(world.ask(&mut engine, rotate()).await, Halt::Reached);
    assert_sound(&world, &Halt::Reached, engine.state(), "rotated again");
    assert_eq!(world.live_keys(), [world.store.current_key().unwrap()].into());
}

#[tokio::test]
async fn other_fields_that_were_written_beside_a_dead_key_stay() {
    let world = World::new();
    let (mut engine, first, second) = rotated(&world).await;
    assert_eq!(world.store.current_rest().as_deref(), Some("{\"note\":1}"));
    for time in 1..=2 {
        overwrite(&world, &first, time);
        world.store.edit_rest(&format!("{{\"note\":{}}}", time + 1));
        let halt = world.go_on(&mut engine).await;
        assert_back(&world, &halt, &engine, &second, "overwritten");
        let rest = world.store.current_rest();
        assert_eq!(rest, Some(format!("{{\"note\":{}}}", time + 1)), "an edit was lost");
    }
    assert_eq!(world.open().await.unwrap().state(), engine.state(), "a replay differs");
}

#[tokio::test]
async fn a_suspect_is_not_put_back() {
    let mut world = World::new();
    world.name_an_actor();
    let (mut engine, first, second) = rotated(&world).await;
    let before = world.journal.events().len();
    overwrite(&world, &first, 1);
    world.ask(&mut engine, leak_of(&[&second], false)).await;
    assert_eq!(world.store.current_key(), Some(first));
    assert!(!world.tenant.alive(&second), "the suspect lives");
    assert!(!sent(&world, before).contains(&"promote"), "a leaked key is put back");
}

/// The key that would go back is dead, too.
#[tokio::test]
async fn nothing_is_put_back_where_the_settled_key_is_dead() {
    let world = World::new();
    let (mut engine, first, second) = rotated(&world).await;
    let before = world.journal.events().len();
    overwrite(&world, &first, 1);
    world.person(&Edit::Disable { key: second.clone() });
    assert_eq!(world.go_on(&mut engine).await, Halt::Parked);
    assert_eq!(reason(&engine), Some(&ParkReason::CurrentDead));
    assert!(sent(&world, before).is_empty(), "something was sent");
    // As soon as it works, it goes back.
    world.person(&Edit::Enable { key: second.clone() });
    let halt = world.go_on(&mut engine).await;
    assert_back(&world, &halt, &engine, &second, "enabled again");
}

#[tokio::test]
async fn a_credential_that_works_is_left_where_a_person_put_it() {
    for staged in [false, true] {
        let world = World::new();
        let (mut engine, first, second) = rotated(&world).await;
        let before = world.journal.events().len();
        if staged {
            overwrite(&world, &first, 1);
            while sent(&world, before).last() != Some(&"stage") {
                engine.turn().await.unwrap();
            }
        }
        let theirs = world.tenant.mint(SERVICE_ACCOUNT).unwrap();
        world.store.put_by_hand("v-chosen", &theirs.client_id, &theirs.client_secret);
        let halt = world.go_on(&mut engine).await;
        assert_eq!(halt, Halt::Reached, "staged {staged}: {:?}", reason(&engine));
        assert_eq!(world.store.current_key(), Some(theirs.client_id), "staged {staged}");
        assert!(!sent(&world, before).contains(&"promote"), "staged {staged}");
        assert!(world.tenant.alive(&second) && engine.state().put_back.is_none());
        assert!(world.store.pending_is_current_or_absent(), "pending dangles");
    }
}

#[tokio::test]
async fn a_store_that_lags_is_healed_once() {
    for every_other in [false, true] {
        for rest in ["{}", "{\"note\":2}"] {
            let case = format!("every other {every_other}, {rest}");
            let world = World::new();
            let (_, first, second) = rotated(&world).await;
            world.store.edit_rest("{}");
            let store: Arc<dyn SecretStore> =
                Arc::new(SlowStore::new(&world, 59 * SECOND, every_other));
            let mut engine = world.open_on(store).await.unwrap();
            world.go_on(&mut engine).await;
            let before = world.journal.events().len();
            overwrite(&world, &first, 1);
            world.store.edit_rest(rest);
            // Until a read shows it, nobody can know.
            for _ in 0..3 {
                world.pass(60 * SECOND);
                world.go_on(&mut engine).await;
            }
            let halt = world.go_on(&mut engine).await;
            assert_back(&world, &halt, &engine, &second, &case);
            let moves = sent(&world, before).iter().filter(|step| **step == "promote").count();
            assert_eq!(moves, 1, "{case}: {:?}", sent(&world, before));
        }
    }
}

#[tokio::test]
async fn a_reply_that_is_lost_while_a_key_is_put_back_leaves_it_current() {
    let calls =
        [Call::Claim, Call::Stage, Call::Promote, Call::Unstage, Call::DropPrevious, Call::Read];
    let late = Fault::Late { after_ms: 290_000 };
    for call in calls {
        for fault in [Fault::LostBefore, Fault::LostAfter, late, Fault::Throttled] {
            for nth in 1..=2 {
                let case = format!("{call:?} {fault:?} {nth}");
                let world = World::new();
                let (mut engine, first, second) = rotated(&world).await;
                overwrite(&world, &first, 1);
                world.store.fault_nth(call, nth, fault);
                let mut halt = world.go_on(&mut engine).await;
                for _ in 0..5 {
                    world.pass(60 * SECOND);
                    halt = world.go_on(&mut engine).await;
                }
                assert_back(&world, &halt, &engine, &second, &case);
            }
        }
    }
}

#[tokio::test]
async fn killed_at_every_point_of_a_put_back_the_next_run_ends_it() {
    let mut at = 0;
    loop {
        at += 1;
        let case = format!("killed at point {at}");
        let world = World::new();
        let (engine, first, second) = rotated(&world).await;
        drop(engine);
        overwrite(&world, &first, 1);
        world.crash.arm(at);
        let run = async |engine: &mut Engine| {
            engine.run(Goal::Nothing, 48 * HOUR, &mut Stop::never()).await.unwrap()
        };
        let done = world.live(run).await;
        world.crash.arm(0);
        let mut engine = world.open().await.unwrap();
        let halt = world.go_on(&mut engine).await;
        assert_back(&world, &halt, &engine, &second, &case);
        if done.is_some() {
            assert!(at > 15, "only {at} points were tried");
            break;
        }
    }
}

#[tokio::test]
async fn whoever_overwrites_it_again_and_again_ends_in_a_park_and_the_last_put_back_stands() {
    for rest in ["{}", "{\"note\":1}"] {
        let world = World::new();
        world.store.edit_rest(rest);
        let (mut engine, first, second) = rotated(&world).await;
        for time in 1..=3 {
            overwrite(&world, &first, time);
            let halt = world.go_on(&mut engine).await;
            assert_eq!(world.store.current_key().as_ref(), Some(&second), "time {time}");
            assert_eq!(halt == Halt::Parked, time == 3, "time {time}: {:?}", reason(&engine));
            world.pass(600 * SECOND);
        }
        let standing = |engine: &Engine| match reason(engine) {
            Some(ParkReason::CurrentOverwritten { key, failing }) if key.as_str() == first => {
                !failing
            }
            other => panic!("{other:?}"),
        };
        assert!(standing(&engine));
        assert!(world.store.claim().is_some_and(|claim| claim.ended), "the claim is kept");
        // The fourth is not answered, and says so.
        overwrite(&world, &first, 4);
        assert_eq!(world.go_on(&mut engine).await, Halt::Parked);
        assert_eq!(world.store.current_key().as_ref(), Some(&first));
        assert!(!standing(&engine), "nobody is told that consumers fail");
        assert_eq!(world.open().await.unwrap().state(), engine.state(), "a replay differs");
        // A person's word, or the end of the day, puts it back.
        let halt = world.ask(&mut engine, Request::Resume).await;
        assert_back(&world, &halt, &engine, &second, "resumed");
    }
}

#[tokio::test]
async fn a_day_later_it_is_put_back_again_though_it_is_parked() {
    let world = World::new();
    let (mut engine, first, second) = rotated(&world).await;
    for time in 1..=4 {
        overwrite(&world, &first, time);
        world.go_on(&mut engine).await;
    }
    assert_eq!(world.store.current_key().as_ref(), Some(&first));
    for _ in 0..25 {
        world.pass(HOUR);
        assert_eq!(world.go_on(&mut engine).await, Halt::Parked);
    }
    assert_eq!(world.store.current_key(), Some(second), "{:?}", reason(&engine));
}

#[tokio::test]
async fn another_journals_claim_bars_a_put_back() {
    let world = World::new();
    let (mut engine, first, _) = rotated(&world).await;
    let before = world.journal.events().len();
    overwrite(&world, &first, 1);
    let head = world.store.claim().unwrap();
    let owner = Owner::drawn(RotationId(Uuid::from_u128(99)));
    let generation = Generation(head.generation.0 + 1);
    world.store.claim_by_another(Claim { generation, owner, ended: false });
    assert_eq!(world.go_on(&mut engine).await, Halt::Parked);
    assert!(sent(&world, before).is_empty(), "something was sent");
}

#[tokio::test]
async fn a_retired_policy_puts_nothing_back() {
    let mut world = World::new();
    world.name_an_actor();
    let (mut engine, first, _) = rotated(&world).await;
    let halt = world.ask(&mut engine, Request::Decommission { clear_store: false }).await;
    assert_eq!(halt, Halt::Reached);
    let before = world.journal.events().len();
    overwrite(&world, &first, 1);
    world.go_on(&mut engine).await;
    assert!(sent(&world, before).is_empty(), "something was sent");
}

/// *Pending* is somebody else's: our put would take the label.
#[tokio::test]
async fn a_foreign_pending_bars_the_put_and_is_waited_for() {
    let world = World::new();
    let (mut engine, first, second) = rotated(&world).await;
    let theirs = world.tenant.mint(rekeyd::sandbox::PERSON).unwrap();
    overwrite(&world, &first, 1);
    world.store.pend_by_hand("v-pending", &theirs.client_id, &theirs.client_secret);
    assert_eq!(world.go_on(&mut engine).await, Halt::Parked);
    assert_eq!(reason(&engine), Some(&ParkReason::ForeignPending));
    world.store.unpend_by_hand();
    engine.request(Request::Resume, tester()).await.unwrap();
    while !matches!(engine.turn().await.unwrap(), Turn::Waiting { .. } | Turn::Resting) {}
    let halt = world.go_on(&mut engine).await;
    assert_back(&world, &halt, &engine, &second, "unpended");
}

/// Between rotations nobody observes time, so after a reboot a minute never passed by two witnesses:
/// the look at a fresh secret waited for ever.
#[tokio::test]
async fn a_value_written_just_after_the_adoption_is_healed_though_the_machine_reboots() {
    let world = World::new();
    let first = world.store.current_key().unwrap();
    drop(world.adopted().await);
    world.store.put_by_hand("v-theirs", "11111111-0000-4000-8000-000000000000", "nonsense");
    world.time.reboot(SECOND);
    world.time.set_wall_error(-2 * HOUR);
    let mut engine = world.open().await.unwrap();
    let halt = world.go_on(&mut engine).await;
    assert_back(&world, &halt, &engine, &first, "rebooted");
}
