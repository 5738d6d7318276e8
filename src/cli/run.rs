//! `run --once`: go on with what is open, start what is due, and end. For a timer, or after a
//! `--rotate-now` whose drain is over. Without `--once` it is the daemon's.

use std::sync::Arc;

use async_trait::async_trait;

use super::args::RunArgs;
use super::context::Context;
use super::departed;
use super::drive::{Bench, Job, conclude, drive};
use super::error::{CliError, Exit};
use super::serve;
use super::verdict::{Asked, Verdict, unsound};
use crate::daemon::Charge;
use crate::domain::policy::duration::MINUTE_MS;
use crate::domain::state::{Request, Requester, Trigger};
use crate::engine::{Goal, Halt};
use crate::settings::for_shell;

/// How long it waits for what comes due meanwhile, where nobody says.
const BUDGET_MS: i64 = 10 * MINUTE_MS;

pub async fn run(context: &Context, args: &RunArgs) -> Result<Exit, CliError> {
    if !args.once {
        return serve::serve(context).await;
    }
    let app = context.app()?;
    let held = context.hold(&app)?;
    let job = Arc::new(Once { budget_ms: args.budget.unwrap_or(BUDGET_MS) });
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
        let due = Charge::new(bench.policy, false)
            .is_some_and(|charge| charge.may_begin(bench.engine.state(), &bench.now()));
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
