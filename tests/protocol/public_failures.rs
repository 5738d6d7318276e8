//! What has broken in public, in other systems that rotate credentials: each row in the same spot,
//! and what we do there. The numbers are the project's list of such failures.

use rekeyd::domain::policy::{Policy, parse};
use rekeyd::domain::schedule;
use rekeyd::domain::state::{Effect, Ending, Event, Life, Phase, Refusal, Request, RequestKind};
use rekeyd::engine::{Goal, Halt, Stop};
use rekeyd::sandbox::{CallKind, Fault, What};

use crate::rotation::assert_sound;
use crate::world::{HOUR, SECOND, World, leak, rotate, tester};

fn sent(world: &World, on: CallKind) -> usize {
    world.tenant.ledger().iter().filter(|entry| entry.kind == on).count()
}

fn intents(world: &World) -> Vec<Effect> {
    let intents = world.journal.events().into_iter().filter_map(|event| match event {
        Event::Intended { effect, .. } => Some(effect),
        _ => None,
    });
    intents.collect()
}

#[tokio::test]
async fn f01_a_drain_shorter_than_what_consumers_cache_refuses_to_start() {
    let mut world = World::new();
    // The file allows it; the token's life, known after the first exchange, does not fit in.
    world.rules.drain_ms = world.rules.cache_ttl_ms;
    let mut engine = world.adopted().await;
    world.ask(&mut engine, rotate()).await;
    let refused = engine.state().refused.clone();
    assert!(matches!(refused, Some((RequestKind::Rotate, Refusal::DrainTooShort { .. }))));
    assert_eq!(sent(&world, CallKind::CreateApiKey), 0);
}

#[tokio::test]
async fn f02_the_old_key_lives_through_its_drain_and_is_disabled_before_it_is_deleted() {
    let world = World::new();
    world.poll();
    let old = world.store.current_key().unwrap();
    let mut engine = world.rotating(Phase::Promoted).await;
    engine.run(Goal::Nothing, 23 * HOUR, &mut Stop::never()).await.unwrap();
    assert!(world.tenant.alive(&old));
    world.go_on(&mut engine).await;
    let names: Vec<&str> = intents(&world).iter().map(Effect::name).collect();
    let at = |name| names.iter().position(|step| *step == name).unwrap();
    assert!(at("promote") < at("disable") && at("disable") < at("delete"), "{names:?}");
    assert_eq!(world.counted().failures, 0);
}

#[tokio::test]
async fn f05_a_refused_request_is_not_sent_for_ever() {
    let world = World::new();
    let (on, what) = (CallKind::DeleteApiKey, What::PermissionDenied);
    world.tenant.add_fault(Fault { on, nth: 1, count: 1_000_000, key: None, what }).unwrap();
    let mut engine = world.adopted().await;
    assert_eq!(world.ask(&mut engine, rotate()).await, Halt::Parked);
    engine.run(Goal::Nothing, 30 * 24 * HOUR, &mut Stop::never()).await.unwrap();
    assert!(sent(&world, on) <= 8, "{}", sent(&world, on));
}

#[tokio::test]
async fn f06_a_restart_or_a_reboot_rotates_nothing() {
    let world = World::new();
    let mut engine = world.adopted().await;
    world.ask(&mut engine, rotate()).await;
    drop(engine);
    for _ in 0..5 {
        world.time.reboot(HOUR);
        world.to_the_end().await;
    }
    assert_eq!(sent(&world, CallKind::CreateApiKey), 1);
    assert_eq!(sent(&world, CallKind::DeleteApiKey), 1);
}

fn on_schedule(schedule: &str) -> Policy {
    let text = format!(
        "[issuer.ion]\nenvironment = \"app.firstresonance.io\"\n\
         [store.file]\npath = \"/a\"\n[schedule]\n{schedule}"
    );
    parse("netsuite-sync.toml", &text).unwrap()
}

