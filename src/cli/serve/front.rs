//! What the daemon's own commands work on, and what the daemon says of itself.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use crate::app::{App, Lent, Policies};
use crate::cli::desk::{Desk, Office};
use crate::daemon::{FleetReport, Handle, Reloader};
use crate::domain::report::{Problem, rfc3339};
use crate::port::{Clock, Journal};
use crate::wire::{About, Finding};

/// The daemon, as its commands need it.
pub(super) struct Front {
    policies: Arc<Policies>,
    journal: Arc<dyn Journal>,
    handle: Handle,
    reloader: Arc<Reloader>,
    clock: Arc<dyn Clock>,
    since: String,
    loaded_at: Mutex<String>,
    /// At the last beat.
    seen: Arc<Mutex<Option<FleetReport>>>,
}

impl Front {
    pub(super) fn new(
        policies: Arc<Policies>,
        journal: Arc<dyn Journal>,
        handle: Handle,
        reloader: Arc<Reloader>,
        app: &App,
    ) -> Self {
        let since = rfc3339(app.clock.stamp().wall_ms);
        let loaded_at = Mutex::new(since.clone());
        let clock = app.clock.clone();
        let seen = Arc::default();
        Self { policies, journal, handle, reloader, clock, since, loaded_at, seen }
    }

    /// Where each beat leaves what it saw.
    pub(super) fn seen(&self) -> Arc<Mutex<Option<FleetReport>>> {
        self.seen.clone()
    }
}

#[async_trait]
impl Office for Front {
    fn desk(&self) -> Desk {
        let home = Arc::new(Lent::new(self.handle.clone(), self.journal.clone()));
        Desk { app: self.policies.app(), journal: self.journal.clone(), home }
    }

    fn about(&self) -> About {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let open = seen.as_ref().map_or(0, |report| report.open);
        let findings = seen.map(|report| report.findings).unwrap_or_default();
        let loaded_at = self.loaded_at.lock().unwrap_or_else(PoisonError::into_inner).clone();
        About {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            since: self.since.clone(),
            policies: self.policies.app().policies.len(),
            loaded_at: Some(loaded_at),
            reload_error: self.reloader.wrong().map(|problem| problem.message),
            open,
            findings: findings.into_iter().map(told).collect(),
        }
    }

    async fn reload(&self) -> Result<usize, Problem> {
        let reloaded = self.reloader.reload().await?;
        let now = rfc3339(self.clock.stamp().wall_ms);
        *self.loaded_at.lock().unwrap_or_else(PoisonError::into_inner) = now;
        Ok(reloaded.policies)
    }
}

fn told((policy, problem): (String, Problem)) -> Finding {
    let Problem { code, message, next_command } = problem;
    Finding { policy, code: code.to_string(), message, next_command }
}
