//! `forget`: an operator's word that a secret which no policy names any more is not ours to look
//! after (R28). Touches no key and no label.

use clap::Args;
use serde_json::json;

use super::context::Context;
use super::error::{CliError, Exit};
use crate::app::{App, Known};
use crate::domain::code::Journal as JournalCode;
use crate::domain::departed::{bar, remembered};
use crate::domain::ids::KeyId;
use crate::domain::report;
use crate::engine;

#[derive(Debug, Args)]
pub struct ForgetArgs {
    /// The policy's last name
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Which secret, as `status` names it, where the policy has left more than one
    #[arg(long, value_name = "PLACE")]
    pub secret: Option<String>,
    /// Yes, whatever keys it names
    #[arg(long)]
    pub yes: bool,
}

pub async fn forget(context: &Context, args: &ForgetArgs) -> Result<Exit, CliError> {
    // A wrong file may be the very policy that still names the secret.
    let app = context.app()?;
    let looked_at = context.look(&app)?;
    let known = app.known(looked_at.as_ref()).await?;
    let stream = chosen(&app, &known, args)?.stream.clone();
    let held = context.hold(&app)?;
    // Read anew: another process may have been at work until now.
    let known = app.known(held.journal.as_ref()).await?;
    let one = known.iter().find(|one| one.stream == stream);
    let Some(one) = one.filter(|one| one.is_departed() && !one.state.forgotten) else {
        return Err(nothing(&app, args));
    };
    if let Some(why) = &one.broken {
        let error = CliError::new(Exit::Journal, JournalCode::Replay, why.clone());
        return Err(error.next("rekeyd check"));
    }
    if let Some(bar) = bar(&one.state) {
        let problem = report::barred(&args.name, &stream, &bar);
        return Err(CliError::of_problem(Exit::Operator, problem));
    }
    let keys: Vec<KeyId> = remembered(&one.state).into_iter().collect();
    if !args.yes {
        return Err(unconfirmed(args, stream.as_str(), &keys));
    }
    let (journal, now) = (held.journal.as_ref(), app.clock.stamp());
    engine::forget(journal, &stream, &now, context.requester()).await?;
    say(context, args, stream.as_str(), &keys);
    context.remind(&app, journal, &[]).await?;
    Ok(Exit::Done)
}

/// The one secret that is meant.
fn chosen<'k>(
    app: &App,
    known: &'k [Known<'_>],
    args: &ForgetArgs,
) -> Result<&'k Known<'k>, CliError> {
    let meant = |one: &&Known<'_>| {
        let secret = args.secret.as_deref();
        one.name == args.name && secret.is_none_or(|secret| one.stream.as_str() == secret)
    };
    let left: Vec<&Known<'_>> =
        known.iter().filter(|one| one.is_departed() && !one.is_over()).filter(meant).collect();
    match left.as_slice() {
        [one] => Ok(one),
        [] => Err(nothing(app, args)),
        [first, ..] => {
            let places: Vec<&str> = left.iter().map(|one| one.stream.as_str()).collect();
            let said = format!(
                "policy {} has left more than one secret: {}",
                args.name,
                places.join(", ")
            );
            let next = format!("rekeyd forget {} --secret {} --yes", args.name, first.stream);
            Err(CliError::usage(said).next(next))
        }
    }
}

fn nothing(app: &App, args: &ForgetArgs) -> CliError {
    let name = &args.name;
    let said = if app.policy(name).is_ok() {
        format!(
            "policy {name} names its secret, so it is looked after, and it has left no other that is \
             not forgotten; to forget it remove the policy's file first"
        )
    } else {
        format!("policy {name} has left no secret that is not forgotten")
    };
    CliError::usage(said).next("rekeyd status")
}

fn unconfirmed(args: &ForgetArgs, secret: &str, keys: &[KeyId]) -> CliError {
    let said = format!(
        "nobody would look after {secret} any more, nor after {}; nothing would be disabled. Say \
         --yes if that is meant",
        listed(keys)
    );
    CliError::usage(said).next(format!("rekeyd forget {} --secret {secret} --yes", args.name))
}

fn listed(keys: &[KeyId]) -> String {
    let keys: Vec<&str> = keys.iter().map(KeyId::as_str).collect();
    if keys.is_empty() { "any key".to_owned() } else { format!("key {}", keys.join(", ")) }
}

fn say(context: &Context, args: &ForgetArgs, secret: &str, keys: &[KeyId]) {
    if context.out.is_json() {
        let keys: Vec<&str> = keys.iter().map(KeyId::as_str).collect();
        context.out.json(&json!({ "forgotten": secret, "policy": args.name, "keys": keys }));
        return;
    }
    context.out.data(&format!(
        "{secret} is forgotten. Nothing was disabled: {} is yours to look after from now on.",
        listed(keys)
    ));
}
