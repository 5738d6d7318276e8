//! `ack`: a consumer has moved to the new key. Durable at once; the old key is not retired before
//! every consumer that the policy names has said so.

use std::sync::Arc;

use async_trait::async_trait;

use super::args::AckArgs;
use super::context::Context;
use super::drive::{Bench, Job, conclude, drive};
use super::error::{CliError, Exit};
use super::verdict::{Asked, Verdict};
use crate::domain::code::{Refused, Setup};
use crate::domain::ids::ConsumerName;
use crate::domain::policy::Policy;
use crate::domain::policy::diagnostic::{help_for, quoted};
use crate::domain::policy::duration::SECOND_MS;
use crate::domain::report::acks_missing;
use crate::domain::state::State;
use crate::engine::Goal;

/// What its word allows is begun; a drain is left to the next run.
const BUDGET_MS: i64 = 30 * SECOND_MS;

pub async fn ack(context: &Context, args: &AckArgs) -> Result<Exit, CliError> {
    let names = [args.name.clone()];
    let app = context.app_for(&names)?;
    let policy = app.meant(context.look(&app)?.as_ref(), &args.name).await?;
    let consumer = named(&policy, &args.consumer)?;
    let held = context.hold(&app)?;
    let job = Arc::new(Ack { consumer });
    let verdicts = drive(context, &app, &held.journal, vec![policy], job).await?;
    let exit = conclude(&context.out, &verdicts);
    context.remind(&app, held.journal.as_ref(), &names).await?;
    Ok(exit)
}

/// Only a consumer that the policy names has a word.
fn named(policy: &Policy, text: &str) -> Result<ConsumerName, CliError> {
    let acks = &policy.consumers.acks;
    if let Some(name) = acks.iter().find(|name| name.as_str() == text) {
        return Ok(name.clone());
    }
    let known: Vec<&str> = acks.iter().map(ConsumerName::as_str).collect();
    let help = if known.is_empty() {
        "its `consumers.acks` names none".to_owned()
    } else {
        help_for(text, "consumers", &known)
    };
    let (told, name) = (quoted(text), &policy.name);
    let said = format!("policy {name} waits for no consumer {told}; {help}");
    Err(CliError::new(Exit::Usage, Setup::UnknownConsumer, said)
        .next(format!("rekeyd status {name}")))
}

/// Why a word comes too early, or for nothing.
fn unfit(name: &str, state: &State) -> Option<CliError> {
    let (code, said) = match state.rotation.as_ref().map(|open| open.phase) {
        None => (Refused::NothingOpen, "no rotation is open, so there is no new key to move to"),
        Some(phase) if !phase.after_promote() => (
            Refused::NotPromoted,
            "the rotation has no new key in use: the store's current key is the old one",
        ),
        Some(_) => return None,
    };
    let said = format!("nothing was noted: {said}.");
    Some(CliError::new(Exit::Usage, code, said).next(format!("rekeyd status {name}")))
}

struct Ack {
    consumer: ConsumerName,
}

#[async_trait]
impl Job for Ack {
    async fn work(&self, bench: &mut Bench<'_>) -> Result<Verdict, CliError> {
        let before = bench.engine.state().clone();
        if let Some(error) = unfit(bench.policy.name.as_str(), &before) {
            return Err(error);
        }
        bench.engine.ack(self.consumer.clone(), bench.by.clone()).await?;
        let missing = acks_missing(bench.policy, bench.engine.state());
        let missing: Vec<&str> = missing.into_iter().map(ConsumerName::as_str).collect();
        let rest = match missing.as_slice() {
            [] => "no consumer is waited for any more".to_owned(),
            names => format!("still waited for: {}", names.join(", ")),
        };
        let (_, mut verdict) = bench.run(Asked::Nothing, &before, Goal::Nothing, BUDGET_MS).await?;
        let said = format!("{} uses the new key; {rest}. ", self.consumer);
        verdict.message.insert_str(0, &said);
        Ok(verdict)
    }
}
