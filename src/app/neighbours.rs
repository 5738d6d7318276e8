//! What other secrets name (R22), and whether a policy has left its secret (R28): by the journal as
//! it is at each call, and from the stores of policies of which the journal has no recent word. A
//! secret whose stream does not replay is named, and stands in nobody else's way.

mod register;
mod stores;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use super::App;
use crate::domain::clocks::Stamp;
use crate::domain::facts::{Elsewhere, Fellow, Neighbour, Place};
use crate::domain::ids::{GroupName, KeyId, PolicyName, SecretKey};
use crate::domain::policy::{IonIssuer, Policy};
use crate::engine::{EngineError, Plan};
use crate::port::{Clock, Journal, JournalError, Neighbours};

pub use register::Register;
use register::Told;
use stores::RECENT_MS;
pub use stores::Stores;

/// All secrets but one.
struct Others {
    journal: Arc<dyn Journal>,
    own: SecretKey,
    own_name: PolicyName,
    group: Option<GroupName>,
    issuer: IonIssuer,
    stores: Arc<Stores>,
    register: Arc<Register>,
    clock: Arc<dyn Clock>,
}

impl App {
    /// What every other secret names, for this policy's.
    pub(super) fn neighbours(
        &self,
        journal: Arc<dyn Journal>,
        policy: &Policy,
        plan: &Plan,
    ) -> Arc<dyn Neighbours> {
        Arc::new(Others {
            journal,
            own: plan.stream.clone(),
            own_name: policy.name.clone(),
            group: group_name(policy),
            issuer: policy.issuer.clone(),
            stores: self.stores.clone(),
            register: self.clients.register(),
            clock: self.clock.clone(),
        })
    }
}

#[async_trait]
impl Neighbours for Others {
    async fn look(&self) -> Result<Elsewhere, JournalError> {
        let mut found = Elsewhere::default();
        let heads = self.journal.heads().await?;
        self.register.keep(&heads);
        let own = self.own(&heads).await?;
        // Whether each is adopted, as far as the journal knows it.
        let mut old: BTreeMap<SecretKey, bool> =
            self.of_the_account().map(|secret| (secret.clone(), false)).collect();
        for (stream, position) in heads.iter().filter(|(stream, _)| *stream != self.own) {
            match self.register.told(self.journal.as_ref(), stream, *position).await? {
                Ok(told) => {
                    if self.is_recent(&told) || other_organization(own.as_deref(), &told) {
                        old.remove(stream);
                    } else if let Some(adopted) = old.get_mut(stream) {
                        *adopted = told.adopted;
                    }
                    self.take_in(&mut found, stream, &told);
                }
                Err(why) => {
                    let name = self.name(stream, None);
                    tracing::error!(policy = %name, secret = %stream, "{why}");
                    found.unreadable.insert(name);
                }
            }
        }
        if !self.stores.policies().contains_key(&self.own) {
            found.place = Place::Departed;
        }
        let leaked = own.is_some_and(|own| own.leaked);
        self.read_stores(&mut found, leaked, old).await;
        Ok(found)
    }
}

impl Others {
    /// Secrets of other policies that may hold keys of this account: same endpoints.
    fn of_the_account(&self) -> impl Iterator<Item = &SecretKey> {
        let same = |other: &IonIssuer| {
            other.token_url == self.issuer.token_url || other.graphql_url == self.issuer.graphql_url
        };
        let others = self.stores.policies().iter().filter(|(secret, _)| **secret != self.own);
        others.filter(move |(_, policy)| same(&policy.issuer)).map(|(secret, _)| secret)
    }

    /// What the journal told of the secret itself.
    async fn own(&self, heads: &[(SecretKey, u64)]) -> Result<Option<Arc<Told>>, JournalError> {
        let Some((_, position)) = heads.iter().find(|(stream, _)| *stream == self.own) else {
            return Ok(None);
        };
        let told = self.register.told(self.journal.as_ref(), &self.own, *position).await?;
        told.map(Some).map_err(JournalError::Broken)
    }

    /// A clock that was set back makes nothing recent.
    fn is_recent(&self, told: &Told) -> bool {
        let Stamp { wall_ms: now_ms, .. } = self.clock.stamp();
        told.at_ms.is_some_and(|at_ms| (0..RECENT_MS).contains(&now_ms.saturating_sub(at_ms)))
    }

    /// Reads what the journal has no recent word of. A leak does not wait for other people's stores:
    /// meanwhile they count as not readable, which keeps adopted keys and no suspect alive.
    async fn read_stores(
        &self,
        found: &mut Elsewhere,
        leaked: bool,
        old: BTreeMap<SecretKey, bool>,
    ) {
        let secrets: Vec<SecretKey> = old.keys().cloned().collect();
        let mut answers = if leaked { [].into() } else { self.stores.read(&secrets).await };
        for (secret, adopted) in old {
            let policy = self.name(&secret, None);
            match answers.remove(&secret).flatten() {
                Some(keys) => {
                    for key in keys {
                        let policy = policy.clone();
                        add(found, key, Neighbour { policy, adopted, departed: None });
                    }
                }
                None => drop(found.unreadable.insert(policy)),
            }
        }
    }

    fn take_in(&self, found: &mut Elsewhere, stream: &SecretKey, told: &Told) {
        let watched = self.stores.policies().contains_key(stream);
        let departed = (!watched).then(|| stream.clone());
        if !watched && told.policy.as_ref() == Some(&self.own_name) && !told.remembered.is_empty() {
            let keys = told.remembered.clone();
            found.place = Place::Moved { secret: stream.clone(), keys };
        }
        let policy = self.name(stream, told.policy.as_ref());
        if self.group.is_some() && self.group_of(stream, told) == self.group {
            found.fellows.push(Fellow { policy: policy.clone(), ..told.fellow.clone() });
        }
        for key in &told.named {
            let (policy, departed) = (policy.clone(), departed.clone());
            add(found, key.clone(), Neighbour { policy, adopted: told.adopted, departed });
        }
    }

    /// By the policy's file, or by what the journal kept of it.
    fn group_of(&self, stream: &SecretKey, told: &Told) -> Option<GroupName> {
        match self.stores.policies().get(stream) {
            Some(policy) => group_name(policy),
            None => told.group.clone(),
        }
    }

    fn name(&self, stream: &SecretKey, told: Option<&PolicyName>) -> String {
        let by_policy = self.stores.policies().get(stream).map(|policy| &policy.name);
        by_policy.or(told).map_or_else(|| stream.to_string(), ToString::to_string)
    }
}

fn group_name(policy: &Policy) -> Option<GroupName> {
    policy.schedule.group.as_ref().map(|group| group.name.clone())
}

/// Of several that name a key, one that rotates it is the one to speak of.
fn add(found: &mut Elsewhere, key: KeyId, neighbour: Neighbour) {
    if !found.keys.get(&key).is_some_and(|other| other.adopted) {
        found.keys.insert(key, neighbour);
    }
}

/// Both are known, and they are not one. An unknown one counts as the same.
fn other_organization(own: Option<&Told>, other: &Told) -> bool {
    let own = own.and_then(|own| own.organization.as_ref());
    own.zip(other.organization.as_ref()).is_some_and(|(own, other)| own != other)
}

/// One stream's own trouble, not the whole journal's.
pub(super) fn is_broken(error: &EngineError) -> bool {
    matches!(error, EngineError::Replay(_) | EngineError::Journal(JournalError::Broken(_)))
}
