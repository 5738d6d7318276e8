use crate::neighbours::Fixed;
use crate::world::{Call, Fault, HOUR, SECOND, World, leak, rotate, tester};
use rekeyd::domain::ids::KeyId;
use rekeyd::domain::state::{Phase, Request};
use rekeyd::engine::{Engine, Goal, Halt, Stop, Turn};
use rekeyd::port::Neighbours;
use rekeyd::sandbox::Edit;
use std::sync::Arc;

async fn to(world: &World, engine: &mut Engine, phase: Phase) {
    for _ in 0..10_000 {
        if engine.state().rotation.as_ref().is_some_and(|r| r.phase == phase) {
            return;
        }
        if let Turn::Waiting { ms, .. } = engine.turn().await.unwrap() {
            world.pass(ms);
        }
    }
    panic!("never {phase:?}");
}
fn named(key: &str) -> Arc<dyn Neighbours> {
    Fixed::naming(key)
}

#[tokio::test]
async fn t1_leak_refused_preflight_spins() {
    let world = World::new();
    let first = world.store.current_key().unwrap();
    let mut engine = world.open().await.unwrap();
    engine.run(Goal::Nothing, HOUR, &mut Stop::never()).await.unwrap();
    engine.set_neighbours(named(&first));
    let report = leak(engine.state(), false);
    engine.request(report, tester()).await.unwrap();
    for _ in 0..2000 {
        if !matches!(engine.turn().await.unwrap(), Turn::Moved) {
            return;
        }
    }
    panic!("2000 turns without a wait, {} events", world.journal.events().len());
}

#[tokio::test]
async fn t2_parked_and_new_dies_is_reverted() {
    let world = World::new();
    let first = world.store.current_key().unwrap();
    let mut engine = world.open().await.unwrap();
    engine.set_neighbours(named(&first));
    engine.run(Goal::Nothing, HOUR, &mut Stop::never()).await.unwrap();
    engine.set_neighbours(Fixed::nobody());
    engine.request(rotate(), tester()).await.unwrap_or(());
    let _ = to(&world, &mut engine, Phase::Promoted).await;
    engine.set_neighbours(named(&first));
    let halt = engine.run(Goal::Nothing, 48 * HOUR, &mut Stop::never()).await.unwrap();
    println!("halt {halt:?} parked {:?}", engine.state().parked);
    let new = world.store.current_key().unwrap();
    world.person(&Edit::Delete { key: new });
    let halt = engine.run(Goal::Nothing, 48 * HOUR, &mut Stop::never()).await.unwrap();
    println!(
        "halt {halt:?} phase {:?} parked {:?}",
        engine.state().rotation.as_ref().map(|r| r.phase),
        engine.state().parked
    );
    assert_eq!(world.store.current_key(), Some(first));
}

#[tokio::test]
async fn t3_moved_back_then_abort_respects_new_drain() {
    let world = World::new();
    world.poll();
    let mut engine = world.open().await.unwrap();
    engine.request(rotate(), tester()).await.unwrap();
    to(&world, &mut engine, Phase::Promoted).await;
    world.pass(2 * HOUR);
    world.store.roll_back_by_hand();
    let halt = engine.run(Goal::Nothing, 48 * HOUR, &mut Stop::never()).await.unwrap();
    assert_eq!(halt, Halt::Parked);
    engine.request(Request::Abort, tester()).await.unwrap();
    let at = world.now_ms();
    let halt = engine.run(Goal::Nothing, 48 * HOUR, &mut Stop::never()).await.unwrap();
    println!(
        "{halt:?} after {} s, {:?}",
        (world.now_ms() - at) / 1000,
        engine.state().last.as_ref().map(|l| l.ending)
    );
    world.pass(HOUR);
    assert_eq!(world.counted().failures, 0);
}

#[tokio::test]
async fn t4_person_promotes_again_while_rolling_back() {
    let world = World::new();
    world.poll();
    let first = world.store.current_key().unwrap();
    let mut engine = world.open().await.unwrap();
    engine.request(rotate(), tester()).await.unwrap();
    to(&world, &mut engine, Phase::Promoted).await;
    let t0 = world.now_ms();
    world.pass(HOUR);
    engine.request(Request::Abort, tester()).await.unwrap();
    to(&world, &mut engine, Phase::RollingBack).await;
    for _ in 0..20 {
        let _ = engine.turn().await.unwrap();
    }
    assert_eq!(world.store.current_key(), Some(first.clone()));
    world.pass(t0 + 24 * HOUR - 10 * 60 * SECOND - world.now_ms());
    world.store.roll_back_by_hand();
    println!("current is first: {}", world.store.current_key() == Some(first.clone()));
    let at = world.now_ms();
    let halt = engine.run(Goal::Nothing, 2 * HOUR, &mut Stop::never()).await.unwrap();
    println!(
        "{halt:?} phase {:?} parked {:?}; first alive {} at +{}s",
        engine.state().rotation.as_ref().map(|r| r.phase),
        engine.state().parked.as_ref().map(|p| &p.reason),
        world.tenant.alive(&first),
        (world.now_ms() - at) / 1000
    );
    assert!(world.tenant.alive(&first), "old key disabled though served 2 h ago");
    assert_eq!(world.counted().failures, 0);
}

