//! Finds the daemon that is meant. A socket that may not be opened is an error, never a reason to
//! look on: the command would act beside a daemon that it cannot see.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use tokio::net::UnixStream;

use crate::cli::context::Context;
use crate::cli::desk::whole;
use crate::cli::error::{CliError, Exit};
use crate::cli::typed;
use crate::domain::code::Control;
use crate::settings::{Sockets, System, for_shell, sockets};
use crate::wire::Places;

/// A daemon that answers.
pub struct Found {
    pub stream: UnixStream,
    /// What it must work on.
    pub places: Places,
}

/// # Errors
/// When a socket is there and may not be used, or somebody else listens.
pub async fn reach(context: &Context) -> Result<Option<Found>, CliError> {
    // Whoever does the work itself says what is wrong with the places.
    let Ok(found) = sockets(&context.flags, &System) else { return Ok(None) };
    for path in &found.paths {
        match UnixStream::connect(path).await {
            Ok(stream) => {
                trusted(&stream, &found, path)?;
                return Ok(Some(Found { stream, places: places(&found) }));
            }
            Err(error) => match error.kind() {
                // A dead daemon's socket refuses; a path that is too long was never one.
                ErrorKind::NotFound
                | ErrorKind::NotADirectory
                | ErrorKind::ConnectionRefused
                | ErrorKind::InvalidInput => {}
                kind => return Err(unopened(context, path, kind)),
            },
        }
    }
    Ok(None)
}

fn places(found: &Sockets) -> Places {
    let Some(located) = &found.places else { return Places::default() };
    Places {
        state_dir: Some(whole(&located.state_dir)),
        policies_dir: Some(whole(&located.policies_dir)),
    }
}

fn unopened(context: &Context, path: &Path, kind: ErrorKind) -> CliError {
    let shown = path.display();
    let said = format!(
        "the daemon's control socket {shown} cannot be used: {kind}. Nothing was done; to act \
         beside a daemon that may be running is not safe"
    );
    let again = context.out.typed().again_as_owner(path);
    let next = again.unwrap_or_else(|| format!("ls -l {}", for_shell(path)));
    CliError::new(Exit::Configuration, Control::Unopened, said).next(next)
}

/// Only root, this very account, and the state directory's owner can be the daemon.
fn trusted(stream: &UnixStream, found: &Sockets, path: &Path) -> Result<(), CliError> {
    let listener = stream.peer_cred().map(|facts| facts.uid());
    let owner = found.state_dir.metadata().map(|facts| facts.uid()).ok();
    let own = rustix::process::geteuid().as_raw();
    let trusted = |account: u32| account == 0 || account == own || owner == Some(account);
    if listener.as_ref().is_ok_and(|account| trusted(*account)) {
        return Ok(());
    }
    let who = listener.map_or_else(|_| "nobody knows who".to_owned(), typed::account);
    let said = format!(
        "at the control socket {} listens {who}, and neither root, nor this account, nor the owner \
         of the state directory. Nothing was said to it",
        path.display()
    );
    let next = format!("ls -l {}", for_shell(path));
    Err(CliError::new(Exit::Configuration, Control::Untrusted, said).next(next))
}
