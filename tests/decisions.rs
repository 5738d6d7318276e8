//! Properties of the decision functions against an outside that answers anything: whatever is seen,
//! a step of ours fits the state, no suspect is enabled or promoted, and a replay gives the same.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use rekeyd::domain::claim::{Claim, Owner};
use rekeyd::domain::class::Class;
use rekeyd::domain::clocks::Stamp;
use rekeyd::domain::facts::{
    Death, Elsewhere, Exchange, Fact, Holding, KeyIndex, KeyProof, ListedKey, Observed, Profile,
    Read, Right, Rights, StoreView,
};
use rekeyd::domain::ids::{Etag, KeyId, OperationId, PolicyName, RotationId, VersionId};
use rekeyd::domain::plan::{Pace, Rules, Step, next_step};
use rekeyd::domain::secret::{Digest, Fingerprint};
use rekeyd::domain::state::{
    Effect, Event, Origin, Outcome, Request, Requester, Ruling, State, Trigger, apply,
};
use uuid::Uuid;

const KEYS: u8 = 5;

/// Numbers that proptest made, and shrinks; zero when they are used up.
struct Chance<'a>(std::slice::Iter<'a, u8>);

impl Chance<'_> {
    fn below(&mut self, bound: u8) -> u8 {
        self.0.next().copied().unwrap_or(0) % bound
    }
    fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[usize::from(self.below(u8::try_from(all.len()).unwrap()))].clone()
    }
    fn fact<T>(&mut self, value: T) -> Fact<T> {
        match self.below(8) {
            0 => Fact::Unclear(self.of(&CLASSES)),
            _ => Fact::Known(value),
        }
    }
}

const CLASSES: [Class; 5] =
    [Class::Retryable, Class::Rejected, Class::Conflict, Class::Misconfigured, Class::Unknown];

fn key(n: u8) -> KeyProof {
    let fingerprint = Fingerprint::from_bytes([n; 16]);
    KeyProof { key: KeyId::new(format!("k{n}")).unwrap(), fingerprint }
}

/// One secret's life in a world without sense.
struct Life<'a> {
    chance: Chance<'a>,
    rules: Rules,
    state: State,
    seen: Observed,
    now_ms: i64,
    minted: u8,
    /// Every version that a put was ever answered for.
    versions: Vec<VersionId>,
    journal: Vec<(Stamp, Event)>,
}

impl<'a> Life<'a> {
    fn new(numbers: &'a [u8]) -> Self {
        let mut chance = Chance(numbers.iter());
        let rules = Rules {
            policy: PolicyName::new("properties").unwrap(),
            drain_ms: 10_000,
            cache_ttl_ms: 10_000,
            soak_ms: 5_000,
            quiesce_ms: 20_000,
            lag_ms: 1_000,
            identity: None,
            named_actor: chance.below(2) == 0,
            canaries: Digest::of("properties", ""),
            pace: Pace::default(),
            kept: None,
        };
        Self {
            chance,
            rules,
            state: State::default(),
            seen: Observed::default(),
            now_ms: 1_800_000_000_000,
            minted: 1,
            versions: vec![VersionId::new("v0").unwrap(), VersionId::new("theirs").unwrap()],
            journal: Vec::new(),
        }
    }

    fn stamp(&self) -> Stamp {
        Stamp { wall_ms: self.now_ms, boot: "b".into(), boottime_ms: self.now_ms, dated: None }
    }

    /// Takes events in, all or none, as the engine does.
    fn record(&mut self, events: Vec<Event>) -> Result<(), TestCaseError> {
        let at = self.stamp();
        for event in events {
            match apply(self.state.clone(), &at, &event) {
                Ok(next) => self.state = next,
                Err(why) => return Err(TestCaseError::fail(format!("{why}: {event:?}"))),
            }
            self.journal.push((at.clone(), event));
        }
        self.seen = Observed::default();
        Ok(())
    }

    fn some_key(&mut self) -> KeyProof {
        key(self.chance.below(KEYS))
    }

    fn some_version(&mut self) -> VersionId {
        let all = self.versions.clone();
        self.chance.of(&all)
    }

    fn some_etag(&mut self) -> Option<Etag> {
        match self.chance.below(4) {
            0 => None,
            n => Some(Etag::new(format!("e{n}")).unwrap()),
        }
    }

    fn exchange(&mut self) -> Exchange {
        let alive = Exchange::Alive { token_life_ms: None };
        self.chance.of(&[alive, alive, alive, Exchange::Rejected, Exchange::Unknown])
    }

