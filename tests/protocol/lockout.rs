//! `--kill-first` where no other credential can serve: it says so, keeps the report, and kills as
//! soon as it can (R18).

use std::sync::Arc;

use rekeyd::domain::ids::KeyId;
use rekeyd::domain::state::{Event, Refusal, RequestKind, State};
use rekeyd::engine::{Engine, Goal, Halt, Stop};
use rekeyd::port::Verifier;
use rekeyd::sandbox::{CallKind, Fault as IssuerFault, What};

use crate::actor::{Narrow, open_with, world_with_actor};
use crate::world::{Call, Fault, HOUR, SECOND, World, leak, tester};

fn locked_out(state: &State) -> bool {
    let kept = state.requests.leak.is_some();
    let said = matches!(&state.refused, Some((RequestKind::Leak, Refusal::KillFirstLocksOut { keys })) if !keys.is_empty());
    assert!(kept || !said, "the report was dropped");
    said
}

fn times_said(world: &World) -> usize {
    let answers = world.journal.events().into_iter().filter(|event| {
        matches!(event, Event::Answered { refused: Some(Refusal::KillFirstLocksOut { .. }), .. })
    });
    answers.count()
}

async fn adopt(engine: &mut Engine) {
    engine.run(Goal::Nothing, HOUR, &mut Stop::never()).await.unwrap();
}

async fn report(engine: &mut Engine, budget_ms: i64) -> Halt {
    let report = leak(engine.state(), true);
    engine.request(report, tester()).await.unwrap();
    engine.run(Goal::SuspectsDead, budget_ms, &mut Stop::never()).await.unwrap()
}

#[tokio::test]
async fn a_store_that_cannot_be_read_locks_out_and_once_it_can_the_key_dies() {
    let world = World::new();
    let first = world.store.current_key().unwrap();
    let mut engine = world.open().await.unwrap();
    adopt(&mut engine).await;
    for _ in 0..6 {
        world.store.fault(Call::Describe, Fault::LostBefore);
    }
    let halt = report(&mut engine, SECOND).await;
    assert_ne!(halt, Halt::Reached);
    assert!(locked_out(engine.state()), "{:?}", engine.state().refused);
    assert!(world.tenant.alive(&first));
    let halt = engine.run(Goal::SuspectsDead, HOUR, &mut Stop::never()).await.unwrap();
    assert_eq!(halt, Halt::Reached);
    assert!(!world.tenant.alive(&first));
    assert_eq!(times_said(&world), 1);
    assert!(!locked_out(engine.state()), "it is said after the end");
}

#[tokio::test]
async fn an_account_that_may_mint_no_key_locks_out() {
    let world = World::new();
    let first = world.store.current_key().unwrap();
    let mut engine = world.open().await.unwrap();
    adopt(&mut engine).await;
    let denied = IssuerFault {
        on: CallKind::CreateApiKey,
        nth: 1,
        count: 100_000,
        key: None,
        what: What::PermissionDenied,
    };
    world.tenant.add_fault(denied).unwrap();
    assert_ne!(report(&mut engine, 600 * SECOND).await, Halt::Reached);
    assert!(locked_out(engine.state()), "{:?}", engine.state().refused);
    assert_eq!(times_said(&world), 1);
    assert!(world.tenant.alive(&first));
}

#[tokio::test]
async fn a_key_that_may_retire_none_locks_out_and_parks() {
    let world = World::new();
    let first = world.store.current_key().unwrap();
    let key = KeyId::new(first.clone()).unwrap();
    let narrow: Arc<dyn Verifier> = Arc::new(Narrow { world: world.clone(), key });
    let mut engine = open_with(&world, Some(narrow), None).await;
    adopt(&mut engine).await;
    assert_eq!(report(&mut engine, HOUR).await, Halt::Parked);
    assert!(locked_out(engine.state()), "{:?}", engine.state().refused);
    assert!(world.tenant.alive(&first));
}

#[tokio::test]
async fn another_actor_kills_first_also_while_the_store_is_down() {
    let (world, _) = world_with_actor();
    let first = world.store.current_key().unwrap();
    let mut engine = world.open().await.unwrap();
    adopt(&mut engine).await;
    for _ in 0..100 {
        world.store.fault(Call::Describe, Fault::LostBefore);
    }
    report(&mut engine, 60 * SECOND).await;
    assert!(!world.tenant.alive(&first), "the leaked key lives");
    assert_eq!(times_said(&world), 0);
}

#[tokio::test]
async fn nothing_is_said_where_a_new_key_can_serve() {
    let world = World::new();
    let mut engine = world.open().await.unwrap();
    adopt(&mut engine).await;
    assert_eq!(report(&mut engine, HOUR).await, Halt::Reached);
    assert_eq!(times_said(&world), 0);
}
