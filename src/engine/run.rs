//! Turns until a goal, a bound, or a stop (R27). The caller owns time, signals, and the budget.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::watch;

use super::{Engine, EngineError, Turn};
use crate::domain::class::Class;
use crate::domain::plan::WaitFor;
use crate::domain::state::{Effect, Life, Phase};

/// When a command has what it came for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// The new key is current (or the rotation ended otherwise).
    Current,
    /// Nobody should be using the old key.
    Drained,
    /// The rotation is over.
    Complete,
    /// Every suspect is proven dead and a key that nobody suspects is current.
    SuspectsDead,
    /// Every ruling on an orphan is carried out, or stopped.
    Ruled,
    /// Nothing can be done before a deadline or an operator: `run --once`.
    Nothing,
}

/// Why a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Halt {
    /// The goal is reached, or nothing is open.
    Reached,
    /// A deadline lies beyond the budget.
    Waiting { reason: WaitFor, ms: i64 },
    /// An operator is needed.
    Parked,
    /// The same failure again and again, with nothing open that could be parked.
    Troubled {
        class: Class,
        step: String,
        /// It is worth trying again after so long.
        ms: i64,
    },
    /// A signal.
    Stopped,
}

/// A stop that a caller asks for once. Issue and stage are one critical section that delays it.
#[derive(Debug, Clone)]
pub struct Stop {
    asked: watch::Receiver<bool>,
    _keep: Arc<watch::Sender<bool>>,
    /// Until this says so, a step in flight is waited for, however long its own bounds let it take.
    hurry: Option<watch::Receiver<bool>>,
}

/// The switches of a stop between two steps.
#[derive(Debug, Clone)]
pub struct Yield {
    asked: Arc<watch::Sender<bool>>,
    hurry: Arc<watch::Sender<bool>>,
}

impl Yield {
    /// Ends the run between two steps.
    pub fn ask(&self) {
        self.asked.send_replace(true);
    }

    /// The process ends: a step in flight gets no longer than after any stop.
    pub fn hurry(&self) {
        self.asked.send_replace(true);
        self.hurry.send_replace(true);
    }
}

