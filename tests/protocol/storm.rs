//! A seeded storm: everything of the walk, and clocks that step, machines that reboot, appends that
//! fail, lists that lag, people who kill, move, and put keys, kill-first, another actor. Judged by
//! what holds whatever people do: no key of ours is forgotten, none of theirs is touched, no
//! suspect lives on unnoticed, a key that could serve does, and nothing is asked for ever.

use std::collections::BTreeSet;

use rekeyd::domain::ids::KeyId;
use rekeyd::domain::state::{Event, Origin, Request, State};
use rekeyd::engine::{EngineError, Goal, Halt, Stop};
use rekeyd::port::JournalError;
use rekeyd::sandbox::{CallKind, Edit, Fault as IssuerFault, PERSON, SERVICE_ACCOUNT, What};

use crate::walk::{Dice, issuer_fault, seeds, store_fault};
use crate::world::{HOUR, SECOND, World, leak, leak_of, rotate, tester};

const YEAR: i64 = 365 * 24 * HOUR;

struct Storm {
    world: World,
    dice: Dice,
    /// Keys of people who have nothing to do with us.
    theirs: Vec<String>,
    /// Keys of the service account that people minted.
    puts: BTreeSet<String>,
}

impl Storm {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed ^ 0x5707_2a11);
        let mut world = World::new();
        // Ours from its adoption on, and not before.
        let puts = world.store.current_key().into_iter().collect();
        if dice.below(3) == 0 {
            world.name_an_actor();
        }
        let extended = dice.below(2) == 0;
        world.store.extended_lists.store(extended, std::sync::atomic::Ordering::SeqCst);
        world.poll();
        Self { world, dice, theirs: Vec::new(), puts }
    }

    fn trouble(&mut self) {
        let dice = &mut self.dice;
        for _ in 0..dice.below(3) {
            self.world.tenant.add_fault(issuer_fault(dice)).unwrap();
        }
        if dice.below(2) == 0 {
            let (call, fault) = store_fault(dice);
            self.world.store.fault(call, fault);
        }
        if dice.below(4) == 0 {
            let ms = dice.pick(&[3_000, 25_000, 55_000]);
            let count = u32::try_from(1 + dice.below(60)).unwrap();
            let (on, what) = (CallKind::ApiKeys, What::StaleMs { ms });
            let fault = IssuerFault { on, nth: 1, count, key: None, what };
            self.world.tenant.add_fault(fault).unwrap();
        }
        if dice.below(5) == 0 {
            self.world.journal.refuse(u32::try_from(1 + dice.below(4)).unwrap());
        }
        match dice.below(8) {
            0 => self.world.time.set_wall_error(dice.pick(&[YEAR, -YEAR, 2 * HOUR, -2 * HOUR])),
            1 => self.world.time.set_wall_error(0),
            2 => self.world.time.reboot(dice.pick(&[SECOND, HOUR, 30 * HOUR])),
            _ => {}
        }
    }

    fn wish(&mut self, state: &State) -> Option<Request> {
        let current = self.world.store.current_key().unwrap();
        match self.dice.below(10) {
            0 => Some(leak(state, self.dice.below(2) == 0)),
            1 => Some(Request::Abort),
            2 => Some(Request::Resume),
            3 => Some(Request::Adopt),
            4 => Some(leak_of(&[&current], self.dice.below(2) == 0)),
            5 | 6 => None,
            _ => Some(rotate()),
        }
    }

    async fn live(&mut self) {
        self.trouble();
        let budget = self.dice.pick(&[60 * SECOND, HOUR, 26 * HOUR, 48 * HOUR]);
        let request = match self.world.open().await {
            Ok(engine) => self.wish(&engine.state().clone()),
            Err(error) => return assert_unwritable(&error),
        };
        self.world.crash.arm(if self.dice.below(3) == 0 { 0 } else { 1 + self.dice.below(200) });
        let done = self
            .world
            .live_or_fail(async |engine| -> Result<Halt, EngineError> {
                if let Some(request) = request {
                    engine.request(request, tester()).await?;
                }
                engine.run(Goal::Nothing, budget, &mut Stop::never()).await
            })
            .await;
        if let Some(Err(error)) = done {
            assert_unwritable(&error);
        }
        self.world.crash.arm(0);
    }

    fn people(&mut self) {
        let keys: Vec<String> = self.world.live_keys().into_iter().collect();
        let any = |dice: &mut Dice| (!keys.is_empty()).then(|| dice.pick(&keys));
        match self.dice.below(12) {
            0 => self.theirs.push(self.world.tenant.mint(PERSON).unwrap().client_id),
            1 => {
                let note = self.dice.below(1000);
                self.world.store.edit_rest(&format!("{{\"note\":{note}}}"));
            }
            2 if self.world.store.previous_key().is_some() => self.world.store.roll_back_by_hand(),
            3 => {
                if let Some(key) = any(&mut self.dice) {
                    self.world.person(&Edit::Disable { key });
                }
            }
            4 => {
                if let Some(key) = any(&mut self.dice) {
                    self.world.person(&Edit::Delete { key });
                }
            }
            5 => {
                let minted = self.world.tenant.mint(SERVICE_ACCOUNT).unwrap();
                let version = format!("v-put-{}", self.puts.len());
                self.world.store.put_by_hand(&version, &minted.client_id, &minted.client_secret);
                self.puts.insert(minted.client_id);
            }
            6 => {
                let minted = self.world.tenant.mint(SERVICE_ACCOUNT).unwrap();
                self.puts.insert(minted.client_id);
            }
            _ => {}
        }
    }

    /// Faults and people are gone; an operator says go on, and adopts what they left.
    async fn calm(&mut self) -> (Halt, State) {
        self.world.tenant.clear_faults();
        self.world.journal.refuse(0);
        self.world.time.set_wall_error(0);
        let mut engine = self.world.open().await.unwrap();
        let mut halt = self.world.go_on(&mut engine).await;
        let mut words = [Request::Resume, Request::Resume, Request::Adopt, Request::Resume].iter();
        for _ in 0..10 {
            halt = match halt {
                Halt::Parked => match words.next() {
                    Some(word) => self.world.ask(&mut engine, word.clone()).await,
                    None => break,
                },
                Halt::Troubled { .. } => self.world.go_on(&mut engine).await,
                _ => break,
            };
        }
        (halt, engine.state().clone())
    }

    fn judge(&self, halt: &Halt, state: &State, case: &str) {
        for key in &self.theirs {
            assert!(self.world.tenant.alive(key), "{case}: a person's key was touched");
        }
        let current = self.world.store.current_key().unwrap();
        let live = self.world.live_keys();
        let adopted = self.world.journal.events().into_iter().filter_map(|event| match event {
            Event::Adopted { held, .. } => Some(held.proof.key.to_string()),
            _ => None,
        });
        let adopted: BTreeSet<String> = adopted.collect();
        let known = |key: &str| {
            let id = KeyId::new(key).unwrap();
            let managed = state.keys.get(&id);
            managed.is_some_and(|m| !m.is_gone())
                || state.orphans.contains_key(&id)
                || state.open_creates() > 0
        };
        let ours = |key: &&String| !self.puts.contains(*key) || adopted.contains(*key);
        for key in live.iter().filter(ours) {
            assert!(known(key), "{case}: {key} lives and nobody remembers it; {halt:?}");
        }
        let could_serve = |key: &&String| {
            let id = KeyId::new(key.as_str()).unwrap();
            let managed = state.keys.get(&id);
            let of_rotation = state.rotation.as_ref().is_some_and(|r| {
                r.old.proof.key == id || r.new.as_ref().is_some_and(|new| new.key == id)
            });
            managed.is_some_and(|m| m.version.is_some() && m.origin != Origin::Foreign)
                && of_rotation
                && !state.is_suspect(&id)
        };
        if !live.contains(&current) && !self.puts.contains(&current) {
            let could = live.iter().find(could_serve);
            assert!(could.is_none(), "{case}: current is dead and {could:?} could serve; {halt:?}");
        }
        if *halt != Halt::Parked {
            assert_eq!(*halt, Halt::Reached, "{case}");
            for key in state.suspects.keys() {
                assert!(!live.contains(key.as_str()), "{case}: suspect {key} lives");
            }
        }
    }
}

/// Only a journal that cannot be written may end a run, never a step that does not fit.
fn assert_unwritable(error: &EngineError) {
    let EngineError::Journal(JournalError::Unwritable(_)) = error else { panic!("{error}") };
}

async fn storm(seed: u64) {
    let mut storm = Storm::new(seed);
    for _ in 0..1 + storm.dice.below(6) {
        storm.live().await;
        storm.people();
    }
    let (halt, state) = storm.calm().await;
    let case = format!("seed {seed}");
    if std::env::var_os("REKEYD_WALK_TRACE").is_some() {
        for (at_ms, event) in storm.world.journal.story() {
            eprintln!("{at_ms:>10} {event:?}");
        }
    }
    storm.judge(&halt, &state, &case);
    let events = storm.world.journal.events();
    let sent = events.iter().filter(|event| matches!(event, Event::Intended { .. })).count();
    assert!(sent <= 300, "{case}: {sent} mutations");
    assert!(events.len() <= 5_000, "{case}: {} events", events.len());
}

#[tokio::test]
async fn storms_end_with_every_key_accounted_for() {
    for seed in seeds(60) {
        storm(seed).await;
    }
}
