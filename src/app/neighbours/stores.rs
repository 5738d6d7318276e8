//! What other policies' secrets name now, read from their own stores, where the journal's word is
//! old or missing (R22). Holds key ids only: a credential that was read is dropped at once. Changes
//! nothing, and never reads without bounds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, Semaphore};
use tokio::task::JoinSet;

use crate::app::AppError;
use crate::app::clients::Clients;
use crate::app::ports::store_of;
use crate::domain::ids::{KeyId, SecretKey};
use crate::domain::policy::Policy;
use crate::domain::policy::duration::{HOUR_MS, SECOND_MS};
use crate::port::{Clock, Content, PortError, SecretStore, Stored, Which};

/// An observation counts as recent for so long. What a person puts into another policy's store by
/// hand is journaled only when that policy is looked at next, so the journal alone may never tell;
/// and no drain that a consumer's cache needs is shorter by default.
pub(super) const RECENT_MS: i64 = HOUR_MS;
/// A store that could not be read is left alone for so long.
const FAILED_MS: i64 = 30 * SECOND_MS;
/// So many are read for one look; the rest count as not readable until a later one.
const MOST: usize = 512;
/// So many at a time: AWS throttles accounts, not processes.
const AT_ONCE: usize = 16;
/// One look takes no longer. Whatever has not answered by then counts as not readable.
const PATIENCE: Duration = Duration::from_secs(10);

/// The policies of the directory with their stores, shared by all engines of a process.
pub struct Stores {
    policies: BTreeMap<SecretKey, Policy>,
    clock: Arc<dyn Clock>,
    clients: Arc<Clients>,
    /// Held while reading, so that engines side by side read each store once.
    seen: Mutex<BTreeMap<SecretKey, Seen>>,
}

/// What *current* and *pending* named, or nothing where that could not be told.
struct Seen {
    at_ms: i64,
    keys: Option<BTreeSet<KeyId>>,
}

impl Stores {
    #[must_use]
    pub fn new(policies: &[Policy], clock: Arc<dyn Clock>, clients: Arc<Clients>) -> Self {
        let by_secret = |policy: &Policy| Some((policy.secret_key().ok()?, policy.clone()));
        let policies = policies.iter().filter_map(by_secret).collect();
        Self { policies, clock, clients, seen: Mutex::default() }
    }

    /// Which policy is on which secret.
    #[must_use]
    pub fn policies(&self) -> &BTreeMap<SecretKey, Policy> {
        &self.policies
    }

    /// What each of these secrets names, or nothing where that cannot be told now. Takes at most
    /// [`PATIENCE`], and longer only where another engine is reading already.
    pub async fn read(&self, wanted: &[SecretKey]) -> BTreeMap<SecretKey, Option<BTreeSet<KeyId>>> {
        let mut seen = self.seen.lock().await;
        let now_ms = self.clock.stamp().boottime_ms;
        seen.retain(|_, one| one.counts(now_ms));
        let missing: Vec<&SecretKey> =
            wanted.iter().filter(|secret| !seen.contains_key(*secret)).take(MOST).collect();
        let mut answers = self.ask(&missing).await;
        for secret in missing {
            let keys = answers.remove(secret).flatten();
            seen.insert(secret.clone(), Seen { at_ms: now_ms, keys });
        }
        let told = |secret: &SecretKey| seen.get(secret).and_then(|one| one.keys.clone());
        wanted.iter().map(|secret| (secret.clone(), told(secret))).collect()
    }

    /// Those that answered in time.
    async fn ask(&self, secrets: &[&SecretKey]) -> BTreeMap<SecretKey, Option<BTreeSet<KeyId>>> {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let mut reading = JoinSet::new();
        for secret in secrets {
            let Some(policy) = self.policies.get(*secret).cloned() else { continue };
            let (secret, clock) = (SecretKey::clone(secret), self.clock.clone());
            let (places, clients) = (places.clone(), self.clients.clone());
            reading.spawn(async move {
                let _place = places.acquire().await;
                let named = named_by(&policy, clock, &clients).await;
                if let Err(error) = &named {
                    let policy = &policy.name;
                    tracing::warn!(%policy, step = "read_neighbour", "{error}");
                }
                (secret, named.ok())
            });
        }
        let mut answers = BTreeMap::new();
        let overdue = self.clock.sleep(PATIENCE);
        tokio::pin!(overdue);
        loop {
            tokio::select! {
                answer = reading.join_next() => match answer {
                    Some(Ok((secret, keys))) => drop(answers.insert(secret, keys)),
                    Some(Err(_)) => {}
                    None => return answers,
                },
                // The rest is given up when the set is dropped.
                () = &mut overdue => return answers,
            }
        }
    }
}

impl Seen {
    fn counts(&self, now_ms: i64) -> bool {
        let for_ms = if self.keys.is_some() { RECENT_MS } else { FAILED_MS };
        (0..for_ms).contains(&(now_ms - self.at_ms))
    }
}

async fn named_by(
    policy: &Policy,
    clock: Arc<dyn Clock>,
    clients: &Clients,
) -> Result<BTreeSet<KeyId>, AppError> {
    let store = store_of(policy, clock, clients).await?;
    let mut keys = BTreeSet::new();
    for which in [Which::Current, Which::Pending] {
        keys.extend(key_in(store.as_ref(), &which).await?);
    }
    Ok(keys)
}

/// The id only; the secret goes with the reply.
async fn key_in(store: &dyn SecretStore, which: &Which) -> Result<Option<KeyId>, PortError> {
    Ok(match store.read(which).await? {
        Some(Stored { content: Content::Credential { credential, .. }, .. }) => {
            Some(credential.key().clone())
        }
        Some(_) | None => None,
    })
}
