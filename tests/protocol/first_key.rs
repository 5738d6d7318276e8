//! A first key for a secret that holds none: minted once a word, written, adopted; and whatever is
//! lost on the way leaves no live key that nobody remembers (R31).

use std::collections::BTreeSet;
use std::sync::Arc;

use rekeyd::domain::ids::KeyId;
use rekeyd::domain::state::{
    Adoption, Event, FirstKey, ManagedKey, Origin, Refusal, Request, RequestKind, State,
};
use rekeyd::engine::{Engine, Goal, Halt, Stop};
use rekeyd::port::Verifier;
use rekeyd::sandbox::{CallKind, Fault as IssuerFault, SERVICE_ACCOUNT, What};

use crate::actor::{Narrow, open_with, world_with_actor};
use crate::world::{Call, Fault, HOUR, World, rotate, tester};

/// A secret without a value, and an account with one key that has nothing to do with it.
fn empty() -> (World, KeyId, String) {
    let (mut world, actor) = world_with_actor();
    let stranger = world.store.current_key().unwrap();
    world.store = Arc::default();
    (world, actor, stranger)
}

async fn issue(engine: &mut Engine) -> Halt {
    engine.request(Request::AdoptIssued, tester()).await.unwrap();
    engine.run(Goal::Nothing, 48 * HOUR, &mut Stop::never()).await.unwrap()
}

fn creates(world: &World) -> usize {
    let ledger = world.tenant.ledger();
    ledger.iter().filter(|entry| entry.kind == CallKind::CreateApiKey).count()
}

/// Live keys that neither *current* nor a report accounts for.
fn forgotten(world: &World, state: &State, stranger: &str) -> BTreeSet<String> {
    let mut live = world.live_keys();
    live.remove(stranger);
    live.retain(|key| Some(key) != world.store.current_key().as_ref());
    live.retain(|key| !state.orphans.keys().any(|orphan| orphan.as_str() == key));
    live
}

fn assert_adopted(world: &World, state: &State, case: &str) {
    assert_eq!(state.adoption, Adoption::Adopted, "{case}: {state:#?}");
    let current = world.store.current_key().unwrap();
    assert!(world.tenant.alive(&current), "{case}: current does not work");
    let key = KeyId::new(current).unwrap();
    assert_eq!(state.keys.get(&key).map(|k| k.origin), Some(Origin::Minted), "{case}");
    assert!(state.first.is_none() && state.questions.is_empty(), "{case}: {state:#?}");
}

#[tokio::test]
async fn a_secret_without_a_value_gets_a_key_that_rotates_like_any_other() {
    let (world, _, stranger) = empty();
    let mut engine = world.open().await.unwrap();
    assert_eq!(issue(&mut engine).await, Halt::Reached);
    assert_adopted(&world, engine.state(), "issued");
    assert_eq!(creates(&world), 1);
    let first = world.store.current_key().unwrap();
    engine.request(rotate(), tester()).await.unwrap();
    let halt = engine.run(Goal::Nothing, 48 * HOUR, &mut Stop::never()).await.unwrap();
    assert_eq!(halt, Halt::Reached, "{:?}", engine.state().parked);
    assert!(!world.tenant.alive(&first));
    assert_eq!(forgotten(&world, engine.state(), &stranger), [].into());
    // It is adopted: there is nothing to mint for.
    issue(&mut engine).await;
    let refused = engine.state().refused.clone();
    assert_eq!(refused, Some((RequestKind::Adopt, Refusal::AlreadyAdopted)));
    assert_eq!(creates(&world), 2);
}

