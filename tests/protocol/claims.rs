//! The claim on a secret (R24): it stands before the first create, two journals never rotate the
//! same secret at once, and a lost reply costs no more than a moment.

use rekeyd::domain::claim::{Claim, Owner};
use rekeyd::domain::ids::RotationId;
use rekeyd::domain::state::{Adoption, ParkReason, Phase, ReadOnlyReason, Refusal, Request};
use rekeyd::engine::{Engine, Goal, Halt, Stop};
use rekeyd::sandbox::CallKind;
use uuid::Uuid;

use crate::world::{Call, Fault, HOUR, SECOND, World, leak, rotate, tester};

pub fn foreign(world: &World, ended: bool) -> Claim {
    let head = world.store.claim();
    let generation = head.map(|head| head.generation).unwrap_or_default().next();
    let owner = Owner::drawn(RotationId(Uuid::from_u128(77)));
    Claim { generation, owner, ended }
}

pub fn creates(world: &World) -> usize {
    world.tenant.ledger().iter().filter(|call| call.kind == CallKind::CreateApiKey).count()
}

/// Changes of keys that took effect.
fn changes(world: &World) -> usize {
    world.tenant.ledger().iter().filter(|call| call.effect_applied).count()
}

fn refusal(engine: &Engine) -> Option<Refusal> {
    engine.state().refused.clone().map(|(_, why)| why)
}

#[tokio::test]
async fn the_claim_is_taken_before_the_first_create_and_given_up_at_the_end() {
    let world = World::new();
    drop(world.adopted().await);
    assert_eq!(world.store.claim(), None);
    let mut engine = world.rotating(Phase::Claimed).await;
    let taken = world.store.claim().unwrap();
    assert!(!taken.ended);
    assert_eq!(creates(&world), 0);
    assert_eq!(world.go_on(&mut engine).await, Halt::Reached);
    let head = world.store.claim().unwrap();
    assert_eq!((head.owner, head.ended), (taken.owner, true));
    assert_eq!(world.ask(&mut engine, rotate()).await, Halt::Reached);
    assert_ne!(world.store.claim().unwrap().owner, taken.owner);
}

#[tokio::test]
async fn two_journals_never_rotate_one_secret_at_once() {
    let world = World::new();
    world.poll();
    let other = world.with_another_journal();
    drop(other.adopted().await);
    drop(world.adopted().await);
    let mut first = world.rotating(Phase::Issued).await;

    let mut second = other.open().await.unwrap();
    assert_eq!(other.ask(&mut second, rotate()).await, Halt::Reached);
    assert_eq!(refusal(&second), Some(Refusal::Claimed { ended: false }));
    assert_eq!(creates(&world), 1);

    assert_eq!(world.go_on(&mut first).await, Halt::Reached);
    // It knows nothing of that rotation: whose key is current now is a person's word.
    assert_eq!(other.ask(&mut second, rotate()).await, Halt::Reached);
    assert_eq!(refusal(&second), Some(Refusal::Claimed { ended: true }));
    assert_eq!(creates(&world), 1);
    other.ask(&mut second, Request::Adopt).await;
    assert_eq!(other.ask(&mut second, rotate()).await, Halt::Reached);
    assert_eq!(creates(&world), 2);
    assert_eq!(world.live_keys(), [world.store.current_key().unwrap()].into());
    assert_eq!(world.counted().failures, 0);
}

#[tokio::test]
async fn of_two_that_start_at_the_same_moment_one_mints() {
    for turns in 1..60 {
        let world = World::new();
        let other = world.with_another_journal();
        drop(other.adopted().await);
        drop(world.adopted().await);
        let (mut one, mut two) = (world.open().await.unwrap(), other.open().await.unwrap());
        one.request(rotate(), tester()).await.unwrap();
        two.request(rotate(), tester()).await.unwrap();
        for _ in 0..turns {
            one.turn().await.unwrap();
        }
        for _ in 0..200 {
            two.turn().await.unwrap();
            one.turn().await.unwrap();
        }
        let winners = [&one, &two].iter().filter(|e| e.state().rotation.is_some()).count();
        assert_eq!((winners, creates(&world)), (1, 1), "after {turns} turns");
    }
}

