//! One process a state directory. The lock is the operating system's on an open file, so that it
//! ends with the process however that ends; what is written in the file is for people only.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use super::place::Place;

/// A lock file replaced under us is opened again this often.
const TRIES: u32 = 3;

/// Enough for a process id and a time.
const NOTE_BYTES: u64 = 128;

/// Why the state directory is not ours to use now.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it (exit code 7). Its id and start are as it wrote them, where legible.
    #[error("another rekeyd uses {dir}{}", whose(.pid.as_ref(), .since.as_deref()))]
    Held { dir: String, pid: Option<u32>, since: Option<String> },
    /// The directory or the lock file is another account's, or others may write to it.
    #[error("the state directory cannot be used: {0}")]
    NotOurs(String),
    /// The file system refused.
    #[error("the state directory cannot be locked: {0}")]
    Unusable(String),
}

fn whose(pid: Option<&u32>, since: Option<&str>) -> String {
    match (pid, since) {
        (Some(pid), Some(since)) => format!(": process {pid}, since {since}"),
        (Some(pid), None) => format!(": process {pid}"),
        (None, _) => String::new(),
    }
}

/// The exclusive right to run an engine on a state directory; ends when dropped.
#[derive(Debug)]
pub struct StateLock {
    _file: File,
}

impl StateLock {
    /// Takes the lock of a state directory that exists, without waiting.
    ///
    /// # Errors
    /// [`LockError::Held`] when another process, or another value of this one, has it.
    pub fn acquire(dir: &Path) -> Result<Self, LockError> {
        let place = Place::to_write(dir).map_err(LockError::NotOurs)?;
        let unusable = |error: std::io::Error| LockError::Unusable(format!("{error}"));
        for _ in 0..TRIES {
            let mut file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
                .open(place.lock())
                .map_err(unusable)?;
            match file.try_lock() {
                Ok(()) if !is_still_there(&file, &place) => {}
                Ok(()) => {
                    sign(&mut file).map_err(unusable)?;
                    return Ok(Self { _file: file });
                }
                Err(TryLockError::WouldBlock) => return Err(held(&mut file, &place)),
                Err(TryLockError::Error(error)) => return Err(unusable(error)),
            }
        }
        Err(LockError::Unusable(format!("{} keeps being replaced", place.lock().display())))
    }
}

/// Somebody may have removed the file between our open and our lock; then the name stands for
/// another file, which another process can lock.
fn is_still_there(file: &File, place: &Place) -> bool {
    match (file.metadata(), place.lock().symlink_metadata()) {
        (Ok(ours), Ok(named)) => (ours.dev(), ours.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

#[expect(clippy::disallowed_methods, reason = "a note for people, decided on by nothing")]
fn sign(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{} {:.0}", std::process::id(), jiff::Timestamp::now())
}

fn held(file: &mut File, place: &Place) -> LockError {
    let mut note = String::new();
    let legible = file.take(NOTE_BYTES).read_to_string(&mut note).is_ok();
    let mut words = note.split_whitespace().filter(|_| legible);
    let pid = words.next().and_then(|word| word.parse().ok());
    let since = words.next().and_then(|word| word.parse::<jiff::Timestamp>().ok());
    LockError::Held {
        dir: place.dir().display().to_string(),
        pid,
        since: since.map(|time| time.to_string()),
    }
}
