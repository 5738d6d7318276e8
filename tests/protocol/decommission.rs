//! Decommission: the key goes, nothing replaces it, and the policy never rotates or heals again.

use rekeyd::domain::claim::{Claim, Owner};
use rekeyd::domain::departed::{Bar, bar};
use rekeyd::domain::ids::{KeyId, RotationId};
use rekeyd::domain::state::{
    Adoption, Effect, Event, Life, ParkReason, Phase, Refusal, Request, RequestKind, State,
};
use rekeyd::engine::{Engine, EngineError, Goal, Halt, Stop};
use rekeyd::sandbox::{CallKind, Edit, Fault as IssuerFault, SERVICE_ACCOUNT, What};

use crate::neighbours::Fixed;
use crate::world::{Call, Fault, HOUR, SECOND, World, leak, rotate, tester};

pub fn word(clear_store: bool) -> Request {
    Request::Decommission { clear_store }
}

pub async fn on(engine: &mut Engine, budget_ms: i64) -> Halt {
    engine.run(Goal::Nothing, budget_ms, &mut Stop::never()).await.unwrap()
}

pub async fn ask(engine: &mut Engine, request: Request, budget_ms: i64) -> Halt {
    engine.request(request, tester()).await.unwrap();
    on(engine, budget_ms).await
}

/// A world whose policy is adopted, and the key that goes.
pub async fn ready(named_actor: bool) -> (World, Engine, String) {
    let mut world = World::new();
    world.store.extended_lists.store(true, std::sync::atomic::Ordering::SeqCst);
    if named_actor {
        world.name_an_actor();
    }
    let mut engine = world.open().await.unwrap();
    on(&mut engine, HOUR).await;
    let key = world.store.current_key().unwrap();
    (world, engine, key)
}

pub fn exists(world: &World, key: &str) -> bool {
    world.tenant.keys().iter().any(|truth| truth.client_id == key && !truth.deleted)
}

pub fn is_proven(state: &State) -> Option<bool> {
    match &state.adoption {
        Adoption::Retired(retired) => Some(retired.proven),
        _ => None,
    }
}

pub fn refused(state: &State) -> Option<(RequestKind, Refusal)> {
    state.refused.clone()
}

fn intents(world: &World) -> Vec<&'static str> {
    let names = world.journal.events().into_iter().filter_map(|event| match event {
        Event::Intended { effect: Effect::Claim { .. }, .. } => None,
        Event::Intended { effect, .. } => Some(effect.name()),
        _ => None,
    });
    names.collect()
}

#[tokio::test]
async fn with_another_actor_it_is_disabled_proven_soaked_and_deleted_by_the_pin() {
    for clear_store in [false, true] {
        let (world, mut engine, key) = ready(true).await;
        let begun = world.now_ms();
        assert!(matches!(ask(&mut engine, word(clear_store), HOUR).await, Halt::Waiting { .. }));
        world.pass(22 * HOUR);
        on(&mut engine, HOUR).await;
        assert!(world.tenant.alive(&key), "consumers have their drain");
        assert_eq!(on(&mut engine, 3 * HOUR).await, Halt::Reached, "{:#?}", engine.state());
        assert!(world.now_ms() - begun >= 25 * HOUR, "drain and soak");
        assert!(!exists(&world, &key));
        assert_eq!(is_proven(engine.state()), Some(true));
        let value = if clear_store { Some(String::new()) } else { Some(key.clone()) };
        assert_eq!(world.store.current_key(), value);
        let last =
            if clear_store { &["disable", "delete", "clear"][..] } else { &["disable", "delete"] };
        assert_eq!(intents(&world), last);
        let proofs: Vec<Event> = world.journal.events();
        let proven =
            |event: &&Event| matches!(event, Event::Proven { key: of, .. } if of.as_str() == key);
        assert_eq!(proofs.iter().filter(proven).count(), 2, "dead, and absent");
        assert_eq!(world.open().await.unwrap().state(), engine.state());
    }
}

#[tokio::test]
async fn with_itself_alone_it_is_deleted_after_the_drain_and_said_to_be_unproven() {
    for clear_store in [false, true] {
        let (world, mut engine, key) = ready(false).await;
        ask(&mut engine, word(clear_store), HOUR).await;
        world.pass(23 * HOUR);
        on(&mut engine, HOUR / 2).await;
        assert!(world.tenant.alive(&key), "consumers have their drain");
        assert_eq!(on(&mut engine, 3 * HOUR).await, Halt::Reached, "{:#?}", engine.state());
        assert!(!exists(&world, &key));
        assert_eq!(is_proven(engine.state()), Some(false));
        let life = engine.state().keys.get(&KeyId::new(key.as_str()).unwrap()).map(|k| &k.life);
        assert!(matches!(life, Some(Life::Deleted { proven: false, .. })), "{life:?}");
        assert!(!intents(&world).contains(&"disable"), "a disable would lock us out");
        let value = if clear_store { String::new() } else { key };
        assert_eq!(world.store.current_key(), Some(value));
    }
}

