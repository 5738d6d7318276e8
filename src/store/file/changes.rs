//! What changes the files: stage, promote, and taking a label off. Each has one step that counts;
//! what comes before it leaves nothing that counts, what comes after it is put right by the next
//! look (see [`super::labels::Labels::settled`]).

use zeroize::Zeroizing;

use super::labels::Labels;
use super::main_file::{self, MainFile};
use super::sidecar::VersionFile;
use super::{Place, Seen, disk};
use crate::domain::claim::Claim;
use crate::domain::ids::VersionId;
use crate::domain::secret::Credential;
use crate::port::{Class, PortError};
use crate::store::document;

impl Place {
    pub(super) fn stage(
        &self,
        token: &VersionId,
        base: Option<&VersionId>,
        credential: &Credential,
    ) -> Result<(), PortError> {
        self.put(token, base, Some(credential))
    }

    pub(super) fn stage_empty(&self, token: &VersionId) -> Result<(), PortError> {
        self.put(token, None, None)
    }

    /// The step that counts: the record that names the version. Without a credential it is empty.
    fn put(
        &self,
        token: &VersionId,
        base: Option<&VersionId>,
        credential: Option<&Credential>,
    ) -> Result<(), PortError> {
        let _locked = self.sidecar.lock()?;
        let Seen { main, mut labels } = self.look()?;
        if let Some(obstacle) = main_file::obstacle(&self.path, main.as_ref()) {
            return Err(PortError::misconfigured(obstacle));
        }
        let base_bytes =
            base.map(|base| self.bytes_of(base, &labels, main.as_ref())).transpose()?;
        let base_text = base_bytes.as_deref().map(|bytes| utf8(bytes)).transpose()?;
        let text = match credential {
            Some(credential) => document::with_credential(base_text, &self.fields, credential)?,
            None => Zeroizing::new(document::EMPTY.to_owned()),
        };
        let digest = main_file::digest(text.as_bytes());
        if let Some(known) = labels.version(token) {
            return if known.digest == digest {
                Ok(())
            } else {
                Err(PortError::conflict(format!("version {token} exists with other content")))
            };
        }
        // Without a record every version file counts, also one whose stage is interrupted.
        self.sidecar.save(&labels).map_err(had_no_effect)?;
        if base.is_some() && base == labels.current.as_ref() {
            self.keep_current(main.as_ref(), &mut labels)?;
        }
        self.sidecar.write_version(token, text.as_bytes(), None)?;
        labels.add(token, digest);
        labels.pending = Some(token.clone());
        self.sidecar.save(&labels)?;
        self.tidy(&mut labels);
        Ok(())
    }

    /// The step that counts: the rename over the main file.
    pub(super) fn promote(
        &self,
        from: Option<&VersionId>,
        to: &VersionId,
    ) -> Result<(), PortError> {
        let _locked = self.sidecar.lock()?;
        let Seen { main, mut labels } = self.look()?;
        if labels.current.as_ref() != from {
            return Err(moved_on(from));
        }
        let bytes = self.bytes_of(to, &labels, main.as_ref())?;
        if from == Some(to) {
            return Ok(());
        }
        if let Some(obstacle) = main_file::obstacle(&self.path, main.as_ref()) {
            return Err(PortError::misconfigured(obstacle));
        }
        let replacement = self.sidecar.replacement();
        disk::write_new(&replacement, &bytes, |file| main_file::dress(file, main.as_ref()))
            .map_err(|error| disk::no_effect("prepare", &replacement, &error))?;
        self.keep_current(main.as_ref(), &mut labels)?;
        labels.moving = Some(to.clone());
        self.sidecar.save(&labels).map_err(had_no_effect)?;

        let now = MainFile::read(&self.path)?.map(|now| now.digest);
        if now != main.map(|main| main.digest) {
            return Err(moved_on(from));
        }
        disk::replace(&self.path, &replacement)
            .map_err(|failed| disk::not_replaced(&self.path, &failed))?;

        labels.moving = None;
        labels.current = Some(to.clone());
        if let Some(from) = from {
            labels.previous = Some(from.clone());
        }
        // The main file says it all: a record that lags is settled by the next look.
        match self.sidecar.save(&labels) {
            Ok(()) => self.tidy(&mut labels),
            Err(error) => tracing::warn!(%error, "promoted; the record of labels lags"),
        }
        Ok(())
    }

