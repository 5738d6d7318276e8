//! Runs one job over several policies side by side, each on its own engine: a policy that fails
//! delays no other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::context::Context;
use super::error::{CliError, Exit};
use super::verdict::{Asked, Verdict, judge};
use super::view::out::{GREEN, Out, RED};
use crate::app::{App, Home};
use crate::daemon::control::Left;
use crate::domain::clocks::Stamp;
use crate::domain::policy::Policy;
use crate::domain::report::Subject;
use crate::domain::state::{Requester, State};
use crate::engine::{Engine, Goal, Halt, ProgressSink, Stop};
use crate::port::{Journal, urgently};

/// So many policies are worked on at a time.
const SIDE_BY_SIDE: usize = 32;

/// So long a command keeps an engine of the daemon that only waits.
const SLICE_MS: i64 = 5_000;
/// Before it asks for it again.
const NAP: Duration = Duration::from_secs(1);

/// One of the times that a command has the engine.
#[derive(Debug, Clone, Default)]
struct Turn {
    /// Others want the engine too.
    is_shared: bool,
    /// When the command began, by the clock that only runs forward, and what was known then.
    begun: Option<(i64, State)>,
    /// The goal lies further away than this time lasted.
    goes_on: bool,
}

impl Turn {
    fn begin(&mut self, now: &Stamp, state: &State) -> Option<State> {
        let known = self.begun.as_ref().map(|(_, state)| state.clone());
        if known.is_none() {
            self.begun = Some((now.boottime_ms, state.clone()));
        }
        known
    }

    fn waited_ms(&self, now: &Stamp) -> i64 {
        self.begun.as_ref().map_or(0, |(begun_ms, _)| now.boottime_ms.saturating_sub(*begun_ms))
    }
}

/// What is done for each policy.
#[async_trait]
pub trait Job: Send + Sync {
    /// Whether it goes before everybody else's work: a leak.
    fn is_urgent(&self) -> bool {
        false
    }

    async fn work(&self, bench: &mut Bench<'_>) -> Result<Verdict, CliError>;
}

/// One policy with its engine.
pub struct Bench<'a> {
    pub app: &'a App,
    pub policy: &'a Policy,
    pub engine: Engine,
    pub stop: Stop,
    pub by: Requester,
    /// No policy names the secret any more; this one is the policy as it was (R28).
    pub departed: bool,
    stopped: Exit,
    turn: Turn,
}

impl Bench<'_> {
    #[must_use]
    pub fn now(&self) -> Stamp {
        self.app.clock.stamp()
    }

    #[must_use]
    pub fn subject<'s>(&'s self, state: &'s State) -> Subject<'s> {
        let certain_ms = self.app.certain_ms();
        Subject { name: self.policy.name.as_str(), policy: Some(self.policy), state, certain_ms }
    }

    /// Runs the engine and judges what it left.
    ///
    /// # Errors
    /// When the journal fails.
    pub async fn run(
        &mut self,
        asked: Asked,
        before: &State,
        goal: Goal,
        budget_ms: i64,
    ) -> Result<(Halt, Verdict), CliError> {
        let halt = self.engine.run(goal, budget_ms, &mut self.stop).await?;
        Ok((halt.clone(), self.judge(asked, before, &halt)))
    }

    /// The same for a goal that may be days away. Inside the daemon the engine is given back
    /// while nothing can be done, so that others can have it.
    ///
    /// # Errors
    /// When the journal fails.
    pub async fn run_and_wait(
        &mut self,
        asked: Asked,
        before: &State,
        goal: Goal,
        budget_ms: i64,
    ) -> Result<(Halt, Verdict), CliError> {
        let left_ms = budget_ms.saturating_sub(self.turn.waited_ms(&self.now()));
        let slice_ms = if self.turn.is_shared { left_ms.min(SLICE_MS) } else { left_ms };
        let (halt, verdict) = self.run(asked, before, goal, slice_ms).await?;
        let open = self.engine.state().rotation.is_some();
        let goes_on = match &halt {
            Halt::Waiting { .. } => true,
            Halt::Troubled { .. } => open,
            _ => false,
        };
        self.turn.goes_on = goes_on && slice_ms < left_ms;
        Ok((halt, verdict))
    }

    /// What the engine knew when the command began, also where it had to give the engine back
    /// since; `None` at the beginning.
    #[must_use]
    pub fn begun(&mut self) -> Option<State> {
        let now = self.now();
        self.turn.begin(&now, self.engine.state())
    }

    /// Judges the engine's state.
    #[must_use]
    pub fn judge(&self, asked: Asked, before: &State, halt: &Halt) -> Verdict {
        let subject = self.subject(self.engine.state());
        judge(asked, &subject, before, halt, self.stopped, &self.now())
    }
}

