//! What a fleet says of itself.

use serde::Serialize;

use super::Fleet;
use crate::domain::report::Problem;

/// The fleet at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FleetReport {
    /// Secrets that are looked after.
    pub secrets: usize,
    pub working: usize,
    /// Those that wait for a place.
    pub waiting: usize,
    /// Rotations and questions that are open.
    pub open: usize,
    /// Secrets whose journal was not read yet.
    pub unlearned: usize,
    /// What watching found, by policy.
    pub findings: Vec<(String, Problem)>,
    /// When the next rotation is due, in milliseconds since the Unix epoch.
    pub next_due_ms: Option<i64>,
}

/// What a new set of policies changed, in numbers of policies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Reloaded {
    pub policies: usize,
    pub added: usize,
    pub changed: usize,
    pub removed: usize,
}

impl Fleet {
    pub(super) fn report(&self) -> FleetReport {
        let (secrets, _, waiting) = self.agenda.counts();
        let findings = self.findings.iter().filter_map(|(secret, finding)| {
            let name = self.charges.get(secret)?.name().to_owned();
            Some((name, finding.problem()?.clone()))
        });
        FleetReport {
            secrets,
            working: self.running.len() + self.lent.len(),
            waiting,
            open: self.engines.len(),
            unlearned: self.unlearned,
            findings: findings.collect(),
            next_due_ms: self.agenda.next_times().0,
        }
    }
}
