//! A person's ruling on a key that nobody accounted for. Sends nothing: what a ruling asks for is
//! carried out by the loop.

use super::{Engine, EngineError, replay};
use crate::domain::clocks::Stamp;
use crate::domain::ids::{KeyId, SecretKey};
use crate::domain::state::{Event, Requester, Ruling, apply};
use crate::port::Journal;

/// Records a person's word on a key, where no engine is needed: that it may live, or that another
/// policy's engine has done what was ruled. Needs nothing but the journal, so that it works for a
/// secret whose policy is wrong or gone.
///
/// # Errors
/// When the journal cannot be read or written, or does not replay, or the word does not fit.
pub async fn rule(
    journal: &dyn Journal,
    stream: &SecretKey,
    at: &Stamp,
    word: Event,
) -> Result<(), EngineError> {
    let (state, position) = replay(journal, stream).await?;
    apply(state, at, &word).map_err(EngineError::Refused)?;
    journal.append(stream, position, at, &[word]).await?;
    Ok(())
}

impl Engine {
    /// The same as [`rule`] for a secret that this engine works on.
    ///
    /// # Errors
    /// When it cannot be journaled, or the word does not fit; then it was not said.
    pub async fn hear(&mut self, word: Event) -> Result<(), EngineError> {
        self.record(vec![word]).await
    }

    /// Makes a person's word on an orphan durable. It is carried out by the next turns.
    ///
    /// # Errors
    /// When it cannot be journaled, or the key is not on the record of orphans; then it was not made.
    pub async fn rule(
        &mut self,
        key: KeyId,
        ruling: Ruling,
        by: Requester,
    ) -> Result<(), EngineError> {
        self.record(vec![Event::Ruled { key, ruling, by, carried_out_by: None }]).await
    }
}
