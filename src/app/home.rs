//! Who owns the engines. A command of its own process makes each anew and drops it; a daemon has
//! engines that work, and lends one while a command is about its secret.

use std::sync::Arc;

use async_trait::async_trait;

use super::{App, AppError};
use crate::domain::clocks::Stamp;
use crate::domain::ids::SecretKey;
use crate::domain::policy::Policy;
use crate::domain::state::Event;
use crate::engine::{Engine, ProgressSink, rule};
use crate::port::Journal;

/// Lends engines.
///
/// Implementations MUST lend a secret's engine to one at a time: two of them would append to one
/// stream.
#[async_trait]
pub trait Home: Send + Sync {
    /// The engine of a policy's secret, with the right to use it. Steps are shown to `progress`.
    ///
    /// # Errors
    /// When the journal cannot be read or does not replay, or the policy's ports cannot be made.
    async fn lend(
        self: Arc<Self>,
        app: &App,
        policy: &Policy,
        progress: Arc<dyn ProgressSink>,
    ) -> Result<(Engine, Loan), AppError>;

    /// Records a person's word on a secret, beside the engine that works on it.
    ///
    /// # Errors
    /// When the journal cannot be read or written, or does not replay, or the word does not fit.
    async fn record(
        self: Arc<Self>,
        stream: &SecretKey,
        at: &Stamp,
        word: Event,
    ) -> Result<(), AppError>;

    /// The secret is free again. Without the engine, whoever is next makes it anew.
    fn back(&self, stream: &SecretKey, engine: Option<Engine>);
}

/// The right to use a secret's engine; ends when dropped, also by a panic.
pub struct Loan {
    home: Arc<dyn Home>,
    stream: SecretKey,
    engine: Option<Engine>,
}

impl Loan {
    #[must_use]
    pub fn new(home: Arc<dyn Home>, stream: SecretKey) -> Self {
        Self { home, stream, engine: None }
    }

    /// Ends the loan, engine in hand: what it holds in memory is kept.
    pub fn give_back(mut self, engine: Engine) {
        self.engine = Some(engine);
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        self.home.back(&self.stream, self.engine.take());
    }
}

/// Engines for one command, each made anew. The caller holds the journal's lock.
pub struct OwnEngines {
    journal: Arc<dyn Journal>,
}

impl OwnEngines {
    #[must_use]
    pub fn new(journal: Arc<dyn Journal>) -> Self {
        Self { journal }
    }
}

#[async_trait]
impl Home for OwnEngines {
    async fn lend(
        self: Arc<Self>,
        app: &App,
        policy: &Policy,
        progress: Arc<dyn ProgressSink>,
    ) -> Result<(Engine, Loan), AppError> {
        let engine = app.engine(policy, self.journal.clone(), progress).await?;
        let loan = Loan::new(self, engine.stream().clone());
        Ok((engine, loan))
    }

    async fn record(
        self: Arc<Self>,
        stream: &SecretKey,
        at: &Stamp,
        word: Event,
    ) -> Result<(), AppError> {
        Ok(rule(self.journal.as_ref(), stream, at, word).await?)
    }

    fn back(&self, _stream: &SecretKey, _engine: Option<Engine>) {}
}
