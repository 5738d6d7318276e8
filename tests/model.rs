//! The shipped `apply` and `next_step`, explored exhaustively: one crash, one lost or late reply, a
//! leak report or an abort at any moment. Small on purpose; the same functions, not a copy.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

use rekeyd::domain::claim::Claim;
use rekeyd::domain::class::Class;
use rekeyd::domain::clocks::Stamp;
use rekeyd::domain::facts::{
    Death, Elsewhere, Exchange, Fact, Holding, KeyIndex, KeyProof, ListedKey, Observed, Profile,
    Read, Right, Rights, StoreView,
};
use rekeyd::domain::ids::{Etag, KeyId, OperationId, PolicyName, RotationId, VersionId};
use rekeyd::domain::plan::{Pace, Rules, Step, WaitFor, next_step};
use rekeyd::domain::secret::{Digest, Fingerprint};
use rekeyd::domain::state::{
    Adoption, Effect, Event, Outcome, ParkReason, Phase, Request, Requester, Ruling, State,
    Trigger, apply,
};
use stateright::{Checker, Model, Property};
use uuid::Uuid;

/// What may go wrong in one exploration.
#[derive(Clone)]
struct Bounds {
    rules: Rules,
    crashes: u8,
    losses: u8,
    leaks: u8,
    aborts: u8,
    rulings: u8,
    /// Instead of a rotation: somebody writes a credential that does not work, so often.
    overwrites: u8,
    /// The policy is decommissioned instead of rotated.
    decommission: Option<Who>,
}

/// Who calls the issuer for a decommission.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Itself,
    Named,
}

