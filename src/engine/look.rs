//! What the issuer's list holds now, for a person who names a key. Journals nothing, sends no
//! mutation, decides nothing.

use std::collections::BTreeSet;

use super::Engine;
use crate::domain::ids::KeyId;
use crate::domain::secret::Credential;
use crate::port::{Content, Which};

impl Engine {
    /// Every key of a whole list that is read now, and the one that *current* names. `None` where
    /// no whole list can be had: then nothing can be said of a key that is not known.
    pub async fn listed_now(&mut self) -> Option<BTreeSet<KeyId>> {
        let mut callers: Vec<Credential> = Vec::new();
        if let Some(source) = &self.ports.actor {
            callers.extend(source.credential().await.ok());
        }
        let mut named = BTreeSet::new();
        if let Ok(Some(stored)) = self.ports.store.read(&Which::Current).await
            && let Content::Credential { credential, .. } = stored.content
        {
            named.insert(credential.key().clone());
            callers.push(credential);
        }
        for caller in callers {
            let Ok(listing) = self.ports.issuer.list(&caller).await else { continue };
            let keys: BTreeSet<KeyId> = listing.keys.into_iter().map(|one| one.key).collect();
            // A list without the key that asked for it is not the whole list (R20).
            if listing.complete && keys.contains(caller.key()) {
                return Some(&keys | &named);
            }
        }
        None
    }
}
