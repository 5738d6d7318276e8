//! A decommission, and a policy that is retired, in words.

use serde::Serialize;

use super::problem::Problem;
use super::{Subject, rfc3339};
use crate::domain::code::Concern;
use crate::domain::state::{Adoption, Life, State};

/// A key on its way out, with nothing that replaces it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DecommissionReport {
    pub key: String,
    pub since: String,
    /// `drain`, `disabled`, or `deleted`.
    pub state: &'static str,
    /// When the drain, or the soak, ends.
    pub deadline: Option<String>,
    pub clear_store: bool,
}

pub(super) fn report(subject: &Subject<'_>) -> Option<DecommissionReport> {
    let open = subject.state.decommission.as_ref()?;
    let key = &open.held.proof.key;
    let suspect = subject.state.is_suspect(key);
    let retire = subject.policy.map(|policy| (&policy.retire, policy.consumers.cache_ttl_ms));
    let (state, until_ms) = match subject.state.keys.get(key).map(|managed| &managed.life) {
        Some(Life::Live) => {
            let life_ms = open.token_life_ms.unwrap_or(0);
            let drain = |(retire, ttl_ms): (&crate::domain::policy::Retire, i64)| {
                retire.drain_ms.max(ttl_ms.saturating_add(life_ms))
            };
            ("drain", retire.map(|retire| open.since.wall_ms.saturating_add(drain(retire))))
        }
        Some(Life::Disabled { at, .. }) => {
            let soak = retire.map(|(retire, _)| at.wall_ms.saturating_add(retire.soak_ms));
            ("disabled", soak)
        }
        Some(Life::Deleted { .. }) | None => ("deleted", None),
    };
    Some(DecommissionReport {
        key: key.to_string(),
        since: rfc3339(open.since.wall_ms),
        state,
        deadline: until_ms.filter(|_| !suspect).map(rfc3339),
        clear_store: open.clear_store,
    })
}

/// A key that was deleted with its own last token: nobody was left who could prove it.
#[must_use]
pub fn not_proven(policy: &str, state: &State) -> Option<Problem> {
    let Adoption::Retired(retired) = &state.adoption else { return None };
    if retired.proven {
        return None;
    }
    let said = format!(
        "key {} was deleted with its own last token. It is absent, not proven: no credential is \
         left that could list the account's keys. Look in ION's console that it is gone.",
        retired.key
    );
    Some(Problem::new(Concern::NotProven, said, format!("rekeyd history {policy}")))
}
