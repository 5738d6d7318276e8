//! A person's word that an orphan must not live: it is carried out beside any park, survives every
//! crash, and never touches a key that somebody's consumers hold.

use rekeyd::domain::ids::KeyId;
use rekeyd::domain::state::{Event, ParkReason, Progress, Ruling, RulingStop, State};
use rekeyd::engine::{Engine, EngineError, Goal, Halt, Stop};
use rekeyd::sandbox::{CallKind, Edit, Fault, PERSON, SERVICE_ACCOUNT, What};

use crate::neighbours::Fixed;
use crate::world::{HOUR, World, leak, rotate, tester};

fn key(id: &str) -> KeyId {
    KeyId::new(id).unwrap()
}

pub async fn on(engine: &mut Engine) -> Halt {
    engine.run(Goal::Nothing, 96 * HOUR, &mut Stop::never()).await.unwrap()
}

/// A world in which a stranger stands on the record, and its live key.
async fn awaiting(mut world: World, named_actor: bool) -> (World, KeyId) {
    world.poll();
    if named_actor {
        world.name_an_actor();
    }
    let mut engine = world.open().await.unwrap();
    engine.run(Goal::Nothing, HOUR, &mut Stop::never()).await.unwrap();
    let stranger = key(&world.tenant.mint(SERVICE_ACCOUNT).unwrap().client_id);
    let report = leak(engine.state(), false);
    engine.request(report, tester()).await.unwrap();
    let halt = engine.run(Goal::SuspectsDead, HOUR, &mut Stop::never()).await.unwrap();
    assert_eq!(halt, Halt::Reached);
    on(&mut engine).await;
    assert!(engine.state().orphans.contains_key(&stranger) && engine.state().rotation.is_none());
    (world, stranger)
}

pub async fn rule(engine: &mut Engine, key: &KeyId, ruling: Ruling) -> Halt {
    engine.rule(key.clone(), ruling, tester()).await.unwrap();
    engine.run(Goal::Ruled, HOUR, &mut Stop::never()).await.unwrap()
}

pub fn stopped(state: &State, key: &KeyId) -> Option<RulingStop> {
    match state.orphans.get(key)?.undone()?.1 {
        Progress::Stopped { why, .. } => Some(why.clone()),
        _ => None,
    }
}

pub fn exists(world: &World, key: &KeyId) -> bool {
    world.tenant.keys().iter().any(|truth| truth.client_id == key.as_str() && !truth.deleted)
}

pub fn sent(world: &World, on: CallKind, key: &KeyId) -> usize {
    let ledger = world.tenant.ledger();
    ledger.iter().filter(|e| e.kind == on && e.keys.iter().any(|k| k == key.as_str())).count()
}

fn kinds() -> impl Iterator<Item = (bool, bool)> {
    [(false, false), (false, true), (true, false), (true, true)].into_iter()
}

pub async fn fresh(extended: bool, named: bool) -> (World, KeyId) {
    let world = World::new();
    world.store.extended_lists.store(extended, std::sync::atomic::Ordering::SeqCst);
    awaiting(world, named).await
}

#[tokio::test]
async fn an_orphan_that_is_to_be_disabled_is_disabled_and_stays_on_the_record() {
    for (extended, named) in kinds() {
        let (world, orphan) = fresh(extended, named).await;
        let mut engine = world.open().await.unwrap();
        assert_eq!(rule(&mut engine, &orphan, Ruling::Disable).await, Halt::Reached);
        assert!(!world.tenant.alive(orphan.as_str()) && exists(&world, &orphan));
        let record = &engine.state().orphans[&orphan];
        assert_eq!(record.undone(), None, "{record:?}");
        assert_eq!(record.sentence(), Some(Ruling::Disable));
        assert_eq!(engine.state().orphans_unruled().count(), 0);
        // A rotation afterwards neither brings it back nor deletes it.
        engine.request(rotate(), tester()).await.unwrap();
        assert_eq!(on(&mut engine).await, Halt::Reached);
        assert!(!world.tenant.alive(orphan.as_str()) && exists(&world, &orphan));
        assert_eq!(sent(&world, CallKind::UpdateApiKey, &orphan), 1);
        let replayed = world.open().await.unwrap();
        assert_eq!(replayed.state().orphans, engine.state().orphans);
        // What somebody did to it meanwhile does not matter when the word is given again.
        world.person(&Edit::Enable { key: orphan.to_string() });
        assert_eq!(rule(&mut engine, &orphan, Ruling::Disable).await, Halt::Reached);
        assert!(!world.tenant.alive(orphan.as_str()));
    }
}

