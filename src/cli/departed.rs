//! What `run --once` does for secrets that no policy names any more: what is open of them ends by the
//! policy as it was (R28). Starts nothing.

use super::drive::Bench;
use super::error::{CliError, Exit};
use super::verdict::{Asked, Verdict};
use crate::app::App;
use crate::domain::departed::{bar, open, remembered};
use crate::domain::policy::Policy;
use crate::domain::report;
use crate::domain::state::{Request, Requester};
use crate::engine::Goal;
use crate::port::Journal;

/// What is open of secrets that no policy names.
pub struct Left {
    /// Policies as they were.
    pub policies: Vec<Policy>,
    /// Those whose policy nobody knows any more.
    pub unknown: Vec<Verdict>,
}

/// # Errors
/// When the journal cannot be read.
pub async fn left(app: &App, journal: &dyn Journal) -> Result<Left, CliError> {
    let known = app.known(journal).await?;
    let mut left = Left { policies: Vec::new(), unknown: Vec::new() };
    for one in known.iter().filter(|one| one.is_departed() && open(&one.state).is_some()) {
        match one.to_finish() {
            Some(policy) => left.policies.push(policy.clone()),
            None => {
                let problem = report::departed(&one.subject(app.certain_ms()), &one.stream, false);
                let error = CliError::of_problem(Exit::Operator, problem);
                left.unknown.push(Verdict::failed(&one.name, error));
            }
        }
    }
    Ok(left)
}

/// Ends what is open: before the promote it is rolled back, after it the rotation is finished. A
/// leak goes before: its key must die.
///
/// # Errors
/// When the journal fails.
pub async fn finish(bench: &mut Bench<'_>, budget_ms: i64) -> Result<Verdict, CliError> {
    let before = bench.engine.state().clone();
    let early = before.rotation.as_ref().is_some_and(|open| open.phase.before_promote());
    let mut asked = Asked::Nothing;
    if early && before.requests.leak.is_none() {
        asked = Asked::Abort;
        if !before.requests.abort {
            let reason = Some("no policy names this secret any more".to_owned());
            let by = Requester { who: "rekeyd".to_owned(), reason };
            bench.engine.request(Request::Abort, by).await?;
        }
    }
    let (_, verdict) = bench.run(asked, &before, Goal::Nothing, budget_ms).await?;
    Ok(with_forgetting(verdict, bench))
}

/// Says what is left to do once nothing is open.
fn with_forgetting(mut verdict: Verdict, bench: &Bench<'_>) -> Verdict {
    let (state, stream) = (bench.engine.state(), bench.engine.stream());
    if verdict.exit != Exit::Done || bar(state).is_some() || remembered(state).is_empty() {
        return verdict;
    }
    verdict.message.push_str(" No policy names its secret any more.");
    verdict.next(format!("rekeyd forget {} --secret {stream} --yes", bench.policy.name))
}
