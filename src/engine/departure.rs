//! A policy under another name, and a secret that an operator forgets (R28). Sends nothing.

use super::{Engine, EngineError, replay};
use crate::domain::clocks::Stamp;
use crate::domain::ids::SecretKey;
use crate::domain::state::{Event, Requester, apply};
use crate::port::Journal;

impl Engine {
    /// The secret keeps its history under its policy's new name.
    pub(super) async fn follow_name(&mut self) -> Result<(), EngineError> {
        let now = &self.plan.rules.policy;
        if self.state.policy.as_ref().is_none_or(|before| before == now) {
            return Ok(());
        }
        self.record(vec![Event::Renamed { policy: now.clone() }]).await
    }
}

/// Records an operator's word that a secret is not ours to look after any more. Needs nothing but
/// the journal; no key and no label is touched.
///
/// # Errors
/// When the journal cannot be read or written or does not replay, or something is open; see
/// [`crate::domain::departed::bar`].
pub async fn forget(
    journal: &dyn Journal,
    stream: &SecretKey,
    at: &Stamp,
    by: Requester,
) -> Result<(), EngineError> {
    let (state, position) = replay(journal, stream).await?;
    let forgotten = Event::Forgotten { by };
    apply(state, at, &forgotten).map_err(EngineError::Refused)?;
    journal.append(stream, position, at, &[forgotten]).await?;
    Ok(())
}
