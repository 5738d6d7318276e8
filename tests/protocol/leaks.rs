//! Leak reports: at every state, at every point, twice, and with `--kill-first`.

use rekeyd::domain::state::{Event, Phase, State};
use rekeyd::engine::{Goal, Halt, Stop, Turn};

use crate::neighbours::Fixed;
use crate::rotation::assert_sound;
use crate::world::{HOUR, World, leak, leak_of, tester};

/// Every suspect is dead, proven so, and the key that consumers hold is no suspect.
pub fn assert_leak_is_over(world: &World, state: &State, case: &str) {
    for key in state.suspects.keys() {
        assert!(!world.tenant.alive(key.as_str()), "{case}: suspect {key} lives");
    }
    assert!(state.suspects_alive().next().is_none(), "{case}: not proven dead");
    let current = world.store.current_key().unwrap();
    assert!(
        !state.suspects.keys().any(|key| key.as_str() == current),
        "{case}: suspect is current"
    );
    for event in world.journal.events() {
        if let Event::Intended { effect, .. } = event {
            let key = effect.key().map(ToString::to_string);
            assert!(effect.name() != "enable", "{case}: enabled {key:?}");
        }
    }
}

#[tokio::test]
async fn a_leaked_key_is_replaced_and_proven_dead() {
    let world = World::new();
    world.poll();
    let first = world.store.current_key().unwrap();
    let mut engine = world.adopted().await;
    let reported = world.now_ms();
    let report = leak(engine.state(), false);
    engine.request(report, tester()).await.unwrap();
    let halt = engine.run(Goal::SuspectsDead, HOUR, &mut Stop::never()).await.unwrap();
    assert_eq!(halt, Halt::Reached);
    assert!(!world.tenant.alive(&first));
    assert!(world.now_ms() - reported < 60_000, "no drain and no soak for a suspect");
    assert_leak_is_over(&world, engine.state(), "idle");
    assert_eq!(world.counted().failures_after_reread, 0);
    let (halt, state) = world.to_the_end().await;
    assert_sound(&world, &halt, &state, "idle");
    assert_eq!(world.live_keys().len(), 1);
}

#[tokio::test]
async fn a_leak_reported_at_every_state_of_a_rotation_ends_with_every_suspect_dead() {
    use Phase::{Claimed, Deleted, Disabled, Drained, Issued, Promoted, Soaked, Staged, Verified};
    for phase in [Claimed, Issued, Staged, Verified, Promoted, Drained, Disabled, Soaked, Deleted] {
        let case = format!("leak at {}", phase.name());
        let world = World::new();
        world.poll();
        let mut engine = world.rotating(phase).await;
        let report = leak(engine.state(), false);
        engine.request(report, tester()).await.unwrap();
        let halt = engine.run(Goal::SuspectsDead, HOUR, &mut Stop::never()).await.unwrap();
        assert_eq!(halt, Halt::Reached, "{case}: {:#?}", engine.state());
        assert_leak_is_over(&world, engine.state(), &case);
        assert_eq!(world.counted().failures_after_reread, 0, "{case}");
        let (halt, state) = world.to_the_end().await;
        assert_sound(&world, &halt, &state, &case);
        assert_eq!(world.live_keys().len(), 1, "{case}");
    }
}

#[tokio::test]
async fn a_second_leak_of_the_fresh_key_starts_a_second_rotation() {
    let world = World::new();
    world.poll();
    let mut engine = world.adopted().await;
    for round in 0..2 {
        let report = leak(engine.state(), false);
        engine.request(report, tester()).await.unwrap();
        let halt = engine.run(Goal::SuspectsDead, HOUR, &mut Stop::never()).await.unwrap();
        assert_eq!(halt, Halt::Reached, "round {round}");
        assert_leak_is_over(&world, engine.state(), "second leak");
    }
    assert_eq!(engine.state().suspects.len(), 2);
    assert_eq!(world.counted().failures_after_reread, 0);
    assert_eq!(world.live_keys().len(), 1);
}