#[tokio::test]
async fn killed_at_every_point_it_leaves_no_live_key_that_nobody_remembers() {
    for extended in [false, true] {
        let mut at = 0;
        let mut adopted = 0;
        loop {
            at += 1;
            let case = format!("extended lists {extended}, killed at point {at}");
            let (world, _, stranger) = empty();
            world.store.extended_lists.store(extended, std::sync::atomic::Ordering::SeqCst);
            world.crash.arm(at);
            if world.live(async |engine| issue(engine).await).await.is_some() {
                assert!(at > 15, "only {at} points were tried");
                break;
            }
            world.crash.arm(0);
            let (halt, state) = world.to_the_end().await;
            assert_eq!(halt, Halt::Reached, "{case}: {state:#?}");
            assert_eq!(forgotten(&world, &state, &stranger), [].into(), "{case}: {state:#?}");
            assert!(creates(&world) <= 1, "{case}: minted again without a word");
            if state.adoption == Adoption::Adopted {
                assert_adopted(&world, &state, &case);
                adopted += 1;
                continue;
            }
            // Asked again it succeeds, unless two creates in the dark await a ruling.
            let mut engine = world.open().await.unwrap();
            assert_eq!(issue(&mut engine).await, Halt::Reached, "{case}");
            assert_adopted(&world, engine.state(), &case);
            assert_eq!(forgotten(&world, engine.state(), &stranger), [].into(), "{case}");
        }
        assert!(adopted > 3, "no crash was survived");
    }
}

#[tokio::test]
async fn a_create_without_a_reply_is_not_sent_again_and_what_it_made_is_reported() {
    for (what, made) in [(What::LostBefore, 0), (What::LostAfter, 1)] {
        let (world, _, stranger) = empty();
        let lost = IssuerFault { on: CallKind::CreateApiKey, nth: 1, count: 1, key: None, what };
        world.tenant.add_fault(lost).unwrap();
        let mut engine = world.open().await.unwrap();
        assert_eq!(issue(&mut engine).await, Halt::Reached);
        let state = engine.state();
        assert_ne!(state.adoption, Adoption::Adopted);
        assert_eq!(creates(&world), 1);
        let refused = state.refused.clone();
        assert!(
            matches!(refused, Some((RequestKind::Adopt, Refusal::Trouble { .. }))),
            "{refused:?}"
        );
        assert_eq!(state.orphans.len(), made);
        assert_eq!(forgotten(&world, state, &stranger), [].into());
        assert_eq!(issue(&mut engine).await, Halt::Reached);
        assert_adopted(&world, engine.state(), "asked again");
    }
}

#[tokio::test]
async fn a_write_that_is_lost_late_or_throttled_ends_adopted() {
    let late = Fault::Late { after_ms: 100_000 };
    for call in [Call::Stage, Call::Promote] {
        for fault in [Fault::LostBefore, Fault::LostAfter, late, Fault::Throttled] {
            let case = format!("{call:?} {fault:?}");
            let (world, _, stranger) = empty();
            world.store.fault(call, fault);
            let mut engine = world.open().await.unwrap();
            assert_eq!(issue(&mut engine).await, Halt::Reached, "{case}: {:#?}", engine.state());
            assert_adopted(&world, engine.state(), &case);
            assert_eq!(creates(&world), 1, "{case}");
            assert_eq!(forgotten(&world, engine.state(), &stranger), [].into(), "{case}");
        }
    }
}

#[tokio::test]
async fn a_key_that_the_store_does_not_take_is_removed_again() {
    for (call, fault, times) in
        [(Call::Stage, Fault::Denied, 1), (Call::Stage, Fault::LostBefore, 9)]
    {
        let (world, _, stranger) = empty();
        for _ in 0..times {
            world.store.fault(call, fault);
        }
        let mut engine = world.open().await.unwrap();
        assert_eq!(issue(&mut engine).await, Halt::Reached);
        let state = engine.state();
        let refused = state.refused.clone();
        let told = matches!(&refused, Some((RequestKind::Adopt, Refusal::Trouble { step, .. })) if step == "install");
        assert!(told, "{refused:?}");
        assert_eq!(forgotten(&world, state, &stranger), [].into(), "{state:#?}");
        assert_eq!(creates(&world), 1);
        assert_eq!(world.store.current_key(), None);
        assert!(state.keys.values().all(ManagedKey::is_gone), "{state:#?}");
        assert!(world.tenant.alive(&stranger));
    }
}

