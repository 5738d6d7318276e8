//! `orphans`: keys that may be ours and that nobody has ruled on, and a person's word on one.

mod remove;

use super::args::Ruling;
use super::context::Context;
use super::error::{CliError, Exit};
use super::view::wrap::wrapped;
use crate::domain::ids::KeyId;
use crate::domain::report;
use crate::domain::state::{self, Event};

pub async fn orphans(context: &Context, ruling: Option<Ruling>) -> Result<Exit, CliError> {
    match ruling {
        None | Some(Ruling::List) => list(context).await,
        Some(Ruling::Keep { key }) => keep(context, &key).await,
        Some(Ruling::Disable { key }) => {
            remove::remove(context, &key, state::Ruling::Disable).await
        }
        Some(Ruling::Delete { key, yes: true }) => {
            remove::remove(context, &key, state::Ruling::Delete).await
        }
        Some(Ruling::Delete { key, yes: false }) => remove::explain(context, &key).await,
    }
}

async fn list(context: &Context) -> Result<Exit, CliError> {
    let app = context.app_for(&[])?;
    let journal = context.look(&app)?;
    let known = app.known(journal.as_ref()).await?;
    let found: Vec<_> =
        known.iter().flat_map(|one| report::orphans(&one.name, &one.state)).collect();
    if context.out.is_json() {
        context.out.json(&serde_json::json!({ "orphans": found }));
        return Ok(Exit::Done);
    }
    if found.is_empty() {
        context.out.data("no orphans: every live key that we made is accounted for");
    }
    for orphan in &found {
        let why = match orphan.kind {
            "stranger" => "appeared around a leak",
            _ => "may have been made by a create whose reply was lost",
        };
        let ruled = orphan.ruled();
        let (key, policy, since) = (&orphan.key_id, &orphan.policy, &orphan.since);
        context.out.data(&format!("{key}  {policy}  since {since}  {ruled}\n  {why}"));
        if let Some(problem) = &orphan.problem {
            wrapped(&context.out, &format!("{} [{}]", problem.message, problem.code), "  ");
            context.out.next("  ", &problem.next_command);
        }
    }
    if let Some(first) = found.iter().find(|orphan| orphan.ruling.is_none()) {
        let key = &first.key_id;
        context.out.data(&format!(
            "Rule on {key}: keep it if you know whose it is; else disable it, which ION's console \
             can undo, or delete it for ever."
        ));
        context.out.next("", &format!("rekeyd orphans keep {key}"));
        for word in [format!("disable {key}"), format!("delete {key} --yes")] {
            let command = context.out.typed().command(&format!("rekeyd orphans {word}"));
            context.out.data(&format!("  or: {command}"));
        }
    }
    context.remind(&app, journal.as_ref(), &[]).await?;
    Ok(Exit::Done)
}

async fn keep(context: &Context, key: &KeyId) -> Result<Exit, CliError> {
    let app = context.app_for(&[])?;
    let held = context.hold(&app)?;
    let known = app.known(held.journal.as_ref()).await?;
    let mut ruled = Vec::new();
    for one in known.iter().filter(|one| one.state.orphans.contains_key(key)) {
        let word = Event::Kept { key: key.clone(), by: context.requester() };
        let home = context.home(&held.journal);
        home.record(&one.stream, &app.clock.stamp(), word).await?;
        ruled.push(one.name.as_str());
    }
    context.sign_off(held.journal.as_ref()).await;
    if ruled.is_empty() {
        let said = format!("key {key} awaits no ruling");
        return Err(CliError::usage(said).next(report::ORPHANS));
    }
    if context.out.is_json() {
        context.out.json(&serde_json::json!({ "kept": key.as_str(), "policies": ruled }));
    } else {
        context.out.data(&format!("key {key} may live ({})", ruled.join(", ")));
    }
    Ok(Exit::Done)
}
