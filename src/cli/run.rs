//! `run --once`: go on with what is open, start what is due, and end. For a timer, or after a
//! `--rotate-now` whose drain is over.

use std::sync::Arc;

use async_trait::async_trait;

use super::args::RunArgs;
use super::context::Context;
use super::departed;
use super::drive::{Bench, Job, conclude, drive};
use super::error::{CliError, Exit};
use super::verdict::{Asked, Verdict, unsound};
use crate::domain::report::due_ms;
use crate::domain::state::{Adoption, Request, Requester, Trigger};
use crate::engine::{Goal, Halt};
use crate::settings::for_shell;

pub async fn run(context: &Context, args: &RunArgs) -> Result<Exit, CliError> {
    let app = context.app()?;
    let held = context.hold(&app)?;
    let job = Arc::new(Once { budget_ms: args.budget });
    let mut policies = app.policies.clone();
    let left = departed::left(&app, held.journal.as_ref()).await?;
    policies.extend(left.policies);
    let mut verdicts = drive(context, &app, &held.journal, policies, job).await?;
    verdicts.extend(left.unknown);
    if verdicts.is_empty() && !context.out.is_json() {
        let dir = for_shell(&app.policies_dir);
        context.out.note(&format!("the policies directory {dir} holds no *.toml: nothing to do"));
    }
    let names: Vec<String> = verdicts.iter().map(|verdict| verdict.policy.clone()).collect();
    let exit = conclude(&context.out, &verdicts);
    context.remind(&app, held.journal.as_ref(), &names).await?;
    Ok(exit)
}

struct Once {
    budget_ms: i64,
}

#[async_trait]
impl Job for Once {
    async fn work(&self, bench: &mut Bench<'_>) -> Result<Verdict, CliError> {
        if bench.departed {
            return departed::finish(bench, self.budget_ms).await;
        }
        let before = bench.engine.state().clone();
        let due = is_due(bench);
        if due {
            let reason = Some("due".to_owned());
            let by = Requester { who: "schedule".to_owned(), reason };
            bench.engine.request(Request::Rotate { trigger: Trigger::Schedule }, by).await?;
        }
        let (halt, verdict) = bench
            .run(
                if due { Asked::Rotate } else { Asked::Nothing },
                &before,
                Goal::Nothing,
                self.budget_ms,
            )
            .await?;
        let idle = halt == Halt::Reached && verdict.outcome == "idle";
        let (name, engine) = (bench.policy.name.as_str(), &bench.engine);
        let unsound = unsound(name, engine.state(), engine.rested()).filter(|_| idle);
        Ok(unsound.unwrap_or(verdict))
    }
}

/// Due by the schedule, nothing open, and the clocks agree that it is that time (R19).
fn is_due(bench: &Bench<'_>) -> bool {
    let state = bench.engine.state();
    let now = bench.now();
    let free = state.adoption == Adoption::Adopted
        && state.rotation.is_none()
        && state.decommission.is_none()
        && state.requests.rotate.is_none()
        && state.requests.leak.is_none();
    let due = due_ms(&bench.subject(state)).is_some_and(|due| due <= now.wall_ms);
    if free && due && !state.time.agrees(&now) {
        tracing::warn!(policy = %bench.policy.name, "due, but the clocks do not agree: not started");
    }
    free && due && state.time.agrees(&now)
}
