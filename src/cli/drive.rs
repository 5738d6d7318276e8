//! Runs one job over several policies side by side, each on its own engine: a policy that fails
//! delays no other.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::context::Context;
use super::error::{CliError, Exit};
use super::verdict::{Asked, Verdict, judge};
use super::view::out::{GREEN, Out, RED};
use crate::app::{App, Home};
use crate::domain::clocks::Stamp;
use crate::domain::policy::Policy;
use crate::domain::report::Subject;
use crate::domain::state::{Requester, State};
use crate::engine::{Engine, Goal, Halt, ProgressSink, Stop};
use crate::port::Journal;

/// So many policies are worked on at a time.
const SIDE_BY_SIDE: usize = 32;

/// What is done for each policy.
#[async_trait]
pub trait Job: Send + Sync {
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
        let (signals, places) = (signals.clone(), places.clone());
        let task = tasks.spawn(async move {
            let _place = places.acquire().await;
            let one = One { app: &app, policy: &policy, by, signals: &signals };
            let verdict = one.work(home, progress, job.as_ref()).await;
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
    async fn work(
        self,
        home: Arc<dyn Home>,
        progress: Arc<dyn ProgressSink>,
        job: &dyn Job,
    ) -> Result<Verdict, CliError> {
        let (engine, loan) = home.lend(self.app, self.policy, progress).await?;
        let mut bench = Bench {
            departed: !self.app.watches(engine.stream()),
            app: self.app,
            policy: self.policy,
            engine,
            stop: self.signals.stop.clone(),
            by: self.by,
            stopped: Exit::Done,
        };
        let verdict = job.work(&mut bench).await;
        loan.give_back(bench.engine);
        let mut verdict = verdict?;
        if verdict.outcome == "stopped" {
            verdict.exit = self.signals.exit();
            verdict.exit_code = verdict.exit.code();
        }
        Ok(verdict)
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
