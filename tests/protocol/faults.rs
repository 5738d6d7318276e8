//! Lost, late, and refused replies at every mutation.

use rekeyd::domain::state::{Ending, Phase, Request};
use rekeyd::engine::{Goal, Halt, Stop};
use rekeyd::sandbox::{CallKind, Fault as IssuerFault, What};

use crate::rotation::assert_sound;
use crate::world::{Call, Fault, HOUR, SECOND, World, leak, rotate, tester};

async fn rotated(world: &World) -> (Halt, rekeyd::domain::state::State) {
    world.poll();
    let mut engine = world.open().await.unwrap();
    engine.request(rotate(), tester()).await.unwrap();
    let halt = engine.run(Goal::Nothing, 96 * HOUR, &mut Stop::never()).await.unwrap();
    (halt, engine.state().clone())
}

#[tokio::test]
async fn a_lost_or_late_reply_of_the_store_breaks_nobody() {
    for call in [Call::Stage, Call::Promote, Call::Unstage, Call::DropPrevious] {
        for fault in [
            Fault::LostBefore,
            Fault::LostAfter,
            Fault::Late { after_ms: 5 * SECOND },
            Fault::Late { after_ms: 300 * SECOND },
            Fault::Throttled,
        ] {
            let case = format!("{fault:?} at {call:?}");
            let world = World::new();
            world.store.fault(call, fault);
            let (halt, state) = rotated(&world).await;
            assert_sound(&world, &halt, &state, &case);
            assert_eq!(halt, Halt::Reached, "{case}: {:?}", state.parked);
            assert_eq!(state.last.map(|l| l.ending), Some(Ending::Complete), "{case}");
            assert_eq!(world.counted().failures, 0, "{case}");
        }
    }
}

#[tokio::test]
async fn a_lost_late_or_odd_reply_of_the_issuer_breaks_nobody_and_forgets_no_key() {
    let whats = [
        What::LostBefore,
        What::LostAfter,
        What::LateLanding { after_ms: 5_000, hang_ms: 0 },
        What::LateLanding { after_ms: 300_000, hang_ms: 0 },
        What::Status { status: 429, retry_after_seconds: Some(1), after_effect: false },
        What::Status { status: 502, retry_after_seconds: None, after_effect: true },
        What::Status { status: 502, retry_after_seconds: None, after_effect: false },
        What::NullSecret,
    ];
    for on in [CallKind::CreateApiKey, CallKind::UpdateApiKey, CallKind::DeleteApiKey] {
        // The first update tries etags on the new key, the second disables the old one.
        let nth = if on == CallKind::UpdateApiKey { 2 } else { 1 };
        for (what, nth) in
            whats.iter().cloned().flat_map(|what| (1..=nth).map(move |n| (what.clone(), n)))
        {
            for extended in [false, true] {
                let case = format!("{what:?} at {on:?} {nth}, extended {extended}");
                let world = World::new();
                world.store.extended_lists.store(extended, std::sync::atomic::Ordering::SeqCst);
                let fault = IssuerFault { on, nth, count: 1, key: None, what: what.clone() };
                world.tenant.add_fault(fault).unwrap();
                let (halt, state) = rotated(&world).await;
                assert_sound(&world, &halt, &state, &case);
                assert_eq!(halt, Halt::Reached, "{case}: {:?}", state.parked);
                assert_eq!(world.counted().failures, 0, "{case}");
                let minted = world.live_keys().len();
                let reported = state.orphans_unruled().count();
                assert_eq!(minted, 1 + reported, "{case}");
                assert!(!extended || reported == 0, "{case}: creator and time prove it ours");
            }
        }
    }
}

