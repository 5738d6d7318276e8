//! The file that consumers read: what it holds, and who may read it. Its owner, group, mode, and
//! access list are a person's choice; a replacement keeps all of them or is not made.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::{Access, AtFlags, CWD, Gid, Mode, Uid, XattrFlags};
use zeroize::Zeroizing;

use super::disk;
use crate::domain::ids::VersionId;
use crate::domain::secret::Digest;
use crate::port::PortError;
use crate::store::document::MAX_SECRET_BYTES;

/// Where Linux keeps a file's access list (acl(5)).
const ACCESS_LIST: &str = "system.posix_acl_access";
/// Larger access lists are refused: some 500 entries.
const MAX_ACCESS_LIST_BYTES: usize = 4096;

/// The main file as it was read.
pub(super) struct MainFile {
    pub(super) bytes: Zeroizing<Vec<u8>>,
    pub(super) size_bytes: usize,
    pub(super) digest: Digest,
    pub(super) modified: Option<SystemTime>,
    owner: Owner,
}

/// Who owns a file and who may read it.
struct Owner {
    uid: u32,
    gid: u32,
    mode: u32,
    links: u64,
    access_list: Option<Vec<u8>>,
}

impl MainFile {
    /// `None` when there is no such file (its folder must be there).
    ///
    /// # Errors
    /// `Misconfigured` for anything but a regular file that may be read, `Retryable` for a disk
    /// that does not answer.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, PortError> {
        let refused = |error: io::Error| disk::no_effect("read", path, &error);
        let file = match disk::open_for_reading(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let folder = folder_of(path);
                return match folder.metadata() {
                    Ok(_) => Ok(None),
                    Err(error) => Err(disk::no_effect("enter", &folder, &error)),
                };
            }
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
                return Err(PortError::misconfigured(format!(
                    "{} is a symbolic link; name the file itself",
                    path.display()
                )));
            }
            Err(error) => return Err(refused(error)),
        };
        let facts = file.metadata().map_err(refused)?;
        if !facts.is_file() {
            return Err(PortError::misconfigured(format!(
                "{} is not a regular file",
                path.display()
            )));
        }
        let access_list = access_list(&file).map_err(refused)?;
        let bytes = disk::read_bounded(&file, MAX_SECRET_BYTES).map_err(refused)?;
        let owner = Owner {
            uid: facts.uid(),
            gid: facts.gid(),
            mode: facts.mode() & 0o777,
            links: facts.nlink(),
            access_list,
        };
        let size_bytes = bytes.len().max(usize::try_from(facts.len()).unwrap_or(usize::MAX));
        let digest = digest(&bytes);
        Ok(Some(Self { bytes, size_bytes, digest, modified: facts.modified().ok(), owner }))
    }

    /// The id of a content that no version holds: a person typed it.
    pub(super) fn id_by_hand(&self) -> Result<VersionId, PortError> {
        VersionId::new(format!("hand-{}", String::from(self.digest)))
            .map_err(|error| PortError::misconfigured(error.to_string()))
    }
}

/// Tells contents apart without holding them. Of what is too large only the beginning counts.
pub(super) fn digest(bytes: &[u8]) -> Digest {
    match std::str::from_utf8(bytes) {
        Ok(text) => Digest::of("rekeyd/file-version/1", text),
        Err(_) => Digest::of("rekeyd/file-version-bytes/1", &Zeroizing::new(hex::encode(bytes))),
    }
}

/// The folder of a path; `.` for a bare name.
pub(super) fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Why the main file could not be replaced so that its readers keep their access, as far as it
/// shows without trying.
pub(super) fn obstacle(path: &Path, main: Option<&MainFile>) -> Option<String> {
    let folder = folder_of(path);
    let rights = Access::WRITE_OK | Access::EXEC_OK;
    if let Err(error) = rustix::fs::accessat(CWD, &folder, rights, AtFlags::EACCESS) {
        return Some(format!(
            "cannot write in {}: {}; it must belong to the user that rekeyd runs as",
            folder.display(),
            io::Error::from(error)
        ));
    }
    let owner = &main?.owner;
    if owner.links > 1 {
        return Some(format!(
            "{} has {} hard links; a replacement would leave the others with the old secret",
            path.display(),
            owner.links
        ));
    }
    let me = rustix::process::geteuid();
    if me.is_root() {
        return None;
    }
    let mut groups = rustix::process::getgroups().unwrap_or_default();
    groups.push(rustix::process::getegid());
    let groups: Vec<u32> = groups.iter().map(|group| group.as_raw()).collect();
    (!can_give(owner, me.as_raw(), &groups)).then(|| {
        format!(
            "{} belongs to user {} and group {}, which user {} cannot give to its replacement; \
             change its owner, or run rekeyd as it",
            path.display(),
            owner.uid,
            owner.gid,
            me.as_raw()
        )
    })
}

/// Whether a user other than root may create a file with this owner and group.
fn can_give(owner: &Owner, me: u32, groups: &[u32]) -> bool {
    owner.uid == me && groups.contains(&owner.gid)
}

/// Gives a replacement the owner, group, mode, and access list of what it replaces.
pub(super) fn dress(file: &File, like: Option<&MainFile>) -> io::Result<()> {
    let Some(MainFile { owner, .. }) = like else { return Ok(()) };
    let facts = file.metadata()?;
    let uid = (facts.uid() != owner.uid).then(|| Uid::from_raw(owner.uid));
    let gid = (facts.gid() != owner.gid).then(|| Gid::from_raw(owner.gid));
    if uid.is_some() || gid.is_some() {
        rustix::fs::fchown(file, uid, gid)?;
    }
    rustix::fs::fchmod(file, Mode::from_raw_mode(owner.mode))?;
    if let Some(list) = &owner.access_list {
        rustix::fs::fsetxattr(file, ACCESS_LIST, list, XattrFlags::empty())?;
    }
    Ok(())
}

fn access_list(file: &File) -> io::Result<Option<Vec<u8>>> {
    let mut list = vec![0_u8; MAX_ACCESS_LIST_BYTES];
    match rustix::fs::fgetxattr(file, ACCESS_LIST, list.as_mut_slice()) {
        Ok(length) => {
            list.truncate(length);
            Ok(Some(list))
        }
        Err(rustix::io::Errno::NODATA | rustix::io::Errno::OPNOTSUPP) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ones_own_user_and_groups_can_be_given() {
        let owner = |uid, gid| Owner { uid, gid, mode: 0o600, links: 1, access_list: None };
        assert!(can_give(&owner(7, 20), 7, &[10, 20]));
        assert!(!can_give(&owner(7, 30), 7, &[10, 20]));
        assert!(!can_give(&owner(8, 20), 7, &[10, 20]));
    }
}
