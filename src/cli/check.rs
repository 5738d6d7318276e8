//! `check`: settings, policies, and what the journal knows, all findings at once. Calls nobody. With
//! `--online` it looks at store and issuer, in a room of its own.

mod iam;
mod online;

use std::path::Path;

use serde_json::json;

use super::args::CheckArgs;
use super::context::Context;
use super::error::{CliError, Exit};
use super::view::out::{GREEN, RED};
use super::view::wrap::wrapped;
use crate::app::{App, AppError};
use crate::domain::code::{Refused, Setup};
use crate::domain::policy::diagnostic::quoted;
use crate::domain::policy::duration::format_ms;
use crate::domain::policy::{Findings, Policy};
use crate::domain::report::Problem;
use crate::domain::words::count_of;
use crate::settings::{LocateError, NearMiss, for_shell, load_policies, near_misses};

pub async fn check(context: &Context, args: &CheckArgs) -> Result<Exit, CliError> {
    if args.online {
        return online::online(context, &args.names).await;
    }
    if args.print_iam {
        return iam::print(context, &args.names);
    }
    if !args.names.is_empty() {
        let said = "files are checked all together; a name goes with --online or --print-iam";
        return Err(CliError::usage(said).next("rekeyd check --help"));
    }
    offline(context).await
}

async fn offline(context: &Context) -> Result<Exit, CliError> {
    let loaded = App::load(&context.flags).inspect(|app| warn_of_near_misses(context, app));
    let app = match loaded.and_then(|app| app.whole().map(|()| app)) {
        Ok(app) => app,
        Err(error) => return findings(context, error),
    };
    warn_of_short_drains(context, &app);
    let journal = context.look(&app)?;
    let now = app.clock.stamp();
    let mut known = app.known(journal.as_ref()).await?;
    known.retain(|one| !one.is_over());
    let problems: Vec<(&str, Problem)> = known
        .iter()
        .flat_map(|one| {
            let report = one.report(app.certain_ms(), &now);
            report.problems.into_iter().map(|problem| (one.name.as_str(), problem))
        })
        .collect();
    let out = &context.out;
    if out.is_json() {
        let problems: Vec<_> = problems
            .iter()
            .map(|(policy, p)| {
                json!({ "policy": policy, "code": p.code, "message": p.message,
                        "next_command": p.next_command })
            })
            .collect();
        out.json(&json!({
            "findings": [], "policies": app.policies.len(), "problems": problems,
            "state_dir": app.state_dir, "journal": !app.journal_is_new(),
        }));
        return Ok(Exit::Done);
    }
    for (policy, problem) in &problems {
        out.data(&format!("{RED}{policy}{RED:#} [{}]", problem.code));
        wrapped(out, &problem.message, "  ");
        out.next("  ", &problem.next_command);
    }
    out.hint(problems.iter().map(|(_, problem)| problem.code));
    let journal = if app.journal_is_new() {
        "no journal yet"
    } else if known.iter().any(|one| one.broken.is_some()) {
        "not all of the journal replays"
    } else {
        "the journal is whole"
    };
    let policies = count_of(app.policies.len(), "policy is good", "policies are good");
    out.data(&format!("{GREEN}{policies}{GREEN:#}; {journal} in {}", app.state_dir.display()));
    Ok(Exit::Done)
}

/// What is passed over was perhaps meant as a policy.
fn warn_of_near_misses(context: &Context, app: &App) {
    for NearMiss { file, meant } in near_misses(&app.policies_dir) {
        let name = |path: &Path| quoted(&path.file_name().unwrap_or_default().to_string_lossy());
        let said = format!(
            "{} is passed over: only files that end with `.toml` are policies. If it is one, it is \
             to be named {}",
            name(&file),
            name(&meant)
        );
        let next = format!("mv -n {} {}", for_shell(&file), for_shell(&meant));
        context.out.warning(Setup::NearMiss.into(), &said, &next);
    }
}

/// Whether a drain is long enough is known for certain after the first exchange; until then the
/// settings tell how long a token may live.
fn warn_of_short_drains(context: &Context, app: &App) {
    let life_ms = app.settings.limits.token_lifetime_ms;
    for policy in &app.policies {
        let (cache_ms, drain_ms) = (policy.consumers.cache_ttl_ms, policy.retire.drain_ms);
        let needed_ms = cache_ms.saturating_add(life_ms);
        if drain_ms < needed_ms {
            let said = format!(
                "{}.toml: `retire.drain` ({}) is shorter than `consumers.cache_ttl` ({}) and \
                 `limits.token_lifetime` of the settings ({}) together; if tokens live that long, no \
                 rotation will start",
                policy.name,
                format_ms(drain_ms),
                format_ms(cache_ms),
                format_ms(life_ms)
            );
            let next = "rekeyd explain refused/drain_too_short";
            context.out.warning(Refused::DrainTooShort.into(), &said, next);
        }
    }
}

/// The policies of these names, else all of them; or the findings were printed.
fn chosen(
    context: &Context,
    names: &[String],
) -> Result<Result<(App, Vec<Policy>), Exit>, CliError> {
    let loaded = App::load(&context.flags).and_then(|app| {
        let policies = if names.is_empty() {
            app.whole()?;
            app.policies.clone()
        } else {
            app.named(names)?
        };
        Ok((app, policies))
    });
    match loaded {
        Ok(chosen) => Ok(Ok(chosen)),
        Err(error) => findings(context, error).map(Err),
    }
}

/// Findings are this command's data. Where the settings are wrong, policies that the command line
/// names are checked all the same.
fn findings(context: &Context, error: AppError) -> Result<Exit, CliError> {
    let found = match error {
        AppError::Policies(found) => found,
        AppError::Locate(LocateError::Settings(settings)) => {
            let mut all = settings.into_vec();
            let policies = context.flags.policies.as_ref().map(|dir| load_policies(dir));
            let more = policies.map(|loaded| loaded.map_or_else(|all| all, |some| some.findings));
            all.extend(more.into_iter().flat_map(Findings::into_vec));
            Findings::new(all)
        }
        other => return Err(context.not_loaded(other)),
    };
    if context.out.is_json() {
        context.out.json(&json!({ "findings": found }));
    } else {
        context.out.data(&found.to_string());
    }
    Ok(Exit::Configuration)
}
