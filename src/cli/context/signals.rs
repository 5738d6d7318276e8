//! The stop of a command: signals ask for it, or the daemon that the command runs in.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::signal::unix::{SignalKind, signal};

use crate::cli::error::{CliError, Exit};
use crate::domain::code::Own;
use crate::engine::Stop;

const INTERRUPT: u8 = 2;
const TERMINATE: u8 = 15;

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
        let kinds = [(SignalKind::interrupt(), INTERRUPT), (SignalKind::terminate(), TERMINATE)];
        for (kind, value) in kinds {
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

    /// The daemon's own stop ends its commands as SIGTERM would.
    #[must_use]
    pub fn of_daemon(stop: Stop) -> Self {
        Self { stop, number: Arc::new(AtomicU8::new(TERMINATE)) }
    }

    /// The exit of a stopped command.
    #[must_use]
    pub fn exit(&self) -> Exit {
        Exit::Signal(self.number.load(Ordering::SeqCst))
    }
}