#[tokio::test]
async fn a_retired_policy_neither_rotates_nor_heals_until_it_is_adopted_again() {
    let (world, mut engine, _) = ready(true).await;
    ask(&mut engine, word(false), 30 * HOUR).await;
    assert_eq!(is_proven(engine.state()), Some(true));
    let calls = world.tenant.ledger().len();
    assert_eq!(on(&mut engine, 30 * 24 * HOUR).await, Halt::Reached);
    assert_eq!(world.tenant.ledger().len(), calls, "it is left alone");
    for request in [rotate(), Request::Abort, Request::Resume, word(true)] {
        let kind = request.kind();
        assert_eq!(ask(&mut engine, request, HOUR).await, Halt::Reached);
        assert_eq!(refused(engine.state()), Some((kind, Refusal::Retired)));
    }
    // What does not work is not adopted, and the policy stays retired.
    assert_eq!(ask(&mut engine, Request::Adopt, HOUR).await, Halt::Reached);
    assert_eq!(refused(engine.state()), Some((RequestKind::Adopt, Refusal::CurrentDead)));
    assert_eq!(is_proven(engine.state()), Some(true));
    assert_eq!(intents(&world), ["disable", "delete"]);
    let fresh = world.tenant.mint(SERVICE_ACCOUNT).unwrap();
    world.store.put_by_hand("v-fresh", &fresh.client_id, &fresh.client_secret);
    on(&mut engine, HOUR).await;
    assert_eq!(is_proven(engine.state()), Some(true), "nobody said that it is wanted");
    ask(&mut engine, Request::Adopt, HOUR).await;
    assert_eq!(engine.state().adoption, Adoption::Adopted);
    assert_eq!(ask(&mut engine, rotate(), 48 * HOUR).await, Halt::Reached);
    assert!(world.tenant.alive(&world.store.current_key().unwrap()));
    assert!(!exists(&world, &fresh.client_id));
}

#[tokio::test]
async fn an_abort_before_the_disable_leaves_everything_as_it_was() {
    for named in [false, true] {
        let (world, mut engine, key) = ready(named).await;
        ask(&mut engine, word(true), HOUR).await;
        assert!(matches!(ask(&mut engine, rotate(), HOUR).await, Halt::Waiting { .. }));
        assert_eq!(refused(engine.state()), Some((RequestKind::Rotate, Refusal::Decommissioning)));
        assert_eq!(ask(&mut engine, Request::Abort, HOUR).await, Halt::Reached);
        assert_eq!(refused(engine.state()), None);
        on(&mut engine, 100 * HOUR).await;
        assert!(world.tenant.alive(&key) && intents(&world).is_empty());
        assert_eq!(ask(&mut engine, rotate(), 48 * HOUR).await, Halt::Reached);
        assert_eq!(world.counted().failures_after_reread, 0);
        assert!(world.tenant.alive(&world.store.current_key().unwrap()));
    }
}

#[tokio::test]
async fn an_abort_in_the_soak_enables_the_key_again() {
    let (world, mut engine, key) = ready(true).await;
    ask(&mut engine, word(false), 24 * HOUR + 600 * SECOND).await;
    assert!(!world.tenant.alive(&key) && exists(&world, &key));
    assert_eq!(ask(&mut engine, Request::Abort, HOUR / 4).await, Halt::Reached);
    assert!(world.tenant.alive(&key));
    assert_eq!(engine.state().adoption, Adoption::Adopted);
    on(&mut engine, 100 * HOUR).await;
    assert!(world.tenant.alive(&key));
}

