//! A person's ruling on a key that nobody accounted for. Sends nothing.

use super::{EngineError, replay};
use crate::domain::clocks::Stamp;
use crate::domain::ids::{KeyId, SecretKey};
use crate::domain::state::{Event, Requester, apply};
use crate::port::Journal;

/// Records a person's word that a key may live. Needs nothing but the journal, so that it works for
/// a secret whose policy is wrong or gone.
///
/// # Errors
/// When the journal cannot be read or written, or does not replay.
pub async fn rule(
    journal: &dyn Journal,
    stream: &SecretKey,
    at: &Stamp,
    key: KeyId,
    by: Requester,
) -> Result<(), EngineError> {
    let (state, position) = replay(journal, stream).await?;
    let kept = Event::Kept { key, by };
    apply(state, at, &kept).map_err(EngineError::Refused)?;
    journal.append(stream, position, at, &[kept]).await?;
    Ok(())
}
