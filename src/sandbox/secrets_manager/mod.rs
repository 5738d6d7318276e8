//! A stand-in for AWS Secrets Manager, by the rules of AWS's API reference and quota page, and
//! stricter than its emulators: where the pages are silent, it refuses.
//!
//! What AWS does in the background (replication, the deletion at the end of a recovery window, the
//! dropping of old versions) is done at once or by the sandbox's clock. AWS's own rotation is only
//! switched: no function is ever run. Signatures and permissions are not checked.
//!
//! Synchronous and without I/O; must never show a value but in an answer to who asked for it.
//!
//! ```text
//!   request ─▶ reads   ─┐
//!           ─▶ writes  ─┼─▶ shelf (secrets, and what they were before) ─▶ secret ─▶ versions
//!           ─▶ life    ─┤
//!   person ────────────┘
//! ```

mod answer;
mod exception;
mod life;
mod person;
mod reads;
mod request;
mod secret;
mod shelf;
mod signer;
mod value;
mod version;
mod writes;

pub use self::answer::Answer;
pub use self::exception::{Code, Exception};
pub use self::person::SecretEdit;
pub use self::request::Request;
pub use self::secret::{ReplicaStatus, SecretTruth, VersionTruth};
pub use self::shelf::Lag;
use self::shelf::Shelf;
pub use self::signer::Signer;
pub use self::value::{MAX_VALUE_BYTES, Typed};
pub use self::version::{MAX_LABELS, MAX_VERSIONS};

use super::dice::Dice;

/// Every secret of the account.
#[derive(Default)]
pub(super) struct SecretsManager {
    shelf: Shelf,
}

impl SecretsManager {
    /// Does what a client asks for. Only reads can lag.
    ///
    /// # Errors
    /// As AWS refuses it.
    pub(super) fn perform(
        &mut self,
        signer: &Signer,
        request: &Request,
        lag: Lag,
        dice: &mut Dice,
        now_ms: i64,
    ) -> Result<Answer, Exception> {
        let region = signer.region.as_str();
        match request {
            Request::Get(get) => self.get(region, get, lag, now_ms),
            Request::Describe(named) => self.describe(region, named, lag, now_ms),
            Request::ListVersions(list) => self.list_versions(region, list, lag, now_ms),
            Request::Create(create) => self.create(region, create, dice, now_ms),
            Request::Put(put) => self.put(region, put, now_ms),
            Request::Update(update) => self.update(region, update, now_ms),
            Request::MoveStage(change) => self.move_stage(region, change, now_ms),
            Request::Delete(delete) => self.delete(region, delete, now_ms),
            Request::Restore(named) => self.restore(region, named, now_ms),
            Request::Tag(tag) => self.tag(region, tag, now_ms),
            Request::Untag(untag) => self.untag(region, untag, now_ms),
            Request::Rotate(rotate) => self.rotate(region, rotate, now_ms),
            Request::CancelRotate(named) => self.cancel_rotate(region, named, now_ms),
            Request::Replicate(replicate) => self.replicate(region, replicate, now_ms),
            Request::RemoveReplicas(remove) => self.remove_replicas(region, remove, now_ms),
        }
    }

    /// Lets the clock have its effects.
    pub(super) fn settle(&mut self, now_ms: i64) {
        self.shelf.settle(now_ms);
    }

    /// Changes so far, of all secrets.
    pub(super) fn changes(&self) -> u64 {
        self.shelf.changes()
    }

    /// Versions changed since the last call, and whether anything was.
    pub(super) fn take_touched(&mut self) -> (Vec<String>, bool) {
        self.shelf.take_touched()
    }

    /// The name of the secret that `id` means in a region, if there is one.
    pub(super) fn name_of(&self, region: &str, id: &str) -> Option<String> {
        let found = Shelf::find(self.shelf.seen(Lag::None, 0), region, id).ok()?;
        Some(found.name.clone())
    }

    /// Every secret, by region and name.
    pub(super) fn truths(&self) -> Vec<SecretTruth> {
        self.shelf.all().map(|secret| secret.truth()).collect()
    }

    /// What a consumer would read now.
    pub(super) fn text(&self, name: &str) -> Option<Typed> {
        self.shelf.text(name)
    }
}