#[tokio::test]
async fn it_is_refused_while_a_rotation_is_open_or_somebody_else_needs_the_key() {
    let world = World::new();
    let mut engine = world.rotating(Phase::Promoted).await;
    ask(&mut engine, word(false), HOUR).await;
    let why = (RequestKind::Decommission, Refusal::RotationOpen);
    assert_eq!(refused(engine.state()), Some(why));
    assert!(engine.state().rotation.is_some() && engine.state().decommission.is_none());

    let (world, mut engine, key) = ready(true).await;
    engine.set_neighbours(Fixed::naming(&key));
    ask(&mut engine, word(false), 48 * HOUR).await;
    let why = refused(engine.state());
    assert!(matches!(why, Some((RequestKind::Decommission, Refusal::NamedElsewhere { .. }))));
    assert!(world.tenant.alive(&key));
    // Or takes it up during the drain.
    engine.set_neighbours(Fixed::nobody());
    ask(&mut engine, word(false), HOUR).await;
    engine.set_neighbours(Fixed::naming(&key));
    assert_eq!(on(&mut engine, 48 * HOUR).await, Halt::Parked);
    assert!(world.tenant.alive(&key));
    engine.set_neighbours(Fixed::nobody());
    on(&mut engine, 48 * HOUR).await;
    assert_eq!(is_proven(engine.state()), Some(true), "it goes on by itself");
}

#[tokio::test]
async fn a_credential_that_somebody_put_meanwhile_is_left_alone() {
    let (world, mut engine, key) = ready(true).await;
    ask(&mut engine, word(true), HOUR).await;
    let other = world.tenant.mint(SERVICE_ACCOUNT).unwrap();
    world.store.put_by_hand("v-other", &other.client_id, &other.client_secret);
    assert_eq!(on(&mut engine, 48 * HOUR).await, Halt::Parked);
    let parked = engine.state().parked.as_ref().map(|park| park.reason.clone());
    assert_eq!(parked, Some(ParkReason::CurrentChanged));
    assert!(world.tenant.alive(&key) && world.tenant.alive(&other.client_id));
    ask(&mut engine, Request::Abort, HOUR).await;
    assert!(engine.state().decommission.is_none() && engine.state().parked.is_none());
    assert_eq!(world.store.current_key(), Some(other.client_id));
}

#[tokio::test]
async fn a_leak_while_it_is_decommissioned_kills_the_key_at_once() {
    for named in [false, true] {
        let (world, mut engine, key) = ready(named).await;
        ask(&mut engine, word(false), HOUR).await;
        let stranger = world.tenant.mint(SERVICE_ACCOUNT).unwrap().client_id;
        let begun = world.now_ms();
        let report = leak(engine.state(), false);
        engine.request(report, tester()).await.unwrap();
        let halt = engine.run(Goal::SuspectsDead, HOUR, &mut Stop::never()).await.unwrap();
        assert_eq!(halt, Halt::Reached, "named {named}: {:#?}", engine.state());
        assert!(!exists(&world, &key), "named {named}");
        assert!(world.now_ms() - begun < 120 * SECOND, "the leaked key waited for the drain");
        assert_eq!(is_proven(engine.state()), Some(named));
        let orphans: Vec<&str> = engine.state().orphans.keys().map(KeyId::as_str).collect();
        assert_eq!(orphans, [stranger.as_str()], "what it may have minted is reported");
        assert_eq!(engine.state().suspects_alive().count(), usize::from(!named));
        assert_eq!(world.live_keys(), [stranger].into(), "no key was minted for it");
    }
}

#[tokio::test]
async fn it_survives_a_crash_at_every_point() {
    for named in [false, true] {
        for point in 1.. {
            let (world, engine, key) = ready(named).await;
            drop(engine);
            world.crash.arm(point);
            let done = world
                .live_or_fail(async |engine| -> Result<Halt, EngineError> {
                    engine.request(word(true), tester()).await?;
                    engine.run(Goal::Nothing, 48 * HOUR, &mut Stop::never()).await
                })
                .await;
            world.crash.arm(0);
            let (halt, state) = world.to_the_end().await;
            let heard = world.journal.events().iter().any(|event| {
                matches!(event, Event::Requested { request: Request::Decommission { .. }, .. })
            });
            let case = format!("named {named} at {point}: {halt:?}");
            assert_eq!(halt, Halt::Reached, "{case}");
            assert_eq!(exists(&world, &key), !heard, "{case}");
            assert_eq!(is_proven(&state), heard.then_some(named), "{case}");
            assert_eq!(world.store.current_key().unwrap().is_empty(), heard, "{case}");
            if done.is_some() {
                assert!(point > 10, "the script has more points than {point}");
                break;
            }
        }
    }
}

