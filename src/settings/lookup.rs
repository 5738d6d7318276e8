//! Where settings, policies, and state are looked for. A place that may not be read is an error,
//! never a reason to take the next one: a second engine must not start on an empty journal because
//! somebody forgot `sudo`.

mod sockets;

use std::ffi::OsString;
use std::fmt;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

pub use self::sockets::{Sockets, control_sockets, sockets};
use super::bounded_file;
use super::daemon_settings::{self, Settings};
use super::shell_word::for_shell;
use crate::domain::code::{Code, Room, Setup};
use crate::domain::policy::diagnostic::{Problem, escaped};
use crate::domain::policy::{Finding, Findings};

const FILE_NAME: &str = "rekeyd.toml";
const SYSTEM_CONFIG: &str = "/etc/rekeyd";
const SYSTEM_STATE: &str = "/var/lib/rekeyd";

/// What the command line names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags {
    /// `--config`: the settings file.
    pub config: Option<PathBuf>,
    /// `--policies`: the policies directory.
    pub policies: Option<PathBuf>,
    /// `--state-dir`
    pub state_dir: Option<PathBuf>,
}

/// Where things are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// `None` where no settings file exists; then the defaults hold.
    pub settings_file: Option<PathBuf>,
    pub settings: Settings,
    /// May not exist yet.
    pub policies_dir: PathBuf,
    /// May not exist yet.
    pub state_dir: PathBuf,
    /// The command line named the state directory, so that a new journal may be made there.
    pub state_dir_is_named: bool,
}

/// Whether something is at a path and can be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    Present,
    Absent,
    Denied,
    Unclear(io::ErrorKind),
}

/// The environment and the file system, as far as the lookup needs them.
pub trait Outside {
    fn variable(&self, name: &str) -> Option<OsString>;
    fn presence(&self, path: &Path) -> Presence;
    /// The text of a settings file; findings where it is none.
    ///
    /// # Errors
    /// When the file is too large, not UTF-8, or cannot be read.
    fn text(&self, path: &Path) -> Result<String, Findings>;
}

/// The real environment and file system.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

impl Outside for System {
    fn variable(&self, name: &str) -> Option<OsString> {
        std::env::var_os(name)
    }

    fn presence(&self, path: &Path) -> Presence {
        // Not waiting for a writer, should it be a pipe.
        let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        match OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(|e| e.kind()) {
            Ok(_) => Presence::Present,
            Err(io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Presence::Absent,
            Err(io::ErrorKind::PermissionDenied) => Presence::Denied,
            Err(kind) => Presence::Unclear(kind),
        }
    }

    fn text(&self, path: &Path) -> Result<String, Findings> {
        bounded_file::read(path).map_err(|refusal| {
            let file = path.display().to_string();
            let (problem, place) = (refusal.problem, refusal.place);
            let finding = Finding::new(Room::Settings, problem, &file, place, refusal.message);
            Findings::new(vec![finding])
        })
    }
}

/// Why something was not found. All of them are errors of configuration (exit code 3).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocateError {
    #[error("no permission to read {}", shown(path))]
    NoPermission { path: PathBuf },
    #[error("cannot read {}: {kind}", shown(path))]
    Unreadable { path: PathBuf, kind: io::ErrorKind },
    #[error(
        "there is no settings file {}; make it, or name another with --config FILE",
        shown(path)
    )]
    NoSuchFile { path: PathBuf },
    #[error("nowhere to look for the {what}: neither HOME nor an XDG directory is set; name the place with \
         {}", what.flag())]
    Nowhere { what: What },
    #[error("{0}")]
    Settings(Findings),
}

/// What was looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Policies,
    State,
}

impl What {
    fn flag(self) -> &'static str {
        match self {
            Self::Policies => "--policies DIR",
            Self::State => "--state-dir DIR",
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Policies => "policies",
            Self::State => "state",
        })
    }
}

impl LocateError {
    /// Its name for `rekeyd explain`.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::NoPermission { .. } => Setup::NoPermission.into(),
            Self::Unreadable { .. } => Code::Finding(Room::Settings, Problem::Unreadable),
            Self::NoSuchFile { .. } => Setup::NoSuchFile.into(),
            Self::Nowhere { .. } => Setup::Nowhere.into(),
            Self::Settings(_) => Setup::SettingsFindings.into(),
        }
    }

    /// The next command to type.
    #[must_use]
    pub fn next_command(&self) -> String {
        match self {
            Self::NoPermission { path }
                if path.starts_with(SYSTEM_CONFIG) || path.starts_with(SYSTEM_STATE) =>
            {
                "sudo -u rekeyd rekeyd status".to_owned()
            }
            Self::NoPermission { path } | Self::Unreadable { path, .. } => {
                format!("ls -ld {}", for_shell(path))
            }
            Self::NoSuchFile { path } => {
                let beside = path.parent().filter(|parent| !parent.as_os_str().is_empty());
                format!("ls -l {}", for_shell(beside.unwrap_or(Path::new("."))))
            }
            Self::Nowhere { .. } => "rekeyd --help".to_owned(),
            Self::Settings(_) => "rekeyd check".to_owned(),
        }
    }
}

