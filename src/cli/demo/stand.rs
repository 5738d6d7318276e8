//! The demo's stand: sandbox, store, journal, and policy; what is on disk is in one temporary
//! directory.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::net::TcpListener;

use super::super::args::DemoStore;
use super::super::error::{CliError, Exit};
use super::super::sandbox::write_secret;
use super::source::{REGION, SECRET_ID, Source};
use crate::app::{App, Clients};
use crate::domain::code::Own;
use crate::domain::ids::KeyId;
use crate::domain::plan::WaitFor;
use crate::domain::policy::{Findings, parse};
use crate::domain::state::{Event, Evidence, State};
use crate::engine::{Progress, ProgressSink};
use crate::port::PortError;
use crate::sandbox::{Sandbox, Settings as Tenant};
use crate::settings::{Limits, Settings};

/// The policy's name.
pub const POLICY: &str = "demo";
/// How long consumers go on with a secret that they have read.
pub const CACHE_TTL: Duration = Duration::from_secs(2);
const TOKEN_LIFE_SECONDS: u32 = 1;

pub struct Stand {
    pub sandbox: Sandbox,
    pub app: App,
    pub policy_text: String,
    pub source: Source,
    _directory: tempfile::TempDir,
}

impl Stand {
    /// # Errors
    /// When loopback or the temporary directory cannot be used.
    pub async fn build(store: DemoStore) -> Result<Self, CliError> {
        let failed = |why: String| {
            CliError::new(Exit::Configuration, Own::Demo, format!("the demo cannot start: {why}"))
        };
        let directory = tempfile::Builder::new()
            .prefix("rekeyd-demo-")
            .tempdir()
            .map_err(|why| failed(why.to_string()))?;
        let listener =
            TcpListener::bind(("127.0.0.1", 0)).await.map_err(|why| failed(why.to_string()))?;
        let tenant = Tenant { token_life_seconds: TOKEN_LIFE_SECONDS, ..Tenant::default() };
        let sandbox = Sandbox::start(listener, tenant).map_err(|why| failed(why.to_string()))?;
        let source = match store {
            DemoStore::File => {
                let first = sandbox.seed_key().map_err(|why| failed(why.to_string()))?;
                let path = directory.path().join("secret.json");
                write_secret(&path, &first).map_err(|why| failed(why.to_string()))?;
                Source::File(path)
            }
            DemoStore::Aws => {
                let seeded = sandbox.seed_secret(SECRET_ID, REGION);
                drop(seeded.map_err(|why| failed(why.to_string()))?);
                Source::aws(&sandbox.base_url())
            }
        };
        let policy_text = policy_text(&sandbox.base_url(), &source.policy_table());
        let policy = parse(&format!("{POLICY}.toml"), &policy_text)
            .map_err(|findings| failed(Findings::new(findings).to_string()))?;
        let limits = Limits {
            gateway_timeout_ms: 2_000,
            token_lifetime_ms: 1_000,
            request_timeout_ms: 5_000,
        };
        let settings = Settings { limits, ..Settings::default() };
        let app = App::new(settings, vec![policy], directory.path().join("state"));
        let clients = Clients::new(Arc::new(()), source.aws_client());
        let app = app.with_clients(Arc::new(clients));
        Ok(Self { sandbox, app, policy_text, source, _directory: directory })
    }

    pub fn url(&self) -> String {
        self.sandbox.base_url()
    }
}

fn policy_text(url: &str, store: &str) -> String {
    let cache = CACHE_TTL.as_secs();
    format!(
        "[issuer.ion]\n\
         auth_url = \"{url}\"\n\
         api_url = \"{url}\"\n\
         {store}\
         [consumers]\n\
         cache_ttl = \"{cache}s\"\n\
         [retire]\n\
         drain = \"4s\"   # days or hours elsewhere\n\
         soak = \"4s\"\n"
    )
}

/// Shows progress, and takes the time from a leak report to the last proven death.
pub struct Watch {
    shown: Arc<dyn ProgressSink>,
    leak: Mutex<Option<Drill>>,
}

struct Drill {
    reported: Instant,
    alive: Vec<KeyId>,
    took: Option<Duration>,
}

impl Watch {
    pub fn new(shown: Arc<dyn ProgressSink>) -> Self {
        Self { shown, leak: Mutex::new(None) }
    }

    /// The leak is reported now.
    pub fn report(&self, alive: Vec<KeyId>) {
        let drill = Drill { reported: Instant::now(), alive, took: None };
        *self.leak.lock().unwrap_or_else(PoisonError::into_inner) = Some(drill);
    }

    pub fn seconds_to_death(&self) -> Option<f64> {
        let leak = self.leak.lock().unwrap_or_else(PoisonError::into_inner);
        leak.as_ref()?.took.map(|took| took.as_secs_f64())
    }
}

impl ProgressSink for Watch {
    fn doing(&self, step: &'static str) {
        self.shown.doing(step);
    }
    fn stepped(&self, progress: Progress) {
        self.shown.stepped(progress);
    }
    fn recorded(&self, state: &State, event: &Event) {
        if let Event::Proven { key, evidence: Evidence::Rejected { .. } } = event {
            let mut leak = self.leak.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(drill) = leak.as_mut() {
                drill.alive.retain(|alive| alive != key);
                if drill.alive.is_empty() && drill.took.is_none() {
                    drill.took = Some(drill.reported.elapsed());
                }
            }
        }
        self.shown.recorded(state, event);
    }
    fn failed(&self, step: &str, error: &PortError) {
        self.shown.failed(step, error);
    }
    fn waiting(&self, reason: WaitFor, ms: i64) {
        self.shown.waiting(reason, ms);
    }
}
