//! `resume` and `abort`: an operator's word on a rotation. Durable at once, weighed by the planner.

use std::sync::Arc;

use async_trait::async_trait;

use super::context::Context;
use super::drive::{Bench, Job, conclude, drive};
use super::error::{CliError, Exit};
use super::verdict::{Asked, Verdict};
use crate::domain::policy::duration::SECOND_MS;
use crate::domain::state::Request;
use crate::engine::Goal;

/// The request is durable at once; a drain or a quiesce is left to the next run.
const BUDGET_MS: i64 = 30 * SECOND_MS;

pub async fn resume(context: &Context, name: &str) -> Result<Exit, CliError> {
    wish(context, name, Request::Resume, Asked::Resume).await
}

pub async fn abort(context: &Context, name: &str) -> Result<Exit, CliError> {
    wish(context, name, Request::Abort, Asked::Abort).await
}

/// Makes a request for one policy, runs, and says how it ended.
///
/// # Errors
/// When the policy or the journal cannot be used.
pub async fn wish(
    context: &Context,
    name: &str,
    request: Request,
    asked: Asked,
) -> Result<Exit, CliError> {
    let app = context.app_for(&[name.to_owned()])?;
    let policy = app.meant(context.look(&app)?.as_ref(), name).await?;
    let held = context.hold(&app)?;
    let job = Arc::new(Wish { request, asked });
    let verdicts = drive(context, &app, &held.journal, vec![policy], job).await?;
    let exit = conclude(&context.out, &verdicts);
    context.remind(&app, held.journal.as_ref(), &[name.to_owned()]).await?;
    Ok(exit)
}

/// Makes a request and runs until it is weighed and nothing more can be done now.
pub struct Wish {
    pub request: Request,
    pub asked: Asked,
}

#[async_trait]
impl Job for Wish {
    async fn work(&self, bench: &mut Bench<'_>) -> Result<Verdict, CliError> {
        let before = bench.engine.state().clone();
        bench.engine.request(self.request.clone(), bench.by.clone()).await?;
        let (_, verdict) = bench.run(self.asked, &before, Goal::Nothing, BUDGET_MS).await?;
        Ok(verdict)
    }
}
