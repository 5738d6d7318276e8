//! Claims that a store refuses: they are sent a bounded number of times, and then somebody is told.

use rekeyd::domain::report::parked;
use rekeyd::domain::state::{ParkReason, Phase, Request};
use rekeyd::engine::{Goal, Halt, Stop};

use crate::claims::{creates, foreign};
use crate::world::{Call, Fault, HOUR, World, leak, tester};

/// A store that refuses a leak's claim was asked for ever, or never again.
#[tokio::test]
async fn a_leak_s_refused_claim_was_not_tried_a_bounded_number_of_times() {
    let world = World::new();
    let mut engine = world.adopted().await;
    let leaked = world.store.current_key().unwrap();
    for _ in 0..20 {
        world.store.fault(Call::Claim, Fault::Denied);
    }
    engine.request(leak(engine.state(), false), tester()).await.unwrap();
    let halt = engine.run(Goal::SuspectsDead, HOUR, &mut Stop::never()).await.unwrap();
    assert_eq!(halt, Halt::Parked);
    assert!(world.store.faults_are_spent(), "given up before the twentieth try");
    assert!(world.tenant.alive(&leaked) && world.store.claim().is_none());
    let told = parked("netsuite-sync", engine.state()).unwrap();
    assert!(told.message.contains("`claim`"), "{}", told.message);
    assert_eq!(told.next_command, "rekeyd resume netsuite-sync");
    let events = world.journal.events().len();
    assert_eq!(world.go_on(&mut engine).await, Halt::Parked);
    assert_eq!((creates(&world), world.journal.events().len()), (0, events), "it waits");

    assert_eq!(world.ask(&mut engine, Request::Resume).await, Halt::Reached);
    assert!(!world.tenant.alive(&leaked));
    assert_eq!(world.live_keys(), [world.store.current_key().unwrap()].into());
}

/// In the middle of a rotation the claim was sent for ever to a store that refuses it.
#[tokio::test]
async fn a_claim_that_is_taken_again_in_the_middle_was_not_bounded() {
    for phase in [Phase::Issued, Phase::Promoted, Phase::Soaked] {
        let world = World::new();
        drop(world.adopted().await);
        let mut engine = world.rotating(phase).await;
        // Longer than one entry: the head alone says whose it is.
        for ended in [true, false, true] {
            world.store.claim_by_another(foreign(&world, ended));
        }
        assert_eq!(world.go_on(&mut engine).await, Halt::Parked, "{phase:?}");
        for _ in 0..6 {
            world.store.fault(Call::Claim, Fault::Denied);
        }
        let before = world.live_keys();
        assert_eq!(world.ask(&mut engine, Request::Adopt).await, Halt::Parked, "{phase:?}");
        let park = engine.state().parked.as_ref().map(|park| &park.reason);
        let claim = matches!(park, Some(ParkReason::Trouble { step, .. }) if step == "claim");
        assert!(claim && world.store.faults_are_spent(), "{phase:?}: {park:?}");
        assert_eq!(world.live_keys(), before, "{phase:?}");
        assert_eq!(world.ask(&mut engine, Request::Resume).await, Halt::Reached, "{phase:?}");
        assert!(world.store.claim().unwrap().ended, "{phase:?}");
        assert_eq!(world.live_keys(), [world.store.current_key().unwrap()].into(), "{phase:?}");
    }
}