#[tokio::test]
async fn f07_an_edited_schedule_is_not_due_for_what_lies_in_its_past() {
    let mut world = World::new();
    let (weekly, daily) =
        (on_schedule("cron = \"0 3 * * SUN\""), on_schedule("cron = \"0 7 * * *\""));
    world.rules.pace.schedule = Some(schedule::digest(&weekly.schedule));
    let engine = world.adopted().await;
    assert_eq!(schedule::schedule_changed(&weekly, engine.state()), None);
    drop(engine);
    world.pass(30 * HOUR);
    // The daily line's last occurrence is an hour old; the weekly one was not due yet.
    world.rules.pace.schedule = Some(schedule::digest(&daily.schedule));
    let mut engine = world.open().await.unwrap();
    assert!(schedule::schedule_changed(&daily, engine.state()).is_some());
    assert_eq!(schedule::due(&daily, engine.state()), None);
    let now_ms = world.now_ms();
    let shown = schedule::due_as_of(&daily, engine.state(), now_ms).unwrap();
    world.go_on(&mut engine).await;
    let due = schedule::due(&daily, engine.state()).unwrap();
    assert_eq!(due, shown);
    assert_eq!(due.at_ms, now_ms + 17 * HOUR);
    assert_eq!(sent(&world, CallKind::CreateApiKey), 0);
}

#[tokio::test]
async fn f07_a_schedule_is_written_down_once_and_a_restart_changes_nothing() {
    let mut world = World::new();
    let weekly = on_schedule("cron = \"0 3 * * SUN\"");
    let told = |world: &World| {
        let news = |event: &Event| matches!(event, Event::Scheduled { .. });
        world.journal.events().iter().filter(|event| news(event)).count()
    };
    // As an older version left it: no schedule is known, so the first one seen is no edit.
    drop(world.adopted().await);
    world.pass(60 * HOUR);
    world.rules.pace.schedule = Some(schedule::digest(&weekly.schedule));
    for _ in 0..3 {
        let mut engine = world.open().await.unwrap();
        world.go_on(&mut engine).await;
        assert_eq!(told(&world), 1);
        // Missed while nobody looked: that is due.
        let due = schedule::due(&weekly, engine.state()).unwrap();
        assert!(due.at_ms < world.now_ms());
        assert_eq!(schedule::due_as_of(&weekly, engine.state(), world.now_ms()), Some(due));
        world.time.reboot(HOUR);
    }
    let monthly = on_schedule("every = \"1d\"");
    world.rules.pace.schedule = Some(schedule::digest(&monthly.schedule));
    let mut engine = world.open().await.unwrap();
    world.go_on(&mut engine).await;
    // A shorter period keeps its anchor.
    assert!(schedule::due(&monthly, engine.state()).unwrap().at_ms < world.now_ms());
    assert_eq!(told(&world), 2);
}

#[tokio::test]
async fn f08_no_key_calls_for_its_own_removal() {
    let world = World::new();
    let mut engine = world.adopted().await;
    world.ask(&mut engine, rotate()).await;
    let report = leak(engine.state(), false);
    world.ask(&mut engine, report).await;
    for effect in intents(&world) {
        if let Effect::Disable { actor, key, .. } | Effect::Delete { actor, key, .. } = effect {
            let rekeyd::domain::facts::Actor::Key(by) = actor else { continue };
            assert_ne!(by.key, key);
        }
    }
}

#[tokio::test]
async fn f09_a_rotation_mints_exactly_one_key() {
    let world = World::new();
    let mut engine = world.adopted().await;
    for rotations in 1..=3 {
        world.ask(&mut engine, rotate()).await;
        assert_eq!(sent(&world, CallKind::CreateApiKey), rotations);
        assert_eq!(world.live_keys().len(), 1);
    }
}

#[tokio::test]
async fn f10_a_failed_delete_keeps_the_keys_id_until_it_is_proven_gone() {
    let world = World::new();
    let old = world.store.current_key().unwrap();
    let (on, retry_after_seconds) = (CallKind::DeleteApiKey, None);
    let what = What::Status { status: 502, retry_after_seconds, after_effect: false };
    world.tenant.add_fault(Fault { on, nth: 1, count: 3, key: None, what }).unwrap();
    let mut engine = world.rotating(Phase::Soaked).await;
    engine.run(Goal::Nothing, 60 * SECOND, &mut Stop::never()).await.unwrap();
    let kept = engine.state().keys.iter().find(|(key, _)| key.as_str() == old);
    assert!(kept.is_some_and(|(_, key)| matches!(key.life, Life::Disabled { .. })), "{kept:?}");
    let halt = world.go_on(&mut engine).await;
    assert_sound(&world, &halt, engine.state(), "failed deletes");
    assert!(sent(&world, on) >= 4);
}

