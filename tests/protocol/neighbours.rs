//! Policies that name one key: nobody retires what another's consumers hold, and a command always
//! leads out (R22).

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use rekeyd::domain::facts::{Elsewhere, Neighbour};
use rekeyd::domain::ids::KeyId;
use rekeyd::domain::neighbours::named;
use rekeyd::domain::state::{
    Adoption, Ending, ParkReason, Phase, ReadOnlyReason, Refusal, Request, RequestKind,
};
use rekeyd::engine::{Engine, Goal, Halt, Stop, replay};
use rekeyd::port::{Content, JournalError, Neighbours, SecretStore, Which};

use crate::world::{HOUR, World, leak, rotate, tester};

/// A fixed answer.
pub struct Fixed(Elsewhere);

impl Fixed {
    pub fn naming(key: &str) -> Arc<dyn Neighbours> {
        let other = Neighbour { policy: "other".to_owned(), adopted: true, departed: None };
        let keys = [(KeyId::new(key).unwrap(), other)].into();
        Arc::new(Self(Elsewhere { keys, ..Elsewhere::default() }))
    }
    pub fn nobody() -> Arc<dyn Neighbours> {
        Arc::new(Self(Elsewhere::default()))
    }
    pub fn unreadable() -> Arc<dyn Neighbours> {
        let unreadable = ["other".to_owned()].into();
        Arc::new(Self(Elsewhere { unreadable, ..Elsewhere::default() }))
    }
}

#[async_trait]
impl Neighbours for Fixed {
    async fn look(&self) -> Result<Elsewhere, JournalError> {
        Ok(self.0.clone())
    }
}

/// Another world's journal, read at each call.
struct Beside(World);

#[async_trait]
impl Neighbours for Beside {
    async fn look(&self) -> Result<Elsewhere, JournalError> {
        let (state, _) = replay(&self.0, &World::stream()).await.unwrap();
        let adopted = state.adoption == Adoption::Adopted;
        let policy = self.0.rules.policy.to_string();
        let entry = |key| (key, Neighbour { policy: policy.clone(), adopted, departed: None });
        let keys = named(&state).into_iter().map(entry).collect();
        Ok(Elsewhere { keys, ..Elsewhere::default() })
    }
}

/// Two secrets of one account with the same credential in both.
async fn twins() -> (World, World) {
    let one = World::new();
    let mut other = one.clone();
    other.store = Arc::default();
    other.journal = Arc::default();
    other.rules.policy = rekeyd::domain::ids::PolicyName::new("other").unwrap();
    let stored = one.read(&Which::Current).await.unwrap().unwrap();
    let Content::Credential { credential, .. } = stored.content else { panic!() };
    other.store.put_by_hand("v-other", credential.key().as_str(), credential.expose());
    (one, other)
}

async fn open_beside(world: &World, other: &World) -> Engine {
    let mut engine = world.open().await.unwrap();
    engine.set_neighbours(Arc::new(Beside(other.clone())));
    engine
}

async fn ask(engine: &mut Engine, request: Request) -> Halt {
    engine.request(request, tester()).await.unwrap();
    engine.run(Goal::Nothing, 48 * HOUR, &mut Stop::never()).await.unwrap()
}

fn reason(engine: &Engine) -> Option<&ParkReason> {
    engine.state().parked.as_ref().map(|park| &park.reason)
}

fn assert_served(worlds: [&World; 2], case: &str) {
    for world in worlds {
        let current = world.store.current_key().unwrap();
        assert!(world.tenant.alive(&current), "{case}: consumers of {} fail", world.rules.policy);
    }
}

