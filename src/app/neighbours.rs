//! What other secrets name (R22), and whether a policy has left its secret (R28): read from the
//! journal at each call, and from the stores of policies of which the journal has no recent word. A
//! secret whose stream does not replay is named, and stands in nobody else's way.

mod stores;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use super::App;
use crate::domain::clocks::Stamp;
use crate::domain::departed::remembered;
use crate::domain::facts::{Elsewhere, Neighbour, Place};
use crate::domain::ids::{GroupName, KeyId, PolicyName, SecretKey};
use crate::domain::neighbours::{fellow, named, tells_current};
use crate::domain::policy::{IonIssuer, Policy};
use crate::domain::state::{Adoption, State, apply};
use crate::engine::{EngineError, Plan};
use crate::port::{Clock, Journal, JournalError, Neighbours};

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
    clock: Arc<dyn Clock>,
}

/// One stream, and when the journal last told what *current* of its secret names.
#[derive(Default)]
struct Told {
    state: State,
    at_ms: Option<i64>,
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
            clock: self.clock.clone(),
        })
    }
}

#[async_trait]
impl Neighbours for Others {
    async fn look(&self) -> Result<Elsewhere, JournalError> {
        let mut found = Elsewhere::default();
        let own = self.told(&self.own).await.map_err(whole)?.state;
        // Whether each is adopted, as far as the journal knows it.
        let mut old: BTreeMap<SecretKey, bool> =
            self.of_the_account().map(|secret| (secret.clone(), false)).collect();
        for stream in self.journal.streams().await?.into_iter().filter(|one| *one != self.own) {
            match self.told(&stream).await {
                Ok(told) => {
                    if self.is_recent(&told) || other_organization(&own, &told.state) {
                        old.remove(&stream);
                    } else if let Some(adopted) = old.get_mut(&stream) {
                        *adopted = told.state.adoption == Adoption::Adopted;
                    }
                    self.take_in(&mut found, &stream, &told.state);
                }
                Err(error) if is_broken(&error) => {
                    let name = self.name(&stream, None);
                    tracing::error!(policy = %name, secret = %stream, "{error}");
                    found.unreadable.insert(name);
                }
                Err(error) => return Err(whole(error)),
            }
        }
        if !self.stores.policies().contains_key(&self.own) {
            found.place = Place::Departed;
        }
        self.read_stores(&mut found, &own, old).await;
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

    async fn told(&self, stream: &SecretKey) -> Result<Told, EngineError> {
        let mut told = Told::default();
        for row in self.journal.replay(stream).await? {
            told.state = apply(told.state, &row.at, &row.event).map_err(EngineError::Replay)?;
            if tells_current(&row.event) {
                told.at_ms = Some(row.at.wall_ms);
            }
        }
        Ok(told)
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
        own: &State,
        old: BTreeMap<SecretKey, bool>,
    ) {
        let leaked = own.requests.leak.is_some();
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

    fn take_in(&self, found: &mut Elsewhere, stream: &SecretKey, state: &State) {
        let adopted = state.adoption == Adoption::Adopted;
        let watched = self.stores.policies().contains_key(stream);
        let departed = (!watched).then(|| stream.clone());
        if !watched && state.policy.as_ref() == Some(&self.own_name) {
            let keys = remembered(state);
            if !keys.is_empty() {
                found.place = Place::Moved { secret: stream.clone(), keys };
            }
        }
        if self.group.is_some() && self.group_of(stream, state) == self.group {
            found.fellows.push(fellow(self.name(stream, Some(state)), state));
        }
        for key in named(state) {
            let policy = self.name(stream, Some(state));
            add(found, key, Neighbour { policy, adopted, departed: departed.clone() });
        }
    }

    /// By the policy's file, or by what the journal kept of it.
    fn group_of(&self, stream: &SecretKey, state: &State) -> Option<GroupName> {
        if let Some(policy) = self.stores.policies().get(stream) {
            return group_name(policy);
        }
        let name = state.policy.as_ref().filter(|_| !state.forgotten)?;
        group_name(&state.kept.as_ref()?.policy(name)?)
    }

    fn name(&self, stream: &SecretKey, state: Option<&State>) -> String {
        let by_policy = self.stores.policies().get(stream).map(|policy| &policy.name);
        let by_state = state.and_then(|state| state.policy.as_ref());
        by_policy.or(by_state).map_or_else(|| stream.to_string(), ToString::to_string)
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
fn other_organization(own: &State, other: &State) -> bool {
    let of = |state: &State| {
        let identity = state.baseline.as_ref()?.identity.as_ref()?;
        identity.organization_id.clone()
    };
    of(own).zip(of(other)).is_some_and(|(own, other)| own != other)
}

fn whole(error: EngineError) -> JournalError {
    match error {
        EngineError::Journal(error) => error,
        other => JournalError::Broken(other.to_string()),
    }
}

/// One stream's own trouble, not the whole journal's.
pub(super) fn is_broken(error: &EngineError) -> bool {
    matches!(error, EngineError::Replay(_) | EngineError::Journal(JournalError::Broken(_)))
}
