//! What is said to systemd over its notify socket. Without one nothing is said. Decides nothing.

use std::time::Duration;

use sd_notify::NotifyState;

/// Speaks to the service manager that started this process, if one did.
#[derive(Debug, Default)]
pub struct Notifier {
    watchdog: Option<Duration>,
    status: String,
}

impl Notifier {
    #[must_use]
    pub fn new() -> Self {
        Self { watchdog: sd_notify::watchdog_enabled(), status: String::new() }
    }

    /// Journal, policies, and socket are usable.
    pub fn ready(&self) {
        tell(&[NotifyState::Ready]);
    }

    /// Policies are being read anew. [`Notifier::ready`] ends it.
    pub fn reloading(&self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => tell(&[NotifyState::Reloading, now]),
            Err(_) => tell(&[NotifyState::Reloading]),
        }
    }

    pub fn stopping(&self) {
        tell(&[NotifyState::Stopping]);
    }

    /// One line for `systemctl status`, where it is news.
    pub fn status(&mut self, line: &str) {
        if self.status != line {
            tell(&[NotifyState::Status(line)]);
            line.clone_into(&mut self.status);
        }
    }

    /// The heartbeat was served. To be called for nothing else: a process whose beat stands still is
    /// to be restarted.
    pub fn alive(&self) {
        if self.watchdog.is_some() {
            tell(&[NotifyState::Watchdog]);
        }
    }
}

fn tell(states: &[NotifyState<'_>]) {
    // Nobody listens, or it cannot be told: the work goes on either way.
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "systemd could not be told");
    }
}
