//! A world on virtual time: the sandbox's tenant in process, a versioned store by AWS's documented
//! rules, an append-only journal, three caching consumers, and a switch that kills the engine at
//! any outside call. Tests assert on what is in here, never on what the engine says of itself.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use rekeyd::domain::clocks::Stamp;
use rekeyd::domain::facts::{Exchange, Identity, ListedKey, Right, Rights, StoreView};
use rekeyd::domain::ids::{Etag, KeyId, PolicyName, SecretKey, VersionId};
use rekeyd::domain::plan::Rules;
use rekeyd::domain::secret::{Credential, Digest};
use rekeyd::domain::state::{Event, Request, Requester, State, Trigger};
use rekeyd::engine::{Engine, EngineError, Goal, Halt, Plan, Ports, Stop};
use rekeyd::port::issuer::{Changed, Minted};
use rekeyd::port::{
    Clock, Content, CredentialSource, DateLog, Issuer, Journal, JournalError, Listing, PortError,
    Random, Recorded, SecretStore, Stored, Verifier, Which,
};
use rekeyd::sandbox::{
    Caller, Change, Edit, KeyTruth, KeyView, Missed, Refusal, SERVICE_ACCOUNT, Settings, Tenant,
};
use uuid::Uuid;

pub const SECOND: i64 = 1_000;
pub const HOUR: i64 = 3_600 * SECOND;
const START_MS: i64 = 1_800_000_000_000;

/// Everything outside the engine. Clones share it.
#[derive(Clone)]
pub struct World {
    pub tenant: Tenant,
    pub time: Arc<Time>,
    pub store: Arc<Store>,
    pub journal: Arc<Rows>,
    pub crash: Arc<Crash>,
    consumers: Arc<Mutex<Vec<Consumer>>>,
    ids: Arc<AtomicU64>,
    pub rules: Rules,
    pub named_actor: Option<Credential>,
}

pub struct Time {
    wall_ms: AtomicI64,
    dates: DateLog,
}

/// Kills at the n-th point: the future never returns, and the test drops the engine.
#[derive(Default)]
pub struct Crash {
    points: AtomicU64,
    at: AtomicU64,
    notify: tokio::sync::Notify,
}

impl Crash {
    pub fn arm(&self, at: u64) {
        self.points.store(0, Ordering::SeqCst);
        self.at.store(at, Ordering::SeqCst);
    }
    async fn point(&self) {
        let n = self.points.fetch_add(1, Ordering::SeqCst) + 1;
        if n == self.at.load(Ordering::SeqCst) {
            self.notify.notify_one();
            std::future::pending::<()>().await;
        }
    }
}

struct Consumer {
    cache_ttl_ms: i64,
    read_ms: i64,
    key: Option<String>,
    pub requests: u64,
    pub failures: u64,
    pub failures_after_reread: u64,
}

/// What the consumers counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    pub requests: u64,
    pub failures: u64,
    pub failures_after_reread: u64,
}

impl World {
    pub fn new() -> Self {
        Self::with(Settings { seed: Some(7), ..Settings::default() })
    }

