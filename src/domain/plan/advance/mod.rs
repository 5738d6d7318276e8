//! The machine's own next step, phase by phase: the table of the protocol.

mod back;
mod closing;
mod forward;
mod retire_old;

use super::step::Step;
use super::view::{Found, View};
use crate::domain::facts::{Holding, KeyProof};
use crate::domain::ids::VersionId;
use crate::domain::state::{Event, ParkReason, Phase, Rotation};

/// Attempts to stage on a *current* that keeps changing (R6), over all new secrets.
pub(super) const MAX_ATTEMPTS: u32 = 10;
const MAX_CREATES: u32 = 3;
/// A new key may need a moment to work everywhere (F13): tries, and the waits between them.
const MAX_VERIFY_FAILURES: u32 = 6;
const VERIFY_WAIT_MS: i64 = 1_000;

pub(super) fn advance(v: &View<'_>, r: &Rotation) -> Found<Step> {
    let case = Case { v, r };
    match r.phase {
        Phase::Claimed => case.claimed(),
        Phase::Issued => case.issued(),
        Phase::Staged => case.staged(),
        Phase::Verified => case.verified(),
        Phase::Promoted | Phase::Drained | Phase::Disabled | Phase::Soaked => case.promoted(),
        Phase::Deleted => case.deleted(),
        Phase::Reverting => case.reverting(),
        Phase::RollingBack => case.rolling_back(),
    }
}

/// Moves *current* from a version that is not ours back to the old credential.
pub(super) fn back_to_old(v: &View<'_>, r: &Rotation, current: &VersionId) -> Found<Step> {
    Case { v, r }.move_back(current)
}

/// What *current* names, seen from the open rotation.
enum Names<'a> {
    Old(&'a VersionId, &'a KeyProof),
    New(&'a VersionId, &'a KeyProof),
    Other,
}

struct Case<'a> {
    v: &'a View<'a>,
    r: &'a Rotation,
}

impl<'a> Case<'a> {
    fn enter(phase: Phase, because: Option<&str>) -> Step {
        Step::record(Event::Entered { phase, because: because.map(str::to_owned) })
    }

    fn names(&self) -> Found<Names<'a>> {
        let Some((version, holding)) = self.v.current()? else {
            return Err(self.v.park(ParkReason::CurrentMalformed));
        };
        let Holding::Key { proof, .. } = holding else {
            return Err(self.v.park(ParkReason::CurrentMalformed));
        };
        self.noted(proof)?;
        Ok(if self.v.is_new(proof) {
            Names::New(version, proof)
        } else if self.v.is_old(proof) {
            Names::Old(version, proof)
        } else {
            Names::Other
        })
    }

    /// What *current* names is recorded when it is not what the phase expects, and when that is over:
    /// drains count from it, and other policies ask for it (R12, R22). Parked or not.
    fn noted(&self, proof: &KeyProof) -> Found<()> {
        let expected = match self.r.phase {
            Phase::Reverting => self.v.is_new(proof) || self.v.is_old(proof),
            phase if phase.after_promote() => self.v.is_new(proof),
            _ => self.v.is_old(proof),
        };
        let before = self.v.state.seen_key.as_ref();
        if before == Some(&proof.key) || expected && before.is_none() {
            return Ok(());
        }
        Err(Step::record(Event::Served { key: proof.key.clone() }))
    }

    /// Before promote *current* names the old key; our new one there means: promoted (late reply,
    /// or a person). Anything else is a person's choice.
    fn still_old(&self) -> Found<(&'a VersionId, &'a KeyProof)> {
        match self.names()? {
            Names::Old(version, proof) => Ok((version, proof)),
            Names::New(..) => Err(Self::enter(Phase::Promoted, Some("current names the new key"))),
            Names::Other => Err(self.v.park(ParkReason::CurrentChanged)),
        }
    }

    fn new_is_suspect(&self) -> bool {
        self.r.new.as_ref().is_some_and(|new| self.v.state.is_suspect(&new.key))
    }
}
