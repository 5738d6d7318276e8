//! What is wrong, for a person: what happened, to which key, what state that leaves, and the next
//! command to type. Never a secret, never a fingerprint.

use serde::Serialize;

use crate::domain::code::Code;
use crate::domain::ids::{ConsumerName, SecretKey};

/// One thing that needs a person, or that a person should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    pub code: Code,
    pub message: String,
    pub next_command: String,
}

impl Problem {
    #[must_use]
    pub fn new(
        code: impl Into<Code>,
        message: impl Into<String>,
        next_command: impl Into<String>,
    ) -> Self {
        Self { code: code.into(), message: message.into(), next_command: next_command.into() }
    }
}

/// The next command where the secret itself has to be looked at.
pub(super) fn status(policy: &str) -> String {
    format!("rekeyd status {policy}")
}
pub(super) fn resume(policy: &str) -> String {
    format!("rekeyd resume {policy}")
}
pub(super) fn abort(policy: &str) -> String {
    format!("rekeyd abort {policy}")
}
pub(super) fn adopt(policy: &str) -> String {
    format!("rekeyd adopt {policy}")
}
/// For the first of those that are waited for.
pub(super) fn ack(policy: &str, consumer: Option<&ConsumerName>) -> String {
    consumer.map_or_else(|| status(policy), |consumer| format!("rekeyd ack {policy} {consumer}"))
}
pub(super) fn from_stdin(policy: &str) -> String {
    format!("rekeyd adopt {policy} --from-stdin <credential.json")
}
pub(super) fn plan(policy: &str) -> String {
    format!("rekeyd plan {policy}")
}
/// `secret`: which one, where the name alone does not tell.
pub(super) fn forget(policy: &str, secret: Option<&SecretKey>) -> String {
    let place = secret.map_or_else(String::new, |secret| format!(" --secret {secret}"));
    format!("rekeyd forget {policy}{place} --yes")
}
/// What goes on by itself goes on with this.
pub const RUN_ONCE: &str = "rekeyd run --once";
/// What awaits a ruling is listed by this.
pub const ORPHANS: &str = "rekeyd orphans list";