#[tokio::test]
async fn permission_denied_ends_bounded_and_says_so() {
    for on in [CallKind::CreateApiKey, CallKind::UpdateApiKey, CallKind::DeleteApiKey] {
        let world = World::new();
        let what = What::PermissionDenied;
        let fault = IssuerFault { on, nth: 1, count: 1_000, key: None, what };
        world.tenant.add_fault(fault).unwrap();
        let (halt, state) = rotated(&world).await;
        assert_eq!(halt, Halt::Parked, "{on:?}: {state:#?}");
        let calls = world.tenant.ledger().iter().filter(|e| e.kind == on).count();
        assert!(calls <= 8, "{on:?}: {calls} calls (F5)");
        assert_eq!(world.counted().failures, 0, "{on:?}");
        world.tenant.clear_faults();
        let mut engine = world.open().await.unwrap();
        engine.request(Request::Resume, tester()).await.unwrap();
        let halt = engine.run(Goal::Nothing, 96 * HOUR, &mut Stop::never()).await.unwrap();
        assert_sound(&world, &halt, engine.state(), &format!("{on:?} resumed"));
        assert_eq!(halt, Halt::Reached, "{on:?}");
    }
}

#[tokio::test]
async fn a_store_that_denies_the_put_rolls_back_and_removes_the_new_key() {
    let world = World::new();
    for _ in 0..20 {
        world.store.fault(Call::Stage, Fault::Denied);
    }
    let (halt, state) = rotated(&world).await;
    assert_sound(&world, &halt, &state, "put denied");
    assert_eq!(state.last.as_ref().map(|l| l.ending), Some(Ending::RolledBack), "{state:#?}");
    assert_eq!(world.live_keys().len(), 1);
}

#[tokio::test]
async fn a_leak_with_any_one_lost_reply_still_kills_the_suspect() {
    let whats = [
        What::LostBefore,
        What::LostAfter,
        What::LateLanding { after_ms: 20_000, hang_ms: 0 },
        What::Status { status: 502, retry_after_seconds: None, after_effect: true },
    ];
    for on in [CallKind::CreateApiKey, CallKind::UpdateApiKey, CallKind::DeleteApiKey] {
        for what in whats.clone() {
            let case = format!("leak with {what:?} at {on:?}");
            let world = World::new();
            world.poll();
            let mut engine = world.open().await.unwrap();
            engine.run(Goal::Nothing, HOUR, &mut Stop::never()).await.unwrap();
            let fault = IssuerFault { on, nth: 1, count: 1, key: None, what: what.clone() };
            world.tenant.add_fault(fault).unwrap();
            let report = leak(engine.state(), false);
            engine.request(report, tester()).await.unwrap();
            let halt = engine.run(Goal::SuspectsDead, 24 * HOUR, &mut Stop::never()).await.unwrap();
            assert_eq!(halt, Halt::Reached, "{case}: {:#?}", engine.state());
            for key in engine.state().suspects.keys() {
                assert!(!world.tenant.alive(key.as_str()), "{case}");
            }
            for suspect in engine.state().suspects.values().filter(|_| on == CallKind::CreateApiKey)
            {
                let took = suspect.dead.as_ref().unwrap().wall_ms - suspect.reported.wall_ms;
                assert!(took < 60_000, "{case}: the kill waited {took} ms for a lost create");
            }
            let (halt, state) = world.to_the_end().await;
            assert_sound(&world, &halt, &state, &case);
            assert_eq!(world.counted().failures_after_reread, 0, "{case}");
        }
    }
}

/// A lost reply to the put left the engine believing that it still held a secret.
#[tokio::test]
async fn a_stop_after_a_lost_reply_to_the_put_is_heeded() {
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
async fn a_rollback_that_may_not_disable_is_bounded() {
    let world = World::new();
    world.poll();
    let mut engine = world.rotating(Phase::Staged).await;
    let (on, what) = (CallKind::UpdateApiKey, What::PermissionDenied);
    world.tenant.add_fault(IssuerFault { on, nth: 1, count: 1_000_000, key: None, what }).unwrap();
    world.ask(&mut engine, Request::Abort).await;
    let calls = world.tenant.ledger().iter().filter(|e| e.kind == on).count();
    assert!(calls <= 8, "{calls}");
}
