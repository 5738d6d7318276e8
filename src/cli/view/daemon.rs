//! What a running daemon says about itself, below the status.

use serde::Serialize;

use super::out::{Out, YELLOW};
use super::wrap::wrapped;
use crate::domain::policy::diagnostic::escaped;
use crate::domain::report::Status;
use crate::domain::words::count_of;
use crate::wire::About;

/// The status with what the daemon says; `daemon` is null where none runs.
#[derive(Serialize)]
pub struct WithDaemon<'a> {
    #[serde(flatten)]
    pub status: &'a Status,
    pub daemon: Option<&'a About>,
}

pub fn print(out: &Out, about: &About) {
    let policies = count_of(about.policies, "policy", "policies");
    let (pid, since) = (about.pid, escaped(&about.since));
    wrapped(out, &format!("daemon: process {pid} since {since}, {policies} loaded"), "");
    if let Some(why) = &about.reload_error {
        let why: Vec<String> = why.lines().map(escaped).collect();
        let said = format!(
            "{YELLOW}not reloaded:{YELLOW:#} {}. The daemon goes on with what it had",
            why.join("; ")
        );
        wrapped(out, &said, "  ");
        out.next("  ", "rekeyd check");
    }
    for finding in &about.findings {
        let (policy, message) = (escaped(&finding.policy), escaped(&finding.message));
        let said = format!("{YELLOW}{policy}:{YELLOW:#} {message} [{}]", escaped(&finding.code));
        wrapped(out, &said, "  ");
        out.next("  ", &escaped(&finding.next_command));
    }
}
