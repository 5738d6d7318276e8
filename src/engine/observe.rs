//! Reads of the outside, turned into facts. A failed read is a fact too: unclear, with its class.

use tracing::{Instrument, debug_span};

use super::Engine;
use super::vault::proof;
use crate::domain::facts::{
    Actor, Elsewhere, Exchange, Fact, Holding, KeyIndex, KeyProof, Listing, Profile, Read,
};
use crate::domain::ids::VersionId;
use crate::domain::secret::Credential;
use crate::port::{Class, Content, PortError, StoreView, Stored, Which};

/// No create is sent with less room than this for its outcome (R4).
const JOURNAL_ROOM_BYTES: u64 = 16 * 1024 * 1024;

/// Longest text of a failure that the journal keeps.
const MAX_SAID_CHARS: usize = 300;

impl Engine {
    pub(super) async fn observe(&mut self, read: Read) {
        let span = debug_span!("rotation.look", policy = %self.plan.rules.policy);
        self.read(read).instrument(span).await;
    }

    async fn read(&mut self, read: Read) {
        match read {
            Read::Store => self.seen.store = self.look_at_store().await,
            Read::Version(version) => {
                let fact = self.look_at_version(&version).await;
                self.seen.versions.insert(version, fact);
            }
            Read::Exchange(proof) => {
                let fact = self.exchange(&proof).await;
                self.seen.exchanges.insert(proof, fact);
            }
            Read::NamedActor => self.seen.named_actor = self.exchange_named().await,
            Read::NamedProfile => {
                let answer = self.look_at_named_profile().await;
                self.seen.named_profile = self.told(answer, "named_actor");
            }
            Read::Profile(proof) => {
                let fact = self.look_at_profile(&proof).await;
                let fact = self.told(fact, "profile");
                self.seen.profiles.insert(proof, fact);
            }
            Read::Keys { actor } => {
                let listed = self.list(&actor).await;
                self.seen.keys = self.told(listed.map(index), "list");
            }
            Read::Death { dying, control } => {
                let fact = self.prove_death(&dying, &control).await;
                self.seen.deaths.insert(dying, fact);
            }
            Read::JournalRoom => {
                self.seen.journal_room = match self.ports.journal.free_bytes().await {
                    Ok(free) => Fact::Known(free >= JOURNAL_ROOM_BYTES),
                    Err(_) => Fact::Unclear(Class::Retryable),
                };
            }
            Read::Elsewhere => self.seen.elsewhere = self.look_elsewhere().await,
        }
    }

    async fn look_elsewhere(&self) -> Fact<Elsewhere> {
        let Some(neighbours) = &self.neighbours else { return Fact::Known(Elsewhere::default()) };
        match neighbours.look().await {
            Ok(elsewhere) => Fact::Known(elsewhere),
            Err(error) => {
                let policy = &self.plan.rules.policy;
                tracing::warn!(%policy, step = "read_journal", "{error}");
                Fact::Unclear(Class::Retryable)
            }
        }
    }

    /// Turns an answer into a fact; a failure is logged once, here.
    fn told<T>(&mut self, answer: Result<T, PortError>, what: &str) -> Fact<T> {
        match answer {
            Ok(value) => Fact::Known(value),
            Err(error) => {
                self.note_failure(what, &error);
                Fact::Unclear(error.class)
            }
        }
    }

    pub(super) fn note_failure(&mut self, what: &str, error: &PortError) {
        if let Some(after) = error.retry_after {
            self.hold_ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
        }
        let class = format!("{:?}", error.class).to_lowercase();
        tracing::warn!(
            policy = %self.plan.rules.policy, step = what, error.r#type = class, "{error}"
        );
        self.progress.failed(what, error);
        let said: String = error.message.chars().take(MAX_SAID_CHARS).collect();
        self.said.insert(what.to_owned(), said);
    }

    /// Two ways agree, or it is unclear: the description, and the current version itself (R13).
    async fn look_at_store(&mut self) -> Fact<StoreView> {
        let view = match self.ports.store.describe().await {
            Ok(view) => view,
            Err(error) => {
                self.note_failure("read_store", &error);
                return Fact::Unclear(error.class);
            }
        };
        let current = match self.ports.store.read(&Which::Current).await {
            Ok(current) => current,
            Err(error) => {
                self.note_failure("read_store", &error);
                return Fact::Unclear(error.class);
            }
        };
        if current.as_ref().map(|stored| &stored.version) != view.current.as_ref() {
            return Fact::Unclear(Class::Unknown);
        }
        if let Some(stored) = current {
            let version = stored.version.clone();
            let holding = self.take_in_version(Some(stored));
            self.seen.versions.insert(version, Fact::Known(holding));
        }
        Fact::Known(view)
    }

