//! What the daemon's own commands work on, and what the daemon says of itself.

use std::sync::Arc;

use async_trait::async_trait;

use super::source::Source;
use crate::app::{Lent, Policies};
use crate::cli::desk::{Desk, Office};
use crate::daemon::{Handle, Reloader};
use crate::domain::report::{Problem, rfc3339};
use crate::port::Journal;
use crate::wire::About;

/// The daemon, as its commands need it.
pub(super) struct Front {
    policies: Arc<Policies>,
    journal: Arc<dyn Journal>,
    handle: Handle,
    reloader: Arc<Reloader>,
    source: Arc<Source>,
    since: String,
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
        Self { policies, journal, handle, reloader, source, since }
    }
}

#[async_trait]
impl Office for Front {
    fn desk(&self) -> Desk {
        let home = Arc::new(Lent::new(self.handle.clone(), self.journal.clone()));
        Desk { app: self.policies.app(), journal: self.journal.clone(), home }
    }

    fn about(&self) -> About {
        About {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            since: self.since.clone(),
            policies: self.policies.app().policies.len(),
            loaded_at: Some(self.source.loaded_at()),
            reload_error: self.reloader.wrong().map(|problem| problem.message),
        }
    }

    async fn reload(&self) -> Result<usize, Problem> {
        Ok(self.reloader.reload().await?.policies)
    }
}
