//! The state directory: where its files are, and whether it is safe to write there.
//! Looks at metadata only, so that it protects root too; changes nothing.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{JOURNAL_FILE, LOCK_FILE, RESERVE_FILE};

/// A state directory by its real path.
#[derive(Debug, Clone)]
pub(super) struct Place {
    dir: PathBuf,
}

impl Place {
    /// A directory to read from: it only has to be there. Errors say what to type.
    pub(super) fn to_read(dir: &Path) -> Result<Self, String> {
        // The directory itself may be a symlink (systemd makes such); the files in it may not.
        let real = dir.canonicalize().map_err(|error| unreachable(dir, &error))?;
        let facts = real.metadata().map_err(|error| unreachable(dir, &error))?;
        if !facts.is_dir() {
            return Err(format!("{} is not a directory", dir.display()));
        }
        Ok(Self { dir: real })
    }

    /// A directory to write to: it, and what we keep in it, must be ours alone.
    pub(super) fn to_write(dir: &Path) -> Result<Self, String> {
        let place = Self::to_read(dir)?;
        let facts = place.dir.metadata().map_err(|error| unreachable(dir, &error))?;
        place.ours(&place.dir, &facts)?;
        for file in [place.journal(), place.wal(), place.lock(), place.reserve()] {
            match file.symlink_metadata() {
                Ok(facts) if !facts.is_file() => {
                    return Err(format!("{} is not a regular file", file.display()));
                }
                Ok(facts) => place.ours(&file, &facts)?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(unreachable(&file, &error)),
            }
        }
        Ok(place)
    }

    fn ours(&self, path: &Path, facts: &Metadata) -> Result<(), String> {
        let me = rustix::process::geteuid().as_raw();
        let (owner, shown) = (facts.uid(), path.display());
        if owner != me {
            return Err(format!(
                "{shown} belongs to user {owner}, and this process runs as user {me}: run it as \
                 that user (sudo -u '#{owner}' ...), or name a directory of your own with \
                 --state-dir"
            ));
        }
        if facts.mode() & 0o022 != 0 {
            return Err(format!("others may write to {shown}: chmod go-w '{shown}'"));
        }
        Ok(())
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }
    pub(super) fn journal(&self) -> PathBuf {
        self.dir.join(JOURNAL_FILE)
    }
    pub(super) fn wal(&self) -> PathBuf {
        self.dir.join(format!("{JOURNAL_FILE}-wal"))
    }
    pub(super) fn shm(&self) -> PathBuf {
        self.dir.join(format!("{JOURNAL_FILE}-shm"))
    }
    pub(super) fn lock(&self) -> PathBuf {
        self.dir.join(LOCK_FILE)
    }
    pub(super) fn reserve(&self) -> PathBuf {
        self.dir.join(RESERVE_FILE)
    }

    /// Bytes that this process may still use on the directory's file system.
    pub(super) fn free_bytes(&self) -> io::Result<u64> {
        let facts = rustix::fs::statvfs(&self.dir)?;
        Ok(facts.f_bavail.saturating_mul(facts.f_frsize))
    }

    /// Makes names that were made or removed in the directory survive a power loss.
    pub(super) fn sync(&self) -> io::Result<()> {
        std::fs::File::open(&self.dir)?.sync_all()
    }
}

/// Size of a file in bytes; 0 when there is none.
pub(super) fn size_bytes(path: &Path) -> u64 {
    path.symlink_metadata().map_or(0, |facts| facts.len())
}

fn unreachable(path: &Path, error: &io::Error) -> String {
    let shown = path.display();
    match error.kind() {
        io::ErrorKind::NotFound => {
            format!("{shown} does not exist: install -d -m 0700 '{shown}'")
        }
        io::ErrorKind::PermissionDenied => {
            format!("no permission for {shown}: run as the user who owns it (stat '{shown}')")
        }
        _ => format!("{shown}: {error}"),
    }
}
