//! A consumer's word that it uses the new key. Sends nothing: what follows is the loop's.

use super::{Engine, EngineError};
use crate::domain::ids::ConsumerName;
use crate::domain::state::{Event, Requester};

impl Engine {
    /// Makes a consumer's word about the open rotation durable. The caller knows that the policy
    /// waits for that consumer. Said again, nothing is written.
    ///
    /// # Errors
    /// When it cannot be journaled, or no rotation is open that has promoted; then it was not made.
    pub async fn ack(&mut self, consumer: ConsumerName, by: Requester) -> Result<(), EngineError> {
        let open = self.state.rotation.as_ref();
        if open.is_some_and(|open| open.acked.contains(&consumer)) {
            return Ok(());
        }
        let rotation = open.map(|open| open.id).unwrap_or_default();
        self.record(vec![Event::Acked { rotation, consumer, by }]).await
    }
}
