//! Reading and replacing files so that a crash leaves the old file or the new one, never a part.
//! The one place of the file store that changes anything on the disk. Must never put a file's
//! content into an error.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use zeroize::Zeroizing;

use crate::port::{Class, PortError};

/// Opens a regular file for reading; never follows a symbolic link, never blocks on a pipe.
pub(super) fn open_for_reading(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Ok(File::from(rustix::fs::open(path, flags, Mode::empty())?))
}

/// At most `limit_bytes` + 1 bytes, so that the caller can tell that there are more.
pub(super) fn read_bounded(file: &File, limit_bytes: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(limit_bytes + 1));
    file.take(limit_bytes as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Writes a new file of mode 0600 in place of what an interrupted write may have left at `path`;
/// `dress` sets what else it needs. On return it would survive a power loss, if it were named.
pub(super) fn write_new(
    path: &Path,
    bytes: &[u8],
    dress: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<()> {
    remove_if_there(path)?;
    kill_point()?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = File::from(rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR)?);
    kill_point()?;
    file.write_all(bytes)?;
    kill_point()?;
    dress(&file)?;
    kill_point()?;
    file.sync_all()
}

/// Why a replacement failed, and whether it may have happened.
pub(super) enum Failed {
    Surely(io::Error),
    Perhaps(io::Error),
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self::Surely(error)
    }
}

/// Puts `new` in the place of `path` at once, durably.
pub(super) fn replace(path: &Path, new: &Path) -> Result<(), Failed> {
    kill_point()?;
    fs::rename(new, path).map_err(|error| match error.raw_os_error() {
        Some(number) if number == rustix::io::Errno::IO.raw_os_error() => Failed::Perhaps(error),
        _ => Failed::Surely(error),
    })?;
    kill_point().map_err(Failed::Perhaps)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    sync_folder(folder).map_err(Failed::Perhaps)?;
    kill_point().map_err(Failed::Perhaps)
}

pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

pub(super) fn remove_if_there(path: &Path) -> io::Result<()> {
    kill_point()?;
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Creates a folder that only its owner may enter; one that is there is left as it is.
pub(super) fn create_private_folder(path: &Path) -> io::Result<()> {
    kill_point()?;
    match rustix::fs::mkdir(path, Mode::RWXU) {
        Err(rustix::io::Errno::EXIST) => Ok(()),
        Err(error) => Err(error.into()),
        Ok(()) => sync_folder(path.parent().unwrap_or(Path::new("."))),
    }
}

/// The error of a step that certainly had no effect.
pub(super) fn no_effect(doing: &str, path: &Path, error: &io::Error) -> PortError {
    let class = match error.kind() {
        ErrorKind::PermissionDenied
        | ErrorKind::NotFound
        | ErrorKind::NotADirectory
        | ErrorKind::IsADirectory
        | ErrorKind::ReadOnlyFilesystem
        | ErrorKind::CrossesDevices
        | ErrorKind::InvalidFilename
        | ErrorKind::InvalidInput
        | ErrorKind::Unsupported
        | ErrorKind::ResourceBusy => Class::Misconfigured,
        _ if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            Class::Misconfigured
        }
        _ => Class::Retryable,
    };
    PortError::new(class, format!("cannot {doing} {}: {error}", path.display()))
}

/// The error of a replacement; `Unknown` where it may have happened.
pub(super) fn not_replaced(path: &Path, failed: &Failed) -> PortError {
    match failed {
        Failed::Surely(error) => no_effect("replace", path, error),
        Failed::Perhaps(error) => PortError::unknown(format!(
            "cannot tell whether {} was replaced durably: {error}",
            path.display()
        )),
    }
}

/// Before and after every change on the disk: tests let the process die here.
#[cfg(not(test))]
#[expect(clippy::unnecessary_wraps, reason = "the test build returns an error to stop here")]
fn kill_point() -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
use killing::kill_point;
#[cfg(test)]
pub(super) use killing::{die_after, survive};

#[cfg(test)]
mod killing {
    use std::cell::Cell;
    use std::io;

    thread_local! {
        static LEFT: Cell<Option<u32>> = const { Cell::new(None) };
    }

    /// From the `steps`th kill point on, nothing more reaches the disk from this thread.
    pub(crate) fn die_after(steps: u32) {
        LEFT.set(Some(steps));
    }

    /// Ends `die_after`; true when a kill point was reached that let nothing through.
    pub(crate) fn survive() -> bool {
        LEFT.take() == Some(0)
    }

    pub(super) fn kill_point() -> io::Result<()> {
        match LEFT.get() {
            None => Ok(()),
            Some(0) => Err(io::Error::other("killed")),
            Some(left) => {
                LEFT.set(Some(left - 1));
                Ok(())
            }
        }
    }
}
