//! Creates whose answer is not true: refused although the key was made, or made under another id
//! than the answer names. Such a key is reported and never touched (R3); an honest refusal costs
//! nobody anything.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use rekeyd::domain::clocks::DateSource;
use rekeyd::domain::ids::{Etag, KeyId};
use rekeyd::domain::secret::Credential;
use rekeyd::domain::state::{Ending, Event, ParkReason, Request};
use rekeyd::engine::{Engine, Goal, Halt, Plan, Ports, Stop};
use rekeyd::port::issuer::{Changed, Minted};
use rekeyd::port::{Class, Clock, Issuer, Listing, PortError};
use rekeyd::sandbox::{CallKind, Fault, SERVICE_ACCOUNT, What};

use crate::neighbours::Fixed;
use crate::rotation::assert_sound;
use crate::world::{HOUR, SECOND, World, leak, rotate, tester};

#[derive(Clone, Copy)]
enum Says {
    /// "No", with this class.
    No(Class),
    /// "Yes", and names a key that is not there.
    AnotherKey,
}

/// The world with creates that are answered so, so many times.
struct Saying {
    world: World,
    says: Says,
    /// The create has its effect all the same.
    mints: bool,
    times: AtomicU32,
}

#[async_trait]
impl Issuer for Saying {
    async fn issue(&self, actor: &Credential) -> Result<Minted, PortError> {
        let left = self.times.load(Ordering::SeqCst);
        if left == 0 {
            return self.world.issue(actor).await;
        }
        self.times.store(left - 1, Ordering::SeqCst);
        if self.mints {
            self.world.issue(actor).await?;
        }
        match self.says {
            Says::No(class) => Err(PortError::new(class, "no").answered(true)),
            Says::AnotherKey => {
                let key = KeyId::new(format!("nobody-{left}")).unwrap();
                let credential = Credential::new(key.clone(), "secret".to_owned().into());
                Ok(Minted { key, credential: Some(credential) })
            }
        }
    }
    async fn list(&self, actor: &Credential) -> Result<Listing, PortError> {
        self.world.list(actor).await
    }
    async fn disable(
        &self,
        actor: &Credential,
        key: &KeyId,
        etag: Option<&Etag>,
    ) -> Result<Changed, PortError> {
        self.world.disable(actor, key, etag).await
    }
    async fn enable(
        &self,
        actor: &Credential,
        key: &KeyId,
        etag: Option<&Etag>,
    ) -> Result<Changed, PortError> {
        self.world.enable(actor, key, etag).await
    }
    async fn delete(
        &self,
        actor: &Credential,
        key: &KeyId,
        etag: Option<&Etag>,
    ) -> Result<(), PortError> {
        self.world.delete(actor, key, etag).await
    }
}

async fn open(world: &World, says: Says, mints: bool, times: u32) -> Engine {
    let shared = Arc::new(world.clone());
    let issuer = Saying { world: world.clone(), says, mints, times: AtomicU32::new(times) };
    let plan = Plan {
        rules: world.rules.clone(),
        stream: World::stream(),
        canaries: vec!["query { currentUser { id } }".to_owned()],
        dead_rejections: 3,
        dead_over_ms: 2_000,
    };
    let ports = Ports {
        issuer: Arc::new(issuer),
        verifier: shared.clone(),
        store: shared.clone(),
        actor: None,
        journal: shared.clone(),
        clock: shared.clone(),
        random: shared,
    };
    Engine::open(ports, plan, Arc::new(())).await.unwrap()
}

/// A world whose key is adopted, and an engine on the issuer that says so.
async fn adopted(says: Says, mints: bool, times: u32) -> (World, Engine) {
    let world = World::new();
    world.poll();
    drop(world.adopted().await);
    world.pass(600 * SECOND);
    let engine = open(&world, says, mints, times).await;
    (world, engine)
}

fn list_lags(world: &World, ms: u64) {
    let (on, what) = (CallKind::ApiKeys, What::StaleMs { ms });
    world.tenant.add_fault(Fault { on, nth: 1, count: 1_000_000, key: None, what }).unwrap();
}

fn sent(world: &World) -> usize {
    let intents = world.journal.events();
    let create = |event: &&Event| matches!(event, Event::Intended { effect, .. } if effect.name() == "issue");
    intents.iter().filter(create).count()
}

