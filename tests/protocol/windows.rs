//! Windows and blackouts gate start, promote, and the disable of the old key; never heal, revert, or
//! kill, nothing of a leak, and no start or promote that a person asked for (R29).

use rekeyd::domain::plan::WaitFor;
use rekeyd::domain::schedule::{Openings, Window};
use rekeyd::domain::state::{Effect, Event, Phase, Request, Trigger, Withheld};
use rekeyd::engine::{Engine, Goal, Halt, Stop};
use rekeyd::sandbox::Edit;

use crate::rotation::assert_sound;
use crate::world::{HOUR, World, leak, rotate, tester};

/// The worlds begin on Friday, 2027-01-15, at 08:00 UTC.
const SATURDAY: &str = "Sat 09:00-17:00";
const TO_SATURDAY_MS: i64 = 25 * HOUR;

fn opened(window: &str) -> World {
    let mut world = World::new();
    close(&mut world, window);
    world
}

fn close(world: &mut World, window: &str) {
    world.rules.pace.openings = Openings {
        timezone: "UTC".to_owned(),
        windows: vec![Window::parse(window).unwrap()],
        blackout: Vec::new(),
    };
}

fn due() -> Request {
    Request::Rotate { trigger: Trigger::Schedule }
}

/// When each effect of this name was intended, in milliseconds since the world began.
fn when(world: &World, name: &str) -> Vec<i64> {
    let told = world.journal.story().into_iter().filter_map(|(at_ms, event)| match event {
        Event::Intended { effect, .. } if effect.name() == name => Some(at_ms),
        _ => None,
    });
    told.collect()
}

async fn for_hours(engine: &mut Engine, hours: i64) -> Halt {
    engine.run(Goal::Nothing, hours * HOUR, &mut Stop::never()).await.unwrap()
}

#[tokio::test]
async fn a_due_rotation_starts_promotes_and_disables_inside_its_window_alone() {
    let world = opened(SATURDAY);
    let mut engine = world.adopted().await;
    engine.request(due(), tester()).await.unwrap();
    let halt = for_hours(&mut engine, 1).await;
    assert!(matches!(halt, Halt::Waiting { reason: WaitFor::Window, .. }), "{halt:?}");
    assert!(when(&world, "issue").is_empty());
    let until_ms = Some(world.now_ms() + TO_SATURDAY_MS);
    assert_eq!(engine.state().withheld, Some(Withheld::Window { until_ms }));
    let halt = for_hours(&mut engine, 20 * 24).await;
    assert_sound(&world, &halt, engine.state(), "a window a week");
    let day = 24 * HOUR;
    for name in ["issue", "promote"] {
        let at = when(&world, name);
        let [at] = at.as_slice() else { panic!("{name}: {at:?}") };
        assert!((TO_SATURDAY_MS..TO_SATURDAY_MS + 8 * HOUR).contains(at), "{name} at {at}");
    }
    // The drain of a day ends outside of the window: the disable waits for the next one.
    let disabled = when(&world, "disable");
    assert!(
        disabled.iter().all(|at| (TO_SATURDAY_MS + 7 * day..).contains(at)),
        "disabled at {disabled:?}"
    );
    assert_eq!(engine.state().withheld, None);
}

#[tokio::test]
async fn what_waits_for_its_window_is_written_down_once() {
    let world = opened(SATURDAY);
    let mut engine = world.adopted().await;
    engine.request(due(), tester()).await.unwrap();
    for_hours(&mut engine, 24).await;
    for_hours(&mut engine, 1).await;
    let told = |event: &Event| matches!(event, Event::Withheld { .. });
    assert_eq!(world.journal.events().iter().filter(|event| told(event)).count(), 1);
}

#[tokio::test]
async fn a_person_waits_for_no_window_but_consumers_keep_the_old_key_until_it_opens() {
    let world = opened(SATURDAY);
    let old = world.store.current_key().unwrap();
    let mut engine = world.adopted().await;
    engine.request(rotate(), tester()).await.unwrap();
    engine.run(Goal::Current, HOUR, &mut Stop::never()).await.unwrap();
    assert_ne!(world.store.current_key(), Some(old.clone()));
    assert!(when(&world, "promote").iter().all(|at| *at < HOUR));
    // Drained on Saturday at eight; the window opens at nine.
    for_hours(&mut engine, 24).await;
    assert!(world.tenant.alive(&old));
    let halt = for_hours(&mut engine, 96).await;
    assert_sound(&world, &halt, engine.state(), "a person's rotation");
    assert!(when(&world, "disable").iter().all(|at| *at >= TO_SATURDAY_MS));
}

