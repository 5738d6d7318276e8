//! `plan` and `--dry-run`: reads what a step needs and says what it would be. Sends no mutation and
//! journals nothing.

use std::sync::Arc;

use serde::Serialize;

use super::args::RotateArgs;
use super::context::Context;
use super::error::{CliError, Exit, refusal};
use super::rotate::{chosen, slip};
use super::view::out::{BOLD, RED};
use super::view::wrap::wrapped;
use crate::app::{App, Notes};
use crate::domain::code::Concern;
use crate::domain::leak::{self, Suspicion};
use crate::domain::plan::WaitFor;
use crate::domain::policy::Policy;
use crate::domain::report::{
    Problem, Subject, intent, mends, parked, policy_report, read_only, tell, why_failed,
};
use crate::domain::state::{Adoption, Event, Request, RequestKind, Trigger};
use crate::engine::{Engine, Turn};
use crate::port::Journal;

/// More turns than any step needs.
const MAX_TURNS: u32 = 200;

/// What is rehearsed.
#[derive(Clone)]
enum Rehearse {
    Next,
    Leak(leak::Report),
}

/// What a rehearsal found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Foreseen {
    policy: String,
    /// What would be recorded on the way, in sentences.
    would: Vec<String>,
    /// The first mutation that would be sent.
    next_step: Option<&'static str>,
    message: String,
    problem: Option<Problem>,
    exit_code: u8,
}

pub async fn plan(context: &Context, name: Option<String>) -> Result<Exit, CliError> {
    let (app, policies) = match name {
        Some(name) => {
            let app = context.app_for(std::slice::from_ref(&name))?;
            let policy = app.meant(context.look(&app)?.as_ref(), &name).await?;
            (app, vec![policy])
        }
        None => {
            let app = context.app()?;
            let policies = app.policies.clone();
            (app, policies)
        }
    };
    show(context, &app, policies, &Rehearse::Next).await
}

pub async fn dry_run(context: &Context, args: &RotateArgs) -> Result<Exit, CliError> {
    let (app, policies) = chosen(context, args)?;
    let flags = &args.flags;
    let rehearse = if flags.leaked {
        let (keys, again, kill_first) = (flags.keys.clone(), flags.again, flags.kill_first);
        Rehearse::Leak(leak::Report { keys, again, kill_first, since_ms: flags.since })
    } else {
        Rehearse::Next
    };
    show(context, &app, policies, &rehearse).await
}

async fn show(
    context: &Context,
    app: &App,
    policies: Vec<Policy>,
    rehearse: &Rehearse,
) -> Result<Exit, CliError> {
    let journal = context.look(app)?;
    let mut exit = Exit::Done;
    let mut all = Vec::new();
    for policy in &policies {
        let foreseen = match one(context, app, policy, &journal, rehearse).await {
            Ok((foreseen, end)) => {
                exit = exit.worse(end);
                foreseen
            }
            Err(error) => {
                exit = exit.worse(error.exit);
                failed(policy.name.as_str(), error)
            }
        };
        if !context.out.is_json() {
            print(context, &foreseen);
        }
        all.push(foreseen);
    }
    if context.out.is_json() {
        context.out.json(&serde_json::json!({ "plans": all }));
    }
    Ok(exit)
}

fn failed(policy: &str, error: CliError) -> Foreseen {
    let next = error.next_command.unwrap_or_else(|| format!("rekeyd status {policy}"));
    Foreseen {
        policy: policy.to_owned(),
        would: Vec::new(),
        next_step: None,
        message: "it cannot be told.".into(),
        problem: Some(Problem::new(error.code, error.message, next)),
        exit_code: error.exit_code,
    }
}

fn print(context: &Context, foreseen: &Foreseen) {
    let out = &context.out;
    out.data(&format!("{BOLD}{}{BOLD:#}", foreseen.policy));
    for line in &foreseen.would {
        wrapped(out, &format!("would record: {line}"), "  ");
    }
    wrapped(out, &foreseen.message, "  ");
    if let Some(problem) = &foreseen.problem {
        out.data(&format!("  {RED}[{}]{RED:#}", problem.code));
        wrapped(out, &problem.message, "  ");
        out.next("  ", &problem.next_command);
    }
}

