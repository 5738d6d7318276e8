//! What the journal told of each secret, as far as others have to know it: kept until the secret's
//! stream grows, so that one look does not read every history again. Holds ids, never a credential.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::departed::remembered;
use crate::domain::facts::Fellow;
use crate::domain::ids::{GroupName, KeyId, PolicyName, SecretKey};
use crate::domain::neighbours::{fellow, named, tells_current};
use crate::domain::state::{Adoption, State, apply};
use crate::engine::EngineError;
use crate::port::{Journal, JournalError};

/// One secret, by its stream alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) adopted: bool,
    pub(super) leaked: bool,
    pub(super) policy: Option<PolicyName>,
    /// Of the policy as it was kept.
    pub(super) group: Option<GroupName>,
    pub(super) organization: Option<String>,
    /// Keys that *current* or *pending* name, or may.
    pub(super) named: BTreeSet<KeyId>,
    /// Keys that nobody would remember without us.
    pub(super) remembered: BTreeSet<KeyId>,
    /// The policy's name is left out: whoever asks knows it.
    pub(super) fellow: Fellow,
    /// When the journal last told what *current* names, by the wall clock.
    pub(super) at_ms: Option<i64>,
}

/// A stream that does not replay says why, once and again.
type Entry = Result<Arc<Told>, String>;

/// Shared by all engines of a process, and by sets of policies that follow each other.
#[derive(Debug, Default)]
pub struct Register {
    known: Mutex<BTreeMap<SecretKey, (u64, Entry)>>,
}

impl Register {
    /// One secret at the stream's position; reads it only if it grew.
    ///
    /// # Errors
    /// When the whole journal cannot be read. A stream's own trouble is the inner error.
    pub(super) async fn told(
        &self,
        journal: &dyn Journal,
        stream: &SecretKey,
        position: u64,
    ) -> Result<Entry, JournalError> {
        if let Some((at, entry)) = self.known().get(stream)
            && *at == position
        {
            return Ok(entry.clone());
        }
        let read = match read(journal, stream).await {
            Ok((read, told)) => (read, Ok(Arc::new(told))),
            Err(error) if super::is_broken(&error) => (position, Err(error.to_string())),
            Err(EngineError::Journal(error)) => return Err(error),
            Err(other) => return Err(JournalError::Broken(other.to_string())),
        };
        self.known().insert(stream.clone(), read.clone());
        Ok(read.1)
    }

    /// Drops what is known of streams that the journal does not have.
    pub(super) fn keep(&self, heads: &[(SecretKey, u64)]) {
        let mut known = self.known();
        if known.len() > heads.len() {
            let there: BTreeSet<&SecretKey> = heads.iter().map(|(stream, _)| stream).collect();
            known.retain(|stream, _| there.contains(stream));
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, BTreeMap<SecretKey, (u64, Entry)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn read(journal: &dyn Journal, stream: &SecretKey) -> Result<(u64, Told), EngineError> {
    let (mut state, mut position, mut at_ms) = (State::default(), 0, None);
    for row in journal.replay(stream).await? {
        state = apply(state, &row.at, &row.event).map_err(EngineError::Replay)?;
        position = row.position;
        if tells_current(&row.event) {
            at_ms = Some(row.at.wall_ms);
        }
    }
    Ok((position, of(&state, at_ms)))
}

fn of(state: &State, at_ms: Option<i64>) -> Told {
    let kept = state.kept.as_ref().zip(state.policy.as_ref()).filter(|_| !state.forgotten);
    let kept = kept.and_then(|(kept, name)| kept.policy(name));
    let identity = state.baseline.as_ref().and_then(|baseline| baseline.identity.as_ref());
    Told {
        adopted: state.adoption == Adoption::Adopted,
        leaked: state.requests.leak.is_some(),
        policy: state.policy.clone(),
        group: kept.and_then(|policy| super::group_name(&policy)),
        organization: identity.and_then(|identity| identity.organization_id.clone()),
        named: named(state),
        remembered: remembered(state),
        fellow: fellow(String::new(), state),
        at_ms,
    }
}
