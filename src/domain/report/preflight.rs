//! The text of a leak's rotation that cannot start: what to mend, and how it goes on. A leak's
//! request is never dropped, so each text ends with a command that takes it up again.

use super::problem::resume;
use super::refusal::{store_text, text, why_failed};
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
                "the credential that would mint the new key acts as {found}, and a new key takes \
                 its creator's account. Mend the policy's `identity` or its actor, then go on"
            ),
            resume(policy),
        ),
        // A key keeps the rights of its creation: no grant mends this one.
        Refusal::Rights { what } => (
            format!(
                "a right that a rotation needs is missing: {what}. Create a key that has it in \
                 ION by hand, as the same account, and put it in that one's place: a current key \
                 with `adopt --from-stdin`, a named actor's in its own secret. Then go on"
            ),
            resume(policy),
        ),
        // What was tried for a while is not tried again by itself.
        Refusal::Trouble { class, step, said } => (
            format!(
                "step `{step}` failed again and again: {}. Mend that, then go on",
                why_failed(*class, said.as_deref())
            ),
            resume(policy),
        ),
        other => text(policy, other),
    }
}
