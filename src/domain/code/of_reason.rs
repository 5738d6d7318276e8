//! The code of each reason. A new reason does not build until it has one, and so a page.

use super::{Call, Parked, ReadOnly, Refused};
use crate::domain::class::Class;
use crate::domain::state::{ParkReason, ReadOnlyReason, Refusal};

impl From<&ParkReason> for Parked {
    fn from(reason: &ParkReason) -> Self {
        match reason {
            ParkReason::CurrentChanged => Self::CurrentChanged,
            ParkReason::CurrentMovedBack => Self::CurrentMovedBack,
            ParkReason::CurrentDead => Self::CurrentDead,
            ParkReason::CurrentOverwritten { .. } => Self::CurrentOverwritten,
            ParkReason::BothDead => Self::BothDead,
            ParkReason::CurrentMalformed => Self::CurrentMalformed,
            ParkReason::ForeignPending => Self::ForeignPending,
            ParkReason::ProfileDiffers { .. } => Self::ProfileDiffers,
            ParkReason::TooManyCreates => Self::TooManyCreates,
            ParkReason::TooManyAttempts => Self::TooManyAttempts,
            ParkReason::Orphans => Self::Orphans,
            ParkReason::PinDiffers { .. } => Self::PinDiffers,
            ParkReason::NamedElsewhere { .. } => Self::NamedElsewhere,
            ParkReason::ElsewhereUnreadable { .. } => Self::ElsewhereUnreadable,
            ParkReason::ClaimLost => Self::ClaimLost,
            ParkReason::StagedChanged => Self::StagedChanged,
            ParkReason::NoActor => Self::NoActor,
            ParkReason::KeepsReviving { .. } => Self::KeepsReviving,
            ParkReason::Trouble { .. } => Self::Trouble,
            ParkReason::PreflightRefused { .. } => Self::PreflightRefused,
            ParkReason::LeakRolledBack => Self::LeakRolledBack,
            ParkReason::AckMissing { .. } => Self::AckMissing,
        }
    }
}

impl From<&Refusal> for Refused {
    fn from(why: &Refusal) -> Self {
        match why {
            Refusal::Store { .. } => Self::Store,
            Refusal::NoCurrent => Self::NoCurrent,
            Refusal::CurrentMalformed => Self::CurrentMalformed,
            Refusal::CurrentChanged => Self::CurrentChanged,
            Refusal::CurrentDead => Self::CurrentDead,
            Refusal::ForeignPending => Self::ForeignPending,
            Refusal::TooLarge => Self::TooLarge,
            Refusal::Misconfigured => Self::Misconfigured,
            Refusal::Rights { .. } => Self::Rights,
            Refusal::OtherIdentity { .. } => Self::OtherIdentity,
            Refusal::NamedElsewhere { .. } => Self::NamedElsewhere,
            Refusal::DrainTooShort { .. } => Self::DrainTooShort,
            Refusal::Claimed { .. } => Self::Claimed,
            Refusal::ClockSkew => Self::ClockSkew,
            Refusal::Moved { .. } => Self::Moved,
            Refusal::Departed => Self::Departed,
            Refusal::RotationOpen => Self::RotationOpen,
            Refusal::Decommissioning => Self::Decommissioning,
            Refusal::Retired => Self::Retired,
            Refusal::Orphans => Self::Orphans,
            Refusal::ReadOnly => Self::ReadOnly,
            Refusal::Trouble { .. } => Self::Trouble,
            Refusal::NothingOpen => Self::NothingOpen,
            Refusal::TooLate => Self::TooLate,
            Refusal::OldKeyUnfit => Self::OldKeyUnfit,
            Refusal::NoNamedActor => Self::NoNamedActor,
            Refusal::AlreadyAdopted => Self::AlreadyAdopted,
            Refusal::KillFirstLocksOut { .. } => Self::KillFirstLocksOut,
        }
    }
}

impl From<&ReadOnlyReason> for ReadOnly {
    fn from(reason: &ReadOnlyReason) -> Self {
        match reason {
            ReadOnlyReason::NoValue => Self::NoValue,
            ReadOnlyReason::Malformed => Self::Malformed,
            ReadOnlyReason::PendingPresent => Self::PendingPresent,
            ReadOnlyReason::CurrentRejected => Self::CurrentRejected,
            ReadOnlyReason::OtherIdentity { .. } => Self::OtherIdentity,
            ReadOnlyReason::Claimed { .. } => Self::Claimed,
            ReadOnlyReason::NamedElsewhere { .. } => Self::NamedElsewhere,
        }
    }
}

impl From<Class> for Call {
    fn from(class: Class) -> Self {
        match class {
            Class::Retryable => Self::Retryable,
            Class::Rejected => Self::Rejected,
            Class::Conflict => Self::Conflict,
            Class::Misconfigured => Self::Misconfigured,
            Class::Unknown => Self::Unknown,
        }
    }
}