    async fn look_at_version(&mut self, version: &VersionId) -> Fact<Holding> {
        let answer = self.ports.store.read(&Which::Version(version.clone())).await;
        match self.told(answer, "read_version") {
            Fact::Known(stored) => Fact::Known(self.take_in_version(stored)),
            Fact::Unclear(class) => Fact::Unclear(class),
            Fact::Unread => Fact::Unread,
        }
    }

    fn take_in_version(&mut self, stored: Option<Stored>) -> Holding {
        let Some(stored) = stored else { return Holding::Absent };
        match stored.content {
            Content::Malformed(_) => Holding::Malformed,
            Content::Credential { credential, rest } => {
                let proof = self.vault.hold_read(credential);
                Holding::Key { proof, rest, size_bytes: stored.size_bytes }
            }
        }
    }

    /// The credential that a proof stands for: from memory, or from the version that holds it.
    pub(super) async fn credential(&mut self, wanted: &KeyProof) -> Result<Credential, PortError> {
        if let Some(credential) = self.vault.get(wanted) {
            return Ok(credential);
        }
        for version in self.versions_of(wanted) {
            let stored = self.ports.store.read(&Which::Version(version)).await?;
            if let Some(Stored { content: Content::Credential { credential, .. }, .. }) = stored
                && proof(&credential) == *wanted
            {
                self.vault.hold_read(credential.clone());
                return Ok(credential);
            }
        }
        Err(PortError::conflict(format!(
            "no version of the secret holds key {} any more",
            wanted.key
        )))
    }

    fn versions_of(&self, wanted: &KeyProof) -> Vec<VersionId> {
        let mut versions: Vec<VersionId> = Vec::new();
        versions.extend(self.state.keys.get(&wanted.key).and_then(|k| k.version.clone()));
        if let Some(rotation) = &self.state.rotation {
            let staged = rotation.staged.iter().rev().filter(|s| s.proof == *wanted);
            versions.extend(staged.map(|s| s.version.clone()));
            if rotation.old.proof == *wanted {
                versions.push(rotation.old.version.clone());
            }
        }
        if let Some(settled) = self.state.settled.as_ref().filter(|s| s.held.proof == *wanted) {
            versions.push(settled.held.version.clone());
        }
        versions.dedup();
        versions
    }

    /// The credential that calls the issuer.
    pub(super) async fn actor(&mut self, actor: &Actor) -> Result<Credential, PortError> {
        match actor {
            Actor::Key(proof) => self.credential(proof).await,
            Actor::Named => match &self.ports.actor {
                Some(source) => source.credential().await,
                None => Err(PortError::misconfigured("the policy names no actor")),
            },
        }
    }

    async fn exchange(&mut self, proof: &KeyProof) -> Fact<Exchange> {
        match self.credential(proof).await {
            Ok(credential) => Fact::Known(self.authenticate(&credential, "exchange").await),
            // Gone from the store: nobody can present it, and nothing is proven by that.
            Err(error) if error.class == Class::Conflict => Fact::Unclear(error.class),
            Err(error) => {
                self.note_failure("exchange", &error);
                Fact::Unclear(error.class)
            }
        }
    }

    async fn exchange_named(&mut self) -> Fact<Exchange> {
        match self.actor(&Actor::Named).await {
            Ok(credential) => {
                self.seen.named_key = Some(credential.key().clone());
                self.seen.named_proof = Some(self.vault.hold_read(credential.clone()));
                Fact::Known(self.authenticate(&credential, "named_actor").await)
            }
            Err(error) => {
                self.note_failure("named_actor", &error);
                Fact::Unclear(error.class)
            }
        }
    }

    async fn look_at_profile(&mut self, proof: &KeyProof) -> Result<Profile, PortError> {
        let credential = self.credential(proof).await?;
        self.profile(&credential, &self.plan.canaries).await
    }

    async fn look_at_named_profile(&mut self) -> Result<Profile, PortError> {
        let credential = self.actor(&Actor::Named).await?;
        self.profile(&credential, &[]).await
    }

    async fn profile(
        &self,
        credential: &Credential,
        queries: &[String],
    ) -> Result<Profile, PortError> {
        let verifier = &self.ports.verifier;
        let identity = verifier.identity(credential).await?;
        let mut canaries = Vec::new();
        for query in queries {
            canaries.push(verifier.canary(credential, query).await?);
        }
        let rights = verifier.rights(credential).await?;
        Ok(Profile { identity, canaries, rights })
    }

    async fn list(&mut self, actor: &Actor) -> Result<Listing, PortError> {
        let credential = self.actor(actor).await?;
        self.ports.issuer.list(&credential).await
    }
}

/// A list in which one id stands twice with different facts is no whole list.
fn index(listing: Listing) -> KeyIndex {
    let mut found = KeyIndex { complete: listing.complete, ..KeyIndex::default() };
    for listed in listing.keys {
        let twin = found.keys.insert(listed.key.clone(), listed.clone());
        if twin.is_some_and(|twin| twin != listed) {
            found.complete = false;
        }
    }
    found
}