#[tokio::test]
async fn a_leak_waits_for_no_window() {
    let world = opened("Thu 09:00-10:00");
    let old = world.store.current_key().unwrap();
    let mut engine = world.adopted().await;
    let report = leak(engine.state(), false);
    engine.request(report, tester()).await.unwrap();
    engine.run(Goal::SuspectsDead, HOUR, &mut Stop::never()).await.unwrap();
    assert!(!world.tenant.alive(&old));
    assert!(engine.state().requests.leak.is_none());
}

#[tokio::test]
async fn a_leak_ends_the_wait_of_a_rotation_that_was_due() {
    let mut world = World::new();
    drop(world.adopted().await);
    close(&mut world, SATURDAY);
    let old = world.store.current_key().unwrap();
    let mut engine = world.open().await.unwrap();
    engine.request(due(), tester()).await.unwrap();
    for_hours(&mut engine, 1).await;
    let report = leak(engine.state(), false);
    engine.request(report, tester()).await.unwrap();
    engine.run(Goal::SuspectsDead, HOUR, &mut Stop::never()).await.unwrap();
    assert!(!world.tenant.alive(&old));
}

/// A rotation that the schedule started and whose new key is verified, with the window closed since.
async fn verified_and_closed(world: &mut World) -> Engine {
    let mut engine = world.adopted().await;
    engine.request(due(), tester()).await.unwrap();
    world.reach(&mut engine, Phase::Verified).await;
    drop(engine);
    close(world, SATURDAY);
    world.open().await.unwrap()
}

#[tokio::test]
async fn a_window_that_closes_before_the_promote_holds_it_back() {
    let mut world = World::new();
    let mut engine = verified_and_closed(&mut world).await;
    let halt = for_hours(&mut engine, 12).await;
    assert!(matches!(halt, Halt::Waiting { reason: WaitFor::Window, .. }), "{halt:?}");
    assert!(when(&world, "promote").is_empty());
    for_hours(&mut engine, 20 * 24).await;
    assert!(when(&world, "promote").iter().all(|at| *at >= TO_SATURDAY_MS));
    assert_eq!(world.live_keys().len(), 1);
}

#[tokio::test]
async fn consumers_whose_key_dies_do_not_wait_for_the_window() {
    let mut world = World::new();
    let mut engine = verified_and_closed(&mut world).await;
    for_hours(&mut engine, 1).await;
    let old = world.store.current_key().unwrap();
    world.person(&Edit::Delete { key: old.clone() });
    for_hours(&mut engine, 1).await;
    let current = world.store.current_key().unwrap();
    assert_ne!(current, old);
    assert!(world.tenant.alive(&current));
}

#[tokio::test]
async fn a_new_key_that_dies_outside_of_the_window_is_taken_back_at_once() {
    let mut world = World::new();
    drop(verified_and_closed(&mut world).await);
    let old = world.store.current_key().unwrap();
    let mut always = world.clone();
    always.rules = World::new().rules;
    let mut engine = always.open().await.unwrap();
    always.reach(&mut engine, Phase::Promoted).await;
    drop(engine);
    let mut engine = world.open().await.unwrap();
    world.person(&Edit::Delete { key: world.store.current_key().unwrap() });
    for_hours(&mut engine, 1).await;
    assert_eq!(world.store.current_key(), Some(old));
}

#[tokio::test]
async fn an_abort_waits_for_no_window() {
    let mut world = World::new();
    let mut engine = verified_and_closed(&mut world).await;
    engine.request(Request::Abort, tester()).await.unwrap();
    for_hours(&mut engine, 12).await;
    assert!(engine.state().rotation.is_none());
    let promoted = |effect: &Effect| matches!(effect, Effect::Promote { .. });
    let intents = world.journal.events();
    let mut effects = intents.iter().filter_map(|event| match event {
        Event::Intended { effect, .. } => Some(effect),
        _ => None,
    });
    assert!(!effects.any(promoted));
}