fn made(world: &World) -> usize {
    let made = |entry: &&rekeyd::sandbox::Entry| entry.kind == CallKind::CreateApiKey;
    world.tenant.ledger().iter().filter(made).count()
}

fn orphans(engine: &Engine) -> usize {
    engine.state().orphans_unruled().count()
}

fn parked(engine: &Engine) -> Option<ParkReason> {
    engine.state().parked.as_ref().map(|park| park.reason.clone())
}

fn ending(engine: &Engine) -> Option<Ending> {
    engine.state().last.as_ref().map(|last| last.ending)
}

const CLASSES: [Class; 3] = [Class::Rejected, Class::Retryable, Class::Misconfigured];

#[tokio::test]
async fn a_key_that_was_made_by_a_create_that_was_refused_was_forgotten() {
    for class in CLASSES {
        for lag_ms in [0, 50_000] {
            let case = format!("{class:?}, the list lags {lag_ms} ms");
            let (world, mut engine) = adopted(Says::No(class), true, 1).await;
            if lag_ms > 0 {
                list_lags(&world, lag_ms);
            }
            let halt = world.ask(&mut engine, rotate()).await;
            assert_sound(&world, &halt, engine.state(), &case);
            assert_eq!(ending(&engine), Some(Ending::Complete), "{case}");
            assert_eq!((orphans(&engine), sent(&world)), (1, 2), "{case}");
            let orphan = engine.state().orphans.keys().next().unwrap();
            assert!(world.tenant.alive(orphan.as_str()), "{case}: it was touched");
            assert_eq!(world.counted().failures, 0, "{case}");
        }
    }
}

#[tokio::test]
async fn every_key_of_creates_that_are_always_refused_is_reported_beside_the_park() {
    for class in CLASSES {
        for lag_ms in [0, 50_000] {
            let case = format!("{class:?}, the list lags {lag_ms} ms");
            let (world, mut engine) = adopted(Says::No(class), true, u32::MAX).await;
            if lag_ms > 0 {
                list_lags(&world, lag_ms);
            }
            engine.request(rotate(), tester()).await.unwrap();
            for _ in 0..20 {
                let halt = engine.run(Goal::Nothing, HOUR, &mut Stop::never()).await.unwrap();
                assert_eq!(halt, Halt::Parked, "{case}");
                world.pass(120 * SECOND);
            }
            assert!((2..=3).contains(&made(&world)), "{case}: {} made", made(&world));
            assert_eq!(orphans(&engine), made(&world), "{case}: {:#?}", engine.state());
            let halt = world.ask(&mut engine, Request::Abort).await;
            assert_sound(&world, &halt, engine.state(), &case);
            assert_eq!(ending(&engine), Some(Ending::RolledBack), "{case}");
        }
    }
}

/// Each was counted as never sent, so that a server which lies could be asked without end.
#[tokio::test]
async fn creates_that_were_refused_were_not_counted() {
    let (world, mut engine) = adopted(Says::No(Class::Rejected), false, 3).await;
    let begun_ms = world.now_ms();
    assert_eq!(world.ask(&mut engine, rotate()).await, Halt::Parked);
    assert_eq!(sent(&world), 3);
    assert!(world.now_ms() - begun_ms < 10 * SECOND, "an honest no is told soon");
    let (class, step) = (Class::Rejected, "issue".to_owned());
    assert_eq!(parked(&engine), Some(ParkReason::Trouble { class, step }));
    world.pass(HOUR);
    world.go_on(&mut engine).await;
    assert_eq!(sent(&world), 3, "it waits for a word");
    let halt = world.ask(&mut engine, Request::Resume).await;
    assert_sound(&world, &halt, engine.state(), "resumed");
    assert_eq!((ending(&engine), orphans(&engine)), (Some(Ending::Complete), 0));
}

#[tokio::test]
async fn a_resume_right_after_a_refusal_waits_until_the_list_tells_and_goes_on() {
    let (world, mut engine) = adopted(Says::No(Class::Rejected), false, 3).await;
    assert_eq!(world.ask(&mut engine, rotate()).await, Halt::Parked);
    let halt = world.ask(&mut engine, Request::Resume).await;
    assert_sound(&world, &halt, engine.state(), "resumed at once");
    assert_eq!((ending(&engine), orphans(&engine), sent(&world)), (Some(Ending::Complete), 0, 4));
}

