//! The text of every refusal, and of every reason to leave a secret alone. Nothing was done.

use std::collections::BTreeSet;

use super::claim::held_elsewhere;
use super::departed;
use super::problem::{ORPHANS, Problem, RUN_ONCE, abort, adopt, forget, from_stdin, plan, status};
use crate::domain::class::Class;
use crate::domain::code::Refused;
use crate::domain::facts::StoreProblem;
use crate::domain::ids::KeyId;
use crate::domain::policy::duration::format_ms;
use crate::domain::state::{Refusal, RequestKind};

/// Why a request was not followed.
#[must_use]
pub fn refused(policy: &str, request: RequestKind, why: &Refusal) -> Problem {
    let (said, next) = match request {
        RequestKind::Abort => abort_text(policy, why),
        RequestKind::Adopt => adopt_text(policy, why),
        RequestKind::Rotate if matches!(why, Refusal::Trouble { .. }) => {
            let (said, _) = text(policy, why);
            (format!("{said}; mend that, then ask again"), format!("rekeyd --rotate-now {policy}"))
        }
        RequestKind::Decommission => decommission_text(policy, why),
        _ => text(policy, why),
    };
    let what = match request {
        RequestKind::Rotate => "no rotation was started",
        RequestKind::Leak => "nothing is killed first",
        RequestKind::Abort => "nothing was aborted",
        RequestKind::Resume => "nothing was resumed",
        RequestKind::Adopt => "nothing was adopted",
        RequestKind::Decommission => "nothing was decommissioned",
    };
    Problem::new(Refused::from(why), format!("{what}: {said}."), next)
}

/// What a start would be refused for, whoever asks for it.
#[must_use]
pub fn obstacle(policy: &str, why: &Refusal) -> Problem {
    let (said, next) = text(policy, why);
    Problem::new(Refused::from(why), format!("{said}."), next)
}

fn abort_text(policy: &str, why: &Refusal) -> (String, String) {
    match why {
        Refusal::NothingOpen => ("no rotation is open".into(), status(policy)),
        Refusal::TooLate => {
            ("the old key is already gone; the new one stays".into(), RUN_ONCE.into())
        }
        Refusal::OldKeyUnfit => (
            "the old key is reported leaked or does not work; going back would break consumers"
                .into(),
            RUN_ONCE.into(),
        ),
        other => text(policy, other),
    }
}

fn adopt_text(policy: &str, why: &Refusal) -> (String, String) {
    match why {
        Refusal::NothingOpen => (
            "current already holds a key of the open rotation; there is nothing to rule on".into(),
            status(policy),
        ),
        Refusal::OldKeyUnfit => ("the current key is reported leaked".into(), from_stdin(policy)),
        Refusal::CurrentDead | Refusal::CurrentMalformed | Refusal::NoCurrent => {
            let (said, _) = text(policy, why);
            (said, from_stdin(policy))
        }
        other => text(policy, other),
    }
}

fn decommission_text(policy: &str, why: &Refusal) -> (String, String) {
    match why {
        Refusal::Orphans => (
            "keys that may be ours await a ruling, and nobody would be left to carry one out"
                .into(),
            ORPHANS.into(),
        ),
        Refusal::NamedElsewhere { policy: other } => (
            format!("the secret of policy {other} names the same key; its consumers would lose it"),
            format!("rekeyd rotate {other}"),
        ),
        other => text(policy, other),
    }
}

/// What stands in the way, and what to type.
pub(super) fn text(policy: &str, why: &Refusal) -> (String, String) {
    match why {
        Refusal::Store { problem } => (store_text(*problem).into(), plan(policy)),
        Refusal::NoCurrent => ("the secret has no current version".into(), from_stdin(policy)),
        Refusal::CurrentMalformed => {
            ("the secret's current version holds no credential".into(), from_stdin(policy))
        }
        Refusal::CurrentChanged => (
            "the store's current credential is not the one that was last rotated or adopted; \
             somebody changed it"
                .into(),
            adopt(policy),
        ),
        Refusal::CurrentDead => (
            "the current credential does not authenticate; create a key in ION by hand and pipe \
             it in"
                .into(),
            from_stdin(policy),
        ),
        Refusal::ForeignPending => (
            "a pending version that is not ours is in the store; remove its pending label".into(),
            plan(policy),
        ),
        Refusal::TooLarge => {
            ("the secret's value is so large that a new one might not fit".into(), plan(policy))
        }
        Refusal::Misconfigured => (
            "the token endpoint does not know this realm or refuses this client's way of asking; \
             compare the policy's URLs with the tenant's"
                .into(),
            "rekeyd check".into(),
        ),
        Refusal::Rights { what } => {
            (format!("a right that a rotation needs is missing: {what}"), plan(policy))
        }
        Refusal::OtherIdentity { found } => (
            format!(
                "the credential that would mint the new key acts as {found}; a new key takes its \
                 creator's account, so it must be the policy's `identity` or the adopted one"
            ),
            "rekeyd check".into(),
        ),
        Refusal::NamedElsewhere { policy: other } => (
            format!("policy {other} names the same key; `adopt` says that it is this one's"),
            adopt(policy),
        ),
        Refusal::Claimed { ended } => held_elsewhere(policy, *ended),
        other => text_of_start(policy, other),
    }
}

