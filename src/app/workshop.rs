//! The daemon's workshop: one set of policies with engines made for it. Ports are made once a
//! policy, so that looking at it again costs no new connection and no new introspection.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::{App, AppError, Home, Known, Loan};
use crate::daemon::{Handle, Workshop, WorkshopError, bug};
use crate::domain::clocks::Stamp;
use crate::domain::code::{Call, Setup};
use crate::domain::ids::SecretKey;
use crate::domain::policy::Policy;
use crate::domain::report::Problem;
use crate::domain::state::{Event, State};
use crate::engine::{Engine, Ports, ProgressSink, replay, rule};
use crate::port::{Journal, PortError};
use crate::settings::Flags;

/// One set of policies.
pub struct Shop {
    app: Arc<App>,
    journal: Arc<dyn Journal>,
    ports: Mutex<BTreeMap<SecretKey, Ports>>,
}

impl Shop {
    #[must_use]
    pub fn new(app: Arc<App>, journal: Arc<dyn Journal>) -> Self {
        Self { app, journal, ports: Mutex::default() }
    }

    /// The policy's ports, made where they are not there yet.
    async fn ports(&self, policy: &Policy) -> Result<Ports, AppError> {
        let secret = policy.secret_key()?;
        let known = |ports: &BTreeMap<SecretKey, Ports>| ports.get(&secret).cloned();
        if let Some(ports) = known(&self.ports.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(ports);
        }
        let ports = self.app.ports(policy, self.journal.clone()).await?;
        let mut all = self.ports.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(all.entry(secret).or_insert(ports).clone())
    }
}

#[async_trait]
impl Workshop for Shop {
    fn policies(&self) -> &[Policy] {
        &self.app.policies
    }

    async fn departed(&self) -> Result<Vec<Policy>, WorkshopError> {
        let known = self.app.known_unwatched(self.journal.as_ref()).await.map_err(told)?;
        Ok(known.iter().filter_map(Known::to_finish).cloned().collect())
    }

    async fn state(&self, secret: &SecretKey) -> Result<State, WorkshopError> {
        Ok(replay(self.journal.as_ref(), secret).await?.0)
    }

    async fn open(
        &self,
        policy: &Policy,
        progress: Arc<dyn ProgressSink>,
    ) -> Result<Engine, WorkshopError> {
        let ports = self.ports(policy).await.map_err(told)?;
        self.app.engine_on(policy, ports, progress).await.map_err(told)
    }
}

/// In words for a person.
fn told(error: AppError) -> WorkshopError {
    let said = error.to_string();
    let problem = match error {
        AppError::Engine(error) => return error.into(),
        AppError::Journal(error) => return crate::engine::EngineError::from(error).into(),
        AppError::NoCredentials(_) => {
            Problem::new(Setup::NoCredentials, said, "systemctl edit rekeyd")
        }
        AppError::Name(_) => Problem::new(Setup::PolicyName, said, "rekeyd check"),
        AppError::Port(PortError { class, .. }) => {
            Problem::new(Call::from(class), said, "rekeyd check")
        }
        _ => bug("that could not be opened"),
    };
    WorkshopError::Setup(problem)
}

/// Where a daemon's sets of policies come from.
pub struct Policies {
    flags: Flags,
    journal: Arc<dyn Journal>,
    now: Mutex<Arc<App>>,
}

impl Policies {
    #[must_use]
    pub fn new(flags: Flags, app: Arc<App>, journal: Arc<dyn Journal>) -> Self {
        Self { flags, journal, now: Mutex::new(app) }
    }

    /// The last good set.
    #[must_use]
    pub fn app(&self) -> Arc<App> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    #[must_use]
    pub fn dir(&self) -> PathBuf {
        self.app().policies_dir.clone()
    }

    /// A workshop for the last good set.
    #[must_use]
    pub fn shop(&self) -> Arc<dyn Workshop> {
        Arc::new(Shop::new(self.app(), self.journal.clone()))
    }

    /// Reads settings and policies anew: all or nothing. Blocks on the disk.
    ///
    /// # Errors
    /// When anything is wrong with any of them, or none is left; then the last good set stays.
    pub fn read(&self) -> Result<Arc<App>, AppError> {
        let before = self.app();
        let read = before.reload(&self.flags)?;
        read.whole()?;
        if read.policies.is_empty() && !before.policies.is_empty() {
            return Err(AppError::NoneLeft(read.policies_dir));
        }
        Ok(Arc::new(read))
    }

    /// From now on this is the last good set.
    pub fn take(&self, app: Arc<App>) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = app;
    }
}

/// Engines of a running daemon, for commands that it serves.
pub struct Lent {
    handle: Handle,
    journal: Arc<dyn Journal>,
}

impl Lent {
    #[must_use]
    pub fn new(handle: Handle, journal: Arc<dyn Journal>) -> Self {
        Self { handle, journal }
    }
}

#[async_trait]
impl Home for Lent {
    async fn lend(
        self: Arc<Self>,
        app: &App,
        policy: &Policy,
        progress: Arc<dyn ProgressSink>,
    ) -> Result<(Engine, Loan), AppError> {
        let secret = policy.secret_key()?;
        let kept = self.handle.borrow(&secret).await.map_err(|_| AppError::Stopping)?;
        let loan = Loan::new(self.clone(), secret);
        let engine = match kept {
            Some(mut engine) => {
                engine.set_progress(progress);
                engine
            }
            None => app.engine(policy, self.journal.clone(), progress).await?,
        };
        Ok((engine, loan))
    }

    async fn record(
        self: Arc<Self>,
        stream: &SecretKey,
        at: &Stamp,
        word: Event,
    ) -> Result<(), AppError> {
        let kept = self.handle.borrow(stream).await.map_err(|_| AppError::Stopping)?;
        let loan = Loan::new(self.clone(), stream.clone());
        // An engine that is in use must take the word in itself, or it would be behind its journal.
        let Some(mut engine) = kept else {
            return Ok(rule(self.journal.as_ref(), stream, at, word).await?);
        };
        let recorded = engine.hear(word).await;
        loan.give_back(engine);
        Ok(recorded?)
    }

    fn back(&self, stream: &SecretKey, engine: Option<Engine>) {
        self.handle.give_back(stream, engine.map(quiet));
    }
}

/// Steps are shown to nobody any more.
fn quiet(mut engine: Engine) -> Engine {
    engine.set_progress(Arc::new(()));
    engine
}
