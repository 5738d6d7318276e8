//! A secret in a file: consumers read one JSON object, atomically replaced; a hidden folder beside
//! it keeps the versions by id, with their labels.
//!
//! ```text
//! x.json                       what consumers read; it alone decides what is *current*
//! .x.json.versions/            0700
//!   labels.json                the record: labels, and which versions exist (see `labels`)
//!   v-ID.json                  one version, 0600
//!   lock                       one writer at a time
//! ```
//!
//! A stage is done when the record names the version, a promote when the main file is renamed;
//! each is one atomic step, so a crash leaves the state before or after. A person may edit the
//! main file at any time: then *current* is a version whose id is a digest of the content. Between
//! the last look and the rename such an edit can still be lost; nothing on a file system tells.
//! Must never put a byte of a secret into a file name or an error.

mod changes;
mod disk;
mod labels;
mod main_file;
mod sidecar;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use tracing::info_span;

use self::labels::Labels;
use self::main_file::MainFile;
use self::sidecar::{Sidecar, VersionFile};
use super::document;
use crate::domain::claim::Claim;
use crate::domain::ids::VersionId;
use crate::domain::policy::Fields;
use crate::domain::secret::Credential;
use crate::port::store::StoreProblem;
use crate::port::{Content, PortError, SecretStore, StoreView, Stored, Which};

/// One secret in one file. Clones are the same store.
#[derive(Clone)]
pub struct FileStore {
    place: Arc<Place>,
}

/// Where the secret is. The synchronous half of the store; every method may block.
struct Place {
    path: PathBuf,
    sidecar: Sidecar,
    fields: Fields,
}

impl FileStore {
    /// Touches nothing yet: the file may appear later.
    ///
    /// # Errors
    /// `Misconfigured` when the path names no file (empty, `/`, or ending in `..`).
    pub fn new(path: impl Into<PathBuf>, fields: Fields) -> Result<Self, PortError> {
        let path = path.into();
        let sidecar = Sidecar::beside(&path).ok_or_else(|| {
            PortError::misconfigured(format!("{} does not name a file", path.display()))
        })?;
        Ok(Self { place: Arc::new(Place { path, sidecar, fields }) })
    }

    /// Runs one call where it may block. A call whose caller went away still runs to its end.
    async fn run<T: Send + 'static>(
        &self,
        span: tracing::Span,
        call: impl FnOnce(&Place) -> Result<T, PortError> + Send + 'static,
    ) -> Result<T, PortError> {
        let place = Arc::clone(&self.place);
        tokio::task::spawn_blocking(move || span.in_scope(|| call(&place)))
            .await
            .map_err(|_| PortError::unknown("the file store stopped in the middle of a call"))?
    }
}

#[async_trait]
impl SecretStore for FileStore {
    fn place(&self) -> String {
        format!("the file {}", self.place.path.display())
    }

    async fn describe(&self) -> Result<StoreView, PortError> {
        let span = info_span!("store.describe", path = %self.place.path.display());
        self.run(span, Place::describe).await
    }

    async fn read(&self, which: &Which) -> Result<Option<Stored>, PortError> {
        let which = which.clone();
        let span = info_span!("store.read", path = %self.place.path.display(), ?which);
        self.run(span, move |place| place.read(&which)).await
    }

    async fn stage(
        &self,
        token: &VersionId,
        base: Option<&VersionId>,
        credential: &Credential,
    ) -> Result<(), PortError> {
        let span = info_span!("store.stage", path = %self.place.path.display(), version = %token);
        let (token, base, credential) = (token.clone(), base.cloned(), credential.clone());
        self.run(span, move |place| place.stage(&token, base.as_ref(), &credential)).await
    }

    async fn stage_empty(&self, token: &VersionId) -> Result<(), PortError> {
        let span =
            info_span!("store.stage_empty", path = %self.place.path.display(), version = %token);
        let token = token.clone();
        self.run(span, move |place| place.stage_empty(&token)).await
    }

    async fn promote(&self, from: Option<&VersionId>, to: &VersionId) -> Result<(), PortError> {
        let span = info_span!("store.promote", path = %self.place.path.display(), version = %to);
        let (from, to) = (from.cloned(), to.clone());
        self.run(span, move |place| place.promote(from.as_ref(), &to)).await
    }

