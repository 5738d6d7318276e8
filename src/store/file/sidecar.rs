//! The hidden folder beside the main file: one file a version, the record of labels, and the lock
//! that lets one process at a time change anything. A version exists when the record lists it.

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use zeroize::Zeroizing;

use super::disk;
use super::labels::{Labels, SCHEMA};
use super::main_file::{digest, folder_of};
use crate::domain::ids::VersionId;
use crate::port::PortError;
use crate::store::document::MAX_SECRET_BYTES;

/// The lock is asked for this often before the call is given up as `Retryable`: ten seconds.
const LOCK_TRIES: u32 = 500;
const LOCK_PAUSE: Duration = Duration::from_millis(20);
/// Some 500 versions; no record that this code writes comes near.
const MAX_RECORD_BYTES: usize = 65_536;

/// Paths of the folder and of what it holds.
pub(super) struct Sidecar {
    folder: PathBuf,
}

/// Holds the lock until it is dropped.
pub(super) struct Locked {
    _file: Option<File>,
}

impl Sidecar {
    /// `None` when the main file's path names no file.
    pub(super) fn beside(main: &Path) -> Option<Self> {
        let mut name = std::ffi::OsString::from(".");
        name.push(main.file_name()?);
        name.push(".versions");
        Some(Self { folder: folder_of(main).join(name) })
    }

    fn record(&self) -> PathBuf {
        self.folder.join("labels.json")
    }

    /// Where a replacement of the main file waits: on the same file system, out of sight.
    pub(super) fn replacement(&self) -> PathBuf {
        self.folder.join("replacement.tmp")
    }

    /// `None` for an id that no version of this store can have.
    pub(super) fn version_file(&self, id: &VersionId) -> Option<PathBuf> {
        let id = id.as_str();
        let safe = id.len() <= 64
            && id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
        safe.then(|| self.folder.join(format!("v-{id}.json")))
    }