impl Stop {
    /// A stop, and the switch that asks for it.
    #[must_use]
    pub fn new() -> (Arc<watch::Sender<bool>>, Self) {
        let (sender, asked) = watch::channel(false);
        let sender = Arc::new(sender);
        (sender.clone(), Self { asked, _keep: sender, hurry: None })
    }
    /// A stop that takes effect between two steps and cuts none short: for handing an engine to
    /// somebody else of the same process.
    #[must_use]
    pub fn between_steps() -> (Yield, Self) {
        let (asked, stop) = Self::new();
        let (hurry, hurried) = watch::channel(false);
        let hurry = Arc::new(hurry);
        (Yield { asked, hurry }, Self { hurry: Some(hurried), ..stop })
    }
    #[must_use]
    pub fn never() -> Self {
        Self::new().1
    }
    #[must_use]
    pub fn is_asked(&self) -> bool {
        *self.asked.borrow()
    }
    /// Waits until it is asked for.
    pub async fn asked(&mut self) {
        // The sender lives as long as we do, so an error cannot come.
        if self.asked.wait_for(|asked| *asked).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// After a stop was asked for, a step in flight gets this long.
const STOP_GRACE: Duration = Duration::from_secs(8);
/// A budget bounds waiting; steps that need none may take this much longer, and no more.
const MOVING_GRACE_MS: i64 = 300_000;
/// The critical section gets this long (R27).
const CRITICAL_GRACE: Duration = Duration::from_secs(85);
const CRITICAL_GRACE_MS: i64 = 85_000;

impl Engine {
    /// Runs until the goal is reached, nothing can be done within `budget_ms`, an operator is
    /// needed, or a stop is asked for.
    ///
    /// # Errors
    /// When the journal fails.
    pub async fn run(
        &mut self,
        goal: Goal,
        budget_ms: i64,
        stop: &mut Stop,
    ) -> Result<Halt, EngineError> {
        let begun_ms = self.boottime_ms();
        let mut stopping_since_ms = None;
        loop {
            if stop.is_asked() {
                let since_ms = *stopping_since_ms.get_or_insert(self.boottime_ms());
                if self.boottime_ms() - since_ms > CRITICAL_GRACE_MS || !self.is_critical() {
                    return Ok(Halt::Stopped);
                }
            }
            // After a leak everything that needs no waiting is done before the command returns.
            if goal != Goal::SuspectsDead && self.reached(goal) {
                return Ok(Halt::Reached);
            }
            let Some(turn) = self.turn_unless_overdue(stop).await? else {
                return Ok(Halt::Stopped);
            };
            let left_ms = budget_ms - (self.boottime_ms() - begun_ms);
            match turn {
                Turn::Moved if left_ms < -MOVING_GRACE_MS && !self.is_critical() => {
                    return Ok(Halt::Waiting { reason: WaitFor::Trouble, ms: 1 });
                }
                Turn::Moved => {}
                Turn::Resting => return Ok(Halt::Reached),
                Turn::Waiting { reason, ms } => {
                    if self.reached(goal) {
                        return Ok(Halt::Reached);
                    }
                    if let Some(halt) = self.halt(reason, ms, left_ms) {
                        return Ok(halt);
                    }
                    self.progress.waiting(reason, ms);
                    if self.is_stopped_while_waiting(ms, stop).await {
                        return Ok(Halt::Stopped);
                    }
                }
            }
        }
    }

    /// How long a caller that owns the time may leave a wait of `wait_ms` alone before it asks
    /// again: rechecks are jittered.
    #[must_use]
    pub fn recheck(&self, wait_ms: i64) -> Duration {
        self.sleep_for(wait_ms)
    }

    /// Whether memory holds what no store has yet (between *issue* and *stage*): such an engine is
    /// not to be dropped while it can go on.
    #[must_use]
    pub fn is_in_critical_section(&self) -> bool {
        self.is_critical()
    }

    fn boottime_ms(&self) -> i64 {
        self.ports.clock.stamp().boottime_ms
    }

    fn is_critical(&self) -> bool {
        self.critical.load(Ordering::SeqCst) || self.unsettled.is_some()
    }

    /// One turn; nothing where a stop was asked for and the turn outlasted its grace.
    async fn turn_unless_overdue(&mut self, stop: &Stop) -> Result<Option<Turn>, EngineError> {
        let (clock, critical) = (self.ports.clock.clone(), self.critical.clone());
        let mut patience = stop.clone();
        let overdue = async {
            if let Some(hurry) = &mut patience.hurry
                && hurry.wait_for(|hurry| *hurry).await.is_err()
            {
                // Nobody is left who could say so.
                std::future::pending::<()>().await;
            }
            patience.asked().await;
            clock.sleep(STOP_GRACE).await;
            if critical.load(Ordering::SeqCst) {
                clock.sleep(CRITICAL_GRACE - STOP_GRACE).await;
            }
        };
        tokio::select! {
            turn = self.turn() => turn.map(Some),
            () = overdue => Ok(None),
        }
    }

    /// Sleeps, and says whether a stop came that nothing bars.
    async fn is_stopped_while_waiting(&self, ms: i64, stop: &mut Stop) -> bool {
        let (clock, wait) = (&self.ports.clock, self.sleep_for(ms));
        if stop.is_asked() {
            // The critical section goes on; it is looked at every second.
            clock.sleep(wait.min(Duration::from_secs(1))).await;
            return false;
        }
        tokio::select! {
            () = clock.sleep(wait) => false,
            () = stop.asked() => !self.is_critical(),
        }
    }

    /// A long wait is looked at anew every quarter of an hour, in its last hour every minute, and up
    /// to a tenth sooner, so that many policies do not look at the same time.
    fn sleep_for(&self, wait_ms: i64) -> Duration {
        let wait_ms = u64::try_from(wait_ms).unwrap_or(0);
        let most_ms = if wait_ms > 60 * 60 * 1000 { 15 * 60 * 1000 } else { 60 * 1000 };
        if wait_ms <= most_ms {
            return Duration::from_millis(wait_ms);
        }
        Duration::from_millis(most_ms - self.ports.random.below(most_ms / 10))
    }

    fn halt(&self, reason: WaitFor, ms: i64, left_ms: i64) -> Option<Halt> {
        let leak = self.state.requests.leak.is_some();
        // An open question is answered by itself, parked or not, and may have left an outage.
        let ruling = self.state.rulings_open().next().is_some();
        let by_itself = leak || ruling || reason == WaitFor::Quiesce || ms <= 5_000;
        if reason == WaitFor::Operator || (self.state.parked.is_some() && !by_itself) {
            return Some(Halt::Parked);
        }
        if let Some(trouble) = &self.state.trouble {
            let open = self.state.is_at_work();
            let nothing_to_park = !open && !leak && !ruling && trouble.count >= 6;
            if nothing_to_park || (left_ms < ms && reason == WaitFor::Trouble) {
                let (class, step) = (trouble.class, trouble.step.clone());
                return Some(Halt::Troubled { class, step, ms });
            }
        }
        (left_ms < ms).then_some(Halt::Waiting { reason, ms })
    }

    fn reached(&self, goal: Goal) -> bool {
        let phase = self.state.rotation.as_ref().map(|r| r.phase);
        let wanted = self.state.requests.rotate.is_some() && self.state.rotation.is_none();
        let requests = &self.state.requests;
        let weighing =
            requests.abort || requests.resume || requests.adopt || requests.decommission.is_some();
        // That a dead suspect be gone too may take longer than its report.
        let dying = |effect: &Effect| matches!(effect, Effect::Delete { .. });
        let mut open = self.state.questions.values();
        let unsure = open.any(|q| goal != Goal::SuspectsDead || !dying(&q.effect));
        if wanted || weighing || unsure {
            return false;
        }
        match goal {
            Goal::Current => phase.is_some_and(Phase::after_promote),
            Goal::Drained => phase.is_some_and(|p| p > Phase::Promoted && p.after_promote()),
            Goal::Ruled => self.state.rulings_open().next().is_none(),
            Goal::Complete | Goal::Nothing => false,
            Goal::SuspectsDead => {
                let pending_kills = self.state.suspects_alive().next().is_some();
                requests.leak.is_none() && !pending_kills && self.suspects_are_gone()
            }
        }
    }

    fn suspects_are_gone(&self) -> bool {
        self.state
            .suspects
            .keys()
            .all(|key| self.state.keys.get(key).is_none_or(|k| !matches!(k.life, Life::Live)))
    }
}
