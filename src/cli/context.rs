//! What every command is given: flags, where to print, who asks, and the stop that signals ask for.

use std::io::{IsTerminal, Write};
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::signal::unix::{SignalKind, signal};

use super::args::Global;
use super::error::{CliError, Exit};
use super::typed;
use super::view::out::Out;
use super::view::progress::Lines;
use super::view::reminder::remind;
use crate::app::{App, AppError, Held};
use crate::domain::code::{Own, Setup};
use crate::domain::state::Requester;
use crate::engine::{ProgressSink, Stop};
use crate::journal::LockError;
use crate::port::Journal;
use crate::settings::{Flags, for_shell};
use crate::telemetry::{self, Level};

pub struct Context {
    pub out: Out,
    pub flags: Flags,
    init: bool,
    reason: Option<String>,
    log_level: Level,
}

/// A stop that SIGINT and SIGTERM ask for, and which of them did.
pub struct Signals {
    pub stop: Stop,
    number: Arc<AtomicU8>,
}

impl Signals {
    /// # Errors
    /// When the system lets us listen to no signal.
    pub fn listen() -> Result<Self, CliError> {
        let (switch, stop) = Stop::new();
        let number = Arc::new(AtomicU8::new(0));
        for (kind, value) in [(SignalKind::interrupt(), 2), (SignalKind::terminate(), 15)] {
            let mut signals = signal(kind).map_err(|why| {
                CliError::new(Exit::Bug, Own::Signals, format!("cannot listen to signals: {why}"))
            })?;
            let (switch, number) = (switch.clone(), number.clone());
            tokio::spawn(async move {
                if signals.recv().await.is_some() {
                    number.store(value, Ordering::SeqCst);
                    switch.send_replace(true);
                }
            });
        }
        Ok(Self { stop, number })
    }

    /// The exit of a stopped command.
    #[must_use]
    pub fn exit(&self) -> Exit {
        Exit::Signal(self.number.load(Ordering::SeqCst))
    }
}

impl Context {
    #[must_use]
    pub fn new(global: &Global) -> Self {
        let out = Out::new(global.output, global.no_color);
        let flags = Flags {
            config: global.config.clone(),
            policies: global.policies.clone(),
            state_dir: global.state_dir.clone(),
        };
        typed::remember(&flags);
        let colour = std::io::stderr().is_terminal()
            && !global.no_color
            && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        telemetry::start(global.log_level, global.log_format, colour);
        Self {
            out,
            flags,
            init: global.init,
            reason: global.reason.clone(),
            log_level: global.log_level,
        }
    }

    /// For what is about all policies.
    ///
    /// # Errors
    /// When settings or any policy cannot be used.
    pub fn app(&self) -> Result<Arc<App>, CliError> {
        let app = App::load(&self.flags)?;
        app.whole()?;
        Ok(Arc::new(app))
    }

    /// For what names its policies, or only looks. Each other policy's wrong file is a warning.
    ///
    /// # Errors
    /// When the settings cannot be used, or no policy can be read.
    pub fn app_for(&self, names: &[String]) -> Result<Arc<App>, CliError> {
        let app = App::load(&self.flags)?;
        for left_out in app.left_out(names) {
            self.out.warning(Setup::LeftOut.into(), &left_out.message, "rekeyd check");
        }
        Ok(Arc::new(app))
    }

    /// The journal for writing, with its lock. A new one needs a flag or a yes.
    ///
    /// # Errors
    /// When another process holds it, or it cannot be opened.
    pub fn hold(&self, app: &App) -> Result<Held, CliError> {
        self.try_hold(app).map_err(|error| not_held(app, error))
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
            _ => not_held(app, error),
        })
    }

    fn try_hold(&self, app: &App) -> Result<Held, AppError> {
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
        Ok(held)
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

    /// Who asks, for the journal.
    #[must_use]
    pub fn requester(&self) -> Requester {
        Requester { who: user_name(), reason: self.reason.clone() }
    }

    /// Where a policy's steps are shown.
    #[must_use]
    pub fn progress(&self, policy: &str) -> Arc<dyn ProgressSink> {
        Arc::new(Lines::new(self.out, policy, self.log_level < Level::Warn))
    }

    /// Ends what wrote to the journal: its head goes out with the logs, so that an outside copy can
    /// catch a rewrite.
    pub async fn sign_off(&self, journal: &dyn Journal) {
        match journal.head().await {
            Ok((journal_sequence, journal_head)) => {
                tracing::info!(journal_sequence, journal_head, "journal head");
            }
            Err(error) => tracing::warn!(%error, "the journal's head cannot be read"),
        }
    }

    /// Says what is open, on stderr.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn remind(
        &self,
        app: &App,
        journal: &dyn Journal,
        except: &[String],
    ) -> Result<(), CliError> {
        let known = app.known(journal).await?;
        remind(self.out, &known, app.certain_ms(), &app.clock.stamp(), except);
        Ok(())
    }
}

/// Why the journal cannot be had, with what to type.
fn not_held(app: &App, error: AppError) -> CliError {
    let next = match &error {
        AppError::NewJournal(_) => Some(typed::again(&["--init"], &[])),
        AppError::Lock(LockError::NotOurs(_)) => {
            let by_owner = typed::again_as_owner(&app.state_dir);
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

/// The operating system's name for the person, or the number where it has none.
fn user_name() -> String {
    let id = rustix::process::getuid().as_raw();
    name_of(id).unwrap_or_else(|| format!("user {id}"))
}

/// The name of an account.
#[must_use]
pub fn name_of(id: u32) -> Option<String> {
    let by_id = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse::<u32>().ok()? == id).then(|| name.to_owned())
    };
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    accounts.lines().find_map(by_id)
}