#[tokio::test]
async fn f11_every_change_outside_has_an_earlier_record() {
    let world = World::new();
    let mut engine = world.adopted().await;
    world.ask(&mut engine, rotate()).await;
    let changes = [CallKind::CreateApiKey, CallKind::UpdateApiKey, CallKind::DeleteApiKey];
    let outside: usize = changes.into_iter().map(|on| sent(&world, on)).sum();
    let at_issuer = |effect: &&Effect| {
        let name = effect.name();
        ["issue", "probe_etag", "disable", "enable", "delete"].contains(&name)
    };
    assert_eq!(outside, intents(&world).iter().filter(at_issuer).count());
}

#[tokio::test]
async fn f12_pending_never_dangles_after_a_roll_back() {
    for phase in [Phase::Staged, Phase::Verified, Phase::Promoted] {
        let world = World::new();
        let mut engine = world.rotating(phase).await;
        world.ask(&mut engine, Request::Abort).await;
        assert_eq!(engine.state().last.as_ref().map(|l| l.ending), Some(Ending::RolledBack));
        assert!(world.store.pending_is_current_or_absent(), "at {}", phase.name());
        let halt = world.ask(&mut engine, rotate()).await;
        assert_sound(&world, &halt, engine.state(), "the next rotation");
    }
}

#[tokio::test]
async fn f13_a_new_key_that_needs_a_moment_is_waited_for() {
    let world = World::new();
    // F13: the new key's first exchanges are refused.
    let what = What::Unauthorized;
    let key = Some(rekeyd::sandbox::NEWEST.to_owned());
    let fault = Fault { on: CallKind::TokenExchange, nth: 1, count: 3, key, what };
    world.poll();
    let mut engine = world.rotating(Phase::Staged).await;
    let newest = engine.state().rotation.as_ref().unwrap().new.as_ref().unwrap().key.to_string();
    world.tenant.add_fault(Fault { key: Some(newest), ..fault }).unwrap();
    let halt = engine.run(Goal::Nothing, 96 * HOUR, &mut Stop::never()).await.unwrap();
    assert_eq!(halt, Halt::Reached);
    assert_eq!(engine.state().last.as_ref().map(|l| l.ending), Some(Ending::Complete));
}

#[tokio::test]
async fn f15_leaked_ends_with_the_leaked_key_proven_dead() {
    let world = World::new();
    let first = world.store.current_key().unwrap();
    let mut engine = world.adopted().await;
    let report = leak(engine.state(), false);
    engine.request(report, tester()).await.unwrap();
    let halt = engine.run(Goal::SuspectsDead, HOUR, &mut Stop::never()).await.unwrap();
    assert_eq!(halt, Halt::Reached);
    assert!(!world.tenant.alive(&first));
    assert!(engine.state().suspects.values().all(|suspect| suspect.dead.is_some()));
}

#[tokio::test]
async fn f16_two_possible_orphans_stop_minting() {
    let world = World::new();
    let mut engine = world.adopted().await;
    let (on, what) = (CallKind::CreateApiKey, What::LostAfter);
    world.tenant.add_fault(Fault { on, nth: 1, count: 1_000, key: None, what }).unwrap();
    world.ask(&mut engine, rotate()).await;
    assert_eq!(engine.state().orphans_unruled().count(), 2, "{:#?}", engine.state().parked);
    assert_eq!(sent(&world, on), 2);
}

#[tokio::test]
async fn f20_a_key_rotates_itself_again_and_again() {
    let world = World::new();
    world.poll();
    let mut engine = world.adopted().await;
    for _ in 0..4 {
        let halt = world.ask(&mut engine, rotate()).await;
        assert_sound(&world, &halt, engine.state(), "self");
        assert_eq!(engine.state().last.as_ref().map(|l| l.ending), Some(Ending::Complete));
    }
    assert_eq!(world.counted().failures, 0);
}

#[tokio::test]
async fn f21_a_delete_without_an_answer_stays_an_open_question() {
    let world = World::new();
    let (on, what) = (CallKind::DeleteApiKey, What::LostBefore);
    world.tenant.add_fault(Fault { on, nth: 1, count: 1, key: None, what }).unwrap();
    let mut engine = world.rotating(Phase::Soaked).await;
    engine.run(Goal::Nothing, 60 * SECOND, &mut Stop::never()).await.unwrap();
    let open = engine.state().questions.values().map(|question| question.effect.name());
    assert_eq!(open.collect::<Vec<_>>(), ["delete"]);
    assert!(engine.state().rotation.is_some());
    let halt = world.go_on(&mut engine).await;
    assert_sound(&world, &halt, engine.state(), "asked again");
}
