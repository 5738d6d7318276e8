//! Policies of one group rotate one after the other, with the spacing between (F19). A leak waits for
//! none of them.

use std::sync::Arc;

use async_trait::async_trait;
use rekeyd::domain::facts::Elsewhere;
use rekeyd::domain::ids::{GroupName, PolicyName};
use rekeyd::domain::neighbours::fellow;
use rekeyd::domain::plan::WaitFor;
use rekeyd::domain::policy::Group;
use rekeyd::domain::state::{Event, Request, Trigger, Withheld};
use rekeyd::engine::{Engine, Goal, Halt, Stop, Turn, replay};
use rekeyd::port::{JournalError, Neighbours};
use rekeyd::sandbox::SERVICE_ACCOUNT;

use crate::world::{HOUR, World, leak, rotate, tester};

/// The other policy of the group, by its journal.
struct Beside(World);

#[async_trait]
impl Neighbours for Beside {
    async fn look(&self) -> Result<Elsewhere, JournalError> {
        let (state, _) = replay(&self.0, &World::stream()).await.unwrap();
        let fellows = vec![fellow(self.0.rules.policy.to_string(), &state)];
        Ok(Elsewhere { fellows, ..Elsewhere::default() })
    }
}

/// Two secrets of one account, each with a key of its own.
fn pair() -> (World, World) {
    let mut one = World::new();
    let name = GroupName::new("netsuite").unwrap();
    one.rules.pace.group = Some(Group { name, spacing_ms: 2 * HOUR });
    let mut other = one.clone();
    other.store = Arc::default();
    other.journal = Arc::default();
    other.rules.policy = PolicyName::new("other").unwrap();
    let minted = one.tenant.mint(SERVICE_ACCOUNT).unwrap();
    other.store.put_by_hand("v-other", &minted.client_id, &minted.client_secret);
    (one, other)
}

async fn adopted_beside(world: &World, other: &World) -> Engine {
    let mut engine = world.adopted().await;
    engine.set_neighbours(Arc::new(Beside(other.clone())));
    engine
}

/// Turn by turn, side by side, until nothing is open; never are both open.
async fn to_the_end(world: &World, engines: &mut [Engine; 2]) {
    for _ in 0..2_000 {
        let mut waits: [Option<i64>; 2] = [None; 2];
        while waits.contains(&None) {
            for (engine, wait) in engines.iter_mut().zip(&mut waits).filter(|(_, w)| w.is_none()) {
                *wait = match engine.turn().await.unwrap() {
                    Turn::Moved => None,
                    Turn::Waiting { ms, .. } => Some(ms),
                    Turn::Resting => Some(i64::MAX),
                };
            }
            let open = engines.iter().filter(|engine| engine.state().rotation.is_some()).count();
            assert!(open < 2, "both rotate at once");
        }
        match waits.into_iter().flatten().min() {
            Some(i64::MAX) | None => return,
            Some(ms) => world.pass(ms),
        }
    }
    let told: Vec<_> = engines
        .iter()
        .map(|engine| {
            let state = engine.state();
            let phase = state.rotation.as_ref().map(|open| open.phase.name());
            (phase, state.claim.is_some(), state.withheld.clone(), state.parked.clone())
        })
        .collect();
    panic!("they wait for each other for ever: {told:#?}");
}

/// When the rotation started and ended, in milliseconds since the worlds began.
fn span(world: &World) -> (i64, i64) {
    let story = world.journal.story();
    let at = |wanted: fn(&Event) -> bool| {
        let found: Vec<i64> =
            story.iter().filter(|(_, event)| wanted(event)).map(|(at_ms, _)| *at_ms).collect();
        assert_eq!(found.len(), 1, "{}: {found:?}", world.rules.policy);
        found[0]
    };
    let started = at(|event| matches!(event, Event::Started { .. }));
    (started, at(|event| matches!(event, Event::Ended { .. })))
}

#[tokio::test]
async fn f19_two_that_are_due_together_rotate_one_after_the_other() {
    for first in [0, 1] {
        let (one, other) = pair();
        let mut engines = [adopted_beside(&one, &other).await, adopted_beside(&other, &one).await];
        if first == 1 {
            engines.reverse();
        }
        for engine in &mut engines {
            let due = Request::Rotate { trigger: Trigger::Schedule };
            engine.request(due, tester()).await.unwrap();
        }
        to_the_end(&one, &mut engines).await;
        let (mine, theirs) = (span(&one), span(&other));
        let (earlier, later) = if mine < theirs { (mine, theirs) } else { (theirs, mine) };
        let apart_ms = later.0 - earlier.1;
        assert!((2 * HOUR..3 * HOUR).contains(&apart_ms), "{apart_ms} ms apart");
    }
}

#[tokio::test]
async fn f19_one_that_took_its_claim_first_goes_first_whatever_its_name() {
    for (first, second) in [(0, 1), (1, 0)] {
        let (one, other) = pair();
        let mut engines = [adopted_beside(&one, &other).await, adopted_beside(&other, &one).await];
        for engine in &mut engines {
            engine.request(rotate(), tester()).await.unwrap();
        }
        while engines[first].state().claim.is_none() {
            engines[first].turn().await.unwrap();
        }
        one.pass(1_000);
        // The other one looked before that claim, so to speak: it comes as far as it can.
        while !matches!(engines[second].turn().await.unwrap(), Turn::Waiting { .. }) {
            assert!(engines[second].state().rotation.is_none());
        }
        to_the_end(&one, &mut engines).await;
        let spans = [span(&one), span(&other)];
        assert!(spans[first].0 < spans[second].0, "{spans:?}");
    }
}

#[tokio::test]
async fn f19_a_person_waits_for_the_group_and_is_told_for_whom_and_a_leak_does_not() {
    let (one, other) = pair();
    let mut engines = [adopted_beside(&one, &other).await, adopted_beside(&other, &one).await];
    let [first, second] = &mut engines;
    first.request(rotate(), tester()).await.unwrap();
    first.run(Goal::Current, HOUR, &mut Stop::never()).await.unwrap();
    second.request(rotate(), tester()).await.unwrap();
    let halt = second.run(Goal::Current, 600_000, &mut Stop::never()).await.unwrap();
    assert!(matches!(halt, Halt::Waiting { reason: WaitFor::Group, .. }), "{halt:?}");
    let Some(Withheld::Group { policy, until_ms: None, .. }) = &second.state().withheld else {
        panic!("{:?}", second.state().withheld);
    };
    assert_eq!(policy, "netsuite-sync");
    assert!(second.state().rotation.is_none());
    let old = other.store.current_key().unwrap();
    let report = leak(second.state(), false);
    second.request(report, tester()).await.unwrap();
    second.run(Goal::SuspectsDead, HOUR, &mut Stop::never()).await.unwrap();
    assert!(!other.tenant.alive(&old));
    assert!(first.state().rotation.is_some());
}
