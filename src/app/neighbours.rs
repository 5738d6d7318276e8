//! What other secrets name, read from the journal at each call (R22). A secret whose stream does
//! not replay is named, and stands in nobody else's way.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use super::App;
use crate::domain::facts::{Elsewhere, Neighbour};
use crate::domain::ids::SecretKey;
use crate::domain::neighbours::named;
use crate::domain::state::{Adoption, State};
use crate::engine::{EngineError, replay};
use crate::port::{Journal, JournalError, Neighbours};

/// All streams of a journal but one.
struct Others {
    journal: Arc<dyn Journal>,
    own: SecretKey,
    /// The policies' names, for streams that cannot tell their own.
    names: BTreeMap<SecretKey, String>,
}

impl App {
    /// What every other secret of the journal names.
    pub(super) fn neighbours(
        &self,
        journal: Arc<dyn Journal>,
        own: &SecretKey,
    ) -> Arc<dyn Neighbours> {
        let name = |policy: &crate::domain::policy::Policy| {
            Some((policy.secret_key().ok()?, policy.name.to_string()))
        };
        let names = self.policies.iter().filter_map(name).collect();
        Arc::new(Others { journal, own: own.clone(), names })
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
        Ok(found)
    }
}

impl Others {
    fn take_in(&self, found: &mut Elsewhere, stream: &SecretKey, state: &State) {
        let adopted = state.adoption == Adoption::Adopted;
        for key in named(state) {
            let policy = self.name(stream, Some(state));
            let known = found.keys.get(&key).is_some_and(|other| other.adopted);
            if !known {
                found.keys.insert(key, Neighbour { policy, adopted });
            }
        }
    }

    fn name(&self, stream: &SecretKey, state: Option<&State>) -> String {
        let by_policy = self.names.get(stream).cloned();
        let by_state = state.and_then(|state| state.policy.as_ref().map(ToString::to_string));
        by_policy.or(by_state).unwrap_or_else(|| stream.to_string())
    }
}

/// One stream's own trouble, not the whole journal's.
pub(super) fn is_broken(error: &EngineError) -> bool {
    matches!(error, EngineError::Replay(_) | EngineError::Journal(JournalError::Broken(_)))
}