    /// Lets others read, nobody write. Without a folder there is nothing to guard.
    pub(super) fn lock_shared(&self) -> Result<Locked, PortError> {
        let path = self.folder.join("lock");
        match self.check_private() {
            Ok(true) => {}
            Ok(false) => return Ok(Locked { _file: None }),
            Err(error) => return Err(error),
        }
        match disk::open_for_reading(&path) {
            Ok(file) => wait_for(&path, file, File::try_lock_shared),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Locked { _file: None }),
            Err(error) => Err(disk::no_effect("read", &path, &error)),
        }
    }

    /// Keeps every other process out; creates the folder where it is missing.
    pub(super) fn lock(&self) -> Result<Locked, PortError> {
        let refused = |error: io::Error| disk::no_effect("create", &self.folder, &error);
        disk::create_private_folder(&self.folder).map_err(refused)?;
        self.check_private()?;
        let path = self.folder.join("lock");
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|error| disk::no_effect("open", &path, &error))?;
        wait_for(&path, file, File::try_lock)
    }

    /// Whether the folder is there; refuses one that others may enter.
    fn check_private(&self) -> Result<bool, PortError> {
        let facts = match fs::symlink_metadata(&self.folder) {
            Ok(facts) => facts,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(disk::no_effect("read", &self.folder, &error)),
        };
        let folder = self.folder.display();
        if !facts.is_dir() {
            return Err(PortError::misconfigured(format!(
                "{folder} is not a folder; the versions of the secret belong there"
            )));
        }
        let me = rustix::process::geteuid();
        if !me.is_root() && facts.uid() != me.as_raw() {
            return Err(PortError::misconfigured(format!(
                "{folder} belongs to user {}, and rekeyd runs as user {}",
                facts.uid(),
                me.as_raw()
            )));
        }
        if facts.mode() & 0o077 != 0 {
            return Err(PortError::misconfigured(format!(
                "{folder} is open to others and holds secrets; type: chmod 700 '{folder}'"
            )));
        }
        Ok(true)
    }

    /// The record; where there is none, one that lists the version files which are there.
    ///
    /// # Errors
    /// `Misconfigured` for a record that cannot be understood: it is never written over.
    pub(super) fn load(&self) -> Result<Labels, PortError> {
        let path = self.record();
        let file = match disk::open_for_reading(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return self.found(),
            Err(error) => return Err(disk::no_effect("read", &path, &error)),
        };
        let bytes = disk::read_bounded(&file, MAX_RECORD_BYTES)
            .map_err(|error| disk::no_effect("read", &path, &error))?;
        match serde_json::from_slice::<Labels>(&bytes) {
            Ok(labels) if labels.schema == SCHEMA => Ok(labels),
            _ => Err(PortError::misconfigured(format!(
                "{} is damaged, or was written by another rekeyd; restore it, or remove it to \
                 go on without the labels",
                path.display()
            ))),
        }
    }

    /// Replaces the record.
    pub(super) fn save(&self, labels: &Labels) -> Result<(), PortError> {
        let path = self.record();
        let new = self.folder.join("labels.tmp");
        let text = serde_json::to_vec_pretty(labels)
            .map_err(|error| PortError::misconfigured(format!("labels: {error}")))?;
        disk::write_new(&new, &text, |_| Ok(()))
            .map_err(|error| disk::no_effect("write", &new, &error))?;
        disk::replace(&path, &new).map_err(|failed| disk::not_replaced(&path, &failed))
    }

    /// A version's content with the time it was created, if it is still what was written.
    pub(super) fn read_version(
        &self,
        labels: &Labels,
        id: &VersionId,
    ) -> Result<VersionFile, PortError> {
        let Some((version, path)) = labels.version(id).zip(self.version_file(id)) else {
            return Ok(VersionFile::Absent);
        };
        let refused = |error: io::Error| disk::no_effect("read", &path, &error);
        let file = match disk::open_for_reading(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(VersionFile::Absent),
            Err(error) => return Err(refused(error)),
        };
        let bytes = disk::read_bounded(&file, MAX_SECRET_BYTES).map_err(refused)?;
        if digest(&bytes) != version.digest {
            return Ok(VersionFile::Changed);
        }
        let created = file.metadata().and_then(|facts| facts.modified()).ok();
        Ok(VersionFile::Holds { bytes, created })
    }

    /// Writes a version's file. It is no version before the record lists it.
    pub(super) fn write_version(
        &self,
        id: &VersionId,
        bytes: &[u8],
        created: Option<SystemTime>,
    ) -> Result<(), PortError> {
        let path = self.version_file(id).ok_or_else(|| {
            PortError::misconfigured("a version id of a file store has 1 to 64 of a-z A-Z 0-9 _ -")
        })?;
        let new = self.folder.join("version.tmp");
        let dress = |file: &File| created.map_or(Ok(()), |created| file.set_modified(created));
        disk::write_new(&new, bytes, dress)
            .map_err(|error| disk::no_effect("write", &new, &error))?;
        // An unlisted version file is nothing yet: even an uncertain replacement had no effect.
        disk::replace(&path, &new).map_err(|failed| match failed {
            disk::Failed::Surely(error) | disk::Failed::Perhaps(error) => {
                disk::no_effect("write", &path, &error)
            }
        })
    }

    /// Removes version files that the record does not list, and what interrupted writes left.
    pub(super) fn sweep(&self, labels: &Labels) -> io::Result<()> {
        let listed: Vec<PathBuf> =
            labels.versions.iter().filter_map(|version| self.version_file(&version.id)).collect();
        for path in self.files()? {
            let ours = id_of(&path).is_some() || path.extension().is_some_and(|e| e == "tmp");
            if ours && !listed.contains(&path) {
                disk::remove_if_there(&path)?;
            }
        }
        Ok(())
    }

    fn files(&self) -> io::Result<Vec<PathBuf>> {
        match fs::read_dir(&self.folder) {
            Ok(entries) => entries.map(|entry| entry.map(|entry| entry.path())).collect(),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Somebody removed the record, or the very first write was interrupted: the versions are
    /// still readable by id, without labels.
    fn found(&self) -> Result<Labels, PortError> {
        let refused = |error: io::Error| disk::no_effect("read", &self.folder, &error);
        let mut found: Vec<(Option<SystemTime>, PathBuf)> = self
            .files()
            .map_err(refused)?
            .into_iter()
            .map(|path| (fs::metadata(&path).and_then(|facts| facts.modified()).ok(), path))
            .collect();
        found.sort();
        let mut labels = Labels::default();
        for (_, path) in found {
            let Some(id) = id_of(&path) else { continue };
            let file = disk::open_for_reading(&path).map_err(refused)?;
            let bytes = disk::read_bounded(&file, MAX_SECRET_BYTES).map_err(refused)?;
            labels.add(&id, digest(&bytes));
        }
        labels.prune();
        Ok(labels)
    }
}

/// What is left of a version.
pub(super) enum VersionFile {
    Holds {
        bytes: Zeroizing<Vec<u8>>,
        created: Option<SystemTime>,
    },
    /// Somebody changed it: it is not what was verified.
    Changed,
    Absent,
}

fn id_of(path: &Path) -> Option<VersionId> {
    let name = path.file_name()?.to_str()?;
    let id = name.strip_prefix("v-")?.strip_suffix(".json")?;
    VersionId::new(id).ok()
}

fn wait_for(
    path: &Path,
    file: File,
    lock: fn(&File) -> Result<(), TryLockError>,
) -> Result<Locked, PortError> {
    for _ in 0..LOCK_TRIES {
        match lock(&file) {
            Ok(()) => return Ok(Locked { _file: Some(file) }),
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
            Err(TryLockError::Error(error)) => return Err(disk::no_effect("lock", path, &error)),
        }
    }
    Err(PortError::retryable(format!("{} is held by another process", path.display())))
}