/// Works on each policy; all verdicts in the policies' order.
///
/// # Errors
/// When this process cannot listen to signals.
pub async fn drive(
    context: &Context,
    app: &Arc<App>,
    journal: &Arc<dyn Journal>,
    policies: Vec<Policy>,
    job: Arc<dyn Job>,
) -> Result<Vec<Verdict>, CliError> {
    let signals = Arc::new(context.signals()?);
    let home = context.home(journal);
    let places = Arc::new(Semaphore::new(SIDE_BY_SIDE));
    let mut tasks = JoinSet::new();
    let mut places_of = BTreeMap::new();
    let names: Vec<String> = policies.iter().map(|policy| policy.name.to_string()).collect();
    // By number: a policy and a secret that it left may be of one name.
    for (number, policy) in policies.into_iter().enumerate() {
        let name = policy.name.to_string();
        let progress = context.progress(&name);
        let by = context.requester();
        let (app, home, job) = (app.clone(), home.clone(), job.clone());
        let left = context.seat().map(|seat| seat.connection.left());
        let (signals, places) = (signals.clone(), places.clone());
        let task = tasks.spawn(async move {
            let _place = places.acquire().await;
            let one = One { app: &app, policy: &policy, by, signals: &signals };
            let verdict = one.work(home, progress, job.as_ref(), left).await;
            let name = policy.name.as_str();
            (number, verdict.unwrap_or_else(|error| Verdict::failed(name, error)))
        });
        places_of.insert(task.id(), number);
    }
    let mut verdicts = BTreeMap::new();
    while let Some(ended) = tasks.join_next_with_id().await {
        let (number, verdict) = match ended {
            Ok((_, done)) => done,
            Err(broken) => {
                let number = places_of.get(&broken.id()).copied().unwrap_or_default();
                let name = names.get(number).cloned().unwrap_or_default();
                let message = "a bug stopped the work on this policy; its journal is whole.";
                let verdict = Verdict::new(&name, Exit::Bug, "failed", message);
                (number, verdict.next(format!("rekeyd status {name}")))
            }
        };
        verdicts.insert(number, verdict);
    }
    context.sign_off(journal.as_ref()).await;
    Ok(verdicts.into_values().collect())
}

struct One<'a> {
    app: &'a App,
    policy: &'a Policy,
    by: Requester,
    signals: &'a super::context::Signals,
}

impl One<'_> {
    /// The whole job, also where it goes on later.
    async fn work(
        &self,
        home: Arc<dyn Home>,
        progress: Arc<dyn ProgressSink>,
        job: &dyn Job,
        mut left: Option<Left>,
    ) -> Result<Verdict, CliError> {
        let mut turn = Turn { is_shared: left.is_some(), ..Turn::default() };
        loop {
            let once = self.once(home.clone(), progress.clone(), job, turn);
            let (verdict, ended) = urgently(job.is_urgent(), once).await?;
            let Some(left) = left.as_mut().filter(|left| ended.goes_on && !left.is_so()) else {
                return Ok(self.finish(verdict));
            };
            self.nap(left).await;
            turn = Turn { goes_on: false, ..ended };
        }
    }

    /// Nobody waits longer for a goal that nobody follows.
    async fn nap(&self, left: &mut Left) {
        let mut stop = self.signals.stop.clone();
        tokio::select! {
            () = self.app.clock.sleep(NAP) => {}
            () = left.happens() => {}
            () = stop.asked() => {}
        }
    }

    async fn once(
        &self,
        home: Arc<dyn Home>,
        progress: Arc<dyn ProgressSink>,
        job: &dyn Job,
        turn: Turn,
    ) -> Result<(Verdict, Turn), CliError> {
        let (engine, loan) = home.lend(self.app, self.policy, progress).await?;
        let mut bench = Bench {
            departed: !self.app.watches(engine.stream()),
            app: self.app,
            policy: self.policy,
            engine,
            stop: self.signals.stop.clone(),
            by: self.by.clone(),
            stopped: Exit::Done,
            turn,
        };
        let verdict = job.work(&mut bench).await;
        loan.give_back(bench.engine);
        Ok((verdict?, bench.turn))
    }

    fn finish(&self, mut verdict: Verdict) -> Verdict {
        if verdict.outcome == "stopped" {
            verdict.exit = self.signals.exit();
            verdict.exit_code = verdict.exit.code();
        }
        verdict
    }
}

/// Prints all verdicts and returns the exit code that a caller must know of first.
pub fn conclude(out: &Out, verdicts: &[Verdict]) -> Exit {
    if out.is_json() {
        out.json(&serde_json::json!({ "results": verdicts }));
    } else {
        for verdict in verdicts {
            let good = verdict.exit == Exit::Done;
            let style = if good { GREEN } else { RED };
            let name = &verdict.policy;
            out.data(&format!("{style}{name}{style:#}: {}", verdict.message));
        }
        let mut shown = Vec::new();
        for next in verdicts.iter().filter_map(|verdict| verdict.next_command.as_ref()) {
            if !shown.contains(&next) {
                out.next("", next);
                shown.push(next);
            }
        }
        out.hint(verdicts.iter().filter_map(|verdict| verdict.code));
    }
    verdicts.iter().fold(Exit::Done, |worst, verdict| worst.worse(verdict.exit))
}