#[tokio::test]
async fn an_orphan_that_is_to_be_deleted_is_disabled_first_and_then_gone() {
    for (extended, named) in kinds() {
        for disabled_before in [false, true] {
            let (world, orphan) = fresh(extended, named).await;
            let mut engine = world.open().await.unwrap();
            if disabled_before {
                rule(&mut engine, &orphan, Ruling::Disable).await;
            }
            assert_eq!(rule(&mut engine, &orphan, Ruling::Delete).await, Halt::Reached);
            assert!(!exists(&world, &orphan));
            assert!(engine.state().orphans.is_empty(), "{:?}", engine.state().orphans);
            assert!(!engine.state().keys.contains_key(&orphan));
            assert_eq!(sent(&world, CallKind::UpdateApiKey, &orphan), 1, "disabled first");
            assert_eq!(world.counted().failures_after_reread, 0);
        }
    }
}

#[tokio::test]
async fn a_ruling_survives_a_crash_at_every_point() {
    for ruling in [Ruling::Disable, Ruling::Delete] {
        for point in 1.. {
            let (world, orphan) = fresh(point % 2 == 0, false).await;
            world.crash.arm(point);
            let done = world
                .live_or_fail(async |engine| -> Result<Halt, EngineError> {
                    engine.rule(orphan.clone(), ruling, tester()).await?;
                    engine.run(Goal::Ruled, HOUR, &mut Stop::never()).await
                })
                .await;
            world.crash.arm(0);
            let mut engine = world.open().await.unwrap();
            on(&mut engine).await;
            let heard = engine.state().orphans.get(&orphan).is_none_or(|o| o.ruled.is_some());
            if heard {
                assert!(!world.tenant.alive(orphan.as_str()), "{ruling:?} at {point}");
                assert_eq!(exists(&world, &orphan), ruling == Ruling::Disable, "at {point}");
                assert_eq!(stopped(engine.state(), &orphan), None, "{ruling:?} at {point}");
            } else {
                assert!(world.tenant.alive(orphan.as_str()), "nobody was told, at {point}");
            }
            assert_eq!(engine.state().rulings_open().count(), 0, "{ruling:?} at {point}");
            if done.is_some() {
                assert!(point > 10, "the script has more points than {point}");
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_ruling_survives_any_one_lost_or_late_reply() {
    for on_call in [CallKind::UpdateApiKey, CallKind::DeleteApiKey, CallKind::ApiKeys] {
        for what in [
            What::LostBefore,
            What::LostAfter,
            What::LateLanding { after_ms: 20_000, hang_ms: 0 },
            What::LateLanding { after_ms: 300_000, hang_ms: 0 },
            What::Status { status: 429, retry_after_seconds: Some(1), after_effect: false },
        ] {
            for extended in [false, true] {
                let case = format!("{what:?} at {on_call:?}, extended {extended}");
                let (world, orphan) = fresh(extended, false).await;
                let fault = Fault { on: on_call, nth: 1, count: 1, key: None, what: what.clone() };
                world.tenant.add_fault(fault).unwrap();
                let mut engine = world.open().await.unwrap();
                assert_eq!(rule(&mut engine, &orphan, Ruling::Delete).await, Halt::Reached);
                assert!(!exists(&world, &orphan), "{case}: {:#?}", engine.state().orphans);
                assert!(engine.state().orphans.is_empty(), "{case}");
            }
        }
    }
}

#[tokio::test]
async fn a_key_that_somebodys_consumers_hold_is_never_touched() {
    for ruling in [Ruling::Disable, Ruling::Delete] {
        // Another policy's secret names it.
        let (world, orphan) = fresh(true, false).await;
        let mut engine = world.open().await.unwrap();
        engine.set_neighbours(Fixed::naming(orphan.as_str()));
        assert_eq!(rule(&mut engine, &orphan, ruling).await, Halt::Reached);
        let why = stopped(engine.state(), &orphan);
        assert_eq!(why, Some(RulingStop::NamedElsewhere { policy: "other".into() }));
        assert!(world.tenant.alive(orphan.as_str()));
        // The word again, once that is over, carries it out.
        engine.set_neighbours(Fixed::nobody());
        rule(&mut engine, &orphan, ruling).await;
        assert!(!world.tenant.alive(orphan.as_str()));

        // It cannot be told whether one does.
        let (world, orphan) = fresh(true, false).await;
        let mut engine = world.open().await.unwrap();
        engine.set_neighbours(Fixed::unreadable());
        rule(&mut engine, &orphan, ruling).await;
        let why = stopped(engine.state(), &orphan);
        assert_eq!(why, Some(RulingStop::ElsewhereUnreadable { secret: "other".into() }));
        assert!(world.tenant.alive(orphan.as_str()));
    }
}

#[tokio::test]
async fn a_key_that_this_secret_names_is_never_touched() {
    for pending in [false, true] {
        for ruling in [Ruling::Disable, Ruling::Delete] {
            let world = World::new();
            world.poll();
            let mut engine = world.open().await.unwrap();
            engine.run(Goal::Nothing, HOUR, &mut Stop::never()).await.unwrap();
            let minted = world.tenant.mint(SERVICE_ACCOUNT).unwrap();
            let orphan = key(&minted.client_id);
            let report = leak(engine.state(), false);
            engine.request(report, tester()).await.unwrap();
            engine.run(Goal::SuspectsDead, HOUR, &mut Stop::never()).await.unwrap();
            on(&mut engine).await;
            if pending {
                world.store.pend_by_hand("v-theirs", &minted.client_id, &minted.client_secret);
            } else {
                world.store.put_by_hand("v-theirs", &minted.client_id, &minted.client_secret);
            }
            rule(&mut engine, &orphan, ruling).await;
            assert_eq!(stopped(engine.state(), &orphan), Some(RulingStop::NamedHere));
            assert!(world.tenant.alive(orphan.as_str()));
            assert!(world.tenant.alive(&world.store.current_key().unwrap()));
        }
    }
}

#[tokio::test]
async fn the_named_actor_and_the_last_key_that_works_are_never_touched() {
    let (mut world, orphan) = fresh(true, false).await;
    // The orphan's own secret is named as the actor afterwards.
    let actor = world.tenant.mint(SERVICE_ACCOUNT).unwrap();
    let named = key(&actor.client_id);
    let mut engine = world.open().await.unwrap();
    let report = leak(engine.state(), false);
    engine.request(report, tester()).await.unwrap();
    on(&mut engine).await;
    assert!(engine.state().orphans.contains_key(&named));
    world.named_actor =
        Some(rekeyd::domain::secret::Credential::new(named.clone(), actor.client_secret.into()));
    world.rules.named_actor = true;
    let mut engine = world.open().await.unwrap();
    rule(&mut engine, &named, Ruling::Disable).await;
    assert_eq!(stopped(engine.state(), &named), Some(RulingStop::IsActor));
    assert!(world.tenant.alive(named.as_str()));

    // Nobody else authenticates.
    world.named_actor = None;
    world.rules.named_actor = false;
    world.person(&Edit::Disable { key: world.store.current_key().unwrap() });
    let mut engine = world.open().await.unwrap();
    rule(&mut engine, &orphan, Ruling::Disable).await;
    assert_eq!(stopped(engine.state(), &orphan), Some(RulingStop::NoActor));
    assert!(world.tenant.alive(orphan.as_str()));
}

#[tokio::test]
async fn a_park_delays_no_ruling_and_a_ruling_lifts_no_park() {
    let world = World::new();
    world.poll();
    let mut engine = world.open().await.unwrap();
    engine.run(Goal::Nothing, HOUR, &mut Stop::never()).await.unwrap();
    let lost =
        Fault { on: CallKind::CreateApiKey, nth: 1, count: 2, key: None, what: What::LostAfter };
    world.tenant.add_fault(lost).unwrap();
    engine.request(rotate(), tester()).await.unwrap();
    assert_eq!(on(&mut engine).await, Halt::Parked);
    let orphans: Vec<KeyId> = engine.state().orphans.keys().cloned().collect();
    assert_eq!(orphans.len(), 2);
    rule(&mut engine, &orphans[0], Ruling::Delete).await;
    rule(&mut engine, &orphans[1], Ruling::Disable).await;
    assert!(!exists(&world, &orphans[0]) && !world.tenant.alive(orphans[1].as_str()));
    let parked = engine.state().parked.as_ref().map(|park| park.reason.clone());
    assert_eq!(parked, Some(ParkReason::Orphans), "resume is the operator's");
    engine.request(rekeyd::domain::state::Request::Resume, tester()).await.unwrap();
    assert_eq!(on(&mut engine).await, Halt::Reached, "{:?}", engine.state().parked);
    assert_eq!(world.live_keys().len(), 1);
}

#[tokio::test]
async fn a_ruling_that_is_refused_stops_soon_says_so_and_parks_nothing() {
    let (world, orphan) = fresh(true, false).await;
    let what = What::PermissionDenied;
    let on_call = CallKind::UpdateApiKey;
    world.tenant.add_fault(Fault { on: on_call, nth: 1, count: 1_000, key: None, what }).unwrap();
    let mut engine = world.open().await.unwrap();
    rule(&mut engine, &orphan, Ruling::Disable).await;
    engine.run(Goal::Nothing, 30 * 24 * HOUR, &mut Stop::never()).await.unwrap();
    let why = stopped(engine.state(), &orphan);
    assert!(
        matches!(why, Some(RulingStop::Failed { ref step, .. }) if step == "disable"),
        "{why:?}"
    );
    assert!(engine.state().parked.is_none());
    assert!(sent(&world, on_call, &orphan) <= 4, "it is sent for ever");
    world.tenant.clear_faults();
    assert_eq!(rule(&mut engine, &orphan, Ruling::Disable).await, Halt::Reached);
    assert!(!world.tenant.alive(orphan.as_str()));
}

#[tokio::test]
async fn an_issuer_that_is_down_for_a_while_delays_a_ruling_and_does_not_drop_it() {
    let (world, orphan) = fresh(true, false).await;
    let what = What::Status { status: 502, retry_after_seconds: None, after_effect: false };
    let down = Fault { on: CallKind::ApiKeys, nth: 1, count: 1_000, key: None, what };
    world.tenant.add_fault(down).unwrap();
    let mut engine = world.open().await.unwrap();
    rule(&mut engine, &orphan, Ruling::Delete).await;
    assert!(world.tenant.alive(orphan.as_str()));
    world.tenant.clear_faults();
    world.pass(HOUR);
    let mut engine = world.open().await.unwrap();
    on(&mut engine).await;
    assert!(!exists(&world, &orphan) && engine.state().orphans.is_empty());
}

#[tokio::test]
async fn a_key_that_somebody_acts_on_after_the_disable_is_not_deleted() {
    let (world, orphan) = fresh(true, false).await;
    let mut engine = world.open().await.unwrap();
    rule(&mut engine, &orphan, Ruling::Disable).await;
    world.person(&Edit::Enable { key: orphan.to_string() });
    rule(&mut engine, &orphan, Ruling::Delete).await;
    assert_eq!(stopped(engine.state(), &orphan), Some(RulingStop::PinDiffers));
    assert!(exists(&world, &orphan));
    rule(&mut engine, &orphan, Ruling::Delete).await;
    assert!(!exists(&world, &orphan), "the word again is the word that it was meant");
}

#[tokio::test]
async fn a_word_that_is_taken_back_before_it_is_done_spares_the_key() {
    let (world, orphan) = fresh(true, false).await;
    let mut engine = world.open().await.unwrap();
    engine.rule(orphan.clone(), Ruling::Delete, tester()).await.unwrap();
    drop(engine);
    let word = Event::Kept { key: orphan.clone(), by: tester() };
    rekeyd::engine::rule(&world, &World::stream(), &world_stamp(&world), word).await.unwrap();
    let mut engine = world.open().await.unwrap();
    on(&mut engine).await;
    assert!(world.tenant.alive(orphan.as_str()));
    assert!(engine.state().orphans[&orphan].is_kept());
}

fn world_stamp(world: &World) -> rekeyd::domain::clocks::Stamp {
    rekeyd::port::Clock::stamp(world)
}

#[tokio::test]
async fn nothing_but_the_key_that_was_named_dies() {
    let (world, orphan) = fresh(false, false).await;
    let theirs = world.tenant.mint(PERSON).unwrap().client_id;
    let other = world.tenant.mint(SERVICE_ACCOUNT).unwrap().client_id;
    let mut engine = world.open().await.unwrap();
    rule(&mut engine, &orphan, Ruling::Delete).await;
    assert!(world.tenant.alive(&theirs) && world.tenant.alive(&other));
    assert!(engine.rule(key(&other), Ruling::Delete, tester()).await.is_err(), "no orphan");
    let current = key(&world.store.current_key().unwrap());
    assert!(engine.rule(current, Ruling::Delete, tester()).await.is_err(), "managed");
}
