//! A world on virtual time: the sandbox's tenant in process, a versioned store by AWS's documented
//! rules, an append-only journal, three caching consumers, and a switch that kills the engine at
//! any outside call. Tests assert on what is in here, never on what the engine says of itself.

mod aws;
mod consumers;
mod issuer;
mod journal;
mod slow_store;
mod store;
mod time;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use rekeyd::domain::ids::{KeyId, PolicyName, SecretKey};
use rekeyd::domain::plan::{Pace, Rules};
use rekeyd::domain::secret::{Credential, Digest};
use rekeyd::domain::state::{Phase, Request, Requester, State, Trigger};
use rekeyd::engine::{Engine, EngineError, Goal, Halt, Plan, Ports, Stop, Turn};
use rekeyd::port::{CredentialSource, SecretStore};
use rekeyd::sandbox::{Edit, KeyTruth, SERVICE_ACCOUNT, Settings, Tenant};

pub use aws::Aws;
use consumers::Consumers;
use journal::Rows;
pub use slow_store::SlowStore;
pub use store::{Call, Fault, Store};
pub use time::{Crash, HOUR, SECOND, Time};

/// Everything outside the engine. Clones share it.
#[derive(Clone)]
pub struct World {
    pub tenant: Tenant,
    pub time: Arc<Time>,
    pub store: Arc<Store>,
    pub journal: Arc<Rows>,
    pub crash: Arc<Crash>,
    consumers: Arc<Consumers>,
    ids: Arc<AtomicU64>,
    pub rules: Rules,
    pub named_actor: Option<Credential>,
}

impl World {
    pub fn new() -> Self {
        Self::with(Settings { seed: Some(7), ..Settings::default() })
    }

    pub fn with(settings: Settings) -> Self {
        let time: Arc<Time> = Arc::default();
        let clock = time.clone();
        let tenant = Tenant::new(settings, Arc::new(move || clock.now_ms()));
        let issued = tenant.seed_key().unwrap();
        let store = Arc::new(Store::default());
        store.seed("v-first", &issued.client_id, &issued.client_secret, "{\"note\":1}");
        let rules = Rules {
            policy: PolicyName::new("netsuite-sync").unwrap(),
            drain_ms: 24 * HOUR,
            cache_ttl_ms: HOUR,
            soak_ms: HOUR,
            quiesce_ms: 330 * SECOND,
            lag_ms: 60 * SECOND,
            identity: None,
            named_actor: false,
            canaries: Digest::of("test", "canaries"),
            pace: Pace::default(),
            kept: None,
        };
        Self {
            tenant,
            time,
            store,
            journal: Arc::default(),
            crash: Arc::default(),
            consumers: Arc::default(),
            ids: Arc::default(),
            rules,
            named_actor: None,
        }
    }

    /// One whose waits are minutes: for what cannot be tried often enough otherwise. Nothing may
    /// land later than after a minute and a half.
    pub fn hurried() -> Self {
        let mut world = Self::new();
        world.consumers = Arc::new(Consumers::caching([60 * SECOND, 30 * SECOND, 5 * SECOND]));
        world.rules.cache_ttl_ms = 60 * SECOND;
        world.rules.drain_ms = 6 * 60 * SECOND;
        world.rules.soak_ms = 60 * SECOND;
        world.rules.quiesce_ms = 90 * SECOND;
        world
    }

    /// The same outside, seen by a machine with a journal of its own.
    pub fn with_another_journal(&self) -> Self {
        Self { journal: Arc::default(), ..self.clone() }
    }

    /// The same outside, seen by a machine that has a copy of the journal.
    pub fn with_a_copied_journal(&self) -> Self {
        Self { journal: Arc::new(self.journal.copied()), ..self.clone() }
    }

    pub fn now_ms(&self) -> i64 {
        self.time.now_ms()
    }

    pub fn stream() -> SecretKey {
        SecretKey::new("file:test").unwrap()
    }

    fn ports(&self) -> Ports {
        let world = Arc::new(self.clone());
        Ports {
            issuer: world.clone(),
            verifier: world.clone(),
            store: world.clone(),
            actor: self
                .named_actor
                .as_ref()
                .map(|_| -> Arc<dyn CredentialSource> { world.clone() }),
            journal: world.clone(),
            clock: world.clone(),
            random: world,
        }
    }

    pub async fn open(&self) -> Result<Engine, EngineError> {
        self.open_on(Arc::new(self.clone())).await
    }

    /// An engine that sees the store through another's eyes.
    pub async fn open_on(&self, store: Arc<dyn SecretStore>) -> Result<Engine, EngineError> {
        let plan = Plan {
            rules: self.rules.clone(),
            stream: Self::stream(),
            canaries: vec!["query { currentUser { id } }".to_owned()],
            dead_rejections: 3,
            dead_over_ms: 2_000,
        };
        Engine::open(Ports { store, ..self.ports() }, plan, Arc::new(())).await
    }

