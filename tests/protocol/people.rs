//! People who edit while we rotate: nothing of theirs is touched, and consumers are served.

use rekeyd::domain::state::{Ending, Event, Evidence, ParkReason, Phase, Request};
use rekeyd::engine::{Goal, Halt, Stop, Turn};
use rekeyd::sandbox::{Edit, PERSON, SERVICE_ACCOUNT};

use crate::rotation::assert_sound;
use crate::world::{HOUR, World, rotate, tester};

/// Runs a rotation and lets a person act as soon as a phase is reached.
async fn disturbed(world: &World, phase: Phase, act: impl FnOnce(&World)) -> Halt {
    world.poll();
    let mut engine = world.rotating(phase).await;
    act(world);
    engine.run(Goal::Nothing, 48 * HOUR, &mut Stop::never()).await.unwrap()
}

async fn parked(world: &World) -> Option<ParkReason> {
    let engine = world.open().await.unwrap();
    engine.state().parked.as_ref().map(|p| p.reason.clone())
}

async fn ask(world: &World, request: Request) -> (Halt, rekeyd::domain::state::State) {
    let mut engine = world.open().await.unwrap();
    engine.request(request, tester()).await.unwrap();
    let halt = engine.run(Goal::Nothing, 48 * HOUR, &mut Stop::never()).await.unwrap();
    (halt, engine.state().clone())
}

#[tokio::test]
async fn an_edit_of_another_field_is_not_lost() {
    for phase in [Phase::Issued, Phase::Staged, Phase::Verified, Phase::Promoted, Phase::Disabled] {
        let world = World::new();
        let halt = disturbed(&world, phase, |w| w.store.edit_rest("{\"note\":2}")).await;
        let (_, state) = world.to_the_end().await;
        let case = format!("edit at {}", phase.name());
        assert_sound(&world, &halt, &state, &case);
        assert_eq!(halt, Halt::Reached, "{case}: {:?}", state.parked);
        assert_eq!(world.store.current_rest().as_deref(), Some("{\"note\":2}"), "{case}");
        assert_eq!(state.last.map(|l| l.ending), Some(Ending::Complete), "{case}");
        assert_eq!(world.counted().failures, 0, "{case}");
    }
}

#[tokio::test]
async fn a_credential_that_a_person_put_parks_and_is_never_overwritten() {
    for phase in [Phase::Issued, Phase::Staged, Phase::Verified, Phase::Promoted, Phase::Disabled] {
        let world = World::new();
        let theirs = world.tenant.mint(SERVICE_ACCOUNT).unwrap();
        let halt = disturbed(&world, phase, |w| {
            w.store.put_by_hand("v-theirs", &theirs.client_id, &theirs.client_secret);
        })
        .await;
        let case = format!("put at {}", phase.name());
        assert_eq!(halt, Halt::Parked, "{case}");
        assert_eq!(parked(&world).await, Some(ParkReason::CurrentChanged), "{case}");
        assert_eq!(world.store.current_key(), Some(theirs.client_id.clone()), "{case}");
        assert_eq!(world.counted().failures_after_reread, 0, "{case}");
        // `adopt` takes their key; it deletes nothing and makes nothing due.
        let live = world.live_keys();
        let (halt, state) = ask(&world, Request::Adopt).await;
        assert_eq!(halt, Halt::Reached, "{case}: {state:#?}");
        assert_eq!(world.live_keys(), live, "{case}");
        assert_eq!(state.settled.unwrap().held.proof.key.as_str(), theirs.client_id, "{case}");
        // The next rotation removes what the superseded one left.
        let (halt, state) = ask(&world, rotate()).await;
        assert_sound(&world, &halt, &state, &case);
        assert_eq!(world.live_keys().len(), 1, "{case}");
    }
}

#[tokio::test]
async fn a_dead_credential_that_a_person_put_stays_until_an_operator_says_to_go_on() {
    for phase in [Phase::Issued, Phase::Staged, Phase::Verified, Phase::Promoted, Phase::Disabled] {
        let world = World::new();
        let theirs = world.tenant.mint(SERVICE_ACCOUNT).unwrap();
        world.person(&Edit::Delete { key: theirs.client_id.clone() });
        let halt = disturbed(&world, phase, |w| {
            w.store.put_by_hand("v-theirs", &theirs.client_id, &theirs.client_secret);
        })
        .await;
        let case = format!("dead one put at {}", phase.name());
        assert_eq!(halt, Halt::Parked, "{case}");
        assert_eq!(parked(&world).await, Some(ParkReason::CurrentChanged), "{case}");
        assert_eq!(world.store.current_key(), Some(theirs.client_id.clone()), "{case}");
        let (_, state) = ask(&world, Request::Resume).await;
        assert_eq!(state.refused, None, "{case}");
        assert_ne!(world.store.current_key(), Some(theirs.client_id), "{case}");
        let (halt, state) = world.to_the_end().await;
        assert_sound(&world, &halt, &state, &case);
        assert_eq!(halt, Halt::Reached, "{case}: {:?}", state.parked);
        assert_eq!(world.live_keys().len(), 1, "{case}");
    }
}