    pub fn with(settings: Settings) -> Self {
        let time = Arc::new(Time { wall_ms: AtomicI64::new(START_MS), dates: DateLog::default() });
        let clock = time.clone();
        let tenant = Tenant::new(settings, Arc::new(move || clock.wall_ms.load(Ordering::SeqCst)));
        let issued = tenant.seed_key().unwrap();
        let store = Arc::new(Store::default());
        store.seed("v-first", &issued.client_id, &issued.client_secret, "{\"note\":1}");
        let consumer = |cache_ttl_ms| Consumer {
            cache_ttl_ms,
            read_ms: i64::MIN / 2,
            key: None,
            requests: 0,
            failures: 0,
            failures_after_reread: 0,
        };
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
        };
        Self {
            tenant,
            time,
            store,
            journal: Arc::default(),
            crash: Arc::default(),
            consumers: Arc::new(Mutex::new(vec![
                consumer(HOUR),
                consumer(HOUR / 2),
                consumer(5 * 60 * SECOND),
            ])),
            ids: Arc::default(),
            rules,
            named_actor: None,
        }
    }

    pub fn now_ms(&self) -> i64 {
        self.time.wall_ms.load(Ordering::SeqCst)
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
        let plan = Plan {
            rules: self.rules.clone(),
            stream: Self::stream(),
            canaries: vec!["query { currentUser { id } }".to_owned()],
            dead_rejections: 3,
            dead_over_ms: 2_000,
        };
        Engine::open(self.ports(), plan, Arc::new(())).await
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

    /// Goes on after a crash until nothing more happens by itself.
    pub async fn to_the_end(&self) -> (Halt, State) {
        let mut engine = self.open().await.unwrap();
        let halt = engine.run(Goal::Nothing, 100 * 24 * HOUR, &mut Stop::never()).await.unwrap();
        (halt, engine.state().clone())
    }

    pub fn counted(&self) -> Counted {
        let consumers = self.consumers.lock().unwrap();
        consumers.iter().fold(Counted::default(), |sum, c| Counted {
            requests: sum.requests + c.requests,
            failures: sum.failures + c.failures,
            failures_after_reread: sum.failures_after_reread + c.failures_after_reread,
        })
    }

    /// Every consumer makes a request with what it cached, and re-reads once when that fails.
    pub fn poll(&self) {
        let now = self.now_ms();
        self.store.land(now);
        for consumer in self.consumers.lock().unwrap().iter_mut() {
            let current = || self.store.current_key();
            if now - consumer.read_ms >= consumer.cache_ttl_ms || consumer.key.is_none() {
                consumer.key = current();
                consumer.read_ms = now;
            }
            consumer.requests += 1;
            let works = |key: &Option<String>| key.as_ref().is_some_and(|k| self.tenant.alive(k));
            if works(&consumer.key) {
                continue;
            }
            consumer.failures += 1;
            consumer.key = current();
            consumer.read_ms = now;
            if !works(&consumer.key) {
                consumer.failures_after_reread += 1;
            }
        }
    }

    pub fn pass(&self, ms: i64) {
        let step = (ms / 40).clamp(250, 600_000);
        let mut left = ms;
        while left > 0 {
            let now = left.min(step);
            self.time.wall_ms.fetch_add(now, Ordering::SeqCst);
            self.poll();
            left -= now;
        }
    }

    fn caller(&self, actor: &Credential) -> Result<Caller, PortError> {
        let grant = self.tenant.exchange(actor.key().as_str(), actor.expose()).arrived();
        let grant = grant.map_err(|missed| match missed {
            Missed::Refused(_) => PortError::rejected("token refused"),
            _ => PortError::retryable("no token"),
        })?;
        let token = grant.access_token.ok_or_else(|| PortError::retryable("no token"))?;
        self.tenant.caller(&token).ok_or_else(|| PortError::rejected("token refused"))
    }

    pub fn person(&self, edit: &Edit) {
        self.tenant.edit(edit).unwrap();
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

/// A mutation's fate: what is certain after each way of not getting an answer.
fn missed(missed: &Missed) -> PortError {
    match missed {
        Missed::Refused(Refusal::EtagMismatch | Refusal::NotFound | Refusal::EtagMissing) => {
            PortError::conflict("etag or key")
        }
        Missed::Refused(Refusal::Permission(_)) => PortError::rejected("permission"),
        Missed::Refused(Refusal::Unauthorized) => PortError::rejected("unauthorized"),
        Missed::Status { status: 429, .. } => PortError::retryable("429"),
        Missed::Refused(_) | Missed::Nothing | Missed::Status { .. } | Missed::Unreadable => {
            PortError::unknown("no answer")
        }
    }
}

fn etag(text: &str) -> Option<Etag> {
    Some(Etag::new(text).unwrap())
}

#[async_trait]
impl Issuer for World {
    async fn issue(&self, actor: &Credential) -> Result<Minted, PortError> {
        self.crash.point().await;
        let answer = self.tenant.create_api_key(&self.caller(actor)?).arrived();
        self.poll();
        self.crash.point().await;
        let view = answer.map_err(|m| missed(&m))?;
        let key = KeyId::new(view.client_id).unwrap();
        let credential = view.client_secret.map(|s| Credential::new(key.clone(), s.into()));
        Ok(Minted { key, credential })
    }

    async fn list(&self, actor: &Credential) -> Result<Listing, PortError> {
        self.crash.point().await;
        let page = self
            .tenant
            .api_keys(&self.caller(actor)?, None, None)
            .arrived()
            .map_err(|m| missed(&m))?;
        let enabled = |k: &KeyView| self.extended().then_some(k.enabled);
        let keys = page.keys.iter().map(|k| ListedKey {
            key: KeyId::new(k.client_id.clone()).unwrap(),
            etag: etag(&k.etag),
            enabled: enabled(k),
            created_ms: self.extended().then_some(k.created_ms),
            created_by: self.extended().then(|| k.created_by.clone()),
        });
        Ok(Listing { keys: keys.collect(), complete: true })
    }

    async fn disable(
        &self,
        actor: &Credential,
        key: &KeyId,
        etag: Option<&Etag>,
    ) -> Result<Changed, PortError> {
        self.change(actor, key, etag, false).await
    }

    async fn enable(
        &self,
        actor: &Credential,
        key: &KeyId,
        etag: Option<&Etag>,
    ) -> Result<Changed, PortError> {
        self.change(actor, key, etag, true).await
    }

    async fn delete(
        &self,
        actor: &Credential,
        key: &KeyId,
        etag: Option<&Etag>,
    ) -> Result<(), PortError> {
        self.crash.point().await;
        let caller = self.caller(actor)?;
        let answer = self.tenant.delete_api_key(&caller, key.as_str(), etag.map(Etag::as_str));
        self.poll();
        self.crash.point().await;
        answer.arrived().map(drop).map_err(|m| missed(&m))
    }
}

impl World {
    fn extended(&self) -> bool {
        self.store.extended_lists.load(Ordering::SeqCst)
    }

    async fn change(
        &self,
        actor: &Credential,
        key: &KeyId,
        tag: Option<&Etag>,
        enabled: bool,
    ) -> Result<Changed, PortError> {
        self.crash.point().await;
        let change = Change {
            client_id: key.to_string(),
            etag: tag.map(ToString::to_string),
            enabled: Some(enabled),
            regenerate_secret: Some(false),
        };
        let answer = self.tenant.update_api_key(&self.caller(actor)?, &change).arrived();
        self.poll();
        self.crash.point().await;
        let view = answer.map_err(|m| missed(&m))?;
        Ok(Changed {
            etag: self.extended().then(|| Etag::new(view.etag).unwrap()),
            enabled: Some(view.enabled),
        })
    }
}

#[async_trait]
impl Verifier for World {
    async fn authenticate(&self, credential: &Credential) -> Exchange {
        self.crash.point().await;
        match self.tenant.exchange(credential.key().as_str(), credential.expose()).arrived() {
            Ok(grant) => Exchange::Alive { token_life_ms: Some(grant.expires_in_seconds * SECOND) },
            Err(Missed::Refused(_)) => Exchange::Rejected,
            Err(_) => Exchange::Unknown,
        }
    }

    async fn identity(&self, credential: &Credential) -> Result<Option<Identity>, PortError> {
        let user = self
            .tenant
            .current_user(&self.caller(credential)?)
            .arrived()
            .map_err(|m| missed(&m))?;
        Ok(Some(Identity {
            user_id: user.id,
            email: Some(user.email),
            organization_id: Some(user.organization.id),
        }))
    }

    async fn canary(&self, credential: &Credential, _query: &str) -> Result<Digest, PortError> {
        let user = self
            .tenant
            .current_user(&self.caller(credential)?)
            .arrived()
            .map_err(|m| missed(&m))?;
        Ok(Digest::of("test/canary", &user.id))
    }

    async fn rights(&self, credential: &Credential) -> Result<Rights, PortError> {
        let caller = self.caller(credential)?;
        let right = |allowed| if allowed { Right::Allowed } else { Right::Denied };
        let list = self.tenant.api_keys(&caller, None, None).result.is_ok();
        Ok(Rights { list: right(list), update: Right::Allowed, delete: Right::Allowed })
    }
}

#[async_trait]
impl CredentialSource for World {
    async fn credential(&self) -> Result<Credential, PortError> {
        self.named_actor.clone().ok_or_else(|| PortError::misconfigured("no named actor"))
    }
}

#[async_trait]
impl Clock for World {
    fn stamp(&self) -> Stamp {
        let now = self.now_ms();
        Stamp { wall_ms: now, boot: "boot-1".to_owned(), boottime_ms: now - START_MS, dated: None }
    }
    async fn sleep(&self, duration: Duration) {
        self.pass(i64::try_from(duration.as_millis()).unwrap().max(1));
        tokio::task::yield_now().await;
    }
    fn dates(&self) -> &DateLog {
        &self.time.dates
    }
}

impl Random for World {
    fn uuid(&self) -> Uuid {
        Uuid::from_u64_pair(0x1234, self.ids.fetch_add(1, Ordering::SeqCst))
    }
    fn below(&self, _bound: u64) -> u64 {
        0
    }
}

/// Rows that survive the engine.
#[derive(Default)]
pub struct Rows {
    rows: Mutex<Vec<Recorded>>,
}

impl Rows {
    /// Events with the time since the start.
    pub fn story(&self) -> Vec<(i64, Event)> {
        let rows = self.rows.lock().unwrap();
        rows.iter().map(|row| (row.at.boottime_ms, row.event.clone())).collect()
    }
    pub fn events(&self) -> Vec<Event> {
        self.rows.lock().unwrap().iter().map(|row| row.event.clone()).collect()
    }
}

#[async_trait]
impl Journal for World {
    async fn append(
        &self,
        _stream: &SecretKey,
        expected: u64,
        at: &Stamp,
        events: &[Event],
    ) -> Result<u64, JournalError> {
        self.crash.point().await;
        let position = {
            let mut rows = self.journal.rows.lock().unwrap();
            let found = rows.len() as u64;
            if found != expected {
                return Err(JournalError::StaleHead { expected, found });
            }
            for event in events {
                let position = rows.len() as u64 + 1;
                // What is journaled is text: a value that does not survive it is found here.
                let text = serde_json::to_string(event).unwrap();
                let event = serde_json::from_str(&text).unwrap();
                rows.push(Recorded { sequence: position, position, at: at.clone(), event });
            }
            rows.len() as u64
        };
        self.crash.point().await;
        Ok(position)
    }
    async fn replay(&self, _stream: &SecretKey) -> Result<Vec<Recorded>, JournalError> {
        Ok(self.journal.rows.lock().unwrap().clone())
    }
    async fn streams(&self) -> Result<Vec<SecretKey>, JournalError> {
        Ok(vec![Self::stream()])
    }
    async fn head(&self) -> Result<(u64, String), JournalError> {
        Ok((self.journal.rows.lock().unwrap().len() as u64, String::new()))
    }
    async fn free_bytes(&self) -> Result<u64, JournalError> {
        Ok(u64::MAX)
    }
}

/// Versions and labels, by AWS's documented rules.
#[derive(Default)]
pub struct Store {
    inner: Mutex<Versions>,
    pub extended_lists: AtomicBool,
}

#[derive(Default)]
struct Versions {
    content: BTreeMap<String, (String, String, String)>,
    current: Option<String>,
    pending: Option<String>,
    previous: Option<String>,
    faults: VecDeque<(Call, Fault)>,
    late: Vec<(i64, Move)>,
    edits: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    Stage,
    Promote,
    Unstage,
    DropPrevious,
    Describe,
    Read,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    LostBefore,
    LostAfter,
    Late { after_ms: i64 },
    Denied,
    Throttled,
}

#[derive(Debug, Clone)]
enum Move {
    Stage { token: String, content: (String, String, String) },
    Promote { from: Option<String>, to: String },
    Unstage { version: String },
    DropPrevious { version: String },
}

impl Versions {
    fn apply(&mut self, change: &Move) -> Result<(), PortError> {
        match change {
            Move::Stage { token, content } => match self.content.get(token) {
                Some(known) if known == content => Ok(()),
                Some(_) => Err(PortError::conflict("ResourceExists")),
                None => {
                    self.content.insert(token.clone(), content.clone());
                    self.pending = Some(token.clone());
                    Ok(())
                }
            },
            Move::Promote { from, to } => {
                if self.current != *from || !self.content.contains_key(to) {
                    return Err(PortError::conflict("the label is not there"));
                }
                self.previous = self.current.replace(to.clone());
                Ok(())
            }
            Move::Unstage { version } => {
                if self.pending.as_ref() == Some(version) {
                    self.pending = None;
                }
                Ok(())
            }
            Move::DropPrevious { version } => {
                if self.previous.as_ref() == Some(version) {
                    self.previous = None;
                }
                Ok(())
            }
        }
    }
}

impl Store {
    fn seed(&self, version: &str, key: &str, secret: &str, rest: &str) {
        let mut inner = self.inner.lock().unwrap();
        inner.content.insert(version.into(), (key.into(), secret.into(), rest.into()));
        inner.current = Some(version.into());
    }
    pub fn fault(&self, call: Call, fault: Fault) {
        self.inner.lock().unwrap().faults.push_back((call, fault));
    }
    pub fn current_key(&self) -> Option<String> {
        let inner = self.inner.lock().unwrap();
        inner.current.as_ref().and_then(|v| inner.content.get(v)).map(|c| c.0.clone())
    }
    pub fn previous_key(&self) -> Option<String> {
        let inner = self.inner.lock().unwrap();
        inner.previous.as_ref().and_then(|v| inner.content.get(v)).map(|c| c.0.clone())
    }
    pub fn pending_is_current_or_absent(&self) -> bool {
        let inner = self.inner.lock().unwrap();
        inner.pending.is_none() || inner.pending == inner.current
    }
    pub fn current_rest(&self) -> Option<String> {
        let inner = self.inner.lock().unwrap();
        inner.current.as_ref().and_then(|v| inner.content.get(v)).map(|c| c.2.clone())
    }
    /// A person edits another field of *current*.
    pub fn edit_rest(&self, rest: &str) {
        let mut inner = self.inner.lock().unwrap();
        let current = inner.current.clone().unwrap();
        let mut content = inner.content.get(&current).unwrap().clone();
        content.2 = rest.into();
        inner.edits += 1;
        let version = format!("v-edit-{}", inner.edits);
        inner.content.insert(version.clone(), content);
        inner.previous = inner.current.replace(version);
    }
    /// A person puts another credential.
    pub fn put_by_hand(&self, version: &str, key: &str, secret: &str) {
        let mut inner = self.inner.lock().unwrap();
        inner.content.insert(version.into(), (key.into(), secret.into(), "{}".into()));
        inner.previous = inner.current.replace(version.into());
    }
    /// A person rolls back in the console.
    pub fn roll_back_by_hand(&self) {
        let mut inner = self.inner.lock().unwrap();
        let previous = inner.previous.clone();
        inner.previous = std::mem::replace(&mut inner.current, previous);
    }
    fn land(&self, now_ms: i64) {
        let mut inner = self.inner.lock().unwrap();
        let due: Vec<Move> =
            inner.late.iter().filter(|(at, _)| *at <= now_ms).map(|(_, m)| m.clone()).collect();
        inner.late.retain(|(at, _)| *at > now_ms);
        for change in due {
            // What lands late may find that it no longer fits.
            drop(inner.apply(&change));
        }
    }
    fn strike(&self, call: Call) -> Option<Fault> {
        let mut inner = self.inner.lock().unwrap();
        let at = inner.faults.iter().position(|(on, _)| *on == call)?;
        inner.faults.remove(at).map(|(_, fault)| fault)
    }
    fn mutate(&self, call: Call, change: &Move, now_ms: i64) -> Result<(), PortError> {
        let lost = || Err(PortError::unknown("no answer"));
        match self.strike(call) {
            None => self.inner.lock().unwrap().apply(change),
            Some(Fault::LostBefore) => lost(),
            Some(Fault::LostAfter) => {
                drop(self.inner.lock().unwrap().apply(change));
                lost()
            }
            Some(Fault::Late { after_ms }) => {
                self.inner.lock().unwrap().late.push((now_ms + after_ms, change.clone()));
                lost()
            }
            Some(Fault::Denied) => Err(PortError::rejected("access denied")),
            Some(Fault::Throttled) => Err(PortError::retryable("throttled")),
        }
    }
}

fn version(id: &str) -> VersionId {
    VersionId::new(id).unwrap()
}

#[async_trait]
impl SecretStore for World {
    async fn describe(&self) -> Result<StoreView, PortError> {
        self.crash.point().await;
        self.store.land(self.now_ms());
        if self.store.strike(Call::Describe).is_some() {
            return Err(PortError::unknown("no answer"));
        }
        let inner = self.store.inner.lock().unwrap();
        let id = |label: &Option<String>| label.as_deref().map(version);
        Ok(StoreView {
            current: id(&inner.current),
            pending: id(&inner.pending),
            previous: id(&inner.previous),
            versions: u32::try_from(inner.content.len()).unwrap(),
            problems: BTreeSet::new(),
            current_created_ms: None,
        })
    }

    async fn read(&self, which: &Which) -> Result<Option<Stored>, PortError> {
        self.store.land(self.now_ms());
        if self.store.strike(Call::Read).is_some() {
            return Err(PortError::unknown("no answer"));
        }
        let inner = self.store.inner.lock().unwrap();
        let id = match which {
            Which::Current => inner.current.clone(),
            Which::Pending => inner.pending.clone(),
            Which::Previous => inner.previous.clone(),
            Which::Version(id) => Some(id.to_string()),
        };
        let Some((id, content)) = id.and_then(|id| inner.content.get(&id).map(|c| (id, c))) else {
            return Ok(None);
        };
        let key = KeyId::new(content.0.clone()).unwrap();
        Ok(Some(Stored {
            version: version(&id),
            content: Content::Credential {
                credential: Credential::new(key, content.1.clone().into()),
                rest: Digest::of("test/rest", &content.2),
            },
            size_bytes: 100,
        }))
    }

    async fn stage(
        &self,
        token: &VersionId,
        base: Option<&VersionId>,
        credential: &Credential,
    ) -> Result<(), PortError> {
        self.crash.point().await;
        let rest = base
            .and_then(|b| self.store.inner.lock().unwrap().content.get(b.as_str()).cloned())
            .map_or_else(String::new, |c| c.2);
        let content = (credential.key().to_string(), credential.expose().to_owned(), rest);
        let change = Move::Stage { token: token.to_string(), content };
        let answer = self.store.mutate(Call::Stage, &change, self.now_ms());
        self.poll();
        self.crash.point().await;
        answer
    }

    async fn promote(&self, from: Option<&VersionId>, to: &VersionId) -> Result<(), PortError> {
        self.crash.point().await;
        let change = Move::Promote { from: from.map(ToString::to_string), to: to.to_string() };
        let answer = self.store.mutate(Call::Promote, &change, self.now_ms());
        self.poll();
        self.crash.point().await;
        answer
    }

    async fn unstage(&self, version: &VersionId) -> Result<(), PortError> {
        self.crash.point().await;
        let change = Move::Unstage { version: version.to_string() };
        let answer = self.store.mutate(Call::Unstage, &change, self.now_ms());
        self.crash.point().await;
        answer
    }

    async fn drop_previous(&self, version: &VersionId) -> Result<(), PortError> {
        self.crash.point().await;
        let change = Move::DropPrevious { version: version.to_string() };
        let answer = self.store.mutate(Call::DropPrevious, &change, self.now_ms());
        self.crash.point().await;
        answer
    }
}
