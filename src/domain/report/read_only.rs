//! The text of every reason to leave a secret alone. Nothing was done.

use super::claim::held_elsewhere;
use super::problem::{Problem, adopt, from_stdin};
use crate::domain::code::ReadOnly;
use crate::domain::state::ReadOnlyReason;

/// Why a secret is looked at but not rotated.
#[must_use]
pub fn read_only(policy: &str, reason: &ReadOnlyReason) -> Problem {
    let (said, next) = match reason {
        ReadOnlyReason::NoValue => {
            let said = format!("the secret has no value yet; {}", first_credential());
            (said, from_stdin(policy))
        }
        ReadOnlyReason::Malformed => (
            format!(
                "the secret's current version holds no credential: no JSON object, or not both \
                 fields; {}",
                first_credential()
            ),
            from_stdin(policy),
        ),
        ReadOnlyReason::PendingPresent => (
            "a pending version is in the store already; somebody else may be rotating this secret. \
             If nobody is, adopt it"
                .into(),
            adopt(policy),
        ),
        ReadOnlyReason::CurrentRejected => (
            "the current credential does not authenticate; pipe in one that does".into(),
            from_stdin(policy),
        ),
        ReadOnlyReason::OtherIdentity { found } => (
            format!(
                "the key acts as {found}, not as the policy's `identity`. Mend the policy, or \
                 adopt it as it is"
            ),
            adopt(policy),
        ),
        ReadOnlyReason::Claimed { ended } => held_elsewhere(policy, *ended),
        ReadOnlyReason::NamedElsewhere { policy: other } => (
            format!(
                "policy {other} names the same key. Put a key of its own into one of the two \
                 secrets, or adopt it: the key is then this policy's"
            ),
            adopt(policy),
        ),
    };
    let message = format!("{said}. Until then the secret is only looked at, never changed.");
    Problem::new(ReadOnly::from(reason), message, next)
}

/// Where a first credential comes from (R31).
fn first_credential() -> &'static str {
    "pipe one in, or have a named actor mint one (`adopt --issue`)"
}