#[tokio::test]
async fn two_policies_with_one_key_are_led_apart_by_commands_and_nobody_fails() {
    let (one, other) = twins().await;
    let shared = one.store.current_key().unwrap();
    // Both adopted at the same moment, so neither saw the other.
    for world in [&one, &other] {
        let mut engine = world.open().await.unwrap();
        engine.run(Goal::Nothing, HOUR, &mut Stop::never()).await.unwrap();
        assert_eq!(engine.state().adoption, Adoption::Adopted);
    }
    let mut first = open_beside(&one, &other).await;
    let mut second = open_beside(&other, &one).await;
    for engine in [&mut first, &mut second] {
        ask(engine, rotate()).await;
        let refused = engine.state().refused.clone();
        let named = matches!(refused, Some((RequestKind::Rotate, Refusal::NamedElsewhere { .. })));
        assert!(named && engine.state().rotation.is_none(), "{refused:?}");
    }
    // The word that the key is the first one's lets it start; the other's consumers keep the key.
    ask(&mut first, Request::Adopt).await;
    assert_eq!(ask(&mut first, rotate()).await, Halt::Parked);
    assert!(
        matches!(reason(&first), Some(ParkReason::NamedElsewhere { .. })),
        "{:?}",
        reason(&first)
    );
    assert!(one.tenant.alive(&shared));
    assert_served([&one, &other], "first one moved");
    // The first one's consumers have moved, so the other may go now.
    assert_eq!(ask(&mut second, rotate()).await, Halt::Reached, "{:?}", reason(&second));
    let ending = second.state().last.as_ref().map(|last| last.ending);
    assert_eq!(ending, Some(Ending::Complete));
    assert_served([&one, &other], "both moved");
    // And the first one goes on by itself.
    let halt = first.run(Goal::Nothing, 48 * HOUR, &mut Stop::never()).await.unwrap();
    assert_eq!(halt, Halt::Reached, "{:?}", reason(&first));
    assert_eq!(first.state().last.as_ref().map(|last| last.ending), Some(Ending::Complete));
    assert!(!one.tenant.alive(&shared));
    assert_served([&one, &other], "the end");
    assert_ne!(one.store.current_key(), other.store.current_key());
}

#[tokio::test]
async fn a_key_that_another_policy_takes_up_during_the_drain_is_not_retired() {
    let (one, other) = twins().await;
    let shared = one.store.current_key().unwrap();
    let mut first = open_beside(&one, &other).await;
    first.request(rotate(), tester()).await.unwrap();
    assert_eq!(first.run(Goal::Current, HOUR, &mut Stop::never()).await.unwrap(), Halt::Reached);
    // The same engine, the same run: what it knew when it began is not what counts.
    let mut second = open_beside(&other, &one).await;
    second.run(Goal::Nothing, HOUR, &mut Stop::never()).await.unwrap();
    let adoption = &second.state().adoption;
    let looks = matches!(adoption, Adoption::ReadOnly(ReadOnlyReason::NamedElsewhere { .. }));
    assert!(looks, "{adoption:?}");
    let halt = first.run(Goal::Nothing, 48 * HOUR, &mut Stop::never()).await.unwrap();
    assert_eq!(halt, Halt::Parked);
    assert!(
        matches!(reason(&first), Some(ParkReason::NamedElsewhere { .. })),
        "{:?}",
        reason(&first)
    );
    assert!(one.tenant.alive(&shared), "consumers of a secret that is only looked at lost it");
    assert_served([&one, &other], "parked");
    // An operator's word that the other no longer matters retires it.
    assert_eq!(ask(&mut first, Request::Adopt).await, Halt::Reached, "{:?}", reason(&first));
    assert!(!one.tenant.alive(&shared));
    assert_eq!(first.state().last.as_ref().map(|last| last.ending), Some(Ending::Complete));
}

