//! What exchanges prove: that a credential works, and that a key is dead (R20). Changes nothing.

use std::time::Duration;

use super::Engine;
use crate::domain::facts::{Death, Exchange, Fact, KeyProof};
use crate::domain::secret::Credential;
use crate::port::{Class, PortError};

impl Engine {
    /// A fresh exchange; where no answer came that proves anything, why is said for `step`.
    pub(super) async fn authenticate(&mut self, credential: &Credential, step: &str) -> Exchange {
        let outcome = self.ports.verifier.authenticate(credential).await;
        let place = self.ports.verifier.place();
        match outcome {
            Exchange::Unreachable(why) => {
                let said = format!("{place} could not be reached: {}", why.words());
                self.note_failure(step, &PortError::retryable(said));
            }
            Exchange::Unknown => {
                let said = format!("{place} gave no answer that proves anything");
                self.note_failure(step, &PortError::unknown(said));
            }
            Exchange::Alive { .. } | Exchange::Rejected | Exchange::Misconfigured => {}
        }
        outcome
    }

    /// R20: rejections over a time, each followed by a live key's success at the same endpoint.
    pub(super) async fn prove_death(
        &mut self,
        dying: &KeyProof,
        control: &KeyProof,
    ) -> Fact<Death> {
        let (dying, control) = match (self.credential(dying).await, self.credential(control).await)
        {
            (Ok(dying), Ok(control)) => (dying, control),
            (Err(error), _) if error.class == Class::Conflict => {
                return Fact::Known(Death::NoSecret);
            }
            (Err(error), _) | (_, Err(error)) => return Fact::Unclear(error.class),
        };
        let rounds = self.plan.dead_rejections.clamp(1, 100);
        let gap = Duration::from_millis(self.plan.dead_over_ms / u64::from(rounds.max(2) - 1));
        for round in 0..rounds {
            if round > 0 {
                self.ports.clock.sleep(gap).await;
            }
            match self.authenticate(&dying, "prove").await {
                Exchange::Rejected => {}
                Exchange::Alive { .. } => return Fact::Known(Death::Alive),
                Exchange::Misconfigured => return Fact::Unclear(Class::Misconfigured),
                Exchange::Unreachable(_) => return Fact::Unclear(Class::Retryable),
                Exchange::Unknown => return Fact::Unclear(Class::Unknown),
            }
            if !self.authenticate(&control, "prove").await.is_alive() {
                return Fact::Known(Death::NoControl);
            }
        }
        Fact::Known(Death::Proven)
    }
}
