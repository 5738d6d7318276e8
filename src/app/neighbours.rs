//! What other secrets name, read from the journal at each call (R22), and whether a policy has left
//! its secret (R28). A secret whose stream does not replay is named, and stands in nobody else's way.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use super::App;
use crate::domain::departed::remembered;
use crate::domain::facts::{Elsewhere, Neighbour, Place};
use crate::domain::ids::{PolicyName, SecretKey};
use crate::domain::neighbours::named;
use crate::domain::state::{Adoption, State};
use crate::engine::{EngineError, Plan, replay};
use crate::port::{Journal, JournalError, Neighbours};

/// All streams of a journal but one.
struct Others {
    journal: Arc<dyn Journal>,
    own: SecretKey,
    own_name: PolicyName,
    /// The policies' names, for streams that cannot tell their own.
    names: Arc<BTreeMap<SecretKey, PolicyName>>,
}

impl App {
    /// What every other secret of the journal names.
    pub(super) fn neighbours(&self, journal: Arc<dyn Journal>, plan: &Plan) -> Arc<dyn Neighbours> {
        Arc::new(Others {
            journal,
            own: plan.stream.clone(),
            own_name: plan.rules.policy.clone(),
            names: self.names.clone(),
        })
    }
}

#[async_trait]
impl Neighbours for Others {
    async fn look(&self) -> Result<Elsewhere, JournalError> {
        let mut found = Elsewhere::default();
        for stream in self.journal.streams().await?.into_iter().filter(|one| *one != self.own) {
            match replay(self.journal.as_ref(), &stream).await {
                Ok((state, _)) => self.take_in(&mut found, &stream, &state),
                Err(error) if is_broken(&error) => {
                    let name = self.name(&stream, None);
                    tracing::error!(policy = %name, secret = %stream, "{error}");
                    found.unreadable.insert(name);
                }
                Err(EngineError::Journal(error)) => return Err(error),
                Err(error) => return Err(JournalError::Broken(error.to_string())),
            }
        }
        if !self.names.contains_key(&self.own) {
            found.place = Place::Departed;
        }
        Ok(found)
    }
}

impl Others {
    fn take_in(&self, found: &mut Elsewhere, stream: &SecretKey, state: &State) {
        let adopted = state.adoption == Adoption::Adopted;
        let departed = (!self.names.contains_key(stream)).then(|| stream.clone());
        if departed.is_some() && state.policy.as_ref() == Some(&self.own_name) {
            let keys = remembered(state);
            if !keys.is_empty() {
                found.place = Place::Moved { secret: stream.clone(), keys };
            }
        }
        for key in named(state) {
            let policy = self.name(stream, Some(state));
            let known = found.keys.get(&key).is_some_and(|other| other.adopted);
            if !known {
                found.keys.insert(key, Neighbour { policy, adopted, departed: departed.clone() });
            }
        }
    }

    fn name(&self, stream: &SecretKey, state: Option<&State>) -> String {
        let by_policy = self.names.get(stream);
        let by_state = state.and_then(|state| state.policy.as_ref());
        by_policy.or(by_state).map_or_else(|| stream.to_string(), ToString::to_string)
    }
}

/// One stream's own trouble, not the whole journal's.
pub(super) fn is_broken(error: &EngineError) -> bool {
    matches!(error, EngineError::Replay(_) | EngineError::Journal(JournalError::Broken(_)))
}