    /// The step that counts: the record that holds the entry. A claim is refused where the secret
    /// could not be replaced later.
    pub(super) fn append_claim(&self, entry: &Claim) -> Result<(), PortError> {
        let _locked = self.sidecar.lock()?;
        let Seen { main, mut labels } = self.look()?;
        if let Some(obstacle) = main_file::obstacle(&self.path, main.as_ref()) {
            return Err(PortError::misconfigured(obstacle));
        }
        match labels.claim {
            Some(head) if head == *entry => return Ok(()),
            Some(head) if head.generation >= entry.generation => {
                return Err(PortError::conflict(format!(
                    "the secret is claimed already (generation {})",
                    head.generation
                )));
            }
            _ => labels.claim = Some(*entry),
        }
        self.sidecar.save(&labels)
    }

    /// Takes the label that `label` picks off `version`, if it is there.
    pub(super) fn take_off(
        &self,
        version: &VersionId,
        label: impl Fn(&mut Labels) -> &mut Option<VersionId>,
    ) -> Result<(), PortError> {
        let _locked = self.sidecar.lock()?;
        let Seen { mut labels, .. } = self.look()?;
        let label = label(&mut labels);
        if label.as_ref() != Some(version) {
            return Ok(());
        }
        *label = None;
        self.sidecar.save(&labels)?;
        self.tidy(&mut labels);
        Ok(())
    }

    /// A content that a person typed into the main file becomes a version before it is replaced.
    fn keep_current(&self, main: Option<&MainFile>, labels: &mut Labels) -> Result<(), PortError> {
        let Some((main, current)) = main.zip(labels.current.clone()) else { return Ok(()) };
        if labels.version(&current).is_some() {
            return Ok(());
        }
        if main.size_bytes != main.bytes.len() {
            return Err(PortError::misconfigured(format!(
                "{} is larger than 64 KiB and cannot be kept as a version",
                self.path.display()
            )));
        }
        self.sidecar.write_version(&current, &main.bytes, main.modified)?;
        labels.add(&current, main.digest);
        Ok(())
    }

    fn bytes_of(
        &self,
        version: &VersionId,
        labels: &Labels,
        main: Option<&MainFile>,
    ) -> Result<Zeroizing<Vec<u8>>, PortError> {
        if let Some(main) = main.filter(|_| labels.current.as_ref() == Some(version)) {
            return Ok(main.bytes.clone());
        }
        match self.sidecar.read_version(labels, version)? {
            VersionFile::Holds { bytes, .. } => Ok(bytes),
            VersionFile::Changed => Err(PortError::conflict(format!(
                "the file of version {version} was changed by hand"
            ))),
            VersionFile::Absent => {
                Err(PortError::conflict(format!("there is no version {version}")))
            }
        }
    }

    /// Forgets old versions and removes what nothing names. The change is done without it: a
    /// failure only leaves files for the next time.
    fn tidy(&self, labels: &mut Labels) {
        let before = labels.versions.len();
        labels.prune();
        let pruned =
            if labels.versions.len() == before { Ok(()) } else { self.sidecar.save(labels) };
        let swept = pruned
            .map_err(|error| error.to_string())
            .and_then(|()| self.sidecar.sweep(labels).map_err(|error| error.to_string()));
        if let Err(error) = swept {
            tracing::warn!(%error, path = %self.path.display(), "old versions stay for now");
        }
    }
}

/// A record written before the step that counts: whether it landed does not matter.
fn had_no_effect(error: PortError) -> PortError {
    match error.class {
        Class::Unknown => PortError { class: Class::Retryable, ..error },
        _ => error,
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, PortError> {
    std::str::from_utf8(bytes)
        .map_err(|_| PortError::misconfigured("the secret's value is not UTF-8 text"))
}

fn moved_on(from: Option<&VersionId>) -> PortError {
    let expected = from.map_or_else(|| "absent".to_owned(), ToString::to_string);
    PortError::conflict(format!("the current version is no longer {expected}"))
}
