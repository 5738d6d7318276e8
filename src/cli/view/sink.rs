//! Where an `Out` writes: this process's own streams, a connection, or memory.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};

/// Takes what a command shows. Lines may hold styles; whoever shows them to a person strips what
/// the person does not want.
pub trait Sink: Send + Sync {
    /// Data as it is.
    fn data(&self, text: &str);
    /// What is not data, as it is.
    fn note(&self, text: &str);
    /// Data without looking at it for styles.
    fn raw(&self, bytes: &[u8]);
    /// Whether a person looks at what is not data.
    fn has_person(&self) -> bool;
    /// Whether nobody reads the data any more, or it cannot be written.
    fn is_closed(&self) -> bool;
    /// Whether nothing was lost that a reader waits for.
    fn is_whole(&self) -> bool;
}

/// The streams of this process. A reader that went away is no error.
#[derive(Debug, Default)]
pub struct Process {
    stdout: AtomicU8,
}

const TAKEN: u8 = 0;
/// The reader went away: `rekeyd status | head`. That is its right.
const CLOSED: u8 = 1;
/// Something was not written that a reader waits for: a full disk.
const LOST: u8 = 2;

impl Process {
    fn remember(&self, written: io::Result<()>) {
        if let Err(error) = written {
            let what = if error.kind() == io::ErrorKind::BrokenPipe { CLOSED } else { LOST };
            self.stdout.store(what, Ordering::SeqCst);
        }
    }
}

impl Sink for Process {
    fn data(&self, text: &str) {
        if !self.is_closed() {
            let mut stdout = anstream::stdout().lock();
            self.remember(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()));
        }
    }

    fn note(&self, text: &str) {
        let mut stderr = anstream::stderr().lock();
        drop(stderr.write_all(text.as_bytes()));
    }

    fn raw(&self, bytes: &[u8]) {
        if !self.is_closed() {
            let mut stdout = io::stdout().lock();
            self.remember(stdout.write_all(bytes).and_then(|()| stdout.flush()));
        }
    }

    fn has_person(&self) -> bool {
        io::stderr().is_terminal()
    }

    fn is_closed(&self) -> bool {
        self.stdout.load(Ordering::SeqCst) != TAKEN
    }

    fn is_whole(&self) -> bool {
        self.stdout.load(Ordering::SeqCst) != LOST
    }
}

/// Keeps the data, for whoever compares it with what was shown before.
#[derive(Debug, Default)]
pub struct Memory {
    data: Mutex<String>,
}

impl Memory {
    /// What was kept so far; begins anew.
    pub fn take(&self) -> String {
        std::mem::take(&mut *self.data.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Sink for Memory {
    fn data(&self, text: &str) {
        self.data.lock().unwrap_or_else(PoisonError::into_inner).push_str(text);
    }

    fn note(&self, _text: &str) {}

    fn raw(&self, bytes: &[u8]) {
        self.data(&String::from_utf8_lossy(bytes));
    }

    fn has_person(&self) -> bool {
        false
    }

    fn is_closed(&self) -> bool {
        false
    }

    fn is_whole(&self) -> bool {
        true
    }
}
