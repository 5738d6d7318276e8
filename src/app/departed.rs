//! Policies as they were, for what is still open of secrets that no policy names any more (R28).

use super::{App, AppError, Known};
use crate::domain::policy::Policy;
use crate::domain::state::State;
use crate::port::Journal;

impl App {
    /// The policy that a word of an operator is about: of that name, or as it was when it left its
    /// secret with something open. Where both are, the one that has something open.
    ///
    /// # Errors
    /// When there is neither, or the journal cannot be read.
    pub async fn meant(&self, journal: &dyn Journal, name: &str) -> Result<Policy, AppError> {
        let policy = self.policy(name);
        if let Err(AppError::Policies(_)) = &policy {
            return policy.cloned();
        }
        let known = self.known(journal).await?;
        let of_name = || known.iter().filter(|one| one.name == name);
        let left = of_name().find_map(Known::to_finish);
        let busy = of_name().any(|one| !one.is_departed() && waits_for_a_word(&one.state));
        match (policy, left) {
            (Ok(policy), Some(_)) if busy => Ok(policy.clone()),
            (_, Some(left)) => Ok(left.clone()),
            (policy, None) => policy.cloned(),
        }
    }
}

fn waits_for_a_word(state: &State) -> bool {
    state.rotation.is_some() || state.parked.is_some()
}
