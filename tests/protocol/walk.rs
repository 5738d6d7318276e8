//! A seeded random walk: crashes, faults of issuer and store, leaks, aborts, people, in any order.
//! A seed replays a run. Judged from the tenant's and the store's truth.

use rekeyd::domain::state::{Event, Request};
use rekeyd::engine::{EngineError, Goal, Halt, Stop};
use rekeyd::sandbox::{CallKind, Edit, Fault as IssuerFault, PERSON, What};

use crate::rotation::assert_sound;
use crate::world::{Call, Fault, HOUR, SECOND, World, leak, rotate, tester};

/// SplitMix64 (Steele, Lea, Flood 2014).
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
    pub fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.below(of.len() as u64)).unwrap()].clone()
    }
}

pub fn issuer_fault(dice: &mut Dice) -> IssuerFault {
    let on = dice.pick(&[
        CallKind::CreateApiKey,
        CallKind::UpdateApiKey,
        CallKind::DeleteApiKey,
        CallKind::TokenExchange,
        CallKind::ApiKeys,
    ]);
    let lost = |after_ms| What::LateLanding { after_ms, hang_ms: 0 };
    let status =
        |status, after_effect| What::Status { status, retry_after_seconds: None, after_effect };
    let what = dice.pick(&[
        What::LostBefore,
        What::LostAfter,
        lost(4_000),
        lost(290_000),
        status(429, false),
        status(502, false),
        status(502, true),
    ]);
    let nth = u32::try_from(1 + dice.below(12)).unwrap();
    IssuerFault { on, nth, count: 1, key: None, what }
}

pub fn store_fault(dice: &mut Dice) -> (Call, Fault) {
    let call = dice.pick(&[
        Call::Stage,
        Call::Promote,
        Call::Unstage,
        Call::DropPrevious,
        Call::Claim,
        Call::Describe,
        Call::Read,
    ]);
    let fault = dice.pick(&[
        Fault::LostBefore,
        Fault::LostAfter,
        Fault::Late { after_ms: 4 * SECOND },
        Fault::Late { after_ms: 290 * SECOND },
        Fault::Throttled,
    ]);
    (call, fault)
}

/// One life of the engine: a wish, some faults, perhaps a crash.
/// `leaks`: a report may be among the wishes.
async fn live(world: &World, dice: &mut Dice, leaks: bool) {
    for _ in 0..dice.below(3) {
        world.tenant.add_fault(issuer_fault(dice)).unwrap();
    }
    if dice.below(2) == 0 {
        let (call, fault) = store_fault(dice);
        world.store.fault(call, fault);
    }
    world.crash.arm(if dice.below(3) == 0 { 0 } else { 1 + dice.below(150) });
    let wish = dice.below(7);
    let budget = dice.pick(&[60 * SECOND, HOUR, 26 * HOUR, 48 * HOUR]);
    let done = world
        .live(async |engine| -> Result<Halt, EngineError> {
            let request = match wish {
                0 if leaks => Some(leak(engine.state(), false)),
                1 => Some(Request::Abort),
                2 => Some(Request::Resume),
                3 => None,
                _ => Some(rotate()),
            };
            if let Some(request) = request {
                engine.request(request, tester()).await?;
            }
            engine.run(Goal::Nothing, budget, &mut Stop::never()).await
        })
        .await;
    if let Some(Err(error)) = done {
        panic!("{error}");
    }
    world.crash.arm(0);
}

/// Adopted, and no rotation is open.
async fn is_between_rotations(world: &World) -> bool {
    let engine = world.open().await.unwrap();
    engine.state().settled.is_some() && engine.state().rotation.is_none()
}

/// `writer`: between rotations somebody writes a credential that does not work, and nobody reports a
/// leak: of a key that is both settled and leaked nothing could be put back.
async fn walk(seed: u64, writer: bool) {
    let mut dice = Dice(seed);
    let world = World::new();
    let extended = dice.below(2) == 0;
    world.store.extended_lists.store(extended, std::sync::atomic::Ordering::SeqCst);
    world.poll();
    let mut theirs = Vec::new();
    let mut overwritten = false;
    let dead = world.tenant.mint(PERSON).unwrap().client_id;
    world.person(&Edit::Delete { key: dead.clone() });
    for _ in 0..1 + dice.below(5) {
        live(&world, &mut dice, !writer).await;
        match dice.below(6) {
            0 => theirs.push(world.tenant.mint(PERSON).unwrap().client_id),
            1 => world.store.edit_rest(&format!("{{\"note\":{}}}", dice.below(1000))),
            2 if writer && is_between_rotations(&world).await => {
                world.store.put_by_hand(
                    &format!("v-dead-{}", world.journal.events().len()),
                    &dead,
                    "old",
                );
                overwritten = true;
            }
            _ => {}
        }
    }
    world.tenant.clear_faults();
    let (mut halt, mut state) = world.to_the_end().await;
    for _ in 0..3 {
        if halt != Halt::Parked {
            break;
        }
        let mut engine = world.open().await.unwrap();
        engine.request(Request::Resume, tester()).await.unwrap();
        halt = engine.run(Goal::Nothing, 96 * HOUR, &mut Stop::never()).await.unwrap();
        state = engine.state().clone();
    }
    let case = format!("seed {seed}");
    if std::env::var_os("REKEYD_WALK_TRACE").is_some() {
        for (at_ms, event) in world.journal.story() {
            eprintln!("{at_ms:>10} {event:?}");
        }
    }
    for key in &theirs {
        assert!(world.tenant.alive(key), "{case}: a person's key was touched");
    }
    assert_sound(&world, &halt, &state, &case);
    let leaked = world
        .journal
        .events()
        .iter()
        .any(|event| matches!(event, Event::Requested { request: Request::Leak { .. }, .. }));
    let counted = world.counted();
    assert!(leaked || overwritten || counted.failures == 0, "{case}: {counted:?}");
    assert!(overwritten || counted.failures_after_reread == 0, "{case}: {counted:?}");
    if halt != Halt::Parked {
        for key in state.suspects.keys() {
            assert!(!world.tenant.alive(key.as_str()), "{case}: suspect {key} lives");
        }
    }
    let sent = world.tenant.ledger().iter().filter(|e| e.kind == CallKind::CreateApiKey).count();
    assert!(sent <= 40, "{case}: {sent} creates");
}

/// The first so many seeds, or more by hand: `REKEYD_WALK_SEEDS=0..5000`.
pub fn seeds(count: u64) -> std::ops::Range<u64> {
    std::env::var("REKEYD_WALK_SEEDS").ok().map_or(0..count, |range| {
        let (first, last) = range.split_once("..").unwrap();
        first.parse().unwrap()..last.parse().unwrap()
    })
}

#[tokio::test]
async fn random_walks_end_sound() {
    for seed in seeds(60) {
        walk(seed, false).await;
    }
}

#[tokio::test]
async fn random_walks_beside_somebody_who_writes_dead_values_end_sound() {
    for seed in seeds(60) {
        walk(seed, true).await;
    }
}
