//! `check --online`: what was seen of a policy's store and issuer, judged line by line. Everything
//! is judged, so that one failure hides no other. PURE: what was seen comes in as values. Holds no
//! secret.

mod account;
mod issuer;
mod line;
mod looked;
mod store;
mod time;

use std::collections::BTreeMap;

pub use line::{Blame, Checked, Line, Outcome};
pub use looked::{Current, Failed, Look, Looked, Named, Witness};

use super::ids::KeyId;
use super::policy::Policy;
use super::state::State;

/// One policy's lines are judged by these.
struct Case<'a> {
    policy: &'a Policy,
    state: &'a State,
    looked: &'a Looked,
}

impl Case<'_> {
    fn name(&self) -> &str {
        self.policy.name.as_str()
    }

    /// How to look again.
    fn again(&self) -> String {
        format!("rekeyd check --online {}", self.name())
    }
}

/// Every line of one policy, in the order in which they are shown. `holders`: the policies whose
/// current version was just seen to hold each key.
#[must_use]
pub fn judge(
    policy: &Policy,
    state: &State,
    looked: &Looked,
    holders: &BTreeMap<KeyId, Vec<String>>,
) -> Vec<Line> {
    let case = Case { policy, state, looked };
    let mut lines = store::lines(&case);
    lines.extend(issuer::lines(&case));
    lines.extend(account::lines(&case));
    lines.push(store::neighbours(&case, holders));
    lines.push(time::line(&case));
    lines
}