#[tokio::test]
async fn a_leak_killed_before_and_after_every_append_and_call_is_finished_by_the_next_run() {
    for kill_first in [false, true] {
        let mut at = 0;
        loop {
            at += 1;
            let case = format!("leak, kill first {kill_first}, killed at point {at}");
            let world = World::new();
            world.poll();
            let reported = world
                .live(async |engine| {
                    engine.run(Goal::Nothing, HOUR, &mut Stop::never()).await.unwrap();
                    let report = leak(engine.state(), kill_first);
                    engine.request(report, tester()).await.unwrap();
                })
                .await;
            assert!(reported.is_some());
            world.crash.arm(at);
            let done = world
                .live(async |engine| {
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
            assert_ne!(halt, Halt::Parked, "{case}: {:?}", state.parked);
            assert_leak_is_over(&world, &state, &case);
            if !kill_first {
                assert_eq!(world.counted().failures_after_reread, 0, "{case}");
            }
        }
    }
}

/// Nobody had adopted it, so nothing would replace it: consumers kept a leaked key.
#[tokio::test]
async fn a_leaked_key_that_a_person_put_as_current_is_replaced_and_dies() {
    use Phase::{Claimed, Deleted, Disabled, Promoted, Staged};
    for phase in [None, Some(Claimed), Some(Staged), Some(Promoted), Some(Disabled), Some(Deleted)]
    {
        for kill_first in [false, true] {
            let case = format!("put at {}, {kill_first}", phase.map_or("rest", Phase::name));
            let world = World::new();
            let mut engine = match phase {
                Some(phase) => world.rotating(phase).await,
                None => world.adopted().await,
            };
            let theirs = world.tenant.mint(rekeyd::sandbox::SERVICE_ACCOUNT).unwrap();
            world.store.put_by_hand("v-theirs", &theirs.client_id, &theirs.client_secret);
            let halt = world.ask(&mut engine, leak_of(&[&theirs.client_id], kill_first)).await;
            assert!(!world.tenant.alive(&theirs.client_id), "{case}: it lives; {halt:?}");
            assert_eq!(halt, Halt::Reached, "{case}: {:#?}", engine.state());
            assert_sound(&world, &halt, engine.state(), &case);
        }
    }
}

#[tokio::test]
async fn a_leak_whose_preflight_is_refused_waits_and_does_not_spin() {
    let world = World::new();
    let first = world.store.current_key().unwrap();
    let mut engine = world.adopted().await;
    engine.set_neighbours(Fixed::naming(&first));
    let report = leak(engine.state(), false);
    engine.request(report, tester()).await.unwrap();
    for _ in 0..2_000 {
        if !matches!(engine.turn().await.unwrap(), Turn::Moved) {
            return;
        }
    }
    panic!("2000 turns without a wait, {} events", world.journal.events().len());
}

/// The reply to the delete of a dead suspect is lost every time: it is disabled and proven dead,
/// so nothing is gained by asking for ever.
#[tokio::test]
async fn a_delete_that_is_never_answered_is_not_sent_for_ever() {
    use rekeyd::sandbox::{CallKind, Fault, What};
    let world = World::new();
    let mut engine = world.adopted().await;
    let (on, what) = (CallKind::DeleteApiKey, What::LostBefore);
    world.tenant.add_fault(Fault { on, nth: 1, count: 1_000_000, key: None, what }).unwrap();
    let report = leak(engine.state(), false);
    engine.request(report, tester()).await.unwrap();
    let reported_ms = world.now_ms();
    let halt = engine.run(Goal::SuspectsDead, 24 * HOUR, &mut Stop::never()).await.unwrap();
    assert_eq!(halt, Halt::Reached);
    assert!(world.now_ms() - reported_ms < 60_000, "the report waited for a dead key's delete");
    let halt = engine.run(Goal::Nothing, 7 * 24 * HOUR, &mut Stop::never()).await.unwrap();
    let sent = world.tenant.ledger().iter().filter(|e| e.kind == on).count();
    assert_eq!(sent, 6);
    assert_eq!(halt, Halt::Parked);
    for key in engine.state().suspects.keys() {
        assert!(!world.tenant.alive(key.as_str()));
    }
}

/// It was killed, somebody enabled it and put it as current: taking it over went on for ever.
#[tokio::test]
async fn a_killed_foreign_key_that_comes_back_as_current_is_replaced() {
    let world = World::new();
    let mut engine = world.adopted().await;
    let theirs = world.tenant.mint(rekeyd::sandbox::SERVICE_ACCOUNT).unwrap();
    let first = world.store.current_key().unwrap();
    let report = leak_of(&[&first, &theirs.client_id], false);
    engine.request(report, tester()).await.unwrap();
    while world.tenant.alive(&theirs.client_id) {
        engine.turn().await.unwrap();
    }
    world.person(&rekeyd::sandbox::Edit::Enable { key: theirs.client_id.clone() });
    world.store.put_by_hand("v-theirs", &theirs.client_id, &theirs.client_secret);
    let halt = world.go_on(&mut engine).await;
    assert!(!world.tenant.alive(&theirs.client_id), "{halt:?}");
    assert_sound(&world, &halt, engine.state(), "back again");
}