async fn one(
    context: &Context,
    app: &App,
    policy: &Policy,
    journal: &Arc<dyn Journal>,
    rehearse: &Rehearse,
) -> Result<(Foreseen, Exit), CliError> {
    let notes = Arc::new(Notes::default());
    let mut engine = app.rehearsal(policy, journal, notes.clone()).await?;
    let by = context.requester();
    let mut asked = false;
    let mut waits = None;
    for _ in 0..MAX_TURNS {
        let turn = tokio::select! {
            turn = engine.turn() => turn?,
            () = notes.intended() => break,
        };
        match turn {
            Turn::Moved => {}
            Turn::Waiting { reason, ms } => {
                waits = Some((reason, ms));
                break;
            }
            Turn::Resting if asked || engine.state().adoption != Adoption::Adopted => break,
            Turn::Resting => {
                asked = true;
                if let Rehearse::Leak(report) = rehearse
                    && let Some(slip) = slip(&mut engine, policy.name.as_str(), &report.keys).await
                {
                    return Err(slip);
                }
                if let Some(request) = request(&engine, rehearse) {
                    engine.request(request, by.clone()).await?;
                }
            }
        }
    }
    let would: Vec<String> = notes
        .all()
        .iter()
        .filter(|noted| !matches!(noted.event, Event::Intended { .. } | Event::Troubled { .. }))
        .filter(|noted| !matches!(noted.event, Event::Settled { .. } | Event::Answered { .. }))
        .filter_map(|noted| tell(&noted.before, &noted.event, policy.name.as_str()))
        .collect();
    Ok(foreseen(app, policy, &engine, &notes, waits, would))
}

fn request(engine: &Engine, rehearse: &Rehearse) -> Option<Request> {
    let Rehearse::Leak(report) = rehearse else {
        return Some(Request::Rotate { trigger: Trigger::Person });
    };
    match leak::weigh(engine.state(), report) {
        Suspicion::Report(suspects) => Some(Request::Leak {
            suspects,
            kill_first: report.kill_first,
            grace_ms: 0,
            since_ms: None,
        }),
        Suspicion::Joins | Suspicion::NoKey => None,
    }
}

fn foreseen(
    app: &App,
    policy: &Policy,
    engine: &Engine,
    notes: &Notes,
    waits: Option<(WaitFor, i64)>,
    would: Vec<String>,
) -> (Foreseen, Exit) {
    let (name, state) = (policy.name.as_str(), engine.state());
    let effect = notes.effect();
    let subject = Subject { name, policy: Some(policy), state, certain_ms: app.certain_ms() };
    let mut problem = None;
    let mut exit = Exit::Done;
    let message = if let Some(effect) = &effect {
        format!("the next step would be to {}.", intent(effect))
    } else if let Some((RequestKind::Leak, why)) = &state.refused {
        let error = refusal(name, RequestKind::Leak, why);
        exit = error.exit;
        let next = error.next_command.unwrap_or_default();
        problem = Some(Problem::new(error.code, error.message, next));
        "no step: the kill would lock rekeyd out.".into()
    } else if let Some(park) = &state.parked {
        problem = parked(name, state);
        exit = Exit::of_park(&park.reason);
        "no step: it is parked.".into()
    } else if let Adoption::ReadOnly(reason) = &state.adoption {
        problem = Some(read_only(name, reason));
        exit = Exit::of_read_only(reason);
        "no step: the secret is only looked at.".into()
    } else if let Some((RequestKind::Rotate, why)) = &state.refused {
        let error = refusal(name, RequestKind::Rotate, why);
        exit = error.exit;
        let next = error.next_command.unwrap_or_default();
        problem = Some(Problem::new(error.code, error.message, next));
        "a rotation would not start now.".into()
    } else if let Some(trouble) = &state.trouble {
        exit = Exit::of_class(trouble.class);
        let why = why_failed(trouble.class, trouble.said.as_deref());
        let said = format!("step `{}` failed: {why}.", trouble.step);
        problem = Some(Problem::new(Concern::Trouble, said, mends(trouble.class)));
        "it cannot be told what the next step would be.".into()
    } else if let Some((reason, _)) = waits {
        let until = policy_report(&subject, &app.clock.stamp()).rotation.and_then(|r| r.deadline);
        let until = until.map_or_else(String::new, |deadline| format!(" until {deadline}"));
        format!("no step now: it waits ({}){until}.", reason.name())
    } else {
        "no step: nothing is open.".into()
    };
    let next_step = effect.map(|effect| effect.name());
    let policy = name.to_owned();
    (Foreseen { policy, would, next_step, message, problem, exit_code: exit.code() }, exit)
}
