//! Lists and stores whose reads lag for most of a minute, all the time: every rotation ends by
//! itself, nobody notices, and nothing is asked for without end.

use std::sync::Arc;

use rekeyd::domain::state::{Event, Phase, Request, State};
use rekeyd::engine::{Engine, Goal, Halt, Stop, Turn};
use rekeyd::port::SecretStore;
use rekeyd::sandbox::{CallKind, Edit, Fault as IssuerFault, What};

use crate::world::{Call, Fault, HOUR, SECOND, SlowStore, World, leak, rotate, tester};

/// A rotation that waits for lag writes no more than this.
const MOST_EVENTS: usize = 400;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Rotate,
    Leak,
    KillFirst,
}

impl Wish {
    const ALL: [Self; 3] = [Self::Rotate, Self::Leak, Self::KillFirst];

    fn request(self, state: &State) -> Request {
        match self {
            Self::Rotate => rotate(),
            Self::Leak | Self::KillFirst => leak(state, self == Self::KillFirst),
        }
    }
}

fn is_at_rest(world: &World, engine: &Engine, halt: &Halt, wish: Wish, case: &str) {
    let state = engine.state();
    assert_eq!(*halt, Halt::Reached, "{case}: {:?} {:?}", state.parked, state.trouble);
    assert!(state.requests.leak.is_none() && state.questions.is_empty(), "{case}");
    let current = world.store.current_key().unwrap();
    // Where a list names no creator, a create without a reply leaves a key that is reported.
    let mut live = world.live_keys();
    live.retain(|key| !state.orphans.keys().any(|orphan| orphan.as_str() == key));
    assert_eq!(live, [current].into(), "{case}");
    assert!(world.store.pending_is_current_or_absent(), "{case}");
    let events = world.journal.events().len();
    assert!(events < MOST_EVENTS, "{case}: {events} events");
    let counted = world.counted();
    let failures = match wish {
        Wish::Rotate => counted.failures,
        Wish::Leak => counted.failures_after_reread,
        // Whoever kills first has chosen the outage.
        Wish::KillFirst => 0,
    };
    assert_eq!(failures, 0, "{case}: {counted:?}");
}

fn once(on: CallKind, what: What) -> IssuerFault {
    IssuerFault { on, nth: 1, count: 1, key: None, what }
}

#[tokio::test]
async fn a_list_that_lags_asks_for_no_operator_and_costs_no_pin() {
    let late = What::LateLanding { after_ms: 290_000, hang_ms: 0 };
    let faults = [
        None,
        Some(once(CallKind::CreateApiKey, What::LostAfter)),
        Some(once(CallKind::CreateApiKey, late.clone())),
        Some(once(CallKind::UpdateApiKey, What::LostAfter)),
        Some(once(CallKind::UpdateApiKey, late)),
        Some(once(CallKind::DeleteApiKey, What::LostAfter)),
    ];
    for (wish, extended) in Wish::ALL.into_iter().flat_map(|w| [(w, false), (w, true)]) {
        for (nth, fault) in faults.iter().enumerate() {
            for crash_at in [0, 31] {
                let case = format!("{wish:?}, extended {extended}, fault {nth}, crash {crash_at}");
                let mut world = World::new();
                if nth % 2 == 1 {
                    world.name_an_actor();
                }
                world.store.extended_lists.store(extended, std::sync::atomic::Ordering::SeqCst);
                world.poll();
                drop(world.adopted().await);
                let stale = What::StaleMs { ms: 50_000 };
                let always = IssuerFault { count: 1_000_000, ..once(CallKind::ApiKeys, stale) };
                world.tenant.add_fault(always).unwrap();
                if let Some(fault) = fault {
                    world.tenant.add_fault(fault.clone()).unwrap();
                }
                world.crash.arm(crash_at);
                let run = async |engine: &mut Engine| {
                    engine.request(wish.request(engine.state()), tester()).await.unwrap();
                    engine.run(Goal::Nothing, 96 * HOUR, &mut Stop::never()).await
                };
                drop(world.live(run).await);
                world.crash.arm(0);
                let mut engine = world.open().await.unwrap();
                let halt = world.go_on(&mut engine).await;
                is_at_rest(&world, &engine, &halt, wish, &case);
            }
        }
    }
}

