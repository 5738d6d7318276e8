//! Where a daemon's policies come from: the places that its command line named, read anew.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use crate::app::{App, Policies, Shop};
use crate::cli::error::CliError;
use crate::daemon::{Reader, Workshop};
use crate::domain::code::Own;
use crate::domain::report::{Problem, rfc3339};
use crate::port::Journal;

/// Policies from the disk.
pub(super) struct Source {
    policies: Arc<Policies>,
    journal: Arc<dyn Journal>,
    /// Read, and not yet in use.
    read: Mutex<Option<Arc<App>>>,
    /// Since when the set in use is so.
    loaded_at: Mutex<String>,
}

impl Source {
    pub(super) fn new(policies: Arc<Policies>, journal: Arc<dyn Journal>) -> Self {
        let loaded_at = Mutex::new(now(&policies.app()));
        Self { policies, journal, read: Mutex::default(), loaded_at }
    }

    /// When the policies in use were read, whoever asked for it.
    pub(super) fn loaded_at(&self) -> String {
        self.loaded_at.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn now(app: &App) -> String {
    rfc3339(app.clock.stamp().wall_ms)
}

#[async_trait]
impl Reader for Source {
    async fn read(&self) -> Result<Arc<dyn Workshop>, Problem> {
        let policies = self.policies.clone();
        let read = tokio::task::spawn_blocking(move || policies.read()).await;
        let app = match read {
            Ok(Ok(app)) => app,
            Ok(Err(error)) => return Err(in_words(error.into())),
            Err(_) => {
                let said = "a bug stopped the reading of the policies";
                return Err(Problem::new(Own::Bug, said, "rekeyd check"));
            }
        };
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) = Some(app.clone());
        Ok(Arc::new(Shop::new(app, self.journal.clone())))
    }

    fn keep(&self) {
        if let Some(app) = self.read.lock().unwrap_or_else(PoisonError::into_inner).take() {
            *self.loaded_at.lock().unwrap_or_else(PoisonError::into_inner) = now(&app);
            self.policies.take(app);
        }
    }

    fn dir(&self) -> PathBuf {
        self.policies.dir()
    }
}

fn in_words(error: CliError) -> Problem {
    let next = error.next_command.unwrap_or_else(|| "rekeyd check".to_owned());
    Problem::new(error.code, error.message, next)
}
