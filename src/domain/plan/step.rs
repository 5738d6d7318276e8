//! What the planner may answer.

use std::collections::BTreeSet;

use crate::domain::class::Class;
use crate::domain::facts::Read;
use crate::domain::state::{Effect, Event};

/// The next thing to do for one secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Step {
    /// Read these; ask again.
    Look(BTreeSet<Read>),
    /// Journal the intent, send it, journal the outcome.
    Do(Effect),
    /// Journal these together; nothing is sent.
    Record(Vec<Event>),
    /// A fact could not be told: journal it, back off, ask again.
    Trouble { class: Class, step: String },
    /// Nothing to do before `ms` have passed, or a request comes.
    Wait { reason: WaitFor, ms: i64 },
    /// Nothing is open.
    Rest,
}

/// What a wait is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WaitFor {
    /// A request whose reply was lost may still land (R1).
    Quiesce,
    /// Consumers move to the new key (R12).
    Drain,
    Soak,
    /// Consumers that must say that they use the new key (F14).
    Acks,
    /// The policy's next window (R29).
    Window,
    /// Another policy of the same group (F19).
    Group,
    /// Consumers that re-read after a leak (`--grace`).
    Grace,
    /// Reads may lag behind our own acknowledged change (R13).
    ReadsLag,
    /// A new key may not work everywhere at once.
    Propagation,
    /// The same failure again; looked at anew by itself.
    Trouble,
    Operator,
}

impl WaitFor {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Quiesce => "quiesce",
            Self::Drain => "drain",
            Self::Soak => "soak",
            Self::Acks => "acks",
            Self::Window => "window",
            Self::Group => "group",
            Self::Grace => "grace",
            Self::ReadsLag => "reads_lag",
            Self::Propagation => "propagation",
            Self::Trouble => "trouble",
            Self::Operator => "operator",
        }
    }
}

impl Step {
    #[must_use]
    pub fn look(read: Read) -> Self {
        Self::Look(BTreeSet::from([read]))
    }
    #[must_use]
    pub fn record(event: Event) -> Self {
        Self::Record(vec![event])
    }
}
