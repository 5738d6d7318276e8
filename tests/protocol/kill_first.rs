//! `--kill-first`: the suspect dies before its replacement is *current*, and we are never locked out.

use rekeyd::domain::state::{Event, Phase, Request};
use rekeyd::engine::{Engine, Goal, Halt, Stop};
use rekeyd::port::{Content, SecretStore, Which};

use crate::leaks::assert_leak_is_over;
use crate::rotation::assert_sound;
use crate::world::{HOUR, World, leak, tester};

fn sent(world: &World) -> Vec<&'static str> {
    let names = world.journal.events().into_iter().filter_map(|event| match event {
        Event::Intended { effect, .. } => Some(effect.name()),
        _ => None,
    });
    names.collect()
}

async fn kill_first(engine: &mut Engine) -> Halt {
    let report = leak(engine.state(), true);
    engine.request(report, tester()).await.unwrap();
    engine.run(Goal::SuspectsDead, HOUR, &mut Stop::never()).await.unwrap()
}

#[tokio::test]
async fn with_self_it_disables_only_after_the_new_key_is_stored() {
    let world = World::new();
    let mut engine = world.adopted().await;
    assert_eq!(kill_first(&mut engine).await, Halt::Reached);
    let sent = sent(&world);
    let at = |name| sent.iter().position(|step| *step == name).unwrap();
    assert!(at("stage") < at("disable") && at("disable") < at("promote"), "{sent:?}");
    assert_leak_is_over(&world, engine.state(), "kill first");
}

#[tokio::test]
async fn with_another_actor_it_disables_before_anything_is_minted() {
    let mut world = World::new();
    world.name_an_actor();
    let mut engine = world.adopted().await;
    let halt = kill_first(&mut engine).await;
    assert_eq!(halt, Halt::Reached, "{:#?}", engine.state());
    assert_eq!(sent(&world).first(), Some(&"disable"));
    assert_leak_is_over(&world, engine.state(), "kill first");
}

#[tokio::test]
async fn a_named_actor_that_is_the_suspect_itself_is_no_other_credential() {
    let mut world = World::new();
    drop(world.adopted().await);
    let stored = SecretStore::read(&world, &Which::Current).await.unwrap().unwrap();
    let Content::Credential { credential, .. } = stored.content else { panic!("no credential") };
    world.named_actor = Some(credential);
    world.rules.named_actor = true;
    let mut engine = world.open().await.unwrap();
    assert_eq!(kill_first(&mut engine).await, Halt::Reached);
    assert_leak_is_over(&world, engine.state(), "kill first");
}

/// Both keys of an open rotation are suspects, another credential calls the issuer: both die, and
/// the dead rotation must not bar the next.
#[tokio::test]
async fn of_both_keys_it_ends_with_a_fresh_key() {
    use Phase::{Claimed, Disabled, Drained, Issued, Promoted, Soaked, Staged, Verified};
    for phase in [Claimed, Issued, Staged, Verified, Promoted, Drained, Disabled, Soaked] {
        let case = format!("kill first at {}", phase.name());
        let mut world = World::new();
        world.name_an_actor();
        let mut engine = world.rotating(phase).await;
        let halt = kill_first(&mut engine).await;
        assert_eq!(halt, Halt::Reached, "{case}: {:#?}", engine.state());
        assert_leak_is_over(&world, engine.state(), &case);
        let (halt, state) = world.to_the_end().await;
        assert_sound(&world, &halt, &state, &case);
        assert_eq!(world.live_keys().len(), 1, "{case}");
    }
}

#[tokio::test]
async fn of_both_keys_while_rolling_back_it_ends_with_a_fresh_key() {
    for from in [Phase::Staged, Phase::Promoted] {
        let case = format!("rolled back from {}", from.name());
        let mut world = World::new();
        world.name_an_actor();
        let mut engine = world.rotating(from).await;
        engine.request(Request::Abort, tester()).await.unwrap();
        world.reach(&mut engine, Phase::RollingBack).await;
        let halt = kill_first(&mut engine).await;
        assert_eq!(halt, Halt::Reached, "{case}: {:#?}", engine.state());
        assert_leak_is_over(&world, engine.state(), &case);
        let (halt, state) = world.to_the_end().await;
        assert_sound(&world, &halt, &state, &case);
        assert_eq!(world.live_keys().len(), 1, "{case}");
    }
}
