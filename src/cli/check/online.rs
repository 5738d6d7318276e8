//! `check --online`: every line about each policy, a few policies side by side. Changes nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::chosen;
use crate::app::{App, AppError, Online};
use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::view::out::{BOLD, DIM, GREEN, Out, RED, YELLOW};
use crate::cli::view::wrap::{wrapped, wrapped_behind};
use crate::domain::check::{Blame, Checked, Line, Outcome, judge};
use crate::domain::code::Own;
use crate::domain::ids::KeyId;
use crate::domain::policy::Policy;
use crate::domain::words::count_of;
use crate::port::Journal;

/// On less, what was found stands below its name and not beside it.
const WIDTH: usize = 66;
/// So many policies are looked at at a time.
const SIDE_BY_SIDE: usize = 4;

/// One policy with all its lines.
#[derive(Serialize)]
struct Checks {
    name: String,
    checks: Vec<Line>,
    #[serde(skip)]
    exit: Exit,
}

pub async fn online(context: &Context, names: &[String]) -> Result<Exit, CliError> {
    let (app, policies) = match chosen(context, names)? {
        Ok(chosen) => chosen,
        Err(exit) => return Ok(exit),
    };
    let app = Arc::new(app);
    let journal = context.look(&app)?;
    let seen = look(&app, &policies, &journal).await;
    let holders = holders(&seen, &policies);
    let mut all = Vec::new();
    for (policy, seen) in policies.iter().zip(seen) {
        all.push(match seen {
            Ok(Online { state, looked }) => {
                of_lines(policy, judge(policy, &state, &looked, &holders))
            }
            Err(error) => not_looked_at(policy, error),
        });
    }
    show(&context.out, &all);
    Ok(all.iter().fold(Exit::Done, |worst, one| worst.worse(one.exit)))
}

/// What was seen of each policy, in their order.
async fn look(
    app: &Arc<App>,
    policies: &[Policy],
    journal: &Arc<dyn Journal>,
) -> Vec<Result<Online, CliError>> {
    let places = Arc::new(Semaphore::new(SIDE_BY_SIDE));
    let mut tasks = JoinSet::new();
    for (at, policy) in policies.iter().cloned().enumerate() {
        let (app, journal, places) = (app.clone(), journal.clone(), places.clone());
        tasks.spawn(async move {
            let _place = places.acquire().await;
            (at, app.look_online(&policy, journal).await)
        });
    }
    let mut seen: BTreeMap<usize, Result<Online, AppError>> = BTreeMap::new();
    while let Some(ended) = tasks.join_next().await {
        if let Ok((at, one)) = ended {
            seen.insert(at, one);
        }
    }
    let bug = || CliError::new(Exit::Bug, Own::Bug, "a bug stopped the look at this policy");
    let one = |at| seen.remove(&at).map_or_else(|| Err(bug()), |one| one.map_err(CliError::from));
    (0..policies.len()).map(one).collect()
}

/// Which policies' current versions hold each key, as just seen.
fn holders(seen: &[Result<Online, CliError>], policies: &[Policy]) -> BTreeMap<KeyId, Vec<String>> {
    let mut holders: BTreeMap<KeyId, Vec<String>> = BTreeMap::new();
    for (policy, seen) in policies.iter().zip(seen) {
        if let Some(key) = seen.as_ref().ok().and_then(|seen| seen.looked.current_key()) {
            holders.entry(key.clone()).or_default().push(policy.name.to_string());
        }
    }
    holders
}

fn of_lines(policy: &Policy, checks: Vec<Line>) -> Checks {
    let blames = checks.iter().filter_map(|line| line.blame.as_ref());
    let exit = blames.fold(Exit::Done, |worst, blame| {
        worst.worse(match blame {
            Blame::Refusal(why) => Exit::of_refusal(why),
            Blame::Class(class) => Exit::of_class(*class),
        })
    });
    Checks { name: policy.name.to_string(), checks, exit }
}

/// Its journal does not replay, or its addresses cannot be used: nothing was called.
fn not_looked_at(policy: &Policy, error: CliError) -> Checks {
    let next = error.next_command.unwrap_or_else(|| "rekeyd check".to_owned());
    let mut line = Line::warn(Checked::Setup, error.code, error.message, next);
    line.outcome = Outcome::Fail;
    Checks { name: policy.name.to_string(), checks: vec![line], exit: error.exit }
}

fn show(out: &Out, all: &[Checks]) {
    if out.is_json() {
        out.json(&json!({ "policies": all }));
        return;
    }
    for one in all {
        out.data(&format!("{BOLD}{}{BOLD:#}", one.name));
        for line in &one.checks {
            print(out, line);
        }
    }
    let failed = all.iter().filter(|one| one.exit != Exit::Done).count();
    let of = count_of(all.len(), "policy", "policies");
    if failed == 0 {
        out.data(&format!("{GREEN}{of}: nothing stands in the way of a rotation{GREEN:#}"));
    } else {
        out.data(&format!("{RED}{failed} of {of} cannot rotate as things are{RED:#}"));
    }
    out.hint(all.iter().flat_map(|one| &one.checks).filter_map(|line| line.code));
}

fn print(out: &Out, line: &Line) {
    let style = match line.outcome {
        Outcome::Ok => GREEN,
        Outcome::Warn => YELLOW,
        Outcome::Fail => RED,
        Outcome::Skipped => DIM,
    };
    let head = format!("  {style}{:<8}{style:#}{:<15}", line.outcome.name(), line.check.name());
    const WIDE: &str = "                         ";
    const NARROW: &str = "    ";
    let code = line.code.map(|code| format!(" [{code}]")).unwrap_or_default();
    let said = format!("{}{code}", line.message);
    let indent = if out.width < WIDTH { NARROW } else { WIDE };
    if out.width < WIDTH {
        out.data(head.trim_end());
        wrapped(out, &said, indent);
    } else {
        wrapped_behind(out, &head, &said, indent);
    }
    if let Some(next) = line.next_command.as_ref().filter(|_| line.outcome == Outcome::Fail) {
        out.next(indent, next);
    }
}
