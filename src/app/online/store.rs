//! The looks at the store. Only reads.

use super::Looker;
use crate::domain::check::{Current, Look};
use crate::domain::facts::{Holding, KeyProof, StoreView};
use crate::domain::secret::Credential;
use crate::port::store::StoreProblem;
use crate::port::{Content, Stored, Which};

const NO_STORE: &str = "the store could not be read";

/// What was read of the store.
pub(super) struct Store {
    pub(super) view: Look<StoreView>,
    pub(super) current: Look<Option<Current>>,
    pub(super) pending: Look<Option<Holding>>,
    pub(super) credential: Option<Credential>,
}

impl Looker {
    /// Labels, health, *current*, and *pending*, each as far as it can be read.
    pub(super) async fn look_at_store(&self) -> Store {
        let view = self.within(self.store.describe()).await;
        let (mut current, mut pending) = (Look::Skipped(NO_STORE), Look::Skipped(NO_STORE));
        let mut credential = None;
        let Some(seen) = view.seen() else { return Store { view, current, pending, credential } };
        if seen.problems.contains(&StoreProblem::ScheduledForDeletion) {
            let because = "a secret that is scheduled for deletion cannot be read";
            current = Look::Skipped(because);
            pending = Look::Skipped(because);
            return Store { view, current, pending, credential };
        }
        current = match self.within(self.store.read(&Which::Current)).await {
            Look::Seen(stored) => Look::Seen(stored.map(|stored| {
                let version = stored.version.clone();
                let (holding, held) = holding(stored);
                credential = held;
                Current { version, holding }
            })),
            Look::Failed(failed) => Look::Failed(failed),
            Look::Skipped(because) => Look::Skipped(because),
        };
        pending = match seen.pending.clone().filter(|p| Some(p) != seen.current.as_ref()) {
            None => Look::Seen(None),
            Some(version) => match self.within(self.store.read(&Which::Version(version))).await {
                Look::Seen(stored) => Look::Seen(stored.map(|stored| holding(stored).0)),
                Look::Failed(failed) => Look::Failed(failed),
                Look::Skipped(because) => Look::Skipped(because),
            },
        };
        Store { view, current, pending, credential }
    }
}

/// A version as the protocol knows it, and the credential in it.
fn holding(stored: Stored) -> (Holding, Option<Credential>) {
    match stored.content {
        Content::Malformed(_) => (Holding::Malformed, None),
        Content::Credential { credential, rest } => {
            let proof =
                KeyProof { key: credential.key().clone(), fingerprint: credential.fingerprint() };
            let size_bytes = stored.size_bytes;
            (Holding::Key { proof, rest, size_bytes }, Some(credential))
        }
    }
}
