//! `decommission`: an operator's word that a policy and its key are no longer needed (R30). Without
//! `--yes` it says what would happen to which key, and does nothing.

use super::args::DecommissionArgs;
use super::context::Context;
use super::error::{CliError, Exit, refusal};
use super::verdict::Asked;
use super::wish::wish;
use crate::app::App;
use crate::domain::policy::duration::format_ms;
use crate::domain::policy::{ActorSource, Policy};
use crate::domain::state::{Refusal, Request, RequestKind, State};
use crate::engine::replay;

pub async fn decommission(context: &Context, args: &DecommissionArgs) -> Result<Exit, CliError> {
    if args.yes {
        let request = Request::Decommission { clear_store: args.clear_store };
        return wish(context, &args.name, request, Asked::Decommission).await;
    }
    let app = context.app_for(std::slice::from_ref(&args.name))?;
    let policy = app.policy(&args.name)?;
    let state = state_of(&app, policy).await?;
    // The key that it would name now is not the one that is current when the rotation has ended.
    if state.rotation.is_some() {
        let kind = RequestKind::Decommission;
        return Err(refusal(&args.name, kind, &Refusal::RotationOpen));
    }
    let said =
        format!("{} Say --yes if that is meant. Nothing was done", what(policy, &state, args));
    let clear = if args.clear_store { " --clear-store" } else { "" };
    Err(CliError::usage(said).next(format!("rekeyd decommission {} --yes{clear}", args.name)))
}

async fn state_of(app: &App, policy: &Policy) -> Result<State, CliError> {
    let journal = app.look()?;
    let stream = policy.secret_key().map_err(crate::app::AppError::from)?;
    Ok(replay(journal.as_ref(), &stream).await?.0)
}

/// What would happen, step by step, with the times that the policy names.
fn what(policy: &Policy, state: &State, args: &DecommissionArgs) -> String {
    let key = state.settled.as_ref().map(|settled| settled.held.proof.key.to_string());
    let key = key.unwrap_or_else(|| "of *current* (nothing is adopted yet)".to_owned());
    let (drain, soak) = (format_ms(policy.retire.drain_ms), format_ms(policy.retire.soak_ms));
    let end = if policy.issuer.actor == ActorSource::OwnKey {
        format!(
            "deletes key {key} with that key's own last token: for ever, and with nobody left who \
             could prove it"
        )
    } else {
        format!("disables key {key}, proves it dead, waits {soak} (soak), and deletes it for ever")
    };
    let value = if args.clear_store {
        "the secret's value is replaced by {}"
    } else {
        "the secret's value stays as it is, with a credential that no longer works"
    };
    format!(
        "decommission {} waits {drain} (drain) for consumers to stop using it, and {end}. Nothing \
         replaces it; {value}; the policy never rotates and never heals again.",
        policy.name
    )
}