#[tokio::test]
async fn t5_stop_after_lost_stage_reply() {
    let world = World::new();
    world.poll();
    world.store.fault(Call::Stage, Fault::LostAfter);
    let mut engine = world.open().await.unwrap();
    engine.request(rotate(), tester()).await.unwrap();
    let halt = engine.run(Goal::Current, HOUR, &mut Stop::never()).await.unwrap();
    assert_eq!(halt, Halt::Reached);
    let (switch, mut stop) = Stop::new();
    switch.send_replace(true);
    let halt = engine.run(Goal::Nothing, 96 * HOUR, &mut stop).await.unwrap();
    assert_eq!(halt, Halt::Stopped);
}

#[tokio::test]
async fn t6_moved_back_and_forth_restarts_drain() {
    let world = World::new();
    world.poll();
    let first = world.store.current_key().unwrap();
    let mut engine = world.open().await.unwrap();
    engine.request(rotate(), tester()).await.unwrap();
    to(&world, &mut engine, Phase::Promoted).await;
    world.pass(HOUR);
    world.store.roll_back_by_hand();
    let halt = engine.run(Goal::Nothing, 48 * HOUR, &mut Stop::never()).await.unwrap();
    assert_eq!(halt, Halt::Parked);
    world.pass(24 * HOUR);
    world.store.roll_back_by_hand();
    assert_ne!(world.store.current_key(), Some(first.clone()));
    engine.request(Request::Resume, tester()).await.unwrap();
    let at = world.now_ms();
    let halt = engine.run(Goal::Nothing, 2 * HOUR, &mut Stop::never()).await.unwrap();
    println!("{halt:?} +{}s", (world.now_ms() - at) / 1000);
    assert!(world.tenant.alive(&first));
}

#[tokio::test]
async fn t7_rollback_with_update_denied_is_bounded() {
    use rekeyd::sandbox::{CallKind, Fault as IssuerFault, What};
    let world = World::new();
    world.poll();
    let mut engine = world.open().await.unwrap();
    engine.request(rotate(), tester()).await.unwrap();
    to(&world, &mut engine, Phase::Staged).await;
    world
        .tenant
        .add_fault(IssuerFault {
            on: CallKind::UpdateApiKey,
            nth: 1,
            count: 1_000_000,
            key: None,
            what: What::PermissionDenied,
        })
        .unwrap();
    engine.request(Request::Abort, tester()).await.unwrap();
    let halt = engine.run(Goal::Nothing, 24 * HOUR, &mut Stop::never()).await.unwrap();
    let calls = world.tenant.ledger().iter().filter(|e| e.kind == CallKind::UpdateApiKey).count();
    println!("T7 {halt:?} calls {calls} parked {:?}", engine.state().parked);
    assert!(calls <= 8, "{calls}");
}

#[tokio::test]
async fn t9_old_enabled_by_person_new_dies() {
    let mut world = World::new();
    let other = world.tenant.mint(rekeyd::sandbox::SERVICE_ACCOUNT).unwrap();
    let key = KeyId::new(other.client_id).unwrap();
    world.named_actor =
        Some(rekeyd::domain::secret::Credential::new(key, other.client_secret.into()));
    world.rules.named_actor = true;
    world.poll();
    let first = world.store.current_key().unwrap();
    let mut engine = world.open().await.unwrap();
    engine.request(rotate(), tester()).await.unwrap();
    to(&world, &mut engine, Phase::Disabled).await;
    let new = world.store.current_key().unwrap();
    world.person(&Edit::Enable { key: first.clone() });
    world.person(&Edit::Delete { key: new });
    let halt = engine.run(Goal::Nothing, 24 * HOUR, &mut Stop::never()).await.unwrap();
    println!(
        "T9 {halt:?} phase {:?} parked {:?} first alive {}",
        engine.state().rotation.as_ref().map(|r| r.phase),
        engine.state().parked.as_ref().map(|p| &p.reason),
        world.tenant.alive(&first)
    );
    assert_eq!(world.store.current_key(), Some(first));
}