#[tokio::test]
async fn the_new_key_deleted_by_hand_after_promote_reverts_to_the_old_one() {
    for phase in [Phase::Promoted, Phase::Disabled, Phase::Soaked] {
        let mut world = World::new();
        if phase != Phase::Promoted {
            // With `self` nobody could call the issuer any more: break-glass.
            let other = world.tenant.mint(SERVICE_ACCOUNT).unwrap();
            let key = rekeyd::domain::ids::KeyId::new(other.client_id).unwrap();
            world.named_actor =
                Some(rekeyd::domain::secret::Credential::new(key, other.client_secret.into()));
            world.rules.named_actor = true;
        }
        let first = world.store.current_key().unwrap();
        let halt = disturbed(&world, phase, |w| {
            let new = w.store.current_key().unwrap();
            w.person(&Edit::Delete { key: new });
        })
        .await;
        let (_, state) = world.to_the_end().await;
        let case = format!("new key deleted at {}", phase.name());
        assert_eq!(halt, Halt::Reached, "{case}: {:?}", state.parked);
        assert_eq!(world.store.current_key(), Some(first), "{case}");
        assert_eq!(state.last.as_ref().map(|l| l.ending), Some(Ending::RolledBack), "{case}");
        assert_sound(&world, &halt, &state, &case);
    }
}

#[tokio::test]
async fn the_old_key_deleted_by_hand_before_promote_goes_forward() {
    for phase in [Phase::Issued, Phase::Staged, Phase::Verified] {
        let world = World::new();
        let halt = disturbed(&world, phase, |w| {
            let old = w.store.current_key().unwrap();
            w.person(&Edit::Delete { key: old });
        })
        .await;
        let (_, state) = world.to_the_end().await;
        let case = format!("old key deleted at {}", phase.name());
        assert_eq!(halt, Halt::Reached, "{case}: {:?}", state.parked);
        assert_eq!(state.last.as_ref().map(|l| l.ending), Some(Ending::Complete), "{case}");
        assert_sound(&world, &halt, &state, &case);
    }
}

#[tokio::test]
async fn a_key_that_a_person_minted_in_the_crash_window_is_never_deleted() {
    let mut at = 0;
    loop {
        at += 1;
        let world = World::new();
        world.crash.arm(at);
        let done = world
            .live(async |engine| {
                engine.request(rotate(), tester()).await.unwrap();
                engine.run(Goal::Nothing, 48 * HOUR, &mut Stop::never()).await.unwrap()
            })
            .await;
        if done.is_some() {
            break;
        }
        world.crash.arm(0);
        let theirs = world.tenant.mint(SERVICE_ACCOUNT).unwrap();
        let others = world.tenant.mint(PERSON).unwrap();
        let (halt, state) = world.to_the_end().await;
        for key in [&theirs.client_id, &others.client_id] {
            assert!(world.tenant.alive(key), "killed at {at}: a person's key was touched");
        }
        let mut live = world.live_keys();
        live.remove(&theirs.client_id);
        live.remove(&world.store.current_key().unwrap());
        live.retain(|key| !state.orphans.keys().any(|o| o.as_str() == key));
        assert!(live.is_empty(), "killed at {at}: forgotten {live:?}; {halt:?}");
    }
}

#[tokio::test]
async fn abort_at_every_state_goes_back_or_says_that_it_is_too_late() {
    use Phase::{Claimed, Deleted, Disabled, Drained, Issued, Promoted, Soaked, Staged, Verified};
    for phase in [Claimed, Issued, Staged, Verified, Promoted, Drained, Disabled, Soaked, Deleted] {
        let case = format!("abort at {}", phase.name());
        let world = World::new();
        world.poll();
        let first = world.store.current_key().unwrap();
        let mut engine = world.rotating(phase).await;
        engine.request(Request::Abort, tester()).await.unwrap();
        let halt = engine.run(Goal::Nothing, 96 * HOUR, &mut Stop::never()).await.unwrap();
        let state = engine.state().clone();
        assert_sound(&world, &halt, &state, &case);
        let ending = state.last.as_ref().map(|l| l.ending);
        if phase == Deleted {
            assert_eq!(ending, Some(Ending::Complete), "{case}");
            let refused = world
                .journal
                .events()
                .into_iter()
                .any(|e| matches!(e, Event::Answered { refused: Some(_), .. }));
            assert!(refused, "{case}: not refused");
        } else {
            assert_eq!(ending, Some(Ending::RolledBack), "{case}: {state:#?}");
            assert_eq!(world.store.current_key(), Some(first), "{case}");
        }
        assert_eq!(world.counted().failures, 0, "{case}");
    }
}

