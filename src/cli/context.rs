//! What every command is given: flags, where to print, who asks, and the stop that signals ask for.
//! A command that runs inside the daemon is given the daemon's own things at its desk.

mod journal;
mod signals;

use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};

pub use self::signals::Signals;
use zeroize::Zeroizing;

use super::adopt;
use super::args::Global;
use super::desk::Seat;
use super::error::CliError;
use super::typed::Typed;
use super::view::out::Out;
use super::view::progress::Lines;
use super::view::reminder::remind;
use crate::app::{App, AppError, Home, OwnEngines};
use crate::domain::code::Setup;
use crate::domain::state::Requester;
use crate::engine::ProgressSink;
use crate::port::Journal;
use crate::settings::{Flags, LocateError, accounts};
use crate::telemetry::{self, Level};

pub struct Context {
    pub out: Out,
    pub flags: Flags,
    init: bool,
    reason: Option<String>,
    /// Failures are not in a log that whoever asks can see.
    shows_failures: bool,
    /// Inside the daemon.
    seat: Option<Seat>,
    /// Standard input that was read before it was known who needs it.
    read: Mutex<Option<Zeroizing<Vec<u8>>>>,
}

/// The places that a command line names.
#[must_use]
pub fn flags_of(global: &Global) -> Flags {
    Flags {
        config: global.config.clone(),
        policies: global.policies.clone(),
        state_dir: global.state_dir.clone(),
    }
}

impl Context {
    /// For the command line of this process. `usual`: how much is logged where nobody says.
    #[must_use]
    pub fn new(global: &Global, usual: Level) -> Self {
        let flags = flags_of(global);
        let out = Out::new(global.output, global.no_color, Typed::own(&flags));
        let colour = std::io::stderr().is_terminal()
            && !global.no_color
            && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let log_level = global.log_level.unwrap_or(usual);
        telemetry::start(log_level, global.log_format, colour);
        Self {
            out,
            flags,
            init: global.init,
            reason: global.reason.clone(),
            shows_failures: log_level < Level::Warn,
            seat: None,
            read: Mutex::new(None),
        }
    }

    /// For a command line that was typed elsewhere and runs inside the daemon.
    #[must_use]
    pub fn seated(global: &Global, out: Out, seat: Seat) -> Self {
        let (flags, reason) = (flags_of(global), global.reason.clone());
        let (seat, read) = (Some(seat), Mutex::new(None));
        Self { out, flags, init: false, reason, shows_failures: true, seat, read }
    }

    /// Where the command runs, if that is inside the daemon.
    #[must_use]
    pub fn seat(&self) -> Option<&Seat> {
        self.seat.as_ref()
    }

    /// Standard input of whoever typed the command, for `adopt NAME --from-stdin`.
    ///
    /// # Errors
    /// When it is a terminal, cannot be read, or does not come.
    pub async fn standard_input(&self, name: &str) -> Result<Zeroizing<Vec<u8>>, CliError> {
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner).take();
        match (read, &self.seat) {
            (Some(bytes), _) => Ok(bytes),
            (None, Some(seat)) => seat.standard_input().await,
            (None, None) => adopt::standard_input(name).await,
        }
    }

    /// Keeps standard input that was read already.
    pub fn keep_input(&self, bytes: Zeroizing<Vec<u8>>) {
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) = Some(bytes);
    }

    /// For what is about all policies.
    ///
    /// # Errors
    /// When settings or any policy cannot be used.
    pub fn app(&self) -> Result<Arc<App>, CliError> {
        let app = self.loaded()?;
        app.whole()?;
        Ok(app)
    }

    /// For what names its policies, or only looks. Each other policy's wrong file is a warning.
    ///
    /// # Errors
    /// When the settings cannot be used, or no policy can be read.
    pub fn app_for(&self, names: &[String]) -> Result<Arc<App>, CliError> {
        let app = self.loaded()?;
        for left_out in app.left_out(names) {
            self.out.warning(Setup::LeftOut.into(), &left_out.message, "rekeyd check");
        }
        Ok(app)
    }

    /// For a second look: nothing is said of wrong files.
    ///
    /// # Errors
    /// As for [`Context::app_for`].
    pub fn loaded(&self) -> Result<Arc<App>, CliError> {
        match &self.seat {
            Some(seat) => Ok(seat.desk.app.clone()),
            None => App::load(&self.flags).map(Arc::new).map_err(|error| self.not_loaded(error)),
        }
    }

    /// Why settings and policies cannot be had. Where another account can, that is to be typed.
    #[must_use]
    pub fn not_loaded(&self, error: AppError) -> CliError {
        let by_owner = match &error {
            AppError::Locate(LocateError::NoPermission { path }) => {
                self.out.typed().again_as_owner(path)
            }
            _ => None,
        };
        let error = CliError::from(error);
        match by_owner {
            Some(next) => error.next(next),
            None => error,
        }
    }

    /// Who owns the engines.
    #[must_use]
    pub fn home(&self, journal: &Arc<dyn Journal>) -> Arc<dyn Home> {
        match &self.seat {
            Some(seat) => seat.desk.home.clone(),
            None => Arc::new(OwnEngines::new(journal.clone())),
        }
    }

    /// The stop of this command.
    ///
    /// # Errors
    /// When the system lets us listen to no signal.
    pub fn signals(&self) -> Result<Signals, CliError> {
        match &self.seat {
            Some(seat) => Ok(Signals::of_daemon(seat.stop.clone())),
            None => Signals::listen(),
        }
    }

    /// Who asks, for the journal.
    #[must_use]
    pub fn requester(&self) -> Requester {
        let who = match &self.seat {
            Some(seat) => seat.who.clone(),
            None => accounts::label(rustix::process::getuid().as_raw()),
        };
        Requester { who, reason: self.reason.clone() }
    }

    /// Where a policy's steps are shown.
    #[must_use]
    pub fn progress(&self, policy: &str) -> Arc<dyn ProgressSink> {
        Arc::new(Lines::new(self.out.clone(), policy, self.shows_failures))
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
        remind(&self.out, &known, app.certain_ms(), &app.clock.stamp(), except);
        Ok(())
    }
}
