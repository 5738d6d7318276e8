//! What is said to systemd over its notify socket. Without one nothing is said. Decides nothing, and
//! never waits: a thread of its own speaks, for whoever does not listen must hold no key up.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use sd_notify::NotifyState;

/// Words that may wait to be heard; more are lost.
const WAITING: usize = 64;

/// Speaks to the service manager that started this process, if one did.
#[derive(Debug, Clone)]
pub struct Notifier {
    words: SyncSender<Word>,
    watchdog: Option<Duration>,
    status: String,
}

#[derive(Debug)]
enum Word {
    Ready,
    Reloading,
    Stopping,
    Status(String),
    Alive,
}

impl Notifier {
    /// One a process; clones speak through the same thread, so that words keep their order.
    #[must_use]
    pub fn new() -> Self {
        let (words, said) = sync_channel(WAITING);
        let speaker = std::thread::Builder::new().name("notify".to_owned());
        if let Err(error) = speaker.spawn(move || speak(&said)) {
            tracing::warn!(%error, "systemd is told nothing: the system gives no thread");
        }
        Self { words, watchdog: sd_notify::watchdog_enabled(), status: String::new() }
    }

    /// Journal, policies, and socket are usable.
    pub fn ready(&self) {
        self.say(Word::Ready);
    }

    /// Policies are being read anew. [`Notifier::ready`] ends it.
    pub fn reloading(&self) {
        self.say(Word::Reloading);
    }

    pub fn stopping(&self) {
        self.say(Word::Stopping);
    }

    /// One line for `systemctl status`, where it is news.
    pub fn status(&mut self, line: &str) {
        if self.status != line {
            self.say(Word::Status(line.to_owned()));
            line.clone_into(&mut self.status);
        }
    }

    /// The heartbeat was served. To be called for nothing else: a process whose beat stands still is
    /// to be restarted.
    pub fn alive(&self) {
        if self.watchdog.is_some() {
            self.say(Word::Alive);
        }
    }

    fn say(&self, word: Word) {
        if let Err(error) = self.words.try_send(word) {
            tracing::debug!(%error, "systemd does not listen");
        }
    }
}

impl Default for Notifier {
    fn default() -> Self {
        Self::new()
    }
}

/// Until nobody has anything to say.
fn speak(words: &Receiver<Word>) {
    for word in words {
        match word {
            Word::Ready => tell(&[NotifyState::Ready]),
            Word::Reloading => match NotifyState::monotonic_usec_now() {
                Ok(now) => tell(&[NotifyState::Reloading, now]),
                Err(_) => tell(&[NotifyState::Reloading]),
            },
            Word::Stopping => tell(&[NotifyState::Stopping]),
            Word::Status(line) => tell(&[NotifyState::Status(&line)]),
            Word::Alive => tell(&[NotifyState::Watchdog]),
        }
    }
}

fn tell(states: &[NotifyState<'_>]) {
    // Nobody listens, or it cannot be told: the work goes on either way.
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "systemd could not be told");
    }
}