#[tokio::test]
async fn a_server_that_throttles_for_a_while_needs_no_operator() {
    let (world, mut engine) = adopted(Says::No(Class::Retryable), false, 7).await;
    engine.request(rotate(), tester()).await.unwrap();
    for _ in 0..20 {
        engine.run(Goal::Nothing, 48 * HOUR, &mut Stop::never()).await.unwrap();
        world.pass(60 * SECOND);
    }
    assert_eq!((ending(&engine), orphans(&engine)), (Some(Ending::Complete), 0));
    assert_eq!(sent(&world), 8);
    assert_eq!(world.counted().failures, 0);
}

#[tokio::test]
async fn a_leak_is_answered_although_creates_are_refused_for_a_while() {
    for (class, mints) in
        [(Class::Rejected, false), (Class::Retryable, false), (Class::Rejected, true)]
    {
        let times = if mints { 2 } else { 4 };
        let (world, mut engine) = adopted(Says::No(class), mints, times).await;
        let leaked = world.store.current_key().unwrap();
        let report = leak(engine.state(), false);
        let halt = world.ask(&mut engine, report).await;
        assert_sound(&world, &halt, engine.state(), &format!("{class:?}, makes keys: {mints}"));
        assert!(!world.tenant.alive(&leaked));
        assert_eq!(world.counted().failures_after_reread, 0);
    }
}

#[tokio::test]
async fn what_others_make_during_the_drain_is_no_orphan_of_a_create_that_was_refused() {
    let (world, mut engine) = adopted(Says::No(Class::Retryable), false, 1).await;
    engine.request(rotate(), tester()).await.unwrap();
    engine.run(Goal::Nothing, HOUR, &mut Stop::never()).await.unwrap();
    // The daemon, or a timer, looks again.
    world.pass(600 * SECOND);
    engine.run(Goal::Nothing, HOUR, &mut Stop::never()).await.unwrap();
    world.tenant.mint(SERVICE_ACCOUNT).unwrap();
    world.go_on(&mut engine).await;
    assert_eq!((ending(&engine), orphans(&engine)), (Some(Ending::Complete), 0));
}

#[tokio::test]
async fn a_key_that_another_policy_names_is_no_orphan_of_a_create_that_was_refused() {
    let (world, mut engine) = adopted(Says::No(Class::Rejected), false, 3).await;
    world.ask(&mut engine, rotate()).await;
    let others = world.tenant.mint(SERVICE_ACCOUNT).unwrap().client_id;
    engine.set_neighbours(Fixed::naming(&others));
    world.ask(&mut engine, Request::Resume).await;
    assert_eq!((ending(&engine), orphans(&engine)), (Some(Ending::Complete), 0));
    assert!(world.tenant.alive(&others));
}

/// By the list's times, once a key of our own has shown that they are the server's.
#[tokio::test]
async fn a_key_that_was_made_at_another_time_is_no_orphan_where_the_list_tells_when() {
    for tells in [false, true] {
        let world = World::new();
        world.store.extended_lists.store(tells, Ordering::SeqCst);
        let boottime_ms = world.stamp().boottime_ms;
        world.dates().saw(DateSource::Api, world.now_ms(), boottime_ms);
        let mut engine = world.adopted().await;
        world.ask(&mut engine, rotate()).await;
        let mut engine = open(&world, Says::No(Class::Rejected), false, 3).await;
        assert_eq!(world.ask(&mut engine, rotate()).await, Halt::Parked);
        world.pass(600 * SECOND);
        world.tenant.mint(SERVICE_ACCOUNT).unwrap();
        world.ask(&mut engine, Request::Abort).await;
        assert_eq!(ending(&engine), Some(Ending::RolledBack));
        assert_eq!(orphans(&engine), usize::from(!tells), "tells {tells}");
    }
}

/// The id of the answer was called proven gone, and the key that was made was forgotten.
#[tokio::test]
async fn a_create_that_named_a_key_which_never_was_left_one_that_nobody_knew() {
    let (world, mut engine) = adopted(Says::AnotherKey, true, 1).await;
    let halt = world.ask(&mut engine, rotate()).await;
    assert_sound(&world, &halt, engine.state(), "another id");
    assert_eq!((ending(&engine), orphans(&engine)), (Some(Ending::RolledBack), 1));
    let said =
        |event: &Event| matches!(event, Event::Proven { key, .. } if key.as_str() == "nobody-1");
    assert!(!world.journal.events().iter().any(said), "it was called proven");
    assert_eq!(world.counted().failures, 0);
}
