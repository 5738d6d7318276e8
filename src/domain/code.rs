//! Every code that an output of rekeyd can carry: the one home of these names. They are part of the
//! product's interface, so a name is never changed and never used again for something else. What
//! each means stands in `rekeyd explain CODE`: its pages match these enums, so that a code without
//! a page does not build.

mod check;
mod control;
mod of_reason;

use std::fmt;

use serde::{Serialize, Serializer};

pub use check::Check;
pub use control::Control;

use super::policy::diagnostic::Problem;

/// An enum whose variants have stable names, with the list of them all.
macro_rules! named {
    ($(#[$about:meta])* pub enum $Name:ident { $($Variant:ident = $text:literal,)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $Name { $($Variant,)* }

        impl $Name {
            /// Every one, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$Variant,)*];

            /// Its stable name.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$Variant => $text,)* }
            }
        }
    };
}
pub(crate) use named;

/// A stable name for what went wrong, or for what a person should know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    Parked(Parked),
    Refused(Refused),
    ReadOnly(ReadOnly),
    Concern(Concern),
    Setup(Setup),
    Journal(Journal),
    Call(Call),
    Check(Check),
    Control(Control),
    Own(Own),
    Finding(Room, Problem),
}

named! {
    /// A policy waits for an operator.
    pub enum Parked {
        CurrentChanged = "parked/current_changed",
        CurrentMovedBack = "parked/current_moved_back",
        CurrentDead = "parked/current_dead",
        CurrentOverwritten = "parked/current_overwritten",
        BothDead = "parked/both_dead",
        CurrentMalformed = "parked/current_malformed",
        ForeignPending = "parked/foreign_pending",
        ProfileDiffers = "parked/profile_differs",
        TooManyCreates = "parked/too_many_creates",
        TooManyAttempts = "parked/too_many_attempts",
        Orphans = "parked/orphans",
        PinDiffers = "parked/pin_differs",
        NamedElsewhere = "parked/named_elsewhere",
        ElsewhereUnreadable = "parked/elsewhere_unreadable",
        ClaimLost = "parked/claim_lost",
        StagedChanged = "parked/staged_changed",
        NoActor = "parked/no_actor",
        KeepsReviving = "parked/keeps_reviving",
        Trouble = "parked/trouble",
        PreflightRefused = "parked/preflight_refused",
        LeakRolledBack = "parked/leak_rolled_back",
        AckMissing = "parked/ack_missing",
    }
}

named! {
    /// A request was not followed. Nothing was done.
    pub enum Refused {
        Store = "refused/store",
        NoCurrent = "refused/no_current",
        CurrentMalformed = "refused/current_malformed",
        CurrentChanged = "refused/current_changed",
        CurrentDead = "refused/current_dead",
        ForeignPending = "refused/foreign_pending",
        TooLarge = "refused/too_large",
        Misconfigured = "refused/misconfigured",
        Rights = "refused/rights",
        OtherIdentity = "refused/other_identity",
        NamedElsewhere = "refused/named_elsewhere",
        DrainTooShort = "refused/drain_too_short",
        Claimed = "refused/claimed",
        ClockSkew = "refused/clock_skew",
        Moved = "refused/moved",
        Departed = "refused/departed",
        RotationOpen = "refused/rotation_open",
        Decommissioning = "refused/decommissioning",
        Retired = "refused/retired",
        Orphans = "refused/orphans",
        ReadOnly = "refused/read_only",
        Trouble = "refused/trouble",
        NothingOpen = "refused/nothing_open",
        NotPromoted = "refused/not_promoted",
        TooLate = "refused/too_late",
        OldKeyUnfit = "refused/old_key_unfit",
        NoNamedActor = "refused/no_named_actor",
        AlreadyAdopted = "refused/already_adopted",
        KillFirstLocksOut = "refused/kill_first_locks_out",
    }
}

named! {
    /// A secret is looked at, never changed, until an operator rules.
    pub enum ReadOnly {
        NoValue = "read_only/no_value",
        Malformed = "read_only/malformed",
        PendingPresent = "read_only/pending_present",
        CurrentRejected = "read_only/current_rejected",
        OtherIdentity = "read_only/other_identity",
        Claimed = "read_only/claimed",
        NamedElsewhere = "read_only/named_elsewhere",
    }
}

named! {
    /// What `status` shows of a secret beside a park.
    pub enum Concern {
        SuspectAlive = "leak/suspect_alive",
        UnknownKey = "leak/unknown_key",
        Orphan = "orphan",
        RulingOpen = "ruling/open",
        RulingNamedHere = "ruling/named_here",
        RulingNamedElsewhere = "ruling/named_elsewhere",
        RulingElsewhereUnreadable = "ruling/elsewhere_unreadable",
        RulingIsActor = "ruling/is_actor",
        RulingNoActor = "ruling/no_actor",
        RulingPinDiffers = "ruling/pin_differs",
        RulingKeepsReviving = "ruling/keeps_reviving",
        RulingDeletesSpent = "ruling/deletes_spent",
        RulingFailed = "ruling/failed",
        RulingPolicyFile = "orphans/policy-file",
        RulingNoPolicy = "orphans/no-policy",
        NotProven = "retired/not_proven",
        LeftOver = "left_over",
        NoPolicy = "no_policy",
        PolicyUnknown = "policy_unknown",
        PolicyRemoved = "policy_removed",
        ForgetOpen = "forget/open",
        PolicyFile = "policy_file",
        Trouble = "trouble",
        MaxAge = "max_age",
        Overdue = "overdue",
        AcksHalfTime = "acks/half_time",
        AcksLastCall = "acks/last_call",
    }
}

