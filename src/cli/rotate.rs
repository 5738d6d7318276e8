//! `--rotate-now` and `rotate`: a rotation now, or the answer to a leak.

use std::sync::Arc;

use async_trait::async_trait;

use super::args::{RotateArgs, RotateFlags, Wait};
use super::context::Context;
use super::drive::{Bench, Job, conclude, drive};
use super::error::{CliError, Exit, refusal};
use super::verdict::{Asked, Verdict};
use crate::app::App;
use crate::domain::ids::KeyId;
use crate::domain::leak::{self, Suspicion};
use crate::domain::policy::Policy;
use crate::domain::policy::duration::MINUTE_MS;
use crate::domain::report::unknown_key;
use crate::domain::state::{Adoption, Refusal, Request, RequestKind, State, Trigger};
use crate::domain::words::count_of;
use crate::engine::{Engine, Goal, Halt};

const HELP: &str = "rekeyd rotate --help";
/// How long a command waits for a server, or for a lost request to be cleared up.
const BUDGET_MS: i64 = 10 * MINUTE_MS;
/// `--wait drained` and `complete` wait as long as drain and soak take.
const NO_BUDGET_MS: i64 = i64::MAX / 4;

pub async fn rotate(context: &Context, args: &RotateArgs) -> Result<Exit, CliError> {
    let (app, policies) = chosen(context, args)?;
    let held = if args.flags.leaked { context.hold_for_leak(&app) } else { context.hold(&app) }?;
    let job = Arc::new(Now { flags: args.flags.clone() });
    let verdicts = drive(context, &app, &held.journal, policies, job).await?;
    let names: Vec<String> = verdicts.iter().map(|verdict| verdict.policy.clone()).collect();
    let exit = conclude(&context.out, &verdicts);
    context.remind(&app, held.journal.as_ref(), &names).await?;
    Ok(exit)
}

/// The policies that are meant; what does not go together is refused before anything is sent.
///
/// # Errors
/// Usage; or a policy that is meant cannot be used.
pub fn chosen(context: &Context, args: &RotateArgs) -> Result<(Arc<App>, Vec<Policy>), CliError> {
    let flags = &args.flags;
    check(context, flags)?;
    let app = if flags.all { context.app()? } else { context.app_for(&args.names)? };
    let policies = match (args.names.is_empty(), flags.all) {
        (true, false) => {
            Err(CliError::usage("which policy? Name one, or say --all --yes").next("rekeyd status"))
        }
        (false, true) => Err(CliError::usage("name policies or say --all, not both").next(HELP)),
        (true, true) if !flags.yes => Err(CliError::usage(format!(
            "--all rotates {} at once; say --yes if that is meant",
            count_of(app.policies.len(), "policy", "policies")
        ))
        .next(context.out.typed().again(&[], &["--yes"]))),
        (true, true) => Ok(app.policies.clone()),
        (false, false) => {
            let policies = app.named(&args.names)?;
            if policies.len() > 1 && !flags.keys.is_empty() {
                let said = "--key names a key of one policy; name one policy";
                return Err(CliError::usage(said).next(HELP));
            }
            Ok(policies)
        }
    }?;
    Ok((app, policies))
}

fn check(context: &Context, flags: &RotateFlags) -> Result<(), CliError> {
    if !flags.leaked {
        let lonely = [
            ("--key", !flags.keys.is_empty()),
            ("--since", flags.since.is_some()),
            ("--grace", flags.grace.is_some()),
            ("--kill-first", flags.kill_first),
        ];
        if let Some((flag, _)) = lonely.into_iter().find(|(_, given)| *given) {
            let next = context.out.typed().again(&[], &["--leaked"]);
            return Err(CliError::usage(format!("{flag} goes with --leaked")).next(next));
        }
    } else if flags.wait.is_some() {
        let said = "--leaked waits until every suspect is dead; leave --wait out";
        return Err(CliError::usage(said).next(HELP));
    } else if flags.kill_first && flags.grace.is_some() {
        return Err(CliError::usage("--kill-first and --grace exclude each other").next(HELP));
    }
    Ok(())
}

/// Without a first contact nobody knows which keys are ours: the report could not be written down.
fn not_reported(mut met: Verdict) -> Verdict {
    met.message.push_str(
        " The leak was NOT recorded: the secret was never adopted. Disable the key in ION by hand, \
         or mend this and report it again.",
    );
    met
}

/// A key that nobody knows is most likely mistyped, and its report would end well while the leaked
/// one lives. Where no list can be read nothing is said: a leak is never dropped.
pub async fn slip(engine: &mut Engine, policy: &str, keys: &[KeyId]) -> Option<CliError> {
    if leak::never_seen(engine.state(), keys).is_empty() {
        return None;
    }
    let listed = engine.listed_now().await?;
    let state = engine.state();
    let key = leak::never_seen(state, keys).into_iter().find(|key| !listed.contains(key))?;
    let ends = "The report was NOT recorded, and nothing was killed.";
    let problem = unknown_key(policy, key, state, &listed, ends);
    Some(CliError::of_problem(Exit::Usage, problem))
}

