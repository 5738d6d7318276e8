//! Leak reports: at every state, at every point, twice, and with `--kill-first`.

use rekeyd::domain::state::{Event, Phase, State};
use rekeyd::engine::{Engine, Goal, Halt, Stop};

use crate::rotation::assert_sound;
use crate::world::{HOUR, World, leak, rotate, tester};

/// Every suspect is dead, proven so, and the key that consumers hold is no suspect.
fn assert_leak_is_over(world: &World, state: &State, case: &str) {
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

async fn until(engine: &mut Engine, phase: Phase) -> bool {
    for _ in 0..10_000 {
        if engine.state().rotation.as_ref().is_some_and(|r| r.phase == phase) {
            return true;
        }
        match engine.turn().await.unwrap() {
            rekeyd::engine::Turn::Moved => {}
            rekeyd::engine::Turn::Waiting { ms, .. } => {
                engine_sleep(engine, ms).await;
            }
            rekeyd::engine::Turn::Resting => return false,
        }
    }
    false
}

async fn engine_sleep(engine: &Engine, ms: i64) {
    engine.clock().sleep(std::time::Duration::from_millis(u64::try_from(ms).unwrap())).await;
}

#[tokio::test]
async fn a_leaked_key_is_replaced_and_proven_dead() {
    let world = World::new();
    world.poll();
    let first = world.store.current_key().unwrap();
    let mut engine = world.open().await.unwrap();
    engine.run(Goal::Nothing, HOUR, &mut Stop::never()).await.unwrap();
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
        let mut engine = world.open().await.unwrap();
        engine.request(rotate(), tester()).await.unwrap();
        assert!(until(&mut engine, phase).await, "{case}: never there");
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
    let mut engine = world.open().await.unwrap();
    engine.run(Goal::Nothing, HOUR, &mut Stop::never()).await.unwrap();
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

#[tokio::test]
async fn kill_first_with_self_disables_only_after_the_new_key_is_stored() {
    let world = World::new();
    let mut engine = world.open().await.unwrap();
    engine.run(Goal::Nothing, HOUR, &mut Stop::never()).await.unwrap();
    let report = leak(engine.state(), true);
    engine.request(report, tester()).await.unwrap();
    let halt = engine.run(Goal::SuspectsDead, HOUR, &mut Stop::never()).await.unwrap();
    assert_eq!(halt, Halt::Reached);
    let sent: Vec<&str> = world
        .journal
        .events()
        .iter()
        .filter_map(|e| match e {
            Event::Intended { effect, .. } => Some(effect.name()),
            _ => None,
        })
        .collect();
    let at = |name| sent.iter().position(|step| *step == name).unwrap();
    assert!(at("stage") < at("disable") && at("disable") < at("promote"), "{sent:?}");
    assert_leak_is_over(&world, engine.state(), "kill first");
}

#[tokio::test]
async fn kill_first_with_another_actor_disables_before_anything_is_minted() {
    let mut world = World::new();
    let other = world.tenant.mint(rekeyd::sandbox::SERVICE_ACCOUNT).unwrap();
    let key = rekeyd::domain::ids::KeyId::new(other.client_id).unwrap();
    world.named_actor =
        Some(rekeyd::domain::secret::Credential::new(key, other.client_secret.into()));
    world.rules.named_actor = true;
    let mut engine = world.open().await.unwrap();
    engine.run(Goal::Nothing, HOUR, &mut Stop::never()).await.unwrap();
    let report = leak(engine.state(), true);
    engine.request(report, tester()).await.unwrap();
    let halt = engine.run(Goal::SuspectsDead, HOUR, &mut Stop::never()).await.unwrap();
    assert_eq!(halt, Halt::Reached, "{:#?}", engine.state());
    let first = world.journal.events().into_iter().find_map(|e| match e {
        Event::Intended { effect, .. } => Some(effect.name()),
        _ => None,
    });
    assert_eq!(first, Some("disable"));
    assert_leak_is_over(&world, engine.state(), "kill first");
}
