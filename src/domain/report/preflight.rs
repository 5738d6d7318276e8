//! The text of a leak's rotation that cannot start: what to mend, and how it goes on. A leak's
//! request is never dropped, so each text ends with a command that takes it up again.

use super::problem::{from_stdin, resume};
use super::refusal::{store_text, text};
use crate::domain::state::Refusal;

/// What happened, and the next command.
pub(super) fn preflight(policy: &str, refusal: &Refusal) -> (String, String) {
    let (why, next) = mend(policy, refusal);
    (format!("the rotation that the leak asks for cannot start: {why}."), next)
}

fn mend(policy: &str, refusal: &Refusal) -> (String, String) {
    match refusal {
        Refusal::Store { problem } => {
            (format!("{}. Mend that, then go on", store_text(*problem)), resume(policy))
        }
        Refusal::TooLarge => (
            "the secret's value is so large that a new one might not fit. Shorten its other \
             fields, then go on"
                .into(),
            resume(policy),
        ),
        Refusal::Misconfigured => (
            "the token endpoint does not know this realm or refuses this client's way of asking. \
             Compare the policy's URLs with the tenant's, then go on"
                .into(),
            resume(policy),
        ),
        Refusal::OtherIdentity { found } => (
            format!(
                "the current key acts as {found}, not as the policy's `identity`. Mend the \
                 policy, then go on"
            ),
            resume(policy),
        ),
        // A key keeps the rights of its creation: no grant mends this one.
        Refusal::Rights { what } => (
            format!(
                "the current key lacks a right that a rotation needs: {what}. Create a key that \
                 has it in ION by hand, as the same account, and pipe it in"
            ),
            from_stdin(policy),
        ),
        Refusal::NamedElsewhere { policy: other } => (
            format!(
                "policy {other} names the same key, and its consumers would break. Create a key \
                 for {other} in ION by hand and pipe it in there, then type `{}`",
                resume(policy)
            ),
            from_stdin(other),
        ),
        // The open report says kill first; only a new one takes that back.
        Refusal::KillFirstLocksOut => {
            (text(policy, refusal).0, format!("rekeyd rotate {policy} --leaked --again"))
        }
        other => text(policy, other),
    }
}