#[tokio::test]
async fn a_key_that_another_policy_rotates_is_adopted_on_an_operators_word_only() {
    let (one, other) = twins().await;
    let mut first = open_beside(&one, &other).await;
    first.run(Goal::Nothing, HOUR, &mut Stop::never()).await.unwrap();
    let mut second = open_beside(&other, &one).await;
    second.run(Goal::Nothing, HOUR, &mut Stop::never()).await.unwrap();
    assert_ne!(second.state().adoption, Adoption::Adopted);
    ask(&mut second, Request::Adopt).await;
    assert_eq!(second.state().adoption, Adoption::Adopted);
    let key = KeyId::new(one.store.current_key().unwrap()).unwrap();
    assert_eq!(second.state().owned.get(&key), Some(&false));
    assert_eq!(ask(&mut second, rotate()).await, Halt::Parked);
    assert_served([&one, &other], "parked");
}

#[tokio::test]
async fn a_secret_that_does_not_replay_blocks_only_keys_that_were_adopted() {
    let world = World::new();
    let first = world.store.current_key().unwrap();
    let mut engine = world.open().await.unwrap();
    engine.set_neighbours(Fixed::unreadable());
    assert_eq!(ask(&mut engine, rotate()).await, Halt::Parked);
    let parked = reason(&engine);
    let told =
        matches!(parked, Some(ParkReason::ElsewhereUnreadable { secret, .. }) if secret == "other");
    assert!(told, "{parked:?}");
    assert!(world.tenant.alive(&first));
    assert_eq!(ask(&mut engine, Request::Adopt).await, Halt::Reached, "{:?}", reason(&engine));
    assert!(!world.tenant.alive(&first));
    // The next old key was made here: nobody else can have it.
    let second = world.store.current_key().unwrap();
    assert_eq!(ask(&mut engine, rotate()).await, Halt::Reached, "{:?}", reason(&engine));
    assert!(!world.tenant.alive(&second));
}

#[tokio::test]
async fn a_leak_of_a_key_that_another_policy_names_goes_on_when_an_operator_says_so() {
    let world = World::new();
    let first = world.store.current_key().unwrap();
    let mut engine = world.open().await.unwrap();
    engine.run(Goal::Nothing, HOUR, &mut Stop::never()).await.unwrap();
    engine.set_neighbours(Fixed::naming(&first));
    let report = leak(engine.state(), false);
    assert_eq!(ask(&mut engine, report).await, Halt::Parked);
    let parked = reason(&engine);
    let named = matches!(
        parked,
        Some(ParkReason::PreflightRefused { refusal: Refusal::NamedElsewhere { .. } })
    );
    assert!(named, "{parked:?}");
    assert_eq!(ask(&mut engine, Request::Adopt).await, Halt::Reached, "{:?}", reason(&engine));
    assert!(!world.tenant.alive(&first));
    assert!(engine.state().requests.leak.is_none());
    assert_served([&world, &world], "the end");
}

/// What other policies are told while one moves from key to key.
#[tokio::test]
async fn the_old_key_is_named_until_its_drain_is_over() {
    let world = World::new();
    let old = KeyId::new(world.store.current_key().unwrap()).unwrap();
    let told: Arc<Mutex<Vec<(Phase, bool)>>> = Arc::default();
    let mut engine = world.open().await.unwrap();
    engine.request(rotate(), tester()).await.unwrap();
    for _ in 0..10_000 {
        if let Some(open) = &engine.state().rotation {
            told.lock().unwrap().push((open.phase, named(engine.state()).contains(&old)));
        }
        match engine.turn().await.unwrap() {
            rekeyd::engine::Turn::Waiting { ms, .. } => world.pass(ms),
            rekeyd::engine::Turn::Moved => {}
            rekeyd::engine::Turn::Resting => break,
        }
    }
    for (phase, is_named) in told.lock().unwrap().iter() {
        assert_eq!(*is_named, *phase <= Phase::Promoted, "at {}", phase.name());
    }
    assert!(told.lock().unwrap().iter().any(|(phase, _)| *phase == Phase::Deleted));
    let new = KeyId::new(world.store.current_key().unwrap()).unwrap();
    assert_eq!(named(engine.state()), [new].into());
}