    fn profile(&mut self) -> Profile {
        let mut right = || self.chance.of(&[Right::Allowed, Right::Allowed, Right::Denied]);
        let rights = Rights { list: right(), update: right(), delete: right() };
        Profile { identity: None, canaries: Vec::new(), rights }
    }

    fn list(&mut self) -> KeyIndex {
        let mut keys = BTreeMap::new();
        for n in 0..KEYS {
            if self.chance.below(4) == 0 {
                continue;
            }
            let (etag, enabled) =
                (self.some_etag(), self.chance.of(&[None, Some(true), Some(false)]));
            let id = key(n).key;
            let listed =
                ListedKey { key: id.clone(), etag, enabled, created_ms: None, created_by: None };
            keys.insert(id, listed);
        }
        KeyIndex { keys, complete: self.chance.below(5) > 0 }
    }

    /// Mostly ours; now and then nobody's, or another journal's.
    fn claim(&mut self) -> Option<Claim> {
        let owner = Owner::drawn(RotationId(Uuid::from_u128(99)));
        let ended = self.chance.below(2) == 0;
        match self.chance.below(8) {
            0 => None,
            1 => Some(Claim { generation: self.state.chain.next(), owner, ended }),
            _ => self.state.claim,
        }
    }

    fn look(&mut self, read: Read) {
        match read {
            Read::Store => {
                let mut label = || (self.chance.below(3) > 0).then(|| self.versions.clone());
                let (pending, previous) = (label(), label());
                let claim = self.claim();
                let view = StoreView {
                    claim,
                    current: (self.chance.below(8) > 0).then(|| self.some_version()),
                    pending: pending.map(|all| self.chance.of(&all)),
                    previous: previous.map(|all| self.chance.of(&all)),
                    ..StoreView::default()
                };
                self.seen.store = self.chance.fact(view);
            }
            Read::Version(version) => {
                let (rest, proof) = (Digest::of("rest", ""), self.some_key());
                let held = Holding::Key { proof, rest, size_bytes: 1 };
                let holding = match self.chance.below(8) {
                    0 => Holding::Absent,
                    1 => Holding::Malformed,
                    _ => held,
                };
                let fact = self.chance.fact(holding);
                self.seen.versions.insert(version, fact);
            }
            Read::Exchange(proof) => {
                let exchange = self.exchange();
                let fact = self.chance.fact(exchange);
                self.seen.exchanges.insert(proof, fact);
            }
            Read::NamedActor => {
                let exchange = self.exchange();
                let named = self.some_key();
                self.seen.named_key = Some(named.key.clone());
                self.seen.named_proof = Some(named);
                self.seen.named_actor = self.chance.fact(exchange);
            }
            Read::NamedProfile => {
                let profile = self.profile();
                self.seen.named_profile = self.chance.fact(profile);
            }
            Read::Profile(proof) => {
                let profile = self.profile();
                let fact = self.chance.fact(profile);
                self.seen.profiles.insert(proof, fact);
            }
            Read::Keys { .. } => {
                let list = self.list();
                self.seen.keys = self.chance.fact(list);
            }
            Read::Death { dying, .. } => {
                let deaths = [Death::Proven, Death::Alive, Death::NoControl, Death::NoSecret];
                let death = self.chance.of(&deaths);
                let fact = self.chance.fact(death);
                self.seen.deaths.insert(dying, fact);
            }
            Read::JournalRoom => self.seen.journal_room = self.chance.fact(true),
            Read::Elsewhere => self.seen.elsewhere = self.chance.fact(Elsewhere::default()),
        }
    }

    /// What a server might say to a mutation; nothing where its reply is lost.
    fn outcome(&mut self, effect: &Effect) -> Option<Outcome> {
        match self.chance.below(5) {
            0 => return None,
            1 => {
                let class = self.chance.of(&CLASSES);
                let refused = matches!(effect, Effect::Issue { .. }) && self.chance.below(2) == 0;
                return Some(if refused {
                    Outcome::Refused { class }
                } else {
                    Outcome::NoEffect { class }
                });
            }
            _ => {}
        }
        Some(match effect {
            Effect::Issue { .. } => {
                self.minted = (self.minted + 1) % KEYS;
                let proof = key(self.minted);
                let told = self.chance.below(4) > 0;
                Outcome::Minted { key: proof.key.clone(), proof: told.then_some(proof) }
            }
            Effect::Stage { token, .. }
            | Effect::Install { token, .. }
            | Effect::Clear { token, .. } => {
                self.versions.push(token.clone());
                Outcome::Done { etag: None, ours: true }
            }
            Effect::ProbeEtag { .. } if self.chance.below(2) == 0 => Outcome::EtagRefused,
            Effect::Disable { was_enabled, .. } => {
                Outcome::Done { etag: self.some_etag(), ours: *was_enabled }
            }
            _ => Outcome::Done { etag: None, ours: true },
        })
    }

