//! What was counted: by the consumers, and by the sandbox's ledger, which knows nothing of them.

use serde::Serialize;
use serde_json::Value;

use super::consumer::Tally;
use super::stand::Stand;
use crate::domain::state::State;
use crate::sandbox::CallKind;

/// Keys that rotation and drill make.
const CREATES: u64 = 2;

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Counted {
    pub consumer_requests: u64,
    pub rejections_during_rotation: u64,
    pub failures_during_rotation: u64,
    pub rejections_during_leak: u64,
    pub failures_during_leak: u64,
    pub seconds_from_leak_report_to_proven_death: Option<f64>,
    /// By the sandbox's ledger.
    pub keys_created: u64,
    pub old_keys_deleted: bool,
    pub live_key_is_in_the_store: bool,
    pub nothing_is_open: bool,
}

/// One line of the account.
pub struct Line {
    pub what: &'static str,
    pub value: String,
    pub good: bool,
}

impl Counted {
    /// `stored` is the value that a consumer would read now; the tallies are those of the rotation,
    /// and of everything.
    pub fn of(
        stand: &Stand,
        stored: Option<&Value>,
        state: &State,
        (rotation, all): (&Tally, &Tally),
        seconds_to_death: Option<f64>,
    ) -> Self {
        let tenant = stand.sandbox.tenant();
        let created = tenant
            .ledger()
            .iter()
            .filter(|entry| entry.kind == CallKind::CreateApiKey && entry.effect_applied)
            .count();
        let keys = tenant.keys();
        let live: Vec<&str> = keys
            .iter()
            .map(|key| key.client_id.as_str())
            .filter(|client_id| tenant.alive(client_id))
            .collect();
        let stored = stored.and_then(|value| value.get("clientId")?.as_str());
        Self {
            consumer_requests: all.requests,
            rejections_during_rotation: rotation.rejected,
            failures_during_rotation: rotation.failures,
            rejections_during_leak: all.rejected.saturating_sub(rotation.rejected),
            failures_during_leak: all.failures.saturating_sub(rotation.failures),
            seconds_from_leak_report_to_proven_death: seconds_to_death,
            keys_created: u64::try_from(created).unwrap_or(u64::MAX),
            old_keys_deleted: keys
                .iter()
                .all(|key| key.deleted || stored == Some(key.client_id.as_str())),
            live_key_is_in_the_store: stored.is_some_and(|key| live == [key]),
            nothing_is_open: state.rotation.is_none()
                && state.requests.leak.is_none()
                && state.orphans.is_empty(),
        }
    }

    pub fn is_good(&self) -> bool {
        self.lines().iter().all(|line| line.good)
    }

    pub fn lines(&self) -> Vec<Line> {
        let line = |what, value: String, good| Line { what, value, good };
        let yes_or_no = |yes: bool| if yes { "yes".to_owned() } else { "NO".to_owned() };
        let death = self.seconds_from_leak_report_to_proven_death;
        let mut lines = vec![
            line(
                "requests by consumers",
                self.consumer_requests.to_string(),
                self.consumer_requests > 0,
            ),
            line(
                "rejected during the rotation",
                self.rejections_during_rotation.to_string(),
                self.rejections_during_rotation == 0,
            ),
            line(
                "failures during the rotation",
                self.failures_during_rotation.to_string(),
                self.failures_during_rotation == 0,
            ),
            line(
                "rejected by the kill, served after reading anew",
                self.rejections_during_leak.to_string(),
                true,
            ),
            line(
                "failures during the drill",
                self.failures_during_leak.to_string(),
                self.failures_during_leak == 0,
            ),
            line(
                "seconds from leak report to proven death",
                death.map_or_else(|| "never".into(), |seconds| format!("{seconds:.1}")),
                death.is_some(),
            ),
        ];
        lines.extend([
            line(
                "keys created, by the sandbox's ledger",
                self.keys_created.to_string(),
                self.keys_created == CREATES,
            ),
            line("old keys are deleted", yes_or_no(self.old_keys_deleted), self.old_keys_deleted),
            line(
                "the one live key is the one in the store",
                yes_or_no(self.live_key_is_in_the_store),
                self.live_key_is_in_the_store,
            ),
            line("nothing is left open", yes_or_no(self.nothing_is_open), self.nothing_is_open),
        ]);
        lines
    }
}