#[tokio::test]
async fn t10_named_actor_is_the_suspect_kill_first() {
    let mut world = World::new();
    world.poll();
    let first = world.store.current_key().unwrap();
    let mut engine = world.open().await.unwrap();
    engine.run(Goal::Nothing, HOUR, &mut Stop::never()).await.unwrap();
    drop(engine);
    // the actor names the policy's own key
    let stored = rekeyd::port::SecretStore::read(&world, &rekeyd::port::Which::Current)
        .await
        .unwrap()
        .unwrap();
    let rekeyd::port::Content::Credential { credential, .. } = stored.content else { panic!() };
    world.named_actor = Some(credential);
    world.rules.named_actor = true;
    let mut engine = world.open().await.unwrap();
    let report = leak(engine.state(), true);
    engine.request(report, tester()).await.unwrap();
    let halt = engine.run(Goal::SuspectsDead, HOUR, &mut Stop::never()).await.unwrap();
    println!(
        "T10 {halt:?} parked {:?} first alive {} live {:?} rotation {:?}",
        engine.state().parked.as_ref().map(|p| &p.reason),
        world.tenant.alive(&first),
        world.live_keys(),
        engine.state().rotation.as_ref().map(|r| r.phase)
    );
    assert_eq!(halt, Halt::Reached);
}

#[tokio::test]
async fn t11_rebalanced_history_last_served_survives() {
    // earlier rotation rolled back after promote; then a person promotes pending
    let world = World::new();
    world.poll();
    let first = world.store.current_key().unwrap();
    let mut engine = world.open().await.unwrap();
    engine.request(rotate(), tester()).await.unwrap();
    to(&world, &mut engine, Phase::Promoted).await;
    engine.request(Request::Abort, tester()).await.unwrap();
    engine.run(Goal::Nothing, 96 * HOUR, &mut Stop::never()).await.unwrap();
    assert!(engine.state().rotation.is_none());
    engine.request(rotate(), tester()).await.unwrap();
    to(&world, &mut engine, Phase::Verified).await;
    let v = engine.state().rotation.as_ref().unwrap().staged_new().unwrap().version.clone();
    let cur = engine.state().settled.as_ref().unwrap().held.version.clone();
    rekeyd::port::SecretStore::promote(&world, Some(&cur), &v).await.unwrap();
    let at = world.now_ms();
    let halt = engine.run(Goal::Nothing, 60 * SECOND, &mut Stop::never()).await.unwrap();
    println!(
        "T11 {halt:?} +{}s phase {:?}",
        (world.now_ms() - at) / 1000,
        engine.state().rotation.as_ref().map(|r| r.phase)
    );
    assert!(world.tenant.alive(&first), "old key disabled at once");
}

#[tokio::test]
async fn t12_dbg() {
    let world = World::new();
    world.poll();
    let first = KeyId::new(world.store.current_key().unwrap()).unwrap();
    let mut engine = world.open().await.unwrap();
    engine.request(rotate(), tester()).await.unwrap();
    to(&world, &mut engine, Phase::Promoted).await;
    println!("T12 promoted {:?}", engine.state().keys[&first].last_served);
    world.pass(HOUR);
    engine.request(Request::Abort, tester()).await.unwrap();
    to(&world, &mut engine, Phase::RollingBack).await;
    println!("T12 rb {:?}", engine.state().keys[&first].last_served);
    while !matches!(engine.turn().await.unwrap(), Turn::Waiting { .. }) {}
    world.pass(22 * HOUR);
    world.store.roll_back_by_hand();
    for _ in 0..100 {
        if matches!(engine.turn().await.unwrap(), Turn::Waiting { .. }) {
            break;
        }
    }
    println!(
        "T12 again {:?} now {} {:?}",
        engine.state().keys[&first].last_served,
        world.now_ms(),
        engine.state().rotation.as_ref().map(|r| r.phase)
    );
    let n = world.journal.events().len();
    println!("{:#?}", &world.journal.events()[n - 3..]);
}

#[tokio::test]
async fn t13_keeps_reviving_resume() {
    let world = World::new();
    world.poll();
    let first = world.store.current_key().unwrap();
    let mut engine = world.open().await.unwrap();
    engine.request(rotate(), tester()).await.unwrap();
    to(&world, &mut engine, Phase::Drained).await;
    let mut n = 0;
    for _ in 0..3000 {
        let before = world.tenant.alive(&first);
        let turn = engine.turn().await.unwrap();
        if let Turn::Waiting { ms, .. } = turn {
            if engine.state().parked.is_some() {
                break;
            }
            world.pass(ms);
        }
        let sent = before && !world.tenant.alive(&first);
        if sent {
            n += 1;
            world.person(&Edit::Enable { key: first.clone() });
        }
    }
    println!(
        "T13 disables {n} parked {:?} now-slept",
        engine.state().parked.as_ref().map(|p| &p.reason)
    );
    engine.request(Request::Resume, tester()).await.unwrap();
    let halt = engine.run(Goal::Nothing, 48 * HOUR, &mut Stop::never()).await.unwrap();
    println!("T13 after resume {halt:?} {:?}", engine.state().parked.as_ref().map(|p| &p.reason));
    assert_eq!(halt, Halt::Reached);
}
