//! What a run that found nothing to do saw of *current*. For words only: nothing is decided by it.

use super::Engine;
use crate::domain::class::Class;
use crate::domain::facts::{Exchange, Fact, Holding};
use crate::domain::ids::KeyId;

/// How sure it is that nothing has to be done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Rested {
    /// *Current* holds the credential that the journal knows, and that works.
    #[default]
    Verified,
    /// A read failed: whether *current* works cannot be told.
    Unverified { class: Class, said: Option<String> },
    /// *Current* holds another key, and that works: somebody changed it.
    Changed { key: KeyId },
}

impl Engine {
    /// What the last run that found nothing to do rests on.
    #[must_use]
    pub fn rested(&self) -> &Rested {
        &self.rested
    }

    /// From what was seen in this turn; what was not asked for says nothing.
    pub(super) fn look_back(&self) -> Rested {
        let unverified = |class: Class, step: &str| Rested::Unverified {
            class,
            said: self.said.get(step).cloned(),
        };
        let view = match &self.seen.store {
            Fact::Unclear(class) => return unverified(*class, "read_store"),
            Fact::Known(view) => view,
            Fact::Unread => return Rested::Verified,
        };
        let Some(version) = &view.current else { return Rested::Verified };
        let proof = match self.seen.version(version) {
            Fact::Unclear(class) => return unverified(*class, "read_version"),
            Fact::Known(Holding::Key { proof, .. }) => proof,
            _ => return Rested::Verified,
        };
        match self.seen.exchange(proof) {
            Fact::Unclear(class) => unverified(*class, "exchange"),
            Fact::Known(Exchange::Unreachable(_)) => unverified(Class::Retryable, "exchange"),
            Fact::Known(Exchange::Misconfigured) => unverified(Class::Misconfigured, "exchange"),
            Fact::Known(Exchange::Unknown) => unverified(Class::Unknown, "exchange"),
            Fact::Known(Exchange::Alive { .. })
                if self.state.settled.as_ref().is_some_and(|s| s.held.proof != *proof) =>
            {
                Rested::Changed { key: proof.key.clone() }
            }
            _ => Rested::Verified,
        }
    }
}
