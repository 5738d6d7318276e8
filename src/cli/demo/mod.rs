//! `demo`: a stand-in ION on loopback, three consumers that never rest, a rotation under them, and
//! a leak drill. Ends with what was counted, by the consumers and by the sandbox's own ledger.

mod consumer;
mod count;
mod source;
mod stand;

use std::sync::Arc;
use std::time::Duration;

use self::consumer::Consumers;
use self::count::Counted;
use self::source::Source;
use self::stand::{Stand, Watch};
use super::args::DemoStore;
use super::context::{Context, Signals};
use super::error::{CliError, Exit};
use super::view::out::{BOLD, DIM, GREEN, Out, RED};
use crate::app::AppError;
use crate::domain::code::Own;
use crate::domain::leak::{self, Suspicion};
use crate::domain::state::{Request, State, Trigger};
use crate::engine::{Engine, Goal, Halt};

/// More than the whole demo may take.
const BUDGET_MS: i64 = 60_000;
/// Consumers are counted a little longer, so that what comes late is seen.
const AFTERMATH: Duration = Duration::from_millis(1_500);

pub async fn demo(context: &Context, store: DemoStore) -> Result<Exit, CliError> {
    let mut signals = Signals::listen()?;
    let stand = Stand::build(store).await?;
    let out = &context.out;
    headline(out, &stand);
    let watch = Arc::new(Watch::new(context.progress(stand::POLICY)));
    let policy = stand.app.policy(stand::POLICY)?;
    let held = stand.app.hold(true)?;
    let mut engine = stand.app.engine(policy, held.journal.clone(), watch.clone()).await?;

    let consumers = Consumers::start(&stand.url(), &stand.source)?;
    let end = play(context, &mut engine, &mut signals, &stand, &watch, consumers).await;
    stand.sandbox.shutdown().await;
    end
}

fn headline(out: &Out, stand: &Stand) {
    if out.is_json() {
        return;
    }
    let what = match stand.source {
        Source::File(_) => "ION is",
        Source::Aws(_) => "ION and AWS Secrets Manager are",
    };
    out.data(&format!("{BOLD}A sandbox {what} on {}.{BOLD:#}", stand.url()));
    out.data(&format!(
        "{DIM}Three consumers {} and cache it for {} s;\n\
         each exchanges it and asks who it is, again and again. The policy:{DIM:#}\n",
        stand.source.words(),
        stand::CACHE_TTL.as_secs()
    ));
    for line in stand.policy_text.lines() {
        out.data(&format!("    {line}"));
    }
}

async fn play(
    context: &Context,
    engine: &mut Engine,
    signals: &mut Signals,
    stand: &Stand,
    watch: &Watch,
    consumers: Consumers,
) -> Result<Exit, CliError> {
    let out = &context.out;
    consumers.warm().await;
    chapter(out, "1. A rotation: nobody may notice");
    let by = context.requester();
    // First contact: naming the secret in a policy is the consent.
    step(engine, Goal::Nothing, signals).await?;
    let rotate = Request::Rotate { trigger: Trigger::Person };
    engine.request(rotate, by.clone()).await?;
    if let Some(stopped) = step(engine, Goal::Nothing, signals).await? {
        return Ok(stopped);
    }
    tokio::time::sleep(AFTERMATH).await;
    let rotation = consumers.tally();

    chapter(out, "2. A leak drill: the current key is reported leaked");
    let Suspicion::Report(suspects) = leak::weigh(engine.state(), &leak::Report::default()) else {
        return Err(ended_badly(engine.state()));
    };
    watch.report(suspects.keys().cloned().collect());
    let leak = Request::Leak { suspects, kill_first: false, grace_ms: 0, since_ms: None };
    engine.request(leak, by).await?;
    if let Some(stopped) = step(engine, Goal::SuspectsDead, signals).await? {
        return Ok(stopped);
    }
    if let Some(stopped) = step(engine, Goal::Nothing, signals).await? {
        return Ok(stopped);
    }
    tokio::time::sleep(AFTERMATH).await;
    let all = consumers.stop().await;

    let stored = stand.source.read().await;
    let took = watch.seconds_to_death();
    let counted = Counted::of(stand, stored.as_ref(), engine.state(), (&rotation, &all), took);
    conclude(out, &counted);
    Ok(if counted.is_good() { Exit::Done } else { Exit::RolledBack })
}

/// Runs to the goal; `Some` when a signal came.
async fn step(
    engine: &mut Engine,
    goal: Goal,
    signals: &mut Signals,
) -> Result<Option<Exit>, CliError> {
    let halt = engine.run(goal, BUDGET_MS, &mut signals.stop).await.map_err(AppError::from)?;
    match halt {
        Halt::Reached => Ok(None),
        Halt::Stopped => Ok(Some(signals.exit())),
        Halt::Waiting { .. } | Halt::Parked | Halt::Troubled { .. } => {
            Err(ended_badly(engine.state()))
        }
    }
}

fn ended_badly(state: &State) -> CliError {
    let parked = state.parked.as_ref().map_or("a wait", |park| park.reason.code());
    CliError::new(
        Exit::RolledBack,
        Own::Demo,
        format!("the demo did not come to its end: {parked}"),
    )
    .next("rekeyd demo --log-level info")
}

fn chapter(out: &Out, title: &str) {
    if !out.is_json() {
        out.data(&format!("\n{BOLD}{title}{BOLD:#}"));
    }
}

fn conclude(out: &Out, counted: &Counted) {
    if out.is_json() {
        out.json(counted);
        return;
    }
    out.data(&format!("\n{BOLD}Counted{BOLD:#}"));
    for line in counted.lines() {
        let style = if line.good { GREEN } else { RED };
        out.data(&format!("  {:<52} {style}{}{style:#}", line.what, line.value));
    }
    if counted.is_good() {
        out.data(&format!(
            "{GREEN}Nobody noticed the rotation, and the leaked key is dead.{GREEN:#}"
        ));
    } else {
        out.data(&format!("{RED}The counts are not as they must be.{RED:#}"));
    }
}
