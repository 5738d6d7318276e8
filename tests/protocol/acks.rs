//! Consumers that must say that they use the new key before the old one goes (F14).

use rekeyd::domain::ids::ConsumerName;
use rekeyd::domain::policy::parse;
use rekeyd::domain::report::{Reminder, acks_missing, due_reminder};
use rekeyd::domain::state::{Event, ParkReason, Phase, Request};
use rekeyd::engine::{Engine, Goal, Halt, Stop};

use crate::rotation::assert_sound;
use crate::world::{HOUR, World, leak, phase_of, rotate, tester};

const DAY: i64 = 24 * HOUR;

fn name(text: &str) -> ConsumerName {
    ConsumerName::new(text).unwrap()
}

fn world() -> World {
    let mut world = World::new();
    world.rules.pace.acks = ["violet-labs", "erp"].map(name).into();
    world.rules.pace.ack_deadline_ms = 7 * DAY;
    world
}

async fn days(engine: &mut Engine, days: i64) -> Halt {
    engine.run(Goal::Nothing, days * DAY, &mut Stop::never()).await.unwrap()
}

async fn ack(engine: &mut Engine, consumer: &str) {
    engine.ack(name(consumer), tester()).await.unwrap();
}

#[tokio::test]
async fn f14_the_old_key_lives_until_every_consumer_has_acked_this_rotation() {
    let world = world();
    let old = world.store.current_key().unwrap();
    let mut engine = world.adopted().await;
    engine.request(rotate(), tester()).await.unwrap();
    days(&mut engine, 3).await;
    assert_eq!(phase_of(&engine), Some(Phase::Promoted));
    ack(&mut engine, "violet-labs").await;
    ack(&mut engine, "violet-labs").await;
    days(&mut engine, 1).await;
    assert!(world.tenant.alive(&old));
    ack(&mut engine, "erp").await;
    let halt = days(&mut engine, 3).await;
    assert_sound(&world, &halt, engine.state(), "acked");
    let acked = |event: &Event| matches!(event, Event::Acked { .. });
    assert_eq!(world.journal.events().iter().filter(|event| acked(event)).count(), 2);
    // The next rotation asks for words of its own.
    engine.request(rotate(), tester()).await.unwrap();
    days(&mut engine, 3).await;
    assert_eq!(phase_of(&engine), Some(Phase::Promoted));
    assert_eq!(world.live_keys().len(), 2);
}

#[tokio::test]
async fn f14_acks_shorten_no_drain() {
    let world = world();
    let old = world.store.current_key().unwrap();
    let mut engine = world.rotating(Phase::Promoted).await;
    ack(&mut engine, "violet-labs").await;
    ack(&mut engine, "erp").await;
    engine.run(Goal::Nothing, 23 * HOUR, &mut Stop::never()).await.unwrap();
    assert!(world.tenant.alive(&old));
}

#[tokio::test]
async fn f14_at_the_deadline_it_parks_with_both_keys_alive_and_the_last_word_lifts_that() {
    let world = world();
    let mut engine = world.adopted().await;
    engine.request(rotate(), tester()).await.unwrap();
    ack_when_promoted(&world, &mut engine, "erp").await;
    assert_eq!(days(&mut engine, 8).await, Halt::Parked);
    let reason = engine.state().parked.as_ref().map(|park| park.reason.clone());
    let consumers = [name("violet-labs")].into();
    assert_eq!(reason, Some(ParkReason::AckMissing { consumers }));
    assert_eq!(world.live_keys().len(), 2);
    // To say go on without it changes nothing.
    assert_eq!(world.ask(&mut engine, Request::Resume).await, Halt::Parked);
    assert_eq!(world.live_keys().len(), 2);
    ack(&mut engine, "violet-labs").await;
    let halt = days(&mut engine, 3).await;
    assert_sound(&world, &halt, engine.state(), "acked late");
}

async fn ack_when_promoted(world: &World, engine: &mut Engine, consumer: &str) {
    world.reach(engine, Phase::Promoted).await;
    ack(engine, consumer).await;
}

#[tokio::test]
async fn f14_a_leak_of_the_old_key_waits_for_no_word() {
    let world = world();
    let old = world.store.current_key().unwrap();
    let mut engine = world.rotating(Phase::Promoted).await;
    let mut report = leak(engine.state(), false);
    if let Request::Leak { suspects, .. } = &mut report {
        suspects.retain(|key, _| key.as_str() == old);
    }
    engine.request(report, tester()).await.unwrap();
    engine.run(Goal::SuspectsDead, HOUR, &mut Stop::never()).await.unwrap();
    assert!(!world.tenant.alive(&old));
    let halt = days(&mut engine, 3).await;
    assert_sound(&world, &halt, engine.state(), "leaked while acks were missing");
}

#[tokio::test]
async fn f14_a_word_before_the_promote_is_none_and_an_abort_takes_words_back() {
    let world = world();
    let mut engine = world.rotating(Phase::Verified).await;
    assert!(engine.ack(name("erp"), tester()).await.is_err());
    ack_when_promoted(&world, &mut engine, "erp").await;
    engine.request(Request::Abort, tester()).await.unwrap();
    world.reach(&mut engine, Phase::RollingBack).await;
    assert!(engine.state().rotation.as_ref().unwrap().acked.is_empty());
    days(&mut engine, 3).await;
    assert!(engine.state().rotation.is_none());
    assert!(engine.ack(name("erp"), tester()).await.is_err());
}

#[tokio::test]
async fn f14_a_reminder_is_due_at_half_of_the_time_and_at_nine_tenths() {
    let world = world();
    let text = "[issuer.ion]\nenvironment = \"app.firstresonance.io\"\n\
                [store.file]\npath = \"/a\"\n[consumers]\nacks = [\"violet-labs\", \"erp\"]";
    let policy = parse("netsuite-sync.toml", text).unwrap();
    let mut engine = world.rotating(Phase::Promoted).await;
    let mut now = engine.clock().stamp();
    for (after_ms, reminder) in [
        (DAY, None),
        (7 * DAY / 2, Some(Reminder::Half)),
        (6 * DAY, Some(Reminder::Half)),
        (7 * DAY - 7 * DAY / 10, Some(Reminder::Last)),
    ] {
        let since_ms = engine.state().rotation.as_ref().unwrap().entered.wall_ms;
        now.wall_ms = since_ms + after_ms;
        assert_eq!(due_reminder(&policy, engine.state(), &now), reminder, "{after_ms}");
    }
    ack(&mut engine, "erp").await;
    assert_eq!(acks_missing(&policy, engine.state()), [&name("violet-labs")]);
    ack(&mut engine, "violet-labs").await;
    assert_eq!(due_reminder(&policy, engine.state(), &now), None);
}
