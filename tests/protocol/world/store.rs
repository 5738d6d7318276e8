//! The store: versions and labels by AWS's documented rules, with lost, late, and refused answers.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, OnceLock};

use async_trait::async_trait;
use rekeyd::domain::claim::{Claim, Generation};
use rekeyd::domain::facts::StoreView;
use rekeyd::domain::ids::{KeyId, VersionId};
use rekeyd::domain::secret::{Credential, Digest};
use rekeyd::port::{Content, PortError, SecretStore, Stored, Which};

use super::World;
use super::aws::Shelf;

/// Versions and labels, by AWS's documented rules.
#[derive(Default)]
pub struct Store {
    inner: Mutex<Versions>,
    /// Where consumers read instead, once the secret has moved to the sandbox's Secrets Manager.
    pub(super) shelf: OnceLock<Shelf>,
    pub extended_lists: AtomicBool,
}

#[derive(Default)]
struct Versions {
    content: BTreeMap<String, (String, String, String)>,
    current: Option<String>,
    pending: Option<String>,
    previous: Option<String>,
    claims: BTreeMap<Generation, Claim>,
    faults: VecDeque<(Call, u32, Fault)>,
    late: Vec<(i64, Move)>,
    edits: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    Stage,
    Promote,
    Unstage,
    DropPrevious,
    Claim,
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
    Claim { entry: Claim },
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
            Move::Claim { entry } => match self.claims.get(&entry.generation) {
                Some(known) if known == entry => Ok(()),
                Some(_) => Err(PortError::conflict("ResourceExists")),
                None => {
                    self.claims.insert(entry.generation, *entry);
                    Ok(())
                }
            },
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
    pub(super) fn seed(&self, version: &str, key: &str, secret: &str, rest: &str) {
        let mut inner = self.inner.lock().unwrap();
        inner.content.insert(version.into(), (key.into(), secret.into(), rest.into()));
        inner.current = Some(version.into());
    }
    pub fn fault(&self, call: Call, fault: Fault) {
        self.fault_nth(call, 1, fault);
    }
    /// Strikes the nth such call from now; 1 is the next one.
    pub fn fault_nth(&self, call: Call, nth: u32, fault: Fault) {
        self.inner.lock().unwrap().faults.push_back((call, nth, fault));
    }
    /// Whether every fault has struck.
    pub fn faults_are_spent(&self) -> bool {
        self.inner.lock().unwrap().faults.is_empty()
    }
    /// The head of the claim chain.
    pub fn claim(&self) -> Option<Claim> {
        self.inner.lock().unwrap().claims.last_key_value().map(|(_, entry)| *entry)
    }
    /// Another journal writes an entry.
    pub fn claim_by_another(&self, entry: Claim) {
        self.inner.lock().unwrap().claims.insert(entry.generation, entry);
    }
    pub fn current_key(&self) -> Option<String> {
        if let Some(shelf) = self.shelf.get() {
            return shelf.key_of("AWSCURRENT");
        }
        let inner = self.inner.lock().unwrap();
        inner.current.as_ref().and_then(|v| inner.content.get(v)).map(|c| c.0.clone())
    }
    pub(super) fn current_secret(&self) -> Option<String> {
        let inner = self.inner.lock().unwrap();
        inner.current.as_ref().and_then(|v| inner.content.get(v)).map(|c| c.1.clone())
    }
    pub fn previous_key(&self) -> Option<String> {
        if let Some(shelf) = self.shelf.get() {
            return shelf.key_of("AWSPREVIOUS");
        }
        let inner = self.inner.lock().unwrap();
        inner.previous.as_ref().and_then(|v| inner.content.get(v)).map(|c| c.0.clone())
    }
    pub fn pending_is_current_or_absent(&self) -> bool {
        if let Some(shelf) = self.shelf.get() {
            let pending = shelf.version_with("AWSPENDING");
            return pending.is_none() || pending == shelf.version_with("AWSCURRENT");
        }
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
    /// A person stages a version of their own.
    pub fn pend_by_hand(&self, version: &str, key: &str, secret: &str) {
        let mut inner = self.inner.lock().unwrap();
        inner.content.insert(version.into(), (key.into(), secret.into(), "{}".into()));
        inner.pending = Some(version.into());
    }
    /// A person takes *pending* off.
    pub fn unpend_by_hand(&self) {
        self.inner.lock().unwrap().pending = None;
    }
    /// A person rolls back in the console.
    pub fn roll_back_by_hand(&self) {
        let mut inner = self.inner.lock().unwrap();
        let previous = inner.previous.clone();
        inner.previous = std::mem::replace(&mut inner.current, previous);
    }
    pub(super) fn land(&self, now_ms: i64) {
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
        let at = inner.faults.iter().position(|(on, ..)| *on == call)?;
        if inner.faults[at].1 > 1 {
            inner.faults[at].1 -= 1;
            return None;
        }
        inner.faults.remove(at).map(|(.., fault)| fault)
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
            claim: inner.claims.last_key_value().map(|(_, entry)| *entry),
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
        if content.0.is_empty() {
            let content = Content::Malformed("it holds no credential");
            return Ok(Some(Stored { version: version(&id), content, size_bytes: 2 }));
        }
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

    async fn stage_empty(&self, token: &VersionId) -> Result<(), PortError> {
        self.crash.point().await;
        let content = (String::new(), String::new(), "{}".to_owned());
        let change = Move::Stage { token: token.to_string(), content };
        let answer = self.store.mutate(Call::Stage, &change, self.now_ms());
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

    async fn append_claim(&self, entry: &Claim) -> Result<(), PortError> {
        self.crash.point().await;
        let answer = self.store.mutate(Call::Claim, &Move::Claim { entry: *entry }, self.now_ms());
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
