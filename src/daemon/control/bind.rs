//! The socket's file: ours alone, or one group's. What a dead daemon left is replaced.

use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;

const OURS: u32 = 0o600;
const THE_GROUPS: u32 = 0o660;

/// Why there is no control socket.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    #[error("another process answers at the control socket {0}")]
    Live(PathBuf),
    #[error("{0} is there and is no socket of ours; the control socket cannot be made")]
    Taken(PathBuf),
    #[error(
        "the directory {0} of the control socket is another account's, or others may write to it"
    )]
    NotOurs(PathBuf),
    #[error("the control socket {path} cannot be made: {why}")]
    Unusable { path: PathBuf, why: io::Error },
}

/// Listens at a path whose directory is there. `group`: its members may connect too.
///
/// # Errors
/// When the directory is not ours alone, another daemon answers there, or the system refuses.
pub fn bind(path: &Path, group: Option<u32>) -> Result<UnixListener, BindError> {
    let unusable = |why: io::Error| BindError::Unusable { path: path.into(), why };
    let dir = path.parent().unwrap_or(Path::new("/"));
    let facts = dir.metadata().map_err(unusable)?;
    let own = rustix::process::geteuid().as_raw();
    if facts.uid() != own || facts.mode() & 0o022 != 0 {
        return Err(BindError::NotOurs(dir.into()));
    }
    make_room(path, own)?;
    let listener = UnixListener::bind(path).map_err(unusable)?;
    // Until the mode is set, peers that slip in are refused by the rule all the same.
    if group.is_some() {
        chown(path, None, group).map_err(unusable)?;
    }
    let mode = if group.is_some() { THE_GROUPS } else { OURS };
    fs::set_permissions(path, Permissions::from_mode(mode)).map_err(unusable)?;
    Ok(listener)
}

/// Removes what a dead daemon left.
fn make_room(path: &Path, own: u32) -> Result<(), BindError> {
    let unusable = |why: io::Error| BindError::Unusable { path: path.into(), why };
    let facts = match path.symlink_metadata() {
        Ok(facts) => facts,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(unusable(error)),
    };
    if !facts.file_type().is_socket() || facts.uid() != own {
        return Err(BindError::Taken(path.into()));
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Ok(_) => Err(BindError::Live(path.into())),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(unusable)
        }
        // A live one whose queue is full answers so.
        Err(error) if error.kind() == ErrorKind::WouldBlock => Err(BindError::Live(path.into())),
        Err(error) => Err(unusable(error)),
    }
}

/// Takes the socket's file away, at the daemon's end. What is not there any more is no matter.
pub fn unbind(path: &Path) {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != ErrorKind::NotFound
    {
        tracing::warn!(%error, "the control socket's file stays; the next daemon replaces it");
    }
}