named! {
    /// Settings and policies as a whole: not found, not readable, not usable.
    pub enum Setup {
        NoPermission = "settings/no-permission",
        NoSuchFile = "settings/no-such-file",
        Nowhere = "settings/nowhere",
        SettingsFindings = "settings/findings",
        NoPolicies = "settings/no-policies",
        StateDir = "settings/state-dir",
        PolicyFindings = "policy/findings",
        LeftOut = "policy/left-out",
        NearMiss = "policy/near-miss",
        UnknownPolicy = "policy/unknown",
        UnknownConsumer = "policy/unknown-consumer",
        PolicyName = "policy/name",
        NoCredentials = "policy/no-credentials-directory",
    }
}

named! {
    /// The journal and its lock.
    pub enum Journal {
        New = "journal/new",
        Absent = "journal/absent",
        Broken = "journal/broken",
        HeadUnknown = "journal/head-unknown",
        Replay = "journal/replay",
        Newer = "journal/newer",
        NotOurs = "journal/not-ours",
        Unwritable = "journal/unwritable",
        MovedOn = "journal/moved-on",
        LockHeld = "lock/held",
        LockNotOurs = "lock/not-ours",
        LockUnusable = "lock/unusable",
    }
}

named! {
    /// A call to the issuer or the store, and a credential that is to be written.
    pub enum Call {
        Retryable = "call/retryable",
        Rejected = "call/rejected",
        Conflict = "call/conflict",
        Misconfigured = "call/misconfigured",
        Unknown = "call/unknown",
        AdoptRejected = "adopt/rejected",
        AdoptMisconfigured = "adopt/misconfigured",
        AdoptUnreachable = "adopt/unreachable",
        AdoptNotWritten = "adopt/not-written",
        AdoptRotationOpen = "adopt/rotation-open",
    }
}

named! {
    /// The command itself, and the machine that it runs on.
    pub enum Own {
        Usage = "usage",
        OutputLost = "output/lost",
        ManUnwritable = "man/unwritable",
        Runtime = "runtime",
        Signals = "signals",
        Stopping = "stopping",
        Heartbeat = "heartbeat",
        Demo = "demo",
        Sandbox = "sandbox",
        SandboxSecretFile = "sandbox/secret-file",
        Bug = "bug",
    }
}

named! {
    /// The kind of file that a finding is about: the first half of its code.
    pub enum Room {
        Policy = "policy",
        Settings = "settings",
    }
}

impl Code {
    /// Every code, group by group.
    pub fn all() -> impl Iterator<Item = Self> {
        let finding = |room: Room| {
            let carries = move |problem: &&Problem| room == Room::Policy || problem.in_settings();
            Problem::ALL.iter().filter(carries).map(move |problem| Self::Finding(room, *problem))
        };
        let parked = Parked::ALL.iter().copied().map(Self::Parked);
        parked
            .chain(Refused::ALL.iter().copied().map(Self::Refused))
            .chain(ReadOnly::ALL.iter().copied().map(Self::ReadOnly))
            .chain(Concern::ALL.iter().copied().map(Self::Concern))
            .chain(Setup::ALL.iter().copied().map(Self::Setup))
            .chain(finding(Room::Policy))
            .chain(finding(Room::Settings))
            .chain(Journal::ALL.iter().copied().map(Self::Journal))
            .chain(Call::ALL.iter().copied().map(Self::Call))
            .chain(Check::ALL.iter().copied().map(Self::Check))
            .chain(Control::ALL.iter().copied().map(Self::Control))
            .chain(Own::ALL.iter().copied().map(Self::Own))
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Parked(code) => code.name(),
            Self::Refused(code) => code.name(),
            Self::ReadOnly(code) => code.name(),
            Self::Concern(code) => code.name(),
            Self::Setup(code) => code.name(),
            Self::Journal(code) => code.name(),
            Self::Call(code) => code.name(),
            Self::Check(code) => code.name(),
            Self::Control(code) => code.name(),
            Self::Own(code) => code.name(),
            Self::Finding(room, problem) => {
                return write!(f, "{}/{}", room.name(), problem.name());
            }
        })
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

macro_rules! into_code {
    ($($Group:ident),*) => {
        $(impl From<$Group> for Code {
            fn from(code: $Group) -> Self {
                Self::$Group(code)
            }
        })*
    };
}
into_code!(Parked, Refused, ReadOnly, Concern, Setup, Journal, Call, Check, Control, Own);

#[cfg(test)]
mod tests;
