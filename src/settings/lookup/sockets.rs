//! Where the daemon's control socket is: the daemon makes it at the first of these places, a
//! command asks at each in turn.

use std::path::{Path, PathBuf};

use super::{
    Flags, LocateError, Located, Outside, SYSTEM_CONFIG, SYSTEM_STATE, locate, service_directory,
};

const FILE_NAME: &str = "control.sock";
const SYSTEM_RUNTIME: &str = "/run/rekeyd";

/// Where to ask for a daemon, and for which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sockets {
    /// The first one that answers is the daemon's.
    pub paths: Vec<PathBuf>,
    /// The daemon that is meant works on these; `None` where this account may not look, and named
    /// no place: then the system's own daemon is meant.
    pub places: Option<Located>,
    /// Who owns this may answer.
    pub state_dir: PathBuf,
}

/// `$RUNTIME_DIRECTORY`; `/run/rekeyd` where the settings are in `/etc/rekeyd` or the state in
/// `/var/lib/rekeyd`; the state directory.
#[must_use]
pub fn control_sockets(located: &Located, outside: &impl Outside) -> Vec<PathBuf> {
    let is_system = located.state_dir == Path::new(SYSTEM_STATE)
        || located.settings_file.as_ref().is_some_and(|file| file.starts_with(SYSTEM_CONFIG));
    let runtime = service_directory("RUNTIME_DIRECTORY", outside);
    let system = is_system.then(|| PathBuf::from(SYSTEM_RUNTIME));
    let dirs = runtime.into_iter().chain(system).chain([located.state_dir.clone()]);
    dirs.map(|dir| dir.join(FILE_NAME)).collect()
}

/// Where a command asks. An account that may use the socket need not be able to read the daemon's
/// settings or state.
///
/// # Errors
/// As for [`locate`], where places were named or no system's daemon can be meant.
pub fn sockets(flags: &Flags, outside: &impl Outside) -> Result<Sockets, LocateError> {
    match locate(flags, outside) {
        Ok(located) => Ok(Sockets {
            paths: control_sockets(&located, outside),
            state_dir: located.state_dir.clone(),
            places: Some(located),
        }),
        Err(LocateError::NoPermission { path })
            if *flags == Flags::default()
                && (path.starts_with(SYSTEM_CONFIG) || path.starts_with(SYSTEM_STATE)) =>
        {
            Ok(Sockets {
                paths: vec![Path::new(SYSTEM_RUNTIME).join(FILE_NAME)],
                places: None,
                state_dir: SYSTEM_STATE.into(),
            })
        }
        Err(other) => Err(other),
    }
}
