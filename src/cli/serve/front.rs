//! What the daemon's own commands work on, and what the daemon says of itself.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::source::Source;
use crate::app::{Lent, Policies};
use crate::cli::desk::{Desk, Office};
use crate::daemon::{FleetReport, Handle, Reloader};
use crate::domain::report::{Problem, rfc3339};
use crate::port::Journal;
use crate::wire::{About, Finding};

/// The daemon, as its commands need it.
pub(super) struct Front {
    policies: Arc<Policies>,
    journal: Arc<dyn Journal>,
    handle: Handle,
    reloader: Arc<Reloader>,
    source: Arc<Source>,
    since: String,
    /// At the last beat.
    seen: Arc<Mutex<Option<FleetReport>>>,
}

impl Front {
    pub(super) fn new(
        policies: Arc<Policies>,
        journal: Arc<dyn Journal>,
        handle: Handle,
        reloader: Arc<Reloader>,
        source: Arc<Source>,
    ) -> Self {
        let since = rfc3339(policies.app().clock.stamp().wall_ms);
        let seen = Arc::default();
        Self { policies, journal, handle, reloader, source, since, seen }
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
        About {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            since: self.since.clone(),
            policies: self.policies.app().policies.len(),
            loaded_at: Some(self.source.loaded_at()),
            reload_error: self.reloader.wrong().map(|problem| problem.message),
            open,
            findings: findings.into_iter().map(told).collect(),
        }
    }

    async fn reload(&self) -> Result<usize, Problem> {
        Ok(self.reloader.reload().await?.policies)
    }
}

fn told((policy, problem): (String, Problem)) -> Finding {
    let Problem { code, message, next_command } = problem;
    Finding { policy, code: code.to_string(), message, next_command }
}