/// A key that was deleted long ago.
const THEIRS: u8 = 98;
/// The named actor's key.
const NAMED: u8 = 99;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Sut {
    state: State,
    seen: Observed,
    world: World,
    now_ms: i64,
    in_memory: Option<KeyProof>,
    crashes: u8,
    losses: u8,
    leaks: u8,
    aborts: u8,
    rulings: u8,
    overwrites: u8,
    /// Consumers hold a secret that does not work, and nobody was told to break it.
    broken: bool,
    at_rest: bool,
    illegal: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct World {
    keys: BTreeMap<KeyId, Key>,
    versions: BTreeMap<VersionId, KeyProof>,
    /// Versions whose other fields somebody edited.
    edited: BTreeSet<VersionId>,
    current: Option<VersionId>,
    pending: Option<VersionId>,
    previous: Option<VersionId>,
    claim: Option<Claim>,
    late: Option<Effect>,
    late_until_ms: i64,
    minted: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    proof: KeyProof,
    enabled: bool,
    revision: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Act {
    Turn,
    /// The process dies after the intent; the request never left.
    CrashBefore,
    /// The process dies after the effect; the outcome was not journaled.
    CrashAfter,
    LostBefore,
    LostAfter,
    /// The reply is lost now; the effect lands at any later moment before quiesce.
    LostLate,
    /// A create is answered with a no; the key is made all the same.
    RefusedAfter,
    Land,
    Leak,
    Abort,
    /// A person rules that the first orphan must go.
    Rule,
    /// Somebody writes a credential that does not work, with the other fields edited or not.
    Overwrite {
        edited: bool,
    },
}

fn key(n: u8) -> KeyProof {
    let fingerprint = Fingerprint::from_bytes([n; 16]);
    KeyProof { key: KeyId::new(format!("k{n}")).unwrap(), fingerprint }
}

fn etag(revision: u8) -> Option<Etag> {
    Some(Etag::new(format!("e{revision}")).unwrap())
}

fn admin() -> Profile {
    let allowed = Right::Allowed;
    let rights = Rights { list: allowed, update: allowed, delete: allowed };
    Profile { identity: None, canaries: Vec::new(), rights }
}

impl World {
    fn new() -> Self {
        let first = key(0);
        let version = VersionId::new("v0").unwrap();
        let fresh = Key { proof: first.clone(), enabled: true, revision: 0 };
        Self {
            keys: BTreeMap::from([(first.key.clone(), fresh)]),
            versions: BTreeMap::from([(version.clone(), first)]),
            current: Some(version),
            ..Self::default()
        }
    }

    fn alive(&self, proof: &KeyProof) -> bool {
        self.keys.get(&proof.key).is_some_and(|k| k.enabled && k.proof == *proof)
    }

    fn current_proof(&self) -> Option<&KeyProof> {
        self.versions.get(self.current.as_ref()?)
    }

    /// The effect itself, with what a caller would be told; `None`: refused.
    fn take_effect(&mut self, effect: &Effect) -> Option<Outcome> {
        let done = Outcome::Done { etag: None, ours: true };
        match effect {
            Effect::Issue { .. } => {
                self.minted += 1;
                let proof = key(self.minted);
                let fresh = Key { proof: proof.clone(), enabled: true, revision: 0 };
                self.keys.insert(proof.key.clone(), fresh);
                return Some(Outcome::Minted { key: proof.key.clone(), proof: Some(proof) });
            }
            Effect::Stage { token, proof, .. } | Effect::Install { token, proof, .. } => {
                if let Effect::Stage { base, .. } = effect
                    && self.edited.contains(base)
                {
                    self.edited.insert(token.clone());
                }
                self.versions.insert(token.clone(), proof.clone());
                self.pending = Some(token.clone());
            }
            Effect::Clear { token, replaces } => {
                if self.current.as_ref() != Some(replaces) {
                    return None;
                }
                self.previous = self.current.replace(token.clone());
            }
            Effect::Promote { from, to } => {
                if self.current.as_ref() != Some(from) {
                    return None;
                }
                self.previous = self.current.replace(to.clone());
            }
            Effect::Claim { entry } => {
                if self.claim.is_some_and(|head| head.generation >= entry.generation) {
                    return (self.claim == Some(*entry)).then_some(done);
                }
                self.claim = Some(*entry);
            }
            Effect::Unstage { version } => {
                self.pending.take_if(|pending| pending == version);
            }
            Effect::DropPrevious { version } => {
                self.previous.take_if(|previous| previous == version);
            }
            Effect::Disable { key, etag: sent, was_enabled, .. } => {
                let found = self.keys.get_mut(key).filter(|k| etag(k.revision) == *sent)?;
                found.enabled = false;
                found.revision += 1;
                return Some(Outcome::Done { etag: etag(found.revision), ours: *was_enabled });
            }
            Effect::ProbeEtag { key, etag: sent, .. } => {
                if self.keys.get(key).is_none_or(|k| etag(k.revision).as_ref() != Some(sent)) {
                    return Some(Outcome::EtagRefused);
                }
            }
            Effect::Enable { key, etag: sent, .. } => {
                let found = self.keys.get_mut(key).filter(|k| etag(k.revision) == *sent)?;
                found.enabled = true;
                found.revision += 1;
            }
            Effect::Delete { key, etag: sent, .. } => {
                self.keys.get(key).filter(|k| etag(k.revision) == *sent)?;
                self.keys.remove(key);
            }
        }
        Some(done)
    }
}

impl Sut {
    fn stamp(&self) -> Stamp {
        let now = self.now_ms;
        Stamp { wall_ms: now, boot: "boot".to_owned(), boottime_ms: now, dated: None }
    }

    fn record(&mut self, events: &[Event]) {
        let at = self.stamp();
        for event in events {
            match apply(self.state.clone(), &at, event) {
                Ok(next) => self.state = next,
                Err(_) => self.illegal = true,
            }
        }
        self.forget();
    }

    fn forget(&mut self) {
        self.seen = Observed::default();
        if self.in_memory.as_ref().is_some_and(|proof| {
            self.state.rotation.as_ref().and_then(|r| r.new_proof()) != Some(proof)
                || self.state.rotation.as_ref().is_some_and(|r| r.staged_new().is_some())
        }) {
            self.in_memory = None;
        }
    }

    fn crash(&mut self) {
        self.in_memory = None;
        self.forget();
    }

    fn look(&mut self, read: Read) {
        let world = &self.world;
        match read {
            Read::Store => {
                self.seen.store = Fact::Known(StoreView {
                    current: world.current.clone(),
                    pending: world.pending.clone(),
                    previous: world.previous.clone(),
                    claim: world.claim,
                    ..StoreView::default()
                });
            }
            Read::Version(version) => {
                let holding = world.versions.get(&version).map_or(Holding::Absent, |proof| {
                    let edited = world.edited.contains(&version);
                    let rest = Digest::of("rest", if edited { "edited" } else { "" });
                    Holding::Key { proof: proof.clone(), rest, size_bytes: 1 }
                });
                self.seen.versions.insert(version, Fact::Known(holding));
            }
            Read::Exchange(proof) => {
                let exchange = if world.alive(&proof) {
                    Exchange::Alive { token_life_ms: None }
                } else {
                    Exchange::Rejected
                };
                self.seen.exchanges.insert(proof, Fact::Known(exchange));
            }
            Read::NamedActor => {
                let named = key(NAMED);
                let alive = Exchange::Alive { token_life_ms: None };
                let exchange = if world.alive(&named) { alive } else { Exchange::Rejected };
                self.seen.named_actor = Fact::Known(exchange);
                self.seen.named_key = Some(named.key.clone());
                self.seen.named_proof = Some(named);
            }
            Read::NamedProfile => self.seen.named_profile = Fact::Known(admin()),
            Read::Profile(proof) => {
                self.seen.profiles.insert(proof, Fact::Known(admin()));
            }
            Read::Keys { .. } => {
                let keys = world.keys.iter().map(|(id, k)| {
                    let listed = ListedKey {
                        key: id.clone(),
                        etag: etag(k.revision),
                        enabled: Some(k.enabled),
                        created_ms: None,
                        created_by: None,
                    };
                    (id.clone(), listed)
                });
                self.seen.keys = Fact::Known(KeyIndex { keys: keys.collect(), complete: true });
            }
            Read::Death { dying, control } => {
                let death = if world.alive(&dying) {
                    Death::Alive
                } else if world.alive(&control) {
                    Death::Proven
                } else {
                    Death::NoControl
                };
                self.seen.deaths.insert(dying, Fact::Known(death));
            }
            Read::JournalRoom => self.seen.journal_room = Fact::Known(true),
            Read::Elsewhere => self.seen.elsewhere = Fact::Known(Elsewhere::default()),
        }
    }

    fn next(&mut self, rules: &Rules) -> Step {
        self.seen.in_memory.clone_from(&self.in_memory);
        let started = self.state.last.as_ref().map_or(1, |l| l.id.0.as_u128() + 1);
        self.seen.next_rotation = RotationId(Uuid::from_u128(started));
        next_step(rules, &self.state, &self.seen, &self.stamp())
    }

    /// Reads do not interleave with anything in this model: facts stay true until an effect.
    fn settle(&mut self, rules: &Rules) {
        loop {
            match self.next(rules) {
                Step::Look(reads) => reads.into_iter().for_each(|read| self.look(read)),
                Step::Rest | Step::Wait { reason: WaitFor::Operator, .. } => {
                    self.at_rest = true;
                    return;
                }
                _ => return,
            }
        }
    }

    fn judge(&mut self) {
        let asked_for_it = self.leaks > 0;
        let works = self.world.current_proof().is_some_and(|proof| self.world.alive(proof));
        self.broken |= !works && !asked_for_it;
    }
}

impl Model for Bounds {
    type State = Sut;
    type Action = Act;

    fn init_states(&self) -> Vec<Sut> {
        let mut sut = Sut {
            state: State::default(),
            seen: Observed::default(),
            world: World::new(),
            now_ms: 0,
            in_memory: None,
            crashes: 0,
            losses: 0,
            leaks: 0,
            aborts: 0,
            rulings: 0,
            overwrites: 0,
            broken: false,
            at_rest: false,
            illegal: false,
        };
        let by = Requester { who: "model".to_owned(), reason: None };
        let request = match self.decommission {
            Some(_) => Request::Decommission { clear_store: true },
            None => Request::Rotate { trigger: Trigger::Person },
        };
        if self.rules.named_actor {
            let named = key(NAMED);
            let fresh = Key { proof: named.clone(), enabled: true, revision: 0 };
            sut.world.keys.insert(named.key, fresh);
        }
        if self.overwrites == 0 {
            sut.record(&[Event::Requested { request, by }]);
        }
        sut.settle(&self.rules);
        vec![sut]
    }

    fn actions(&self, sut: &Sut, acts: &mut Vec<Act>) {
        if sut.world.late.is_some() {
            acts.push(Act::Land);
        }
        if sut.rulings < self.rulings && sut.state.orphans_unruled().next().is_some() {
            acts.push(Act::Rule);
        }
        let works = sut.world.current_proof().is_some_and(|proof| sut.world.alive(proof));
        if sut.overwrites < self.overwrites && sut.state.settled.is_some() && works {
            acts.extend([true, false].map(|edited| Act::Overwrite { edited }));
        }
        if sut.at_rest {
            return;
        }
        acts.push(Act::Turn);
        let open = sut.state.rotation.is_some() || sut.state.decommission.is_some();
        if sut.leaks < self.leaks && open {
            acts.push(Act::Leak);
        }
        if sut.aborts < self.aborts && open {
            acts.push(Act::Abort);
        }
        if let Step::Do(effect) = sut.clone().next(&self.rules) {
            if sut.crashes < self.crashes {
                acts.extend([Act::CrashBefore, Act::CrashAfter]);
            }
            if sut.losses < self.losses {
                acts.extend([Act::LostBefore, Act::LostAfter, Act::LostLate]);
                if matches!(effect, Effect::Issue { .. }) {
                    acts.push(Act::RefusedAfter);
                }
            }
        }
    }

    fn next_state(&self, last: &Sut, act: Act) -> Option<Sut> {
        let mut sut = last.clone();
        let by = Requester { who: "model".to_owned(), reason: None };
        match act {
            Act::Land => {
                let effect = sut.world.late.take()?;
                // Whatever it did, nobody is told.
                let _told = sut.world.take_effect(&effect);
                sut.at_rest = false;
                sut.forget();
            }
            Act::Leak => {
                sut.leaks += 1;
                let live = sut.state.keys.iter().filter(|(_, k)| !k.is_gone());
                let suspects = live.map(|(id, k)| (id.clone(), k.fingerprint)).collect();
                let request =
                    Request::Leak { suspects, kill_first: false, grace_ms: 0, since_ms: None };
                sut.record(&[Event::Requested { request, by }]);
            }
            Act::Abort => {
                sut.aborts += 1;
                sut.record(&[Event::Requested { request: Request::Abort, by }]);
            }
            Act::Rule => {
                sut.rulings += 1;
                sut.at_rest = false;
                let key = sut.state.orphans_unruled().next()?.0.clone();
                let ruling = Ruling::Delete;
                sut.record(&[Event::Ruled { key, ruling, by, carried_out_by: None }]);
            }
            Act::Overwrite { edited } => {
                sut.overwrites += 1;
                sut.at_rest = false;
                let version = VersionId::new(format!("theirs-{}", sut.overwrites)).unwrap();
                sut.world.versions.insert(version.clone(), key(THEIRS));
                if edited {
                    sut.world.edited.insert(version.clone());
                }
                sut.world.previous = sut.world.current.replace(version);
                sut.forget();
            }
            _ => self.turn(&mut sut, act),
        }
        if sut.world.late.is_some() && sut.now_ms >= sut.world.late_until_ms {
            return None; // it would have landed by now: another branch has it
        }
        if self.decommission.is_none() && self.overwrites == 0 {
            sut.judge();
        }
        sut.settle(&self.rules);
        (sut != *last).then_some(sut)
    }

    fn within_boundary(&self, sut: &Sut) -> bool {
        sut.now_ms < BOUND_MS
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("every step fits the state", |_, sut: &Sut| !sut.illegal),
            Property::always("consumers hold a secret that works", |_, sut: &Sut| !sut.broken),
            Property::always("at most three keys are minted a rotation", |_, sut: &Sut| {
                sut.state.rotation.as_ref().is_none_or(|r| r.creates <= 3)
            }),
            Property::always("no live key is forgotten at rest", |_, sut: &Sut| {
                !sut.at_rest || forgotten(sut).is_empty()
            }),
            Property::always("pending does not dangle at rest", |_, sut: &Sut| {
                !sut.at_rest
                    || sut.world.pending.is_none()
                    || sut.world.pending == sut.world.current
            }),
            Property::always("a leak ends with every suspect dead", |_, sut: &Sut| {
                !sut.at_rest || sut.state.suspects.keys().all(|id| !sut.world.keys.contains_key(id))
            }),
            Property::always("a key that must go is gone at rest", |_, sut: &Sut| {
                !sut.at_rest || sut.state.orphans.values().all(|one| one.undone().is_none())
            }),
            Property::always("nothing of this needs an operator", |_, sut: &Sut| {
                // Two creates in the dark are the one thing that asks for a ruling (R3).
                sut.state.parked.as_ref().is_none_or(|park| park.reason == ParkReason::Orphans)
            }),
            Property::always("time is bounded", |_, sut: &Sut| sut.now_ms < BOUND_MS),
            Property::eventually("it ends", |_, sut: &Sut| sut.at_rest),
            Property::always("a decommissioned key is gone at rest", |model: &Self, sut: &Sut| {
                let over = matches!(sut.state.adoption, Adoption::Retired(_));
                let gone = over && !sut.world.keys.contains_key(&key(0).key);
                let taken_back = sut.aborts > 0 && sut.world.alive(&key(0));
                model.decommission.is_none() || !sut.at_rest || gone || taken_back
            }),
            Property::always("what was overwritten works again at rest", |_, sut: &Sut| {
                let current = sut.world.current_proof();
                let works = current.is_some_and(|proof| sut.world.alive(proof));
                let previous = sut.world.previous.as_ref().and_then(|v| sut.world.versions.get(v));
                let tidy = previous.is_none_or(|proof| sut.world.alive(proof));
                let free = sut.world.claim.is_none_or(|claim| claim.ended);
                sut.overwrites == 0 || !sut.at_rest || works && tidy && free
            }),
            Property::sometimes("it comes to its end", |model: &Self, sut: &Sut| {
                if model.overwrites > 0 {
                    return sut.at_rest && sut.overwrites == model.overwrites;
                }
                let retired = matches!(sut.state.adoption, Adoption::Retired(_));
                retired || sut.state.rotation.as_ref().is_some_and(|r| r.phase == Phase::Deleted)
            }),
        ]
    }
}

impl Bounds {
    fn turn(&self, sut: &mut Sut, act: Act) {
        match sut.next(&self.rules) {
            Step::Record(events) => sut.record(&events),
            Step::Wait { ms, .. } => {
                sut.now_ms += ms.max(1);
                sut.forget();
            }
            Step::Trouble { class, step } => {
                sut.record(&[Event::Troubled { class, step, said: None }]);
                sut.now_ms += 1_000;
            }
            Step::Do(effect) => self.perform(sut, &effect, act),
            Step::Look(_) | Step::Rest => {}
        }
    }

    fn perform(&self, sut: &mut Sut, effect: &Effect, act: Act) {
        let operation = OperationId(sut.state.next_operation.0 + 1);
        sut.record(&[Event::Intended { operation, effect: effect.clone() }]);
        match act {
            Act::CrashBefore => {
                sut.crashes += 1;
                sut.crash();
            }
            Act::CrashAfter => {
                sut.crashes += 1;
                let _told = sut.world.take_effect(effect);
                sut.crash();
            }
            Act::LostBefore => sut.losses += 1,
            Act::LostAfter => {
                sut.losses += 1;
                let _told = sut.world.take_effect(effect);
            }
            Act::RefusedAfter => {
                sut.losses += 1;
                let _told = sut.world.take_effect(effect);
                let outcome = Outcome::Refused { class: Class::Rejected };
                sut.record(&[Event::Settled { operation, outcome }]);
            }
            Act::LostLate => {
                sut.losses += 1;
                sut.world.late = Some(effect.clone());
                sut.world.late_until_ms = sut.now_ms + self.rules.quiesce_ms;
            }
            _ => {
                let outcome = sut
                    .world
                    .take_effect(effect)
                    .unwrap_or(Outcome::NoEffect { class: Class::Conflict });
                if let Outcome::Minted { proof, .. } = &outcome {
                    sut.in_memory.clone_from(proof);
                }
                sut.record(&[Event::Settled { operation, outcome }]);
            }
        }
    }
}

/// Drain, soak, and every quiesce of one exploration fit in well below.
const BOUND_MS: i64 = 300_000;

/// Live keys that neither *current* nor a report accounts for.
fn forgotten(sut: &Sut) -> BTreeSet<KeyId> {
    let named = key(NAMED).key;
    let current = sut.world.current_proof().map(|proof| &proof.key);
    let late = sut.world.late.is_some();
    let live = sut.world.keys.keys().filter(|id| Some(*id) != current && **id != named && !late);
    live.filter(|id| !sut.state.orphans.contains_key(*id)).cloned().collect()
}

fn rules() -> Rules {
    Rules {
        policy: PolicyName::new("model").unwrap(),
        drain_ms: 10_000,
        cache_ttl_ms: 10_000,
        soak_ms: 5_000,
        quiesce_ms: 20_000,
        lag_ms: 1_000,
        identity: None,
        named_actor: false,
        canaries: Digest::of("model", ""),
        pace: Pace::default(),
        kept: None,
    }
}

fn explore(crashes: u8, losses: u8, leaks: u8, aborts: u8) {
    search(&Bounds {
        rules: rules(),
        crashes,
        losses,
        leaks,
        aborts,
        rulings: 0,
        decommission: None,
        overwrites: 0,
    });
}

fn search(bounds: &Bounds) {
    let checker = bounds.clone().checker().threads(2).spawn_bfs().join();
    checker.assert_properties();
    assert!(checker.unique_state_count() > 500, "nothing was explored");
}

#[test]
fn one_crash_and_one_lost_or_late_reply() {
    explore(1, 1, 0, 0);
}

#[test]
fn one_crash_and_a_leak_at_any_moment() {
    explore(1, 0, 1, 0);
}

#[test]
fn one_lost_or_late_reply_and_a_leak_at_any_moment() {
    explore(0, 1, 1, 0);
}

#[test]
fn one_crash_one_lost_reply_and_an_abort_at_any_moment() {
    explore(1, 1, 0, 1);
}

#[test]
fn one_crash_one_lost_create_and_a_ruling_on_what_it_made() {
    let bounds = Bounds {
        rules: rules(),
        crashes: 1,
        losses: 1,
        leaks: 0,
        aborts: 0,
        rulings: 1,
        decommission: None,
        overwrites: 0,
    };
    search(&bounds);
}

#[test]
fn one_crash_one_lost_reply_and_an_abort_of_a_decommission() {
    for who in [Who::Itself, Who::Named] {
        let rules = Rules { named_actor: who == Who::Named, ..rules() };
        let decommission = Some(who);
        let bounds = Bounds {
            rules,
            crashes: 1,
            losses: 1,
            leaks: 0,
            aborts: 1,
            rulings: 0,
            decommission,
            overwrites: 0,
        };
        let checker = bounds.checker().threads(2).spawn_bfs().join();
        checker.assert_properties();
        assert!(checker.unique_state_count() > 30, "nothing was explored");
    }
}

#[test]
fn one_crash_one_lost_reply_and_two_values_that_do_not_work() {
    let bounds = Bounds {
        rules: rules(),
        crashes: 1,
        losses: 1,
        leaks: 0,
        aborts: 0,
        rulings: 0,
        decommission: None,
        overwrites: 2,
    };
    search(&bounds);
}
