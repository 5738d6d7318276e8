//! The journal for a command that writes. In the daemon it is the daemon's, which holds the lock.

use std::io::{IsTerminal, Write};
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use super::Context;
use crate::app::{self, App, AppError};
use crate::cli::error::CliError;
use crate::cli::typed::Typed;
use crate::domain::code::Setup;
use crate::journal::LockError;
use crate::port::Journal;
use crate::settings::for_shell;

/// The journal, and the lock where this process took it for the command.
pub struct Held {
    pub journal: Arc<dyn Journal>,
    _own: Option<app::Held>,
}

impl Context {
    /// The journal for looking: the daemon's own inside it, which is at hand already.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn look(&self, app: &App) -> Result<Arc<dyn Journal>, CliError> {
        match self.seat() {
            Some(seat) => Ok(seat.desk.journal.clone()),
            None => Ok(app.look()?),
        }
    }

    /// The journal for a daemon, with its lock: where there is none yet, it begins one.
    ///
    /// # Errors
    /// When another process holds it, or it cannot be opened.
    pub fn hold_for_daemon(&self, app: &App) -> Result<Held, CliError> {
        let held = app.hold(true).map_err(|error| not_held(self.out.typed(), app, error))?;
        Ok(Held { journal: held.journal.clone(), _own: Some(held) })
    }

    /// The journal for writing, with its lock. A new one needs a flag or a yes.
    ///
    /// # Errors
    /// When another process holds it, or it cannot be opened.
    pub fn hold(&self, app: &App) -> Result<Held, CliError> {
        self.try_hold(app).map_err(|error| not_held(self.out.typed(), app, error))
    }

    /// The same for a leak report: where it cannot be recorded, that is what is said.
    ///
    /// # Errors
    /// As for [`Context::hold`].
    pub fn hold_for_leak(&self, app: &App) -> Result<Held, CliError> {
        self.try_hold(app).map_err(|error| match &error {
            AppError::Lock(LockError::Held { pid, .. }) => {
                let pid = *pid;
                unreported(CliError::from(error), pid)
            }
            _ => not_held(self.out.typed(), app, error),
        })
    }

    fn try_hold(&self, app: &App) -> Result<Held, AppError> {
        if let Some(seat) = &self.seat {
            return Ok(Held { journal: seat.desk.journal.clone(), _own: None });
        }
        let held = match app.hold(self.init) {
            Err(AppError::NewJournal(dir)) if self.asks_for_new(&dir.display().to_string()) => {
                app.hold(true)
            }
            other => other,
        }?;
        let mode = app.state_dir.metadata().map_or(0, |facts| facts.mode());
        if mode & 0o077 != 0 {
            let dir = app.state_dir.display();
            let said = format!(
                "others may look into the state directory {dir} (mode {:04o}); no secret is in it, \
                 but every key's id is",
                mode & 0o777
            );
            let next = format!("chmod 0700 {}", for_shell(&app.state_dir));
            self.out.warning(Setup::StateDir.into(), &said, &next);
        }
        Ok(Held { journal: held.journal.clone(), _own: Some(held) })
    }

    /// A yes on the terminal.
    fn asks_for_new(&self, dir: &str) -> bool {
        if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
            return false;
        }
        let mut stderr = anstream::stderr().lock();
        let asked = write!(stderr, "{dir} has no journal yet. Begin a new one there? [y/N] ")
            .and_then(|()| stderr.flush());
        let mut answer = String::new();
        asked.is_ok()
            && std::io::stdin().read_line(&mut answer).is_ok()
            && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
    }
}

/// Why the journal cannot be had, with what to type.
fn not_held(typed: &Typed, app: &App, error: AppError) -> CliError {
    let next = match &error {
        AppError::NewJournal(_) => Some(typed.again(&["--init"], &[])),
        AppError::Lock(LockError::NotOurs(_)) => {
            let by_owner = typed.again_as_owner(&app.state_dir);
            by_owner.or_else(|| Some(format!("chmod -R go-w {}", for_shell(&app.state_dir))))
        }
        _ => None,
    };
    let error = CliError::from(error);
    match next {
        Some(next) => error.next(next),
        None => error,
    }
}

/// A report that another process keeps from the journal: nobody must believe it was made.
fn unreported(mut error: CliError, pid: Option<u32>) -> CliError {
    error.message.push_str(
        ". The leak report was NOT recorded, and nothing was killed. A run that waits ends within \
         seconds on SIGTERM, and loses nothing; end it, then type this again",
    );
    match pid {
        Some(pid) => error.next(format!("kill {pid}")),
        None => error,
    }
}
