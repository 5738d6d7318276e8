//! A live key that we minted, or may have minted, or that appeared around a leak; and a person's
//! word on it (R3, R17). A record goes when its key is gone, or is proven dead without a word on it.

use serde::{Deserialize, Serialize};

use crate::domain::class::Class;
use crate::domain::clocks::Moment;

/// A key that may be ours.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Orphan {
    pub since: Moment,
    pub kind: OrphanKind,
    /// What a person ruled, and how far that has got.
    pub ruled: Option<Ruled>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OrphanKind {
    /// Appeared while one of our creates had no reply.
    PossiblyMinted,
    /// Appeared around a leak: the leaked key may have minted it (R17).
    Stranger,
}

/// A person's word on an orphan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ruling {
    /// It may live.
    Keep,
    /// It is disabled, reversibly, and stays on the record.
    Disable,
    /// It is disabled, and then deleted by the pin.
    Delete,
}

impl Ruling {
    /// The word as it is typed, and as machines are told.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Disable => "disable",
            Self::Delete => "delete",
        }
    }
}

/// A ruling with its progress.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Ruled {
    pub ruling: Ruling,
    pub progress: Progress,
}

/// How far a ruling has got.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Progress {
    /// The loop is at it.
    Open,
    /// It could not be carried out; the same word again starts anew.
    Stopped { why: RulingStop, since: Moment },
    /// Nothing is left to do. For *delete* the record is gone instead.
    Done,
}

/// Why a ruling was not carried out. Where the key was disabled for it already, it stays so.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "stop", rename_all = "snake_case")]
pub enum RulingStop {
    /// *Current* or *pending* of this policy's secret names the key.
    NamedHere,
    /// Another policy's secret names it (R22).
    NamedElsewhere { policy: String },
    /// Whether another secret names it cannot be told: its journal does not replay.
    ElsewhereUnreadable { secret: String },
    /// It is the policy's named actor.
    IsActor,
    /// No other credential authenticates that could call the issuer.
    NoActor,
    /// Somebody changed the key after it was disabled here: it was not deleted.
    PinDiffers,
    /// It came back to life again and again.
    KeepsReviving,
    /// It is disabled, and was still there after as many deletes as are sent for one word.
    DeletesSpent,
    /// The same step failed again and again.
    Failed {
        class: Class,
        step: String,
        /// What the failed call said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        said: Option<String>,
    },
}

impl RulingStop {
    /// What may pass by itself is tried again after a while.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Failed { class: Class::Retryable | Class::Unknown, .. })
    }
}

impl Orphan {
    /// A person said that it may live.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.ruled.as_ref().is_some_and(|ruled| ruled.ruling == Ruling::Keep)
    }

    /// A ruling that it must not live, whether carried out or not.
    #[must_use]
    pub fn sentence(&self) -> Option<Ruling> {
        self.ruled.as_ref().map(|ruled| ruled.ruling).filter(|ruling| *ruling != Ruling::Keep)
    }

    /// A ruling that the loop is to carry out, or could not.
    #[must_use]
    pub fn undone(&self) -> Option<(Ruling, &Progress)> {
        let ruled = self.ruled.as_ref().filter(|ruled| ruled.progress != Progress::Done)?;
        Some((ruled.ruling, &ruled.progress))
    }
}