/// Finds settings, policies, and state.
///
/// Settings: `--config`; else `rekeyd.toml` in `$CONFIGURATION_DIRECTORY` where that is set; else
/// in `/etc/rekeyd` where it exists; else in the XDG configuration directory. Policies:
/// `--policies`, the settings file, `policies` beside the settings file. State: `--state-dir`, the
/// settings file, `$STATE_DIRECTORY`, `/var/lib/rekeyd` where the settings are in `/etc/rekeyd`,
/// the XDG state directory.
///
/// # Errors
/// When a place may not be read, a named settings file is missing or wrong, or nothing says where
/// to look.
pub fn locate(flags: &Flags, outside: &impl Outside) -> Result<Located, LocateError> {
    let (config_dir, settings_file) = settings_place(flags, outside)?;
    let settings = match &settings_file {
        Some(path) => {
            let text = outside.text(path).map_err(LocateError::Settings)?;
            daemon_settings::parse(&path.display().to_string(), &text)
                .map_err(|findings| LocateError::Settings(Findings::new(findings)))?
        }
        None => Settings::default(),
    };
    let base = settings_file.as_deref().and_then(Path::parent).or(config_dir.as_deref());
    let from_settings = |path: &PathBuf| base.map_or_else(|| path.clone(), |base| base.join(path));

    let policies_dir = flags
        .policies
        .clone()
        .or_else(|| settings.policies_dir.as_ref().map(from_settings))
        .or_else(|| base.map(|base| base.join("policies")))
        .ok_or(LocateError::Nowhere { what: What::Policies })?;
    readable(&policies_dir, outside)?;

    let state_dir = flags
        .state_dir
        .clone()
        .or_else(|| settings.state_dir.as_ref().map(from_settings))
        .or_else(|| service_directory("STATE_DIRECTORY", outside))
        .or_else(|| {
            let is_system = settings_file.is_some() && base == Some(Path::new(SYSTEM_CONFIG));
            is_system.then(|| SYSTEM_STATE.into())
        })
        .or_else(|| xdg_directory("XDG_STATE_HOME", ".local/state", outside))
        .ok_or(LocateError::Nowhere { what: What::State })?;
    readable(&state_dir, outside)?;

    let state_dir_is_named = flags.state_dir.is_some();
    Ok(Located { settings_file, settings, policies_dir, state_dir, state_dir_is_named })
}

/// The directory where settings belong, and the file where there is one.
fn settings_place(
    flags: &Flags,
    outside: &impl Outside,
) -> Result<(Option<PathBuf>, Option<PathBuf>), LocateError> {
    if let Some(file) = &flags.config {
        return if readable(file, outside)? {
            Ok((None, Some(file.clone())))
        } else {
            Err(LocateError::NoSuchFile { path: file.clone() })
        };
    }
    if let Some(directory) = service_directory("CONFIGURATION_DIRECTORY", outside) {
        let file = directory.join(FILE_NAME);
        let present = readable(&file, outside)?;
        return Ok((Some(directory), present.then_some(file)));
    }
    let system = Path::new(SYSTEM_CONFIG).join(FILE_NAME);
    if readable(&system, outside)? {
        return Ok((Some(SYSTEM_CONFIG.into()), Some(system)));
    }
    let Some(directory) = xdg_directory("XDG_CONFIG_HOME", ".config", outside) else {
        return Ok((None, None));
    };
    let file = directory.join(FILE_NAME);
    let present = readable(&file, outside)?;
    Ok((Some(directory), present.then_some(file)))
}

/// Whether something is there; an error where that may not be known.
fn readable(path: &Path, outside: &impl Outside) -> Result<bool, LocateError> {
    match outside.presence(path) {
        Presence::Present => Ok(true),
        Presence::Absent => Ok(false),
        Presence::Denied => Err(LocateError::NoPermission { path: path.to_owned() }),
        Presence::Unclear(kind) => Err(LocateError::Unreadable { path: path.to_owned(), kind }),
    }
}

/// systemd sets these to one or more absolute paths with colons between; the first is ours.
fn service_directory(variable: &str, outside: &impl Outside) -> Option<PathBuf> {
    let value = outside.variable(variable)?;
    absolute(std::env::split_paths(&value).next()?)
}

/// XDG base directories: the variable when it holds an absolute path, else below `$HOME`.
fn xdg_directory(variable: &str, below_home: &str, outside: &impl Outside) -> Option<PathBuf> {
    let set = outside.variable(variable).and_then(|value| absolute(value.into()));
    let home = || absolute(outside.variable("HOME")?.into()).map(|home| home.join(below_home));
    set.or_else(home).map(|directory| directory.join("rekeyd"))
}

fn absolute(path: PathBuf) -> Option<PathBuf> {
    path.is_absolute().then_some(path)
}

fn shown(path: &Path) -> String {
    format!("`{}`", escaped(&path.display().to_string()))
}

#[cfg(test)]
mod tests;
