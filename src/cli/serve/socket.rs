//! The daemon's control socket: made here, or handed over by systemd, and taken away at the end.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use listenfd::ListenFd;
use tokio::net::UnixListener;

use super::front::Front;
use crate::app::App;
use crate::cli::desk::DeskClerk;
use crate::cli::error::{CliError, Exit};
use crate::daemon::control::{Limits, Rule, bind, serve, unbind};
use crate::domain::code::Control;
use crate::engine::Stop;
use crate::settings::{Flags, System, accounts, control_sockets, for_shell, locate};

/// A socket that listens.
pub(super) struct Socket {
    listener: UnixListener,
    /// Where it is, if we made it.
    path: Option<PathBuf>,
    group: Option<u32>,
}

impl Socket {
    /// # Errors
    /// When it cannot be made, another process answers there, or the settings name no such group.
    pub(super) fn open(flags: &Flags, app: &App) -> Result<Self, CliError> {
        let group = group(app)?;
        if let Some(listener) = handed_over()? {
            return Ok(Self { listener, path: None, group });
        }
        let located = locate(flags, &System)
            .map_err(|why| CliError::from(crate::app::AppError::from(why)))?;
        let places = control_sockets(&located, &System);
        // Where the first directory is not there, as /run/rekeyd without a unit, the next one serves.
        let is_there = |path: &&PathBuf| path.parent().is_some_and(Path::is_dir);
        let Some(path) = places.iter().find(is_there) else {
            return Err(unmade("no directory for the control socket is there", &app.state_dir));
        };
        let listener = bind(path, group).map_err(|why| unmade(&why.to_string(), path))?;
        tracing::info!(path = %path.display(), "commands are taken at the control socket");
        Ok(Self { listener, path: Some(path.clone()), group })
    }

    /// Serves commands until the stop, and ends when those that were begun are over.
    pub(super) async fn serve(self, front: Arc<Front>, stop: Stop) {
        let clerk = Arc::new(DeskClerk::new(front, stop.clone()));
        serve(self.listener, Rule::own(self.group), clerk, Limits::default(), stop).await;
        if let Some(path) = self.path {
            unbind(&path);
        }
    }
}

/// From systemd's socket unit, where it made one.
fn handed_over() -> Result<Option<UnixListener>, CliError> {
    let broken = |why: std::io::Error| {
        let said = format!("the socket that systemd hands over cannot be used: {why}");
        CliError::new(Exit::Configuration, Control::NoSocket, said)
            .next("systemctl cat rekeyd.socket")
    };
    let Some(listener) = ListenFd::from_env().take_unix_listener(0).map_err(broken)? else {
        return Ok(None);
    };
    listener.set_nonblocking(true).map_err(broken)?;
    UnixListener::from_std(listener).map(Some).map_err(broken)
}

fn group(app: &App) -> Result<Option<u32>, CliError> {
    let Some(name) = &app.settings.daemon.socket_group else { return Ok(None) };
    let Some(id) = accounts::group_id(name) else {
        let said = format!("`daemon.socket_group` names the group {name}, which is not there");
        let next = format!("groupadd --system {name}");
        return Err(CliError::new(Exit::Configuration, Control::NoGroup, said).next(next));
    };
    Ok(Some(id))
}

fn unmade(why: &str, path: &Path) -> CliError {
    let next = format!("ls -la {}", for_shell(path.parent().unwrap_or(path)));
    CliError::new(Exit::Configuration, Control::NoSocket, why).next(next)
}