    /// Runs `script` on an engine until it ends or the crash point is hit. `None`: killed.
    pub async fn live<T>(&self, script: impl AsyncFnOnce(&mut Engine) -> T) -> Option<T> {
        let work = async {
            let mut engine = self.open().await.unwrap();
            script(&mut engine).await
        };
        tokio::select! {
            biased;
            done = work => Some(done),
            () = self.crash.notify.notified() => None,
        }
    }

    /// As `live`, where the journal may refuse to open.
    pub async fn live_or_fail<T>(
        &self,
        script: impl AsyncFnOnce(&mut Engine) -> Result<T, EngineError>,
    ) -> Option<Result<T, EngineError>> {
        let work = async {
            let mut engine = self.open().await?;
            script(&mut engine).await
        };
        tokio::select! {
            biased;
            done = work => Some(done),
            () = self.crash.notify.notified() => None,
        }
    }

    /// An engine that has adopted the secret and rests.
    pub async fn adopted(&self) -> Engine {
        self.adopted_on(Arc::new(self.clone())).await
    }

    pub async fn adopted_on(&self, store: Arc<dyn SecretStore>) -> Engine {
        let mut engine = self.open_on(store).await.unwrap();
        engine.run(Goal::Nothing, HOUR, &mut Stop::never()).await.unwrap();
        engine
    }

    /// An engine whose rotation has just reached a phase.
    pub async fn rotating(&self, phase: Phase) -> Engine {
        let mut engine = self.open().await.unwrap();
        engine.request(rotate(), tester()).await.unwrap();
        self.reach(&mut engine, phase).await;
        engine
    }

    /// Turns until the open rotation is in a phase; time passes as the engine waits.
    pub async fn reach(&self, engine: &mut Engine, phase: Phase) {
        for _ in 0..10_000 {
            if phase_of(engine) == Some(phase) {
                return;
            }
            if let Turn::Waiting { ms, .. } = engine.turn().await.unwrap() {
                self.pass(ms);
            }
        }
        panic!("never {}: {:#?}", phase.name(), engine.state());
    }

    /// Asks for something and runs on until nothing more happens by itself.
    pub async fn ask(&self, engine: &mut Engine, request: Request) -> Halt {
        engine.request(request, tester()).await.unwrap();
        self.go_on(engine).await
    }

    /// Runs on until nothing more happens by itself.
    pub async fn go_on(&self, engine: &mut Engine) -> Halt {
        engine.run(Goal::Nothing, 96 * HOUR, &mut Stop::never()).await.unwrap()
    }

    /// Goes on after a crash until nothing more happens by itself.
    pub async fn to_the_end(&self) -> (Halt, State) {
        let mut engine = self.open().await.unwrap();
        let halt = engine.run(Goal::Nothing, 100 * 24 * HOUR, &mut Stop::never()).await.unwrap();
        (halt, engine.state().clone())
    }

    pub fn pass(&self, ms: i64) {
        let step = (ms / 40).clamp(250, 600_000);
        let mut left = ms;
        while left > 0 {
            let now = left.min(step);
            self.time.advance(now);
            self.poll();
            left -= now;
        }
    }

    pub fn person(&self, edit: &Edit) {
        self.tenant.edit(edit).unwrap();
    }

    /// Another credential of the service account calls the issuer from now on.
    pub fn name_an_actor(&mut self) {
        let minted = self.tenant.mint(SERVICE_ACCOUNT).unwrap();
        let key = KeyId::new(minted.client_id).unwrap();
        self.named_actor = Some(Credential::new(key, minted.client_secret.into()));
        self.rules.named_actor = true;
    }

    /// Live keys of the service account.
    pub fn live_keys(&self) -> BTreeSet<String> {
        let actor = self.named_actor.as_ref().map(|c| c.key().to_string());
        let ours = |key: &KeyTruth| key.created_by == SERVICE_ACCOUNT;
        let keys = self.tenant.keys();
        keys.into_iter()
            .filter(|k| {
                ours(k) && Some(&k.client_id) != actor.as_ref() && self.tenant.alive(&k.client_id)
            })
            .map(|k| k.client_id)
            .collect()
    }
}

pub fn tester() -> Requester {
    Requester { who: "test".to_owned(), reason: None }
}

pub fn rotate() -> Request {
    Request::Rotate { trigger: Trigger::Person }
}

/// A report that every live managed key has leaked.
pub fn leak(state: &State, kill_first: bool) -> Request {
    let live = state.keys.iter().filter(|(_, k)| !k.is_gone());
    let suspects = live.map(|(key, k)| (key.clone(), k.fingerprint)).collect();
    Request::Leak { suspects, kill_first, grace_ms: 0, since_ms: None }
}

/// A report that these keys have leaked, whoever minted them (`--key`).
pub fn leak_of(keys: &[&str], kill_first: bool) -> Request {
    let suspects = keys.iter().map(|key| (KeyId::new(*key).unwrap(), None)).collect();
    Request::Leak { suspects, kill_first, grace_ms: 0, since_ms: None }
}

pub fn phase_of(engine: &Engine) -> Option<Phase> {
    engine.state().rotation.as_ref().map(|r| r.phase)
}