#[tokio::test]
async fn a_new_journal_does_not_adopt_what_another_rotated() {
    let world = World::new();
    let mut engine = world.adopted().await;
    world.ask(&mut engine, rotate()).await;
    let other = world.with_another_journal();
    let mut second = other.adopted().await;
    let looked_at = Adoption::ReadOnly(ReadOnlyReason::Claimed { ended: true });
    assert_eq!(second.state().adoption, looked_at);
    other.ask(&mut second, Request::Adopt).await;
    assert_eq!(second.state().adoption, Adoption::Adopted);
    assert!(second.state().rotation.is_none());
}

#[tokio::test]
async fn who_lost_the_claim_sends_nothing_until_an_operator_says_so() {
    for phase in [Phase::Claimed, Phase::Issued, Phase::Verified, Phase::Promoted, Phase::Soaked] {
        let world = World::new();
        world.poll();
        drop(world.adopted().await);
        let mut engine = world.rotating(phase).await;
        world.store.claim_by_another(foreign(&world, false));
        let before = world.live_keys();
        let halt = world.go_on(&mut engine).await;
        assert_eq!(halt, Halt::Parked, "{phase:?}");
        let park = engine.state().parked.as_ref().map(|park| &park.reason);
        assert_eq!(park, Some(&ParkReason::ClaimLost), "{phase:?}");
        assert_eq!(world.live_keys(), before, "{phase:?}");
        assert_eq!(world.ask(&mut engine, Request::Resume).await, Halt::Parked, "{phase:?}");
        assert_eq!(world.live_keys(), before, "{phase:?}");

        assert_eq!(world.ask(&mut engine, Request::Adopt).await, Halt::Reached, "{phase:?}");
        assert!(engine.state().rotation.is_none(), "{phase:?}");
        assert!(world.store.claim().unwrap().ended, "{phase:?}");
        assert_eq!(world.live_keys(), [world.store.current_key().unwrap()].into(), "{phase:?}");
        assert_eq!(world.counted().failures, 0, "{phase:?}");
    }
}

#[tokio::test]
async fn a_claim_without_an_answer_delays_a_leak_by_seconds() {
    let late = Fault::Late { after_ms: 100_000 };
    for fault in [Fault::LostBefore, Fault::LostAfter, Fault::Throttled, late] {
        let world = World::new();
        let mut engine = world.adopted().await;
        world.store.fault(Call::Claim, fault);
        engine.request(leak(engine.state(), false), tester()).await.unwrap();
        let begun_ms = world.now_ms();
        let halt = engine.run(Goal::SuspectsDead, HOUR, &mut Stop::never()).await.unwrap();
        assert_eq!(halt, Halt::Reached, "{fault:?}");
        assert!(
            world.now_ms() - begun_ms < 30 * SECOND,
            "{fault:?}: {}",
            world.now_ms() - begun_ms
        );
        assert_eq!(world.go_on(&mut engine).await, Halt::Reached, "{fault:?}");
        assert_eq!(world.live_keys(), [world.store.current_key().unwrap()].into(), "{fault:?}");
    }
}

#[tokio::test]
async fn a_store_that_takes_no_claim_gets_no_key() {
    let world = World::new();
    let mut engine = world.adopted().await;
    for _ in 0..20 {
        world.store.fault(Call::Claim, Fault::Denied);
    }
    assert_eq!(world.ask(&mut engine, rotate()).await, Halt::Reached);
    assert!(matches!(refusal(&engine), Some(Refusal::Trouble { .. })), "{:?}", refusal(&engine));
    assert_eq!((creates(&world), world.store.claim()), (0, None));
}

