//! What became of a person's word on an orphan, in words: what stands in the way, and what to type.

use serde::Serialize;

use super::problem::{ORPHANS, Problem, RUN_ONCE};
use super::{rfc3339, why_failed};
use crate::domain::code::Concern;
use crate::domain::ids::KeyId;
use crate::domain::state::{Orphan, OrphanKind, Progress, Ruled, Ruling, RulingStop, State};

/// A key that we may have minted and that nothing accounts for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrphanReport {
    pub key_id: String,
    pub policy: String,
    /// `possibly_minted` or `stranger`.
    pub kind: &'static str,
    pub since: String,
    /// A person said that it may live.
    pub kept: bool,
    /// `keep`, `disable`, or `delete`, as a person ruled.
    pub ruling: Option<&'static str>,
    /// How far the ruling has got: `open`, `stopped`, or `done`.
    pub ruling_state: Option<&'static str>,
    /// Why it stopped, and what to type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

impl OrphanReport {
    /// The ruling as the end of a line.
    #[must_use]
    pub fn ruled(&self) -> &'static str {
        match (self.ruling, self.ruling_state) {
            (Some("keep"), _) => "may live (ruled)",
            (Some("disable"), Some("done")) => "is disabled (ruled)",
            (Some("disable"), Some("stopped")) => "to be disabled (ruled), which stopped",
            (Some("disable"), _) => "to be disabled (ruled)",
            (Some(_), Some("stopped")) => "to be deleted (ruled), which stopped",
            (Some(_), _) => "to be deleted (ruled)",
            (None, _) => "awaits a ruling",
        }
    }
}

/// Keys that await a ruling, or were ruled on, of one secret.
#[must_use]
pub fn orphans(policy: &str, state: &State) -> Vec<OrphanReport> {
    let kind = |kind| match kind {
        OrphanKind::PossiblyMinted => "possibly_minted",
        OrphanKind::Stranger => "stranger",
    };
    let progress = |ruled: &Ruled| match ruled.progress {
        Progress::Open => "open",
        Progress::Stopped { .. } => "stopped",
        Progress::Done => "done",
    };
    let report = |(key, orphan): (&KeyId, &Orphan)| OrphanReport {
        key_id: key.to_string(),
        policy: policy.to_owned(),
        kind: kind(orphan.kind),
        since: rfc3339(orphan.since.wall_ms),
        kept: orphan.is_kept(),
        ruling: orphan.ruled.as_ref().map(|ruled| ruled.ruling.name()),
        ruling_state: orphan.ruled.as_ref().map(progress),
        problem: why_stopped(key, orphan),
    };
    state.orphans.iter().map(report).collect()
}

fn why_stopped(key: &KeyId, orphan: &Orphan) -> Option<Problem> {
    match orphan.undone()? {
        (ruling, Progress::Stopped { why, .. }) => Some(ruling_stopped(key, ruling, why)),
        _ => None,
    }
}

/// Every orphan that needs a person, or whose ruling is not carried out yet.
pub(super) fn problems(state: &State) -> Vec<Problem> {
    let told = state.orphans.iter().filter_map(|(key, orphan)| match orphan.undone() {
        Some((_, Progress::Stopped { .. })) => why_stopped(key, orphan),
        Some((ruling, _)) => {
            let said = format!("{} and it is not done yet.", ruled_to(key, ruling));
            Some(Problem::new(Concern::RulingOpen, said, RUN_ONCE))
        }
        None if orphan.ruled.is_none() => {
            let said = format!("key {key} lives, may be ours, and nobody has ruled on it.");
            Some(Problem::new(Concern::Orphan, said, ORPHANS))
        }
        None => None,
    });
    told.collect()
}

fn ruled_to(key: &KeyId, ruling: Ruling) -> String {
    let verb = match ruling {
        Ruling::Keep => "may live",
        Ruling::Disable => "is to be disabled",
        Ruling::Delete => "is to be deleted",
    };
    format!("it was ruled that key {key} {verb},")
}

/// The same word again.
#[must_use]
pub fn rule_again(key: &KeyId, ruling: Ruling) -> String {
    let yes = if ruling == Ruling::Delete { " --yes" } else { "" };
    format!("rekeyd orphans {} {key}{yes}", ruling.name())
}

/// Why a ruling stopped.
#[must_use]
pub fn ruling_stopped(key: &KeyId, ruling: Ruling, why: &RulingStop) -> Problem {
    let again = rule_again(key, ruling);
    let (code, said, next) = match why {
        RulingStop::NamedHere => (
            Concern::RulingNamedHere,
            "the policy's own secret names that key as current or pending; it was left as it is. \
             Put another credential there first"
                .to_owned(),
            again,
        ),
        RulingStop::NamedElsewhere { policy } => (
            Concern::RulingNamedElsewhere,
            format!(
                "the secret of policy {policy} names that key: its consumers would lose it. It was \
                 left as it is. Rotate {policy} first"
            ),
            format!("rekeyd rotate {policy}"),
        ),
        RulingStop::ElsewhereUnreadable { secret } => (
            Concern::RulingElsewhereUnreadable,
            format!(
                "the journal of {secret} does not replay, so it cannot be told whether its \
                 consumers hold that key. It was left as it is"
            ),
            "rekeyd check".to_owned(),
        ),
        RulingStop::IsActor => (
            Concern::RulingIsActor,
            "that key is the policy's named actor; it was left as it is. Name another actor first, \
             or let it live"
                .to_owned(),
            format!("rekeyd orphans keep {key}"),
        ),
        RulingStop::NoActor => (
            Concern::RulingNoActor,
            "no other credential authenticates, so nobody can call ION for it, and the key may be \
             the last one that works. Mend that first, or act in ION by hand"
                .to_owned(),
            again,
        ),
        other => of_the_call(other, again),
    };
    let said = format!("{} but it stopped: {said}.", ruled_to(key, ruling));
    Problem::new(code, said, next)
}

fn of_the_call(why: &RulingStop, again: String) -> (Concern, String, String) {
    match why {
        RulingStop::PinDiffers => (
            Concern::RulingPinDiffers,
            "somebody changed that key after it was disabled here, so it was not deleted. The same \
             word again disables and pins it anew"
                .to_owned(),
            again,
        ),
        RulingStop::KeepsReviving => (
            Concern::RulingKeepsReviving,
            "that key came back to life again and again. Find who enables it".to_owned(),
            again,
        ),
        RulingStop::DeletesSpent => (
            Concern::RulingDeletesSpent,
            "that key is disabled, and every delete that was sent came to nothing. No further one is \
             sent by itself. Look at the key in ION; the same word again tries anew"
                .to_owned(),
            again,
        ),
        RulingStop::Failed { class, step, said } => (
            Concern::RulingFailed,
            format!(
                "step `{step}` failed again and again: {}",
                why_failed(*class, said.as_deref())
            ),
            if why.may_pass() { RUN_ONCE.to_owned() } else { again },
        ),
        _ => (Concern::RulingFailed, "it cannot go on".to_owned(), again),
    }
}