#[tokio::test]
async fn a_console_roll_back_during_soak_is_healed_and_parked() {
    let world = World::new();
    let first = world.store.current_key().unwrap();
    let halt = disturbed(&world, Phase::Disabled, |w| w.store.roll_back_by_hand()).await;
    let (_, state) = world.to_the_end().await;
    assert_eq!(halt, Halt::Parked);
    assert_eq!(world.store.current_key(), Some(first.clone()));
    assert!(world.tenant.alive(&first), "our own disable was not undone: {state:#?}");
    assert_eq!(parked(&world).await, Some(ParkReason::CurrentMovedBack));
}

#[tokio::test]
async fn an_old_key_that_a_person_enabled_again_is_not_deleted() {
    let world = World::new();
    let first = world.store.current_key().unwrap();
    let halt = disturbed(&world, Phase::Disabled, |w| {
        w.person(&Edit::Enable { key: first.clone() });
    })
    .await;
    assert_eq!(halt, Halt::Parked);
    let reason = parked(&world).await;
    assert!(matches!(reason, Some(ParkReason::PinDiffers { .. })), "{reason:?}");
    assert!(world.tenant.alive(&first));
    let (halt, state) = ask(&world, Request::Resume).await;
    assert_sound(&world, &halt, &state, "resumed");
    assert!(!world.tenant.alive(&first), "resume is the word that it may go");
}

/// Found by a random walk: *current* was a version that a person had edited, so the move back did
/// not know whose drain it began, and the promoted key was disabled under its consumers.
#[tokio::test]
async fn a_revert_from_an_edited_version_gives_the_new_key_its_own_drain() {
    let world = World::new();
    world.poll();
    let mut engine = world.open().await.unwrap();
    engine.request(rotate(), tester()).await.unwrap();
    engine.run(Goal::Current, HOUR, &mut Stop::never()).await.unwrap();
    world.pass(HOUR);
    world.store.edit_rest("{\"note\":2}");
    engine.request(Request::Abort, tester()).await.unwrap();
    let halt = engine.run(Goal::Nothing, 96 * HOUR, &mut Stop::never()).await.unwrap();
    assert_sound(&world, &halt, engine.state(), "reverted");
    assert_eq!(world.counted().failures, 0, "consumers lost the key that they had cached");
    assert_eq!(world.store.current_rest().as_deref(), Some("{\"note\":2}"));
}

#[tokio::test]
async fn a_key_that_somebody_enables_again_and_again_parks_until_resume() {
    let world = World::new();
    world.poll();
    let first = world.store.current_key().unwrap();
    let mut engine = world.rotating(Phase::Drained).await;
    for _ in 0..3_000 {
        let before = world.tenant.alive(&first);
        if let Turn::Waiting { ms, .. } = engine.turn().await.unwrap() {
            if engine.state().parked.is_some() {
                break;
            }
            world.pass(ms);
        }
        if before && !world.tenant.alive(&first) {
            world.person(&Edit::Enable { key: first.clone() });
        }
    }
    assert!(engine.state().parked.is_some(), "{:#?}", engine.state());
    assert_eq!(world.ask(&mut engine, Request::Resume).await, Halt::Reached);
    assert!(!world.tenant.alive(&first));
}

/// A dead key that somebody deleted was proven gone for ever, again and again.
#[tokio::test]
async fn a_key_that_a_person_deletes_in_its_soak_is_proven_gone_once() {
    for phase in [Phase::Disabled, Phase::Soaked] {
        let world = World::new();
        world.poll();
        let old = world.store.current_key().unwrap();
        let mut engine = world.rotating(phase).await;
        world.person(&Edit::Delete { key: old.clone() });
        let halt = world.go_on(&mut engine).await;
        assert_sound(&world, &halt, engine.state(), phase.name());
        assert_eq!(halt, Halt::Reached, "{phase:?}: {:?}", engine.state().parked);
        let gone = |event: &Event| {
            matches!(event, Event::Proven { evidence: Evidence::Absent { .. }, .. })
        };
        assert_eq!(world.journal.events().iter().filter(|e| gone(e)).count(), 1, "{phase:?}");
    }
}

/// What an operator aborted was promoted all the same, when a person's dead credential was left.
#[tokio::test]
async fn a_resume_after_an_abort_goes_back_to_the_old_key_and_not_to_the_one_given_up() {
    let world = World::new();
    world.poll();
    let old = world.store.current_key().unwrap();
    let mut engine = world.rotating(Phase::Verified).await;
    engine.request(Request::Abort, tester()).await.unwrap();
    world.reach(&mut engine, Phase::RollingBack).await;
    world.store.put_by_hand("v-typed", "no-such-key", "no-such-secret");
    assert_eq!(world.go_on(&mut engine).await, Halt::Parked);
    world.ask(&mut engine, Request::Resume).await;
    assert_eq!(world.store.current_key().as_deref(), Some(old.as_str()));
    assert!(world.tenant.alive(&old));
}
