//! `orphans disable` and `orphans delete`: a person's word that a key must not live. It is found by
//! its id over all policies; one policy's engine carries it out, the other records follow.

use std::sync::Arc;

use async_trait::async_trait;

use crate::app::{App, Known, Watch};
use crate::cli::context::Context;
use crate::cli::drive::{Bench, Job, conclude, drive};
use crate::cli::error::{CliError, Exit};
use crate::cli::verdict::{Asked, Verdict, sentenced};
use crate::domain::code::Concern;
use crate::domain::ids::{KeyId, SecretKey};
use crate::domain::policy::Policy;
use crate::domain::policy::duration::MINUTE_MS;
use crate::domain::report::{ORPHANS, rule_again};
use crate::domain::state::{Adoption, Event, Origin, Ruling, State};
use crate::engine::{Goal, Halt};
use crate::port::Journal;

/// So long a server, or a lost request that must be cleared up, is waited for.
const BUDGET_MS: i64 = 10 * MINUTE_MS;

/// `orphans disable KEY` and `orphans delete KEY --yes`.
pub async fn remove(context: &Context, key: &KeyId, ruling: Ruling) -> Result<Exit, CliError> {
    let app = context.app_for(&[])?;
    let held = context.hold(&app)?;
    let journal = &held.journal;
    let (policy, others) = holders(&app, journal.as_ref(), key).await?;
    let name = policy.name.to_string();
    let job = Arc::new(Sentence { key: key.clone(), ruling });
    let verdicts = drive(context, &app, &held.journal, vec![policy], job).await?;
    if verdicts.iter().all(|verdict| verdict.exit == Exit::Done) {
        follow(context, &app, journal, &others, key, ruling, &name).await?;
    }
    let exit = conclude(&context.out, &verdicts);
    context.remind(&app, journal.as_ref(), &[name]).await?;
    Ok(exit)
}

/// `orphans delete KEY` without `--yes`: what it would do, and nothing else.
pub async fn explain(context: &Context, key: &KeyId) -> Result<Exit, CliError> {
    let app = context.app_for(&[])?;
    let journal = context.look(&app)?;
    let (policy, _) = holders(&app, journal.as_ref(), key).await?;
    let said = format!(
        "key {key} would be disabled, and then deleted for ever, by the engine of policy {}; say \
         --yes if that is meant. Nothing was done",
        policy.name
    );
    Err(CliError::usage(said).next(rule_again(key, Ruling::Delete)))
}

/// The policy whose engine carries the word out, and the other secrets that have the key on record.
async fn holders(
    app: &App,
    journal: &dyn Journal,
    key: &KeyId,
) -> Result<(Policy, Vec<SecretKey>), CliError> {
    let known = app.known(journal).await?;
    if let Some(one) = known.iter().find(|one| manages(&one.state, key)) {
        let said = format!(
            "key {key} is no orphan: policy {} manages it, and rotates or retires it itself. \
             Nothing was done",
            one.name
        );
        return Err(CliError::usage(said).next(format!("rekeyd status {}", one.name)));
    }
    let mut found: Vec<&Known<'_>> =
        known.iter().filter(|one| one.state.orphans.contains_key(key)).collect();
    if found.is_empty() {
        let said = format!(
            "key {key} is not on the record of orphans, so nobody here knows whose it is. Nothing \
             was done"
        );
        return Err(CliError::usage(said).next(ORPHANS));
    }
    // One that is adopted has a key of its own to call with.
    found.sort_by_key(|one| one.state.adoption != Adoption::Adopted);
    let usable = found.iter().find_map(|one| match one.watch {
        Watch::Policy(policy) => Some((policy, &one.stream)),
        _ => None,
    });
    let Some((policy, stream)) = usable else { return Err(nobody_can(key, &found)) };
    let others = found.iter().map(|one| &one.stream).filter(|other| *other != stream);
    Ok((policy.clone(), others.cloned().collect()))
}

fn manages(state: &State, key: &KeyId) -> bool {
    let ours = |managed: &crate::domain::state::ManagedKey| {
        managed.origin != Origin::Foreign && !managed.is_gone()
    };
    state.keys.get(key).is_some_and(ours)
}

/// The secret is remembered, and no policy that can be used says how to call for it.
fn nobody_can(key: &KeyId, found: &[&Known<'_>]) -> CliError {
    let names: Vec<&str> = found.iter().map(|one| one.name.as_str()).collect();
    let names = names.join(", ");
    if found.iter().any(|one| matches!(one.watch, Watch::WrongFile)) {
        let said = format!("the file of policy {names} has findings, so nobody can act on {key}");
        return CliError::new(Exit::Configuration, Concern::RulingPolicyFile, said)
            .next("rekeyd check");
    }
    let said = format!(
        "no policy names the secret of {names} any more, so nobody can act on key {key}. Disable \
         it in ION by hand, and then close its entry"
    );
    CliError::new(Exit::Operator, Concern::RulingNoPolicy, said)
        .next(format!("rekeyd orphans keep {key}"))
}

/// The other records learn what one policy's engine has done.
async fn follow(
    context: &Context,
    app: &App,
    journal: &Arc<dyn Journal>,
    others: &[SecretKey],
    key: &KeyId,
    ruling: Ruling,
    name: &str,
) -> Result<(), CliError> {
    for stream in others {
        let word = match ruling {
            Ruling::Delete => Event::OrphansGone { keys: [key.clone()].into() },
            _ => Event::Ruled {
                key: key.clone(),
                ruling,
                by: context.requester(),
                carried_out_by: Some(name.to_owned()),
            },
        };
        context.home(journal).record(stream, &app.clock.stamp(), word).await?;
    }
    Ok(())
}

struct Sentence {
    key: KeyId,
    ruling: Ruling,
}

#[async_trait]
impl Job for Sentence {
    async fn work(&self, bench: &mut Bench<'_>) -> Result<Verdict, CliError> {
        let before = bench.engine.state().clone();
        bench.engine.rule(self.key.clone(), self.ruling, bench.by.clone()).await?;
        let (halt, verdict) = bench.run(Asked::Nothing, &before, Goal::Ruled, BUDGET_MS).await?;
        if halt == Halt::Stopped {
            return Ok(verdict);
        }
        let name = bench.policy.name.as_str();
        Ok(sentenced(name, bench.engine.state(), &self.key, self.ruling, &halt))
    }
}
