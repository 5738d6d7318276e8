//! What a start is refused for: the reason that holds, and never a step that the state refuses.

use std::collections::BTreeSet;

use rekeyd::domain::claim::Generation;
use rekeyd::domain::class::Class;
use rekeyd::domain::clocks::Stamp;
use rekeyd::domain::facts::{
    Exchange, Fact, Holding, KeyProof, Observed, Profile, Right, Rights, StoreView,
};
use rekeyd::domain::ids::{KeyId, RotationId, VersionId};
use rekeyd::domain::plan::{Step, next_step};
use rekeyd::domain::secret::{Digest, Fingerprint};
use rekeyd::domain::state::{
    Baseline, Ending, Event, Evidence, Held, Phase, Refusal, Request, RequestKind, State, Trigger,
    apply,
};
use rekeyd::engine::{Goal, Halt, Stop};
use rekeyd::sandbox::Edit;
use uuid::Uuid;

use crate::world::{Call, Fault, HOUR, World, rotate, tester};

fn at() -> Stamp {
    Stamp { wall_ms: 0, boot: "b".into(), boottime_ms: 0, dated: None }
}

fn fold(state: State, events: &[Event]) -> State {
    events.iter().fold(state, |state, event| apply(state, &at(), event).unwrap())
}

fn held() -> Held {
    let fingerprint = Fingerprint::from_bytes([1; 16]);
    let proof = KeyProof { key: KeyId::new("k1").unwrap(), fingerprint };
    Held { proof, version: VersionId::new("v1").unwrap() }
}

/// Adopted; then the key is proven gone while *current* still names it, and a rotation ends there.
fn settled_on_a_key_that_is_gone(world: &World) -> State {
    let key = held().proof.key;
    let baseline =
        Baseline { identity: None, canaries: Vec::new(), questions: world.rules.canaries };
    let adopted = Event::Adopted {
        policy: world.rules.policy.clone(),
        held: held(),
        created_ms: None,
        baseline,
        unmanaged: BTreeSet::new(),
        by_operator: false,
        chain: Generation(1),
        kept: None,
        schedule: None,
    };
    let rotation = RotationId(Uuid::from_u128(1));
    let (trigger, old) = (Trigger::Person, held());
    let started = Event::Started { rotation, trigger, old, token_life_ms: None, kept: None };
    let gone = Event::Proven { key: key.clone(), evidence: Evidence::Absent { control: key } };
    let rolling_back = Event::Entered { phase: Phase::RollingBack, because: None };
    let ended = Event::Ended { ending: Ending::RolledBack, keys: BTreeSet::new() };
    fold(State::default(), &[adopted, started, gone, rolling_back, ended])
}

/// Everything read: *current* names the dead key, and a named actor works.
fn seen() -> Observed {
    let version = held().version;
    let holding = Holding::Key { proof: held().proof, rest: Digest::of("rest", ""), size_bytes: 1 };
    let store = StoreView { current: Some(version.clone()), ..StoreView::default() };
    let allowed = Right::Allowed;
    let rights = Rights { list: allowed, update: allowed, delete: allowed };
    Observed {
        store: Fact::Known(store),
        versions: [(version, Fact::Known(holding))].into(),
        exchanges: [(held().proof, Fact::Known(Exchange::Rejected))].into(),
        named_actor: Fact::Known(Exchange::Alive { token_life_ms: None }),
        named_profile: Fact::Known(Profile { identity: None, canaries: Vec::new(), rights }),
        elsewhere: Fact::Known(rekeyd::domain::facts::Elsewhere::default()),
        next_rotation: RotationId(Uuid::from_u128(2)),
        ..Observed::default()
    }
}

#[test]
fn a_key_that_nobody_manages_any_more_is_no_key_to_rotate_from() {
    let mut world = World::new();
    world.rules.named_actor = true;
    let state = settled_on_a_key_that_is_gone(&world);
    assert!(state.keys.is_empty() && state.settled.is_some());
    let asked = Event::Requested { request: rotate(), by: tester() };
    let mut state = fold(state, &[asked]);
    // First what *current* names is noted, for other policies; then comes the answer.
    for _ in 0..2 {
        let Step::Record(events) = next_step(&world.rules, &state, &seen(), &at()) else {
            panic!()
        };
        state = fold(state, &events);
    }
    assert_eq!(state.refused, Some((RequestKind::Rotate, Refusal::CurrentChanged)));
    assert!(state.rotation.is_none());
}

#[tokio::test]
async fn a_request_while_parked_is_refused_for_what_is_in_the_way_now() {
    let world = World::new();
    let first = world.store.current_key().unwrap();
    let mut engine = world.open().await.unwrap();
    engine.run(Goal::Nothing, HOUR, &mut Stop::never()).await.unwrap();
    world.person(&Edit::Disable { key: first.clone() });
    let halt = engine.run(Goal::Nothing, HOUR, &mut Stop::never()).await.unwrap();
    assert_eq!(halt, Halt::Parked);
    for (call, step) in [(Call::Describe, "read_store"), (Call::Read, "read_store")] {
        world.store.fault(call, Fault::LostBefore);
        engine.request(rotate(), tester()).await.unwrap();
        engine.run(Goal::Nothing, HOUR, &mut Stop::never()).await.unwrap();
        let Some((RequestKind::Rotate, Refusal::Trouble { class, step: failed, .. })) =
            &engine.state().refused
        else {
            panic!("{:?}", engine.state().refused)
        };
        assert_eq!((*class, failed.as_str()), (Class::Unknown, step));
    }
    // With everything readable the dead key itself is the reason.
    engine.request(rotate(), tester()).await.unwrap();
    engine.run(Goal::Nothing, HOUR, &mut Stop::never()).await.unwrap();
    assert_eq!(engine.state().refused, Some((RequestKind::Rotate, Refusal::CurrentDead)));
    world.person(&Edit::Enable { key: first });
    engine.request(Request::Resume, tester()).await.unwrap();
    engine.request(rotate(), tester()).await.unwrap();
    let halt = engine.run(Goal::Nothing, 48 * HOUR, &mut Stop::never()).await.unwrap();
    assert_eq!(halt, Halt::Reached);
}