#[tokio::test]
async fn a_credential_that_a_person_put_meanwhile_is_kept_and_ours_goes() {
    let (world, _, stranger) = empty();
    let mut engine = world.open().await.unwrap();
    engine.request(Request::AdoptIssued, tester()).await.unwrap();
    while !engine.state().first.as_ref().is_some_and(FirstKey::is_minted) {
        engine.turn().await.unwrap();
    }
    let theirs = world.tenant.mint(SERVICE_ACCOUNT).unwrap();
    world.store.put_by_hand("v-theirs", &theirs.client_id, &theirs.client_secret);
    let halt = engine.run(Goal::Nothing, HOUR, &mut Stop::never()).await.unwrap();
    assert_eq!(halt, Halt::Reached);
    assert_eq!(world.store.current_key(), Some(theirs.client_id));
    assert_eq!(engine.state().adoption, Adoption::Adopted);
    // What was minted is a leftover of an adopted policy now: the next rotation removes it.
    engine.request(rotate(), tester()).await.unwrap();
    let halt = engine.run(Goal::Nothing, 48 * HOUR, &mut Stop::never()).await.unwrap();
    assert_eq!(halt, Halt::Reached, "{:?}", engine.state().parked);
    assert_eq!(forgotten(&world, engine.state(), &stranger), [].into());
}

#[tokio::test]
async fn nothing_is_minted_that_could_not_be_minted_and_retired() {
    let (mut world, _, _) = empty();
    world.rules.named_actor = false;
    let mut engine = world.open().await.unwrap();
    issue(&mut engine).await;
    assert_eq!(engine.state().refused, Some((RequestKind::Adopt, Refusal::NoNamedActor)));
    assert_eq!(creates(&world), 0);

    let (world, actor, _) = empty();
    let narrow: Arc<dyn Verifier> = Arc::new(Narrow { world: world.clone(), key: actor });
    let mut engine = open_with(&world, Some(narrow), None).await;
    issue(&mut engine).await;
    let refused = engine.state().refused.clone();
    assert!(matches!(refused, Some((RequestKind::Adopt, Refusal::Rights { .. }))), "{refused:?}");
    assert_eq!(creates(&world), 0);

    let (mut world, _, _) = empty();
    world.rules.identity = Some("somebody-else@example.com".to_owned());
    let mut engine = world.open().await.unwrap();
    issue(&mut engine).await;
    let refused = engine.state().refused.clone();
    let other = matches!(refused, Some((RequestKind::Adopt, Refusal::OtherIdentity { .. })));
    assert!(other, "{refused:?}");
    assert_eq!(creates(&world), 0);
}

#[tokio::test]
async fn every_effect_of_it_has_an_earlier_intent() {
    let (world, _, _) = empty();
    let mut engine = world.open().await.unwrap();
    issue(&mut engine).await;
    let sent: Vec<&str> = world
        .journal
        .events()
        .iter()
        .filter_map(|event| match event {
            Event::Intended { effect, .. } => Some(effect.name()),
            _ => None,
        })
        .collect();
    assert_eq!(sent, ["issue", "install"]);
}

/// The minted first key was reported leaked before the store held it: it was written all the same,
/// and a create without a reply was left open behind a run that said that nothing was.
#[tokio::test]
async fn a_first_key_that_leaked_is_never_written_and_no_create_is_left_open() {
    let mut at = 0;
    loop {
        at += 1;
        let mut world = World::new();
        world.name_an_actor();
        let seeded = world.store.current_key().unwrap();
        world.store = Arc::default();
        world.crash.arm(at);
        let done = world
            .live(async |engine| {
                engine.request(Request::AdoptIssued, tester()).await.unwrap();
                engine.run(Goal::Nothing, HOUR, &mut Stop::never()).await.unwrap()
            })
            .await;
        world.crash.arm(0);
        let mut engine = world.open().await.unwrap();
        let report = crate::world::leak(engine.state(), false);
        engine.request(report, tester()).await.unwrap();
        world.go_on(&mut engine).await;
        let case = format!("killed at {at}: {:#?}", engine.state());
        assert_eq!(engine.state().open_creates(), 0, "{case}");
        for key in engine.state().suspects.keys() {
            assert!(!world.tenant.alive(key.as_str()), "{case}");
        }
        let mut live = world.live_keys();
        live.remove(&seeded);
        live.retain(|key| Some(key) != world.store.current_key().as_ref());
        live.retain(|key| !engine.state().orphans.keys().any(|o| o.as_str() == key));
        assert!(live.is_empty(), "forgotten {live:?}; {case}");
        if done.is_some() {
            assert!(at > 10, "only {at} points were tried");
            return;
        }
    }
}