struct Now {
    flags: RotateFlags,
}

#[async_trait]
impl Job for Now {
    fn is_urgent(&self) -> bool {
        self.flags.leaked
    }

    async fn work(&self, bench: &mut Bench<'_>) -> Result<Verdict, CliError> {
        if let Adoption::Retired(_) = bench.engine.state().adoption {
            let name = bench.policy.name.as_str();
            let kind = if self.flags.leaked { RequestKind::Leak } else { RequestKind::Rotate };
            let error = refusal(name, kind, &Refusal::Retired);
            return Ok(Verdict { outcome: "refused".into(), ..Verdict::failed(name, error) });
        }
        if bench.engine.state().adoption != Adoption::Adopted {
            let before = bench.engine.state().clone();
            let (_, met) = bench.run(Asked::Nothing, &before, Goal::Nothing, BUDGET_MS).await?;
            if bench.engine.state().adoption != Adoption::Adopted {
                return Ok(if self.flags.leaked { not_reported(met) } else { met });
            }
        }
        if self.flags.leaked { self.leaked(bench).await } else { self.rotate(bench).await }
    }
}

impl Now {
    async fn rotate(&self, bench: &mut Bench<'_>) -> Result<Verdict, CliError> {
        let begun = bench.begun();
        let is_first = begun.is_none();
        let before = begun.unwrap_or_else(|| bench.engine.state().clone());
        let joins = joins(&before);
        if is_first && (self.flags.again || !joins) {
            let request = Request::Rotate { trigger: Trigger::Person };
            bench.engine.request(request, bench.by.clone()).await?;
        }
        let (goal, budget_ms) = match self.flags.wait.unwrap_or(Wait::Current) {
            Wait::Current => (Goal::Current, BUDGET_MS),
            Wait::Drained => (Goal::Drained, NO_BUDGET_MS),
            Wait::Complete => (Goal::Complete, NO_BUDGET_MS),
        };
        let budget_ms = self.flags.budget.unwrap_or(budget_ms);
        let (_, mut verdict) = bench.run_and_wait(Asked::Rotate, &before, goal, budget_ms).await?;
        if joins && verdict.exit == Exit::Done {
            let how = if self.flags.again {
                "queued one after the open rotation"
            } else {
                "joined the open rotation"
            };
            verdict.message = format!("{how}: {}", verdict.message);
        }
        Ok(verdict)
    }

    async fn leaked(&self, bench: &mut Bench<'_>) -> Result<Verdict, CliError> {
        let name = bench.policy.name.as_str();
        if let Some(slip) = slip(&mut bench.engine, name, &self.flags.keys).await {
            return Ok(Verdict { outcome: "refused".into(), ..Verdict::failed(name, slip) });
        }
        let before = bench.engine.state().clone();
        let report = leak::Report {
            keys: self.flags.keys.clone(),
            again: self.flags.again,
            kill_first: self.flags.kill_first,
            since_ms: self.flags.since,
        };
        match leak::weigh(&before, &report) {
            Suspicion::NoKey => {
                let said = "no live key is known that could have leaked; name it with --key";
                return Ok(Verdict::new(
                    bench.policy.name.as_str(),
                    Exit::Operator,
                    "refused",
                    said,
                )
                .next(format!("rekeyd status {}", bench.policy.name)));
            }
            Suspicion::Joins => {}
            Suspicion::Report(suspects) => {
                let request = Request::Leak {
                    suspects,
                    kill_first: self.flags.kill_first,
                    grace_ms: self.flags.grace.unwrap_or(0),
                    since_ms: self.flags.since,
                };
                bench.engine.request(request, bench.by.clone()).await?;
            }
        }
        let budget_ms = self.flags.budget.unwrap_or(BUDGET_MS);
        let (halt, verdict) =
            bench.run(Asked::Leak, &before, Goal::SuspectsDead, budget_ms).await?;
        if matches!(halt, Halt::Waiting { .. }) {
            tracing::debug!(policy = %bench.policy.name, "the leak report stays open");
        }
        Ok(verdict)
    }
}

/// Whether one is open, or asked for, already.
fn joins(state: &State) -> bool {
    // One that came to nothing so far is asked for anew, so that an old failure does not answer it.
    // What the schedule asked for may wait for a window; a person does not.
    let asked = state.requests.rotate.is_some_and(|trigger| trigger != Trigger::Schedule);
    let wanted = asked && state.trouble.is_none();
    state.rotation.is_some() || wanted
}
