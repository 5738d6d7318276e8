//! One secret that the daemon looks after, with the policy that says how.

use std::sync::Arc;

use super::agenda::{Outlook, Rank};
use crate::domain::clocks::Stamp;
use crate::domain::departed::open;
use crate::domain::ids::SecretKey;
use crate::domain::policy::Policy;
use crate::domain::policy::duration::MINUTE_MS;
use crate::domain::schedule::{due, schedule_changed};
use crate::domain::state::{Adoption, State};

/// What is due and may not start now is weighed again after so long.
const NOT_YET_MS: i64 = 15 * MINUTE_MS;

/// A secret with its policy. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Charge {
    pub secret: SecretKey,
    pub policy: Arc<Policy>,
    /// No policy names the secret any more: what is open of it ends, and nothing is begun (R28).
    pub departed: bool,
}

impl Charge {
    /// Nothing for a policy whose secret has no usable name; reading the policies refuses those.
    #[must_use]
    pub fn new(policy: &Policy, departed: bool) -> Option<Self> {
        let secret = policy.secret_key().ok()?;
        Some(Self { secret, policy: Arc::new(policy.clone()), departed })
    }

    #[must_use]
    pub fn name(&self) -> &str {
        self.policy.name.as_str()
    }

    /// When its next rotation is due by the journal's word; may be past.
    #[must_use]
    pub fn due_ms(&self, state: &State) -> Option<i64> {
        if self.departed {
            return None;
        }
        due(&self.policy, state).map(|due| due.at_ms)
    }

    /// The schedule was edited, and the journal is to be told before anything is due by it.
    #[must_use]
    pub fn is_rescheduled(&self, state: &State) -> bool {
        let is_known = state.scheduled.is_some() && !self.departed;
        is_known && schedule_changed(&self.policy, state).is_some()
    }

    /// Due, nothing open, and the clocks agree that it is that time (R19).
    #[must_use]
    pub fn may_begin(&self, state: &State, now: &Stamp) -> bool {
        let due = self.due_ms(state).is_some_and(|due_ms| due_ms <= now.wall_ms);
        if due && is_free(state) && !state.time.agrees(now) {
            tracing::warn!(policy = self.name(), "due, but the clocks do not agree: not started");
        }
        due && is_free(state) && state.time.agrees(now)
    }

    /// When it is worked on next, where it may be left alone for `look_in_ms`.
    #[must_use]
    pub fn outlook(&self, state: &State, look_in_ms: i64) -> Outlook {
        let due_ms = self.due_ms(state).filter(|_| is_free(state));
        Outlook { due_ms, look_in_ms, rank: rank(state) }
    }

    /// The same after work on it: what might have started (`could_start`) and did not is not tried
    /// at every beat.
    #[must_use]
    pub fn outlook_after(
        &self,
        state: &State,
        look_in_ms: i64,
        now: &Stamp,
        could_start: bool,
    ) -> Outlook {
        let outlook = self.outlook(state, look_in_ms);
        let not_before = now.wall_ms.saturating_add(NOT_YET_MS);
        let put_off = |ms: i64| if could_start && ms <= now.wall_ms { not_before } else { ms };
        Outlook { due_ms: outlook.due_ms.map(put_off), ..outlook }
    }
}

/// Whether a rotation could be asked for.
fn is_free(state: &State) -> bool {
    state.adoption == Adoption::Adopted
        && state.rotation.is_none()
        && state.decommission.is_none()
        && state.requests.rotate.is_none()
        && state.requests.leak.is_none()
}

/// How urgent the work on a secret is.
#[must_use]
pub fn rank(state: &State) -> Rank {
    if state.requests.leak.is_some() || state.suspects_alive().next().is_some() {
        Rank::Leak
    } else if is_busy(state) {
        Rank::Open
    } else {
        Rank::Idle
    }
}

/// Whether something is open that an engine works on.
#[must_use]
pub fn is_busy(state: &State) -> bool {
    let asked = &state.requests;
    open(state).is_some()
        || asked.rotate.is_some()
        || asked.adopt
        || asked.abort
        || asked.resume
        || asked.decommission.is_some()
        || state.rulings_open().next().is_some()
}
