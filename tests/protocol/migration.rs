//! A policy that left its secret: nothing new begins there, nor at the place that it went to before
//! the old one is forgotten (R28).

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use rekeyd::domain::facts::{Elsewhere, Place};
use rekeyd::domain::ids::{KeyId, SecretKey};
use rekeyd::domain::state::{Phase, Refusal, Request, RequestKind};
use rekeyd::engine::{EngineError, forget, replay};
use rekeyd::port::{Clock, JournalError, Neighbours};

use crate::world::{World, rotate, tester};

/// Where the policy is, as the test says.
#[derive(Clone)]
struct At(Arc<Mutex<Place>>);

impl At {
    fn new(place: Place) -> Self {
        Self(Arc::new(Mutex::new(place)))
    }
}

#[async_trait]
impl Neighbours for At {
    async fn look(&self) -> Result<Elsewhere, JournalError> {
        let place = self.0.lock().unwrap().clone();
        Ok(Elsewhere { place, ..Elsewhere::default() })
    }
}

fn moved() -> Place {
    let keys = [KeyId::new("left-behind").unwrap()].into();
    Place::Moved { secret: SecretKey::new("file:old").unwrap(), keys }
}

#[tokio::test]
async fn what_was_queued_never_starts_once_no_policy_names_the_secret() {
    let world = World::new();
    let mut engine = world.rotating(Phase::Staged).await;
    engine.request(rotate(), tester()).await.unwrap();
    engine.set_neighbours(Arc::new(At::new(Place::Departed)));
    world.ask(&mut engine, Request::Abort).await;
    let state = engine.state();
    assert!(state.rotation.is_none() && state.requests.rotate.is_none());
    assert_eq!(state.refused, Some((RequestKind::Rotate, Refusal::Departed)));
    assert_eq!(world.tenant.keys().len(), 2, "a second key was made for nobody");
}

#[tokio::test]
async fn a_moved_policy_starts_as_soon_as_the_old_place_is_forgotten() {
    let world = World::new();
    let mut engine = world.adopted().await;
    let at = At::new(moved());
    engine.set_neighbours(Arc::new(at.clone()));
    world.ask(&mut engine, rotate()).await;
    let refused = engine.state().refused.clone();
    assert!(matches!(refused, Some((RequestKind::Rotate, Refusal::Moved { .. }))), "{refused:?}");
    assert_eq!(world.tenant.keys().len(), 1);
    *at.0.lock().unwrap() = Place::Same;
    world.ask(&mut engine, rotate()).await;
    assert!(engine.state().rotation.is_none() && engine.state().refused.is_none());
    assert_eq!(world.tenant.keys().len(), 2);
}

#[tokio::test]
async fn nothing_is_forgotten_while_a_rotation_is_open_at_any_phase() {
    for phase in [Phase::Claimed, Phase::Staged, Phase::Promoted, Phase::Disabled, Phase::Soaked] {
        let world = World::new();
        drop(world.rotating(phase).await);
        let (before, position) = replay(&world, &World::stream()).await.unwrap();
        let forgotten = forget(&world, &World::stream(), &world.stamp(), tester()).await;
        assert!(matches!(forgotten, Err(EngineError::Refused(_))), "{phase:?}");
        assert_eq!(replay(&world, &World::stream()).await.unwrap(), (before, position));
    }
}

#[tokio::test]
async fn a_forgotten_secret_is_adopted_anew_and_its_left_over_keys_are_nobody_s() {
    let world = World::new();
    drop(world.adopted().await);
    let adopted = world.store.current_key().unwrap();
    forget(&world, &World::stream(), &world.stamp(), tester()).await.unwrap();
    let (state, _) = replay(&world, &World::stream()).await.unwrap();
    assert!(state.forgotten && state.keys.is_empty());
    let engine = world.adopted().await;
    assert!(!engine.state().forgotten);
    assert_eq!(engine.state().keys.keys().map(KeyId::as_str).collect::<Vec<_>>(), [adopted]);
}