fn text_of_start(policy: &str, why: &Refusal) -> (String, String) {
    match why {
        Refusal::DrainTooShort { needed_ms, token_life_ms } => (
            drain_too_short(policy, *needed_ms, token_life_ms.unwrap_or(0)),
            format!("rekeyd --rotate-now {policy}"),
        ),
        Refusal::ClockSkew => (
            "this machine's clock and the server's differ by more than five minutes; set the clock"
                .into(),
            "timedatectl status".into(),
        ),
        Refusal::Orphans => {
            ("two or more keys may be ours and nobody has ruled on them".into(), ORPHANS.into())
        }
        Refusal::Moved { secret, keys } => departed::moved(policy, secret, keys),
        Refusal::Departed => {
            ("no policy names this secret any more".into(), forget(policy, None))
        }
        Refusal::ReadOnly => ("the secret is not adopted".into(), status(policy)),
        Refusal::Trouble { class, step, said } => {
            let why = why_failed(*class, said.as_deref());
            (format!("step `{step}` failed: {why}"), mends(*class).into())
        }
        Refusal::NothingOpen => ("nothing is parked or open".into(), status(policy)),
        Refusal::TooLate => ("it is too late for that".into(), status(policy)),
        Refusal::OldKeyUnfit => {
            ("the key is reported leaked or does not work".into(), status(policy))
        }
        Refusal::NoNamedActor => (
            "with `actor = \"self\"` no credential can mint the first key; create it in ION by hand \
             and pipe it in"
                .into(),
            from_stdin(policy),
        ),
        Refusal::AlreadyAdopted => (
            "the secret is adopted already; a new key is minted by a rotation".into(),
            format!("rekeyd rotate {policy}"),
        ),
        Refusal::KillFirstLocksOut { keys } => locked_out(policy, keys),
        Refusal::RotationOpen => (
            "a rotation is open; finish it (`run --once`), or take it back".into(),
            abort(policy),
        ),
        Refusal::Decommissioning => (
            "the policy's key is being decommissioned; `abort` takes that back".into(),
            abort(policy),
        ),
        Refusal::Retired => (
            "the policy is retired. Put a credential that works into the secret, and adopt it, to \
             make it live again"
                .into(),
            adopt(policy),
        ),
        _ => ("it does not apply now".into(), status(policy)),
    }
}

fn drain_too_short(policy: &str, needed_ms: i64, life_ms: i64) -> String {
    let shown = |ms: i64| format_ms(ms.saturating_add(999));
    format!(
        "`retire.drain` in {policy}.toml is shorter than `consumers.cache_ttl` ({}) and the life of \
         a token ({}, by the auth server's answer) together; make it at least {}, then ask again",
        shown(needed_ms.saturating_sub(life_ms)),
        shown(life_ms),
        shown(needed_ms)
    )
}

/// Break-glass for a leak: what only a person at the issuer's own console can do now (R18).
fn locked_out(policy: &str, keys: &BTreeSet<KeyId>) -> (String, String) {
    let keys: Vec<&str> = keys.iter().map(KeyId::as_str).collect();
    let keys = keys.join(", ");
    let said = format!(
        "no other credential can serve now, so killing {keys} would lock rekeyd out. It dies as \
         soon as another one is in the store. If that cannot wait: (1) open ION's console as an \
         administrator; (2) disable key {keys}; (3) create a key as the same service account; (4) \
         put it into the secret as current; (5) adopt it"
    );
    (said, adopt(policy))
}

/// What a store must be mended of first.
pub(super) fn store_text(problem: StoreProblem) -> &'static str {
    match problem {
        StoreProblem::ScheduledForDeletion => "the secret is scheduled for deletion; restore it",
        StoreProblem::NativeRotation => {
            "the store's own rotation is switched on for this secret; switch it off"
        }
        StoreProblem::ReplicaOutOfSync => {
            "a replica of the secret is not in sync with it; mend or remove that replica"
        }
        StoreProblem::TooManyVersions => "the secret has too many versions",
        StoreProblem::ClaimUnreadable => {
            "the version labelled REKEYD is no claim that this rekeyd understands: a newer one \
             wrote it, or a person moved the label"
        }
        StoreProblem::Unwritable => {
            "the secret can be read but not written: owner or permissions of its folder"
        }
    }
}

/// What helps after a failure: a look at the files where they may be wrong, another try elsewhere.
#[must_use]
pub fn mends(class: Class) -> &'static str {
    match class {
        Class::Misconfigured => "rekeyd check",
        _ => RUN_ONCE,
    }
}

/// What a failed call said, else what its class means; as the end of a sentence.
#[must_use]
pub fn why_failed(class: Class, said: Option<&str>) -> &str {
    said.unwrap_or_else(|| class_text(class))
}

/// What a failure's class means, as the end of a sentence.
#[must_use]
pub fn class_text(class: Class) -> &'static str {
    match class {
        Class::Retryable => "the other side is not reachable or asks to be left alone for now",
        Class::Rejected => "the other side refused: credentials or permissions",
        Class::Conflict => "what it was built on has changed meanwhile",
        Class::Misconfigured => "the settings do not fit the other side (host, realm, region)",
        Class::Unknown => "no usable answer came, so it cannot be told what happened",
    }
}
