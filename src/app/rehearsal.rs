//! An engine that changes nothing: it reads the real outside, and sends no mutation. Its journal is
//! a copy in memory. For `plan` and `--dry-run`.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::Notify;

use super::{App, AppError};
use crate::domain::claim::Claim;
use crate::domain::ids::{Etag, KeyId, VersionId};
use crate::domain::policy::Policy;
use crate::domain::secret::Credential;
use crate::domain::state::{Effect, Event, State};
use crate::engine::{Engine, Ports, ProgressSink};
use crate::journal::MemoryJournal;
use crate::port::issuer::{Changed, Minted};
use crate::port::{
    Issuer, Journal, JournalError, Listing, PortError, SecretStore, StoreView, Stored, Which,
};

/// What an engine would have done, in its order.
#[derive(Default)]
pub struct Notes {
    noted: Mutex<Vec<Noted>>,
    intends: Notify,
}

/// One event with the state before it.
#[derive(Clone)]
pub struct Noted {
    pub before: State,
    pub after: State,
    pub event: Event,
}

impl Notes {
    /// Everything so far.
    #[must_use]
    pub fn all(&self) -> Vec<Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until a mutation would be sent.
    pub async fn intended(&self) {
        self.intends.notified().await;
    }

    /// The first mutation that would have been sent.
    #[must_use]
    pub fn effect(&self) -> Option<Effect> {
        self.all().into_iter().find_map(|noted| match noted.event {
            Event::Intended { effect, .. } if !is_claim(&effect) => Some(effect),
            _ => None,
        })
    }
}

/// A claim only makes sure of the right to act: what would be done under it is what counts.
fn is_claim(effect: &Effect) -> bool {
    matches!(effect, Effect::Claim { .. })
}

impl ProgressSink for Notes {
    fn recorded(&self, state: &State, event: &Event) {
        let mut notes = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        let before = notes.last().map_or_else(State::default, |noted| noted.after.clone());
        notes.push(Noted { before, after: state.clone(), event: event.clone() });
        if matches!(event, Event::Intended { effect, .. } if !is_claim(effect)) {
            self.intends.notify_one();
        }
    }
}

impl App {
    /// An engine for looking ahead.
    ///
    /// # Errors
    /// When the journal cannot be read, or the policy's ports cannot be made.
    pub async fn rehearsal(
        &self,
        policy: &Policy,
        journal: &Arc<dyn Journal>,
        notes: Arc<Notes>,
    ) -> Result<Engine, AppError> {
        let plan = self.plan(policy)?;
        let neighbours = self.neighbours(journal.clone(), policy, &plan);
        let copy = copy_of(journal.as_ref(), &plan.stream).await?;
        let real = self.ports(policy, Arc::new(copy)).await?;
        let ports = Ports {
            issuer: Arc::new(Watched(real.issuer.clone())),
            store: Arc::new(Watched(real.store.clone())),
            ..real
        };
        let mut engine = Engine::open(ports, plan, notes).await?;
        engine.set_neighbours(neighbours);
        Ok(engine)
    }
}

async fn copy_of(
    journal: &dyn Journal,
    stream: &crate::domain::ids::SecretKey,
) -> Result<MemoryJournal, JournalError> {
    let copy = MemoryJournal::new();
    let mut position = 0;
    for row in journal.replay(stream).await? {
        position = copy.append(stream, position, &row.at, std::slice::from_ref(&row.event)).await?;
    }
    Ok(copy)
}

/// Lets reads through. A mutation is never sent and, but for a claim, never answered: the rehearsal
/// ends there.
struct Watched<T: ?Sized>(Arc<T>);

async fn never_sent<T>() -> Result<T, PortError> {
    std::future::pending().await
}

#[async_trait]
impl Issuer for Watched<dyn Issuer> {
    async fn issue(&self, _: &Credential) -> Result<Minted, PortError> {
        never_sent().await
    }
    async fn list(&self, actor: &Credential) -> Result<Listing, PortError> {
        self.0.list(actor).await
    }
    async fn disable(
        &self,
        _: &Credential,
        _: &KeyId,
        _: Option<&Etag>,
    ) -> Result<Changed, PortError> {
        never_sent().await
    }
    async fn enable(
        &self,
        _: &Credential,
        _: &KeyId,
        _: Option<&Etag>,
    ) -> Result<Changed, PortError> {
        never_sent().await
    }
    async fn delete(&self, _: &Credential, _: &KeyId, _: Option<&Etag>) -> Result<(), PortError> {
        never_sent().await
    }
}

#[async_trait]
impl SecretStore for Watched<dyn SecretStore> {
    fn place(&self) -> String {
        self.0.place()
    }
    async fn describe(&self) -> Result<StoreView, PortError> {
        self.0.describe().await
    }
    async fn read(&self, which: &Which) -> Result<Option<Stored>, PortError> {
        self.0.read(which).await
    }
    async fn stage(
        &self,
        _: &VersionId,
        _: Option<&VersionId>,
        _: &Credential,
    ) -> Result<(), PortError> {
        never_sent().await
    }
    async fn stage_empty(&self, _: &VersionId) -> Result<(), PortError> {
        never_sent().await
    }
    async fn promote(&self, _: Option<&VersionId>, _: &VersionId) -> Result<(), PortError> {
        never_sent().await
    }
    async fn unstage(&self, _: &VersionId) -> Result<(), PortError> {
        never_sent().await
    }
    /// Taken for granted, and not sent either.
    async fn append_claim(&self, _: &Claim) -> Result<(), PortError> {
        Ok(())
    }
    async fn drop_previous(&self, _: &VersionId) -> Result<(), PortError> {
        never_sent().await
    }
}