#[tokio::test]
async fn it_survives_any_one_lost_or_late_reply() {
    for named in [false, true] {
        for on_call in [CallKind::UpdateApiKey, CallKind::DeleteApiKey, CallKind::ApiKeys] {
            for what in [
                What::LostBefore,
                What::LostAfter,
                What::LateLanding { after_ms: 300_000, hang_ms: 0 },
                What::Status { status: 429, retry_after_seconds: Some(1), after_effect: false },
            ] {
                let case = format!("named {named}, {what:?} at {on_call:?}");
                let (world, mut engine, key) = ready(named).await;
                let fault = IssuerFault { on: on_call, nth: 1, count: 1, key: None, what };
                world.tenant.add_fault(fault).unwrap();
                assert_eq!(ask(&mut engine, word(false), 48 * HOUR).await, Halt::Reached, "{case}");
                assert!(!exists(&world, &key), "{case}");
                assert_eq!(is_proven(engine.state()), Some(named), "{case}");
            }
        }
        for call in [Call::Stage, Call::Promote] {
            for fault in [Fault::LostBefore, Fault::LostAfter, Fault::Late { after_ms: 300_000 }] {
                let case = format!("named {named}, {fault:?} at {call:?}");
                let (world, mut engine, _) = ready(named).await;
                world.store.fault(call, fault);
                assert_eq!(ask(&mut engine, word(true), 48 * HOUR).await, Halt::Reached, "{case}");
                assert_eq!(world.store.current_key(), Some(String::new()), "{case}");
                assert!(is_proven(engine.state()).is_some(), "{case}");
            }
        }
    }
}

#[tokio::test]
async fn a_delete_that_is_refused_parks_and_is_not_sent_for_ever() {
    for named in [false, true] {
        let (world, mut engine, key) = ready(named).await;
        let (on_call, what) = (CallKind::DeleteApiKey, What::PermissionDenied);
        let fault = IssuerFault { on: on_call, nth: 1, count: 1_000, key: None, what };
        world.tenant.add_fault(fault).unwrap();
        assert_eq!(ask(&mut engine, word(false), 48 * HOUR).await, Halt::Parked);
        on(&mut engine, 30 * 24 * HOUR).await;
        let sent = intents(&world).iter().filter(|name| **name == "delete").count();
        assert!(sent <= 8, "{sent}");
        assert!(exists(&world, &key));
        world.tenant.clear_faults();
        assert_eq!(ask(&mut engine, Request::Resume, 48 * HOUR).await, Halt::Reached);
        assert_eq!(is_proven(engine.state()), Some(named));
    }
}

#[tokio::test]
async fn somebody_who_enables_the_key_in_the_soak_stops_the_delete() {
    let (world, mut engine, key) = ready(true).await;
    ask(&mut engine, word(false), 24 * HOUR + 600 * SECOND).await;
    assert!(!world.tenant.alive(&key));
    world.person(&Edit::Enable { key: key.clone() });
    assert_eq!(on(&mut engine, 48 * HOUR).await, Halt::Parked);
    assert!(world.tenant.alive(&key), "somebody needs it");
    let pin = matches!(
        engine.state().parked.as_ref().map(|park| &park.reason),
        Some(ParkReason::PinDiffers { .. })
    );
    assert!(pin, "{:?}", engine.state().parked);
    assert_eq!(ask(&mut engine, Request::Resume, 48 * HOUR).await, Halt::Reached);
    assert!(!exists(&world, &key));
}

#[tokio::test]
async fn a_decommission_sends_nothing_while_another_journal_holds_the_claim() {
    for named_actor in [false, true] {
        let (world, mut engine, key) = ready(named_actor).await;
        ask(&mut engine, word(false), HOUR).await;
        let head = world.store.claim();
        let generation = head.map(|head| head.generation).unwrap_or_default().next();
        let owner = Owner::drawn(RotationId(uuid::Uuid::from_u128(77)));
        world.store.claim_by_another(Claim { generation, owner, ended: false });
        assert_eq!(on(&mut engine, 96 * HOUR).await, Halt::Parked, "named actor {named_actor}");
        let park = engine.state().parked.as_ref().map(|park| &park.reason);
        assert_eq!(park, Some(&ParkReason::ClaimLost));
        assert!(world.tenant.alive(&key));

        ask(&mut engine, Request::Adopt, 96 * HOUR).await;
        assert_eq!(is_proven(engine.state()), Some(named_actor));
        assert!(!exists(&world, &key));
        assert!(world.store.claim().unwrap().ended);
    }
}

/// The policy was removed in the drain, forgotten, and the key lived on.
#[tokio::test]
async fn a_secret_is_not_forgotten_while_its_key_is_being_decommissioned() {
    let (world, mut engine, key) = ready(true).await;
    ask(&mut engine, word(false), HOUR).await;
    assert!(engine.state().decommission.is_some() && world.tenant.alive(&key));
    assert_eq!(bar(engine.state()), Some(Bar::Decommission));
    on(&mut engine, 96 * HOUR).await;
    assert_eq!(bar(engine.state()), None);
}
