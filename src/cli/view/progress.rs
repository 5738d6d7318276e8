//! What a rotation does, line by line on stderr, with the time that each step took.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::out::{DIM, Out, RED, YELLOW};
use crate::domain::plan::WaitFor;
use crate::domain::policy::duration::format_ms;
use crate::domain::report::tell;
use crate::domain::state::{Event, State};
use crate::engine::{Progress, ProgressSink};
use crate::port::PortError;

/// Shorter waits are not worth a line.
const SHOWN_WAIT_MS: i64 = 1_000;

/// Shows one policy's steps.
pub struct Lines {
    out: Out,
    policy: String,
    /// Failures go to the log; without a log they are shown here.
    shows_failures: bool,
    memory: Mutex<Memory>,
}

struct Memory {
    /// Events that are journaled together come with the state after all of them.
    before: State,
    after: State,
    last: Instant,
}

impl Lines {
    #[must_use]
    pub fn new(out: Out, policy: &str, shows_failures: bool) -> Self {
        let memory =
            Memory { before: State::default(), after: State::default(), last: Instant::now() };
        Self { out, policy: policy.to_owned(), shows_failures, memory: Mutex::new(memory) }
    }

    fn say(&self, text: &str) {
        if !self.out.is_json() {
            self.out.note(&format!("{}: {text}", self.policy));
        }
    }
}

impl ProgressSink for Lines {
    fn stepped(&self, progress: Progress) {
        if progress.outcome == "unknown" {
            let step = progress.step;
            self.say(&format!(
                "{YELLOW}{step}: no answer came; looking whether it took effect{YELLOW:#}"
            ));
        }
    }

    fn recorded(&self, state: &State, event: &Event) {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if *state != memory.after {
            memory.before = std::mem::replace(&mut memory.after, state.clone());
        }
        let shown = !matches!(event, Event::Intended { .. } | Event::Troubled { .. });
        if let Some(text) = tell(&memory.before, event, &self.policy).filter(|_| shown) {
            let took = memory.last.elapsed().as_secs_f64();
            let style =
                if matches!(event, Event::Parked { .. }) { RED } else { anstyle::Style::new() };
            // A request takes no time; the clock of the first step starts with it.
            let took = match event {
                Event::Requested { .. } => String::new(),
                _ => format!(" {DIM}({took:.2} s){DIM:#}"),
            };
            self.say(&format!("{style}{text}{style:#}{took}"));
            memory.last = Instant::now();
        }
    }

    fn failed(&self, step: &str, error: &PortError) {
        if self.shows_failures {
            self.say(&format!("{YELLOW}{step} failed:{YELLOW:#} {error}"));
        }
    }

    fn waiting(&self, reason: WaitFor, ms: i64) {
        if ms <= SHOWN_WAIT_MS {
            return;
        }
        let what = match reason {
            WaitFor::Quiesce => "until a lost request can no longer land",
            WaitFor::Drain => "while consumers move to the key that is current",
            WaitFor::Soak => "to see that nobody misses the old key",
            WaitFor::Window => "for the policy's window",
            WaitFor::Group => "for another policy of its group",
            WaitFor::Acks => "for consumers to say that they use the new key",
            WaitFor::Grace => "while consumers read the store again",
            WaitFor::ReadsLag => "so that a list or store that lags shows our own change",
            WaitFor::Propagation => "until the new key is known everywhere",
            WaitFor::Trouble => "before trying again",
            WaitFor::Operator => "for an operator",
        };
        let time = format_ms(ms.saturating_add(999));
        self.say(&format!("{DIM}waiting {time} {what}{DIM:#}"));
    }
}