    async fn unstage(&self, version: &VersionId) -> Result<(), PortError> {
        let span =
            info_span!("store.unstage", path = %self.place.path.display(), version = %version);
        let version = version.clone();
        self.run(span, move |place| place.take_off(&version, |labels| &mut labels.pending)).await
    }

    async fn append_claim(&self, entry: &Claim) -> Result<(), PortError> {
        let span = info_span!("store.append_claim", path = %self.place.path.display());
        let entry = *entry;
        self.run(span, move |place| place.append_claim(&entry)).await
    }

    async fn drop_previous(&self, version: &VersionId) -> Result<(), PortError> {
        let span = info_span!("store.drop_previous", path = %self.place.path.display(), version = %version);
        let version = version.clone();
        self.run(span, move |place| place.take_off(&version, |labels| &mut labels.previous)).await
    }
}

/// The main file and the labels as it settles them.
struct Seen {
    main: Option<MainFile>,
    labels: Labels,
}

impl Place {
    fn look(&self) -> Result<Seen, PortError> {
        let labels = self.sidecar.load()?;
        let main = MainFile::read(&self.path)?;
        let content = match &main {
            Some(main) => Some((main.digest, main.id_by_hand()?)),
            None => None,
        };
        Ok(Seen { labels: labels.settled(content), main })
    }

    fn describe(&self) -> Result<StoreView, PortError> {
        let _locked = self.sidecar.lock_shared()?;
        let Seen { main, labels } = self.look()?;
        let mut problems = std::collections::BTreeSet::new();
        if let Some(obstacle) = main_file::obstacle(&self.path, main.as_ref()) {
            tracing::warn!(%obstacle, "the secret cannot be replaced");
            problems.insert(StoreProblem::Unwritable);
        }
        let current = labels.current.as_ref();
        let by_hand = current.is_some_and(|id| labels.version(id).is_none());
        let created = match current {
            Some(id) => match self.sidecar.read_version(&labels, id)? {
                VersionFile::Holds { created, .. } => created,
                VersionFile::Changed | VersionFile::Absent => {
                    main.as_ref().and_then(|main| main.modified)
                }
            },
            None => None,
        };
        let versions = labels.versions.len() + usize::from(by_hand);
        Ok(StoreView {
            versions: u32::try_from(versions).unwrap_or(u32::MAX),
            current_created_ms: created.and_then(since_epoch_ms),
            current: labels.current,
            pending: labels.pending,
            previous: labels.previous,
            claim: labels.claim,
            problems,
        })
    }

    fn read(&self, which: &Which) -> Result<Option<Stored>, PortError> {
        let _locked = self.sidecar.lock_shared()?;
        let Seen { main, labels } = self.look()?;
        let wanted = match which {
            Which::Pending => labels.pending.clone(),
            Which::Current => labels.current.clone(),
            Which::Previous => labels.previous.clone(),
            Which::Version(id) => Some(id.clone()),
        };
        let Some(version) = wanted else { return Ok(None) };
        if let Some(main) = main.filter(|_| labels.current.as_ref() == Some(&version)) {
            let content = self.content(&main.bytes);
            return Ok(Some(Stored { version, content, size_bytes: main.size_bytes }));
        }
        Ok(match self.sidecar.read_version(&labels, &version)? {
            VersionFile::Holds { bytes, .. } => {
                Some(Stored { version, content: self.content(&bytes), size_bytes: bytes.len() })
            }
            VersionFile::Changed => Some(Stored {
                version,
                content: Content::Malformed("its file in the versions folder was changed by hand"),
                size_bytes: 0,
            }),
            VersionFile::Absent => None,
        })
    }

    fn content(&self, bytes: &[u8]) -> Content {
        match std::str::from_utf8(bytes) {
            Ok(text) => document::content(text, &self.fields),
            Err(_) => Content::Malformed("it is not UTF-8 text"),
        }
    }
}

fn since_epoch_ms(time: SystemTime) -> Option<i64> {
    i64::try_from(time.duration_since(UNIX_EPOCH).ok()?.as_millis()).ok()
}

#[cfg(test)]
mod tests;