#[tokio::test]
async fn a_store_that_lags_asks_for_no_operator() {
    let late = Fault::Late { after_ms: 290_000 };
    let faults = [
        None,
        Some((Call::Promote, Fault::LostAfter)),
        Some((Call::Promote, Fault::LostBefore)),
        Some((Call::Promote, late)),
        Some((Call::Stage, Fault::LostAfter)),
        Some((Call::Stage, late)),
        Some((Call::Unstage, late)),
        Some((Call::DropPrevious, Fault::LostAfter)),
    ];
    for (wish, every_other) in Wish::ALL.into_iter().flat_map(|w| [(w, false), (w, true)]) {
        for (nth, fault) in faults.iter().enumerate() {
            let case = format!("{wish:?}, every other {every_other}, fault {nth}");
            let mut world = World::new();
            if nth % 2 == 1 {
                world.name_an_actor();
            }
            world.poll();
            let store: Arc<dyn SecretStore> =
                Arc::new(SlowStore::new(&world, 59 * SECOND, every_other));
            let mut engine = world.open_on(store).await.unwrap();
            engine.run(Goal::Nothing, HOUR, &mut Stop::never()).await.unwrap();
            if let Some((call, fault)) = fault {
                world.store.fault(*call, *fault);
            }
            let request = wish.request(engine.state());
            let halt = world.ask(&mut engine, request).await;
            is_at_rest(&world, &engine, &halt, wish, &case);
        }
    }
}

/// A world that tells etags with its replies, and whose list lags from now on.
fn list_lags(world: &World) {
    world.store.extended_lists.store(true, std::sync::atomic::Ordering::SeqCst);
    let what = What::StaleMs { ms: 20_000 };
    world
        .tenant
        .add_fault(IssuerFault { count: 1_000_000, ..once(CallKind::ApiKeys, what) })
        .unwrap();
}

/// The list did not show our own disable yet: that was taken for a person's act, and parked.
#[tokio::test]
async fn an_abort_right_after_the_disable_was_refused_because_the_list_lagged() {
    let world = World::new();
    let first = world.store.current_key().unwrap();
    let mut engine = world.adopted().await;
    list_lags(&world);
    engine.request(rotate(), tester()).await.unwrap();
    world.reach(&mut engine, Phase::Disabled).await;
    assert!(!world.tenant.alive(&first));
    let halt = world.ask(&mut engine, Request::Abort).await;
    assert_eq!(halt, Halt::Reached, "{:?}", engine.state().parked);
    assert_eq!(world.store.current_key(), Some(first.clone()));
    assert_eq!(world.live_keys(), [first].into());
    assert_eq!(world.counted().failures, 0);
}

#[tokio::test]
async fn a_heal_right_after_the_disable_waited_for_an_operator_because_the_list_lagged() {
    let mut world = World::new();
    world.name_an_actor();
    let first = world.store.current_key().unwrap();
    let mut engine = world.adopted().await;
    list_lags(&world);
    engine.request(rotate(), tester()).await.unwrap();
    world.reach(&mut engine, Phase::Disabled).await;
    world.person(&Edit::Delete { key: world.store.current_key().unwrap() });
    let halt = world.go_on(&mut engine).await;
    assert_eq!(halt, Halt::Reached, "{:?}", engine.state().parked);
    assert_eq!(world.store.current_key(), Some(first));
    let parks = |event: &Event| matches!(event, Event::Parked { .. });
    assert!(!world.journal.events().iter().any(parks), "nothing of this needs an operator");
}

#[tokio::test]
async fn a_decommission_could_not_be_taken_back_while_the_list_lagged() {
    let mut world = World::new();
    world.name_an_actor();
    let first = world.store.current_key().unwrap();
    let mut engine = world.adopted().await;
    list_lags(&world);
    engine.request(Request::Decommission { clear_store: false }, tester()).await.unwrap();
    for _ in 0..1_000 {
        if !world.tenant.alive(&first) {
            break;
        }
        if let Turn::Waiting { ms, .. } = engine.turn().await.unwrap() {
            world.pass(ms);
        }
    }
    assert!(!world.tenant.alive(&first));
    world.ask(&mut engine, Request::Abort).await;
    assert!(world.tenant.alive(&first), "{:?}", engine.state().refused);
}