    fn perform(&mut self, effect: &Effect) -> Result<(), TestCaseError> {
        if let Effect::Enable { key, .. } = effect {
            prop_assert!(!self.state.is_suspect(key), "a suspect is enabled");
        }
        if let Effect::Disable { key, .. } | Effect::Delete { key, .. } = effect {
            let kept = self
                .state
                .orphans
                .get(key)
                .is_some_and(|orphan| orphan.ruled.is_none() || orphan.is_kept());
            prop_assert!(!kept || self.state.is_suspect(key), "nobody ruled that it must go");
        }
        let operation = OperationId(self.state.next_operation.0 + 1);
        self.record(vec![Event::Intended { operation, effect: effect.clone() }])?;
        match self.outcome(effect) {
            // A key that is minted twice is the world's nonsense, not ours.
            Some(Outcome::Minted { key, .. }) if self.state.keys.contains_key(&key) => Ok(()),
            Some(outcome) => self.record(vec![Event::Settled { operation, outcome }]),
            None => Ok(()),
        }
    }

    /// A person's word on an orphan, if there is one.
    fn rule(&mut self) -> Result<(), TestCaseError> {
        let all: Vec<KeyId> = self.state.orphans.keys().cloned().collect();
        let ruled = |key: &KeyId| {
            self.state.keys.get(key).is_none_or(|managed| managed.origin == Origin::Foreign)
        };
        let all: Vec<KeyId> = all.into_iter().filter(ruled).collect();
        if all.is_empty() {
            return Ok(());
        }
        let key = self.chance.of(&all);
        let by = Requester { who: "test".into(), reason: None };
        let ruling = self.chance.of(&[Ruling::Keep, Ruling::Disable, Ruling::Delete]);
        let word = match ruling {
            Ruling::Keep => Event::Kept { key, by },
            ruling => Event::Ruled { key, ruling, by, carried_out_by: None },
        };
        self.record(vec![word])
    }

    fn ask(&mut self) -> Result<(), TestCaseError> {
        if self.chance.below(4) == 0 {
            self.rule()?;
        }
        let suspect = self.some_key();
        let request = match self.chance.below(10) {
            0 => Request::Abort,
            1 => Request::Resume,
            2 => Request::Adopt,
            3 => Request::AdoptIssued,
            9 => Request::Decommission { clear_store: self.chance.below(2) == 0 },
            4 | 5 => Request::Leak {
                suspects: [(suspect.key, Some(suspect.fingerprint))].into(),
                kill_first: self.chance.below(2) == 0,
                grace_ms: i64::from(self.chance.below(2)) * 3_000,
                since_ms: None,
            },
            _ => Request::Rotate { trigger: Trigger::Person },
        };
        let by = Requester { who: "test".into(), reason: None };
        self.record(vec![Event::Requested { request, by }])
    }

    fn turn(&mut self) -> Result<(), TestCaseError> {
        if self.chance.below(12) == 0 {
            self.ask()?;
        }
        let new = self.state.rotation.as_ref().and_then(|r| r.new_proof().cloned());
        self.seen.in_memory = new.filter(|_| self.chance.below(4) > 0);
        self.seen.next_rotation = RotationId(Uuid::from_u128(self.journal.len() as u128 + 1));
        match next_step(&self.rules, &self.state, &self.seen, &self.stamp()) {
            Step::Look(reads) => reads.into_iter().for_each(|read| self.look(read)),
            Step::Record(events) => self.record(events)?,
            Step::Do(effect) => self.perform(&effect)?,
            Step::Trouble { class, step } => {
                self.record(vec![Event::Troubled { class, step, said: None }])?;
                self.now_ms += 500;
            }
            Step::Wait { ms, .. } => {
                prop_assert!(ms > 0, "a wait of nothing spins");
                self.seen = Observed::default();
                self.now_ms += ms;
            }
            Step::Rest => {
                self.seen = Observed::default();
                self.ask()?;
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_step_fits_the_state_it_was_planned_for(
        numbers in proptest::collection::vec(any::<u8>(), 2_000)
    ) {
        let mut life = Life::new(&numbers);
        for _ in 0..250 {
            life.turn()?;
        }
        let replayed = life.journal.iter().try_fold(State::default(), |state, (at, event)| {
            let text = serde_json::to_string(event).unwrap();
            apply(state, at, &serde_json::from_str(&text).unwrap())
        });
        prop_assert_eq!(replayed.unwrap(), life.state, "replay equals live state");
    }
}
