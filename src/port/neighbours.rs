//! Other secrets, as far as one policy must know of them.

use async_trait::async_trait;

use super::JournalError;
use crate::domain::facts::Elsewhere;

/// What other secrets name, asked before a start and before a key is retired (R22).
///
/// MUST answer from each other secret's last journaled observation, read afresh at each call, and from
/// the stores of policies of the same account of which there is no recent one. One whose journal does
/// not replay, or whose store was to be read and could not be, MUST be listed as unreadable, and MUST
/// NOT hide the others.
#[async_trait]
pub trait Neighbours: Send + Sync {
    async fn look(&self) -> Result<Elsewhere, JournalError>;
}