#[tokio::test]
async fn a_start_that_comes_to_nothing_holds_nobody_up() {
    let world = World::new();
    let mut engine = world.adopted().await;
    engine.request(rotate(), tester()).await.unwrap();
    while world.store.claim().is_none() {
        engine.turn().await.unwrap();
    }
    let minted = world.tenant.mint(rekeyd::sandbox::SERVICE_ACCOUNT).unwrap();
    world.store.put_by_hand("v-hand", &minted.client_id, &minted.client_secret);
    assert_eq!(world.go_on(&mut engine).await, Halt::Reached);
    assert_eq!(refusal(&engine), Some(Refusal::CurrentChanged));
    assert!(world.store.claim().unwrap().ended);
}

#[tokio::test]
async fn of_a_journal_and_its_copy_one_rotates() {
    let world = World::new();
    let mut engine = world.adopted().await;
    assert_eq!(world.ask(&mut engine, rotate()).await, Halt::Reached);
    let copy = world.with_a_copied_journal();
    assert_eq!(world.ask(&mut engine, rotate()).await, Halt::Reached);
    let mut second = copy.open().await.unwrap();
    assert_eq!(copy.ask(&mut second, rotate()).await, Halt::Reached);
    assert_eq!(refusal(&second), Some(Refusal::Claimed { ended: true }));
    assert_eq!(creates(&world), 2);
}

#[tokio::test]
async fn of_an_open_rotation_and_its_copy_on_another_machine_one_goes_on() {
    for phase in [Phase::Issued, Phase::Verified, Phase::Promoted, Phase::Disabled] {
        let world = World::new();
        world.poll();
        drop(world.adopted().await);
        let mut engine = world.rotating(phase).await;
        let copy = world.with_a_copied_journal();
        assert_eq!(world.go_on(&mut engine).await, Halt::Reached, "{phase:?}");
        let before = (world.live_keys(), world.store.current_key(), changes(&world));
        let mut second = copy.open().await.unwrap();
        copy.go_on(&mut second).await;
        let after = (world.live_keys(), world.store.current_key(), changes(&world));
        assert_eq!(after, before, "{phase:?}");
        assert_eq!(world.counted().failures, 0, "{phase:?}");
    }
}

/// The report parked, and neither `adopt` nor `resume` led out: the leaked key stayed current.
#[tokio::test]
async fn after_a_leak_an_operator_may_go_on_though_another_journal_was_at_it() {
    for ended in [false, true] {
        let world = World::new();
        let mut engine = world.adopted().await;
        let leaked = world.store.current_key().unwrap();
        world.store.claim_by_another(foreign(&world, ended));
        engine.request(leak(engine.state(), false), tester()).await.unwrap();
        engine.run(Goal::SuspectsDead, HOUR, &mut Stop::never()).await.unwrap();
        assert!(world.tenant.alive(&leaked) && engine.state().parked.is_some(), "{ended}");
        assert_eq!(world.ask(&mut engine, Request::Adopt).await, Halt::Reached, "{ended}");
        assert!(!world.tenant.alive(&leaked), "{ended}");
        assert_eq!(world.live_keys(), [world.store.current_key().unwrap()].into(), "{ended}");
    }
}

/// A suspect dies whoever holds the claim (R16), and a park for the claim is not lifted at once.
#[tokio::test]
async fn who_lost_the_claim_still_kills_and_does_not_spin() {
    for phase in [Phase::Promoted, Phase::Drained, Phase::Soaked] {
        let world = World::new();
        drop(world.adopted().await);
        let old = world.store.current_key().unwrap();
        let mut engine = world.rotating(phase).await;
        world.store.claim_by_another(foreign(&world, false));
        let before = world.journal.events().len();
        engine.request(crate::world::leak_of(&[&old], false), tester()).await.unwrap();
        engine.run(Goal::SuspectsDead, HOUR, &mut Stop::never()).await.unwrap();
        assert!(!world.tenant.alive(&old), "{phase:?}");
        let events = world.journal.events().len() - before;
        assert!(events < 200, "{phase:?}: {events} events");
    }
}
