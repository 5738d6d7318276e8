//! A daemon in this process: its desk over the stage's sandbox, its control socket, and no heartbeat.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use rekeyd::app::{App, AppError, Held, Home, Loan};
use rekeyd::cli::desk::{Desk, DeskClerk, Office};
use rekeyd::daemon::control::{Limits, Rule, bind, serve};
use rekeyd::domain::clocks::Stamp;
use rekeyd::domain::code::Setup;
use rekeyd::domain::ids::SecretKey;
use rekeyd::domain::policy::Policy;
use rekeyd::domain::report::Problem;
use rekeyd::domain::state::Event;
use rekeyd::engine::{Engine, ProgressSink, Stop, rule};
use rekeyd::port::Journal;
use rekeyd::settings::Flags;
use rekeyd::wire::About;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::stage::Stage;

/// Lends one engine at a time, whatever the secret.
struct OneAtATime {
    journal: Arc<dyn Journal>,
    free: Arc<Semaphore>,
    lent: Mutex<Option<OwnedSemaphorePermit>>,
    loans: AtomicUsize,
}

#[async_trait]
impl Home for OneAtATime {
    async fn lend(
        self: Arc<Self>,
        app: &App,
        policy: &Policy,
        progress: Arc<dyn ProgressSink>,
    ) -> Result<(Engine, Loan), AppError> {
        let permit = self.free.clone().acquire_owned().await.unwrap();
        self.loans.fetch_add(1, Ordering::SeqCst);
        let engine = app.engine(policy, self.journal.clone(), progress).await?;
        *self.lent.lock().unwrap() = Some(permit);
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

    fn back(&self, _stream: &SecretKey, _engine: Option<Engine>) {
        drop(self.lent.lock().unwrap().take());
    }
}

struct Room {
    flags: Flags,
    app: Mutex<Arc<App>>,
    held: Held,
    home: Arc<OneAtATime>,
    reload_error: Mutex<Option<String>>,
}

#[async_trait]
impl Office for Room {
    fn desk(&self) -> Desk {
        let (app, home) = (self.app.lock().unwrap().clone(), self.home.clone());
        Desk { app, journal: self.held.journal.clone(), home }
    }

    fn about(&self) -> About {
        About {
            version: "0".into(),
            pid: std::process::id(),
            since: "2030-01-01T00:00:00Z".into(),
            policies: self.app.lock().unwrap().policies.len(),
            loaded_at: None,
            reload_error: self.reload_error.lock().unwrap().clone(),
            open: 0,
            findings: Vec::new(),
        }
    }

    async fn reload(&self) -> Result<usize, Problem> {
        let loaded = App::load(&self.flags).and_then(|app| app.whole().map(|()| app));
        *self.reload_error.lock().unwrap() = loaded.as_ref().err().map(ToString::to_string);
        let told = |error: AppError| {
            Problem::new(Setup::PolicyFindings, error.to_string(), "rekeyd check")
        };
        let app = loaded.map_err(told)?;
        let policies = app.policies.len();
        *self.app.lock().unwrap() = Arc::new(app);
        Ok(policies)
    }
}

pub(crate) struct Daemon {
    room: Arc<Room>,
    switch: Arc<watch::Sender<bool>>,
    pub(crate) serving: tokio::task::JoinHandle<()>,
}

impl Daemon {
    pub(crate) fn start(stage: &Stage) -> Self {
        // A second choice finds the first one there.
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let place = |name: &str| -> Option<PathBuf> { Some(stage.path(name)) };
        let flags = Flags {
            config: place("rekeyd.toml"),
            policies: place("policies"),
            state_dir: place("state"),
        };
        let app = Arc::new(App::load(&flags).unwrap());
        let held = app.hold(true).unwrap();
        let listener = bind(&stage.path("state/control.sock"), None).unwrap();
        let home = Arc::new(OneAtATime {
            journal: held.journal.clone(),
            free: Arc::new(Semaphore::new(1)),
            lent: Mutex::new(None),
            loans: AtomicUsize::new(0),
        });
        let (app, reload_error) = (Mutex::new(app), Mutex::new(None));
        let room = Arc::new(Room { flags, app, held, home, reload_error });
        let (switch, stop) = Stop::new();
        let clerk = Arc::new(DeskClerk::new(room.clone(), stop.clone()));
        let limits = Limits::default();
        let serving = tokio::spawn(serve(listener, Rule::own(None), clerk, limits, stop));
        Self { room, switch, serving }
    }

    /// How often a command had an engine: what never came here was done elsewhere.
    pub(crate) fn loans(&self) -> usize {
        self.room.home.loans.load(Ordering::SeqCst)
    }

    /// Ends it in an orderly way.
    pub(crate) async fn stop(self) {
        self.switch.send_replace(true);
        self.serving.await.unwrap();
    }
}
