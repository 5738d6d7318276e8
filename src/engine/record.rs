//! What the engine writes down, and how it takes that in: the journal first, then its own state.
//! Sends nothing.

use std::sync::atomic::Ordering;

use super::{Engine, EngineError, progress};
use crate::domain::class::Class;
use crate::domain::clocks::Stamp;
use crate::domain::state::{Event, FirstKey, Phase, Rotation, State, apply};

impl Engine {
    /// Journals events and takes them in, all or none; an outcome that the journal owes goes first.
    pub(super) async fn record(&mut self, events: Vec<Event>) -> Result<(), EngineError> {
        let events: Vec<Event> = self.unsettled.iter().cloned().chain(events).collect();
        let at = self.ports.clock.stamp();
        let next = self.fold(&at, &events)?;
        let journal = &self.ports.journal;
        self.position = journal.append(&self.plan.stream, self.position, &at, &events).await?;
        self.unsettled = None;
        self.take_in(next, &events);
        Ok(())
    }

    /// Journals that a step could not be decided or sent, with what the failed call said.
    pub(super) async fn troubled(&mut self, class: Class, step: String) -> Result<(), EngineError> {
        // The named actor's exchange stands for any that was wanted of a caller.
        let exchange = (step == "exchange").then_some("named_actor");
        let said = self.said.get(&step).or_else(|| self.said.get(exchange?)).cloned();
        self.record(vec![Event::Troubled { class, step, said }]).await
    }

    fn fold(&self, at: &Stamp, events: &[Event]) -> Result<State, EngineError> {
        let mut next = self.state.clone();
        for event in events {
            next = apply(next, at, event).map_err(EngineError::Refused)?;
        }
        Ok(next)
    }

    fn take_in(&mut self, next: State, events: &[Event]) {
        self.state = next;
        // The secret is held between issue and stage, and not a moment longer.
        let open = self.state.rotation.as_ref().filter(|r| r.phase == Phase::Issued);
        let first = self.state.first.as_ref().and_then(FirstKey::proof);
        if open.and_then(Rotation::new_proof).or(first) != self.vault.minted_proof().as_ref() {
            self.vault.forget_minted();
        }
        self.critical.store(self.vault.minted_proof().is_some(), Ordering::SeqCst);
        for event in events {
            progress::log(&self.plan.rules.policy, &self.state, event);
            self.progress.recorded(&self.state, event);
        }
        self.forget();
    }

    /// After a restart into another boot, observed time needs a first stamp of this boot (R19).
    pub(super) async fn anchor_time(&mut self) -> Result<(), EngineError> {
        let at = self.ports.clock.stamp();
        if self.is_counting() && !self.state.time.knows_boot(&at) {
            self.record(vec![Event::Checkpoint]).await?;
        }
        Ok(())
    }

    /// Whether a deadline may be open.
    fn is_counting(&self) -> bool {
        let state = &self.state;
        state.is_at_work() || !state.questions.is_empty() || state.requests.leak.is_some()
    }

    pub(super) async fn checkpoint_if_late(&mut self, at: &Stamp) -> Result<(), EngineError> {
        const EVERY_MS: i64 = 10 * 60 * 1000;
        if self.is_counting() && self.state.time.unrecorded_ms(at) > EVERY_MS {
            self.record(vec![Event::Checkpoint]).await?;
        }
        Ok(())
    }
}
