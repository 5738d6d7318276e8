//! One slice of work on one secret: begin what is due, and run until something has to be waited
//! for. Never waits itself, so that a secret that waits takes no place from another.

use std::sync::Arc;

use super::agenda::{Outlook, Rank};
use super::charge::{Charge, is_busy, rank};
use super::watch::Finding;
use super::workshop::{Workshop, WorkshopError};
use crate::domain::class::Class;
use crate::domain::policy::duration::{MINUTE_MS, SECOND_MS};
use crate::domain::policy::{ActorSource, OnDeadKey};
use crate::domain::state::{Adoption, ParkReason, Request, RequestKind, Requester, State, Trigger};
use crate::engine::{Engine, EngineError, Goal, Halt, Stop};
use crate::port::{Clock, JournalError, Random, urgently};

/// A leak is looked at this often, whatever it waits for.
const LEAK_LOOK_MS: i64 = MINUTE_MS;
/// What waits for an operator is looked at this often: it heals, and it notices what was mended.
const PARKED_LOOK_MS: i64 = 5 * MINUTE_MS;
/// A first contact that no answer came to is tried again no sooner.
const UNADOPTED_LOOK_MS: i64 = 5 * SECOND_MS;
/// After a failure of our own, such as a journal that cannot be written.
const BROKEN_LOOK_MS: i64 = MINUTE_MS;
/// A step that must end before a stop gets so long (R27).
const CRITICAL_MS: i64 = 85 * SECOND_MS;

/// How often what has nothing open is looked at, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    pub watch_ms: i64,
}

/// What a slice needs besides its secret.
#[derive(Clone)]
pub struct Tools {
    pub workshop: Arc<dyn Workshop>,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    pub pace: Pace,
}

/// How a slice ended.
pub struct SliceEnd {
    pub charge: Charge,
    pub outlook: Outlook,
    /// No policy names the secret, and nothing of it is open any more.
    pub over: bool,
    /// Kept while something is open: it remembers what the journal told.
    pub engine: Option<Engine>,
    /// What watching found; nothing where this slice did not look.
    pub finding: Option<Finding>,
}

/// Works on one secret. Ends within its steps' own bounds.
pub async fn work(
    tools: Tools,
    charge: Charge,
    engine: Option<Engine>,
    may_start: bool,
    stop: Stop,
) -> SliceEnd {
    let ended = match engine {
        Some(engine) => Ok(engine),
        None => tools.workshop.open(&charge.policy, Arc::new(())).await,
    };
    match ended {
        Ok(engine) => with_engine(&tools, &charge, engine, may_start, stop).await,
        Err(error) => broken(&tools, charge, &error, None),
    }
}

/// Lets a secret in its critical section come to the section's end, for a process that stops.
pub async fn finish(mut engine: Engine, mut stop: Stop) {
    if let Err(error) = engine.run(Goal::Nothing, CRITICAL_MS, &mut stop).await {
        tracing::error!(secret = %engine.stream(), "{error}");
    }
}

async fn with_engine(
    tools: &Tools,
    charge: &Charge,
    mut engine: Engine,
    may_start: bool,
    mut stop: Stop,
) -> SliceEnd {
    let urgent = rank(engine.state()) == Rank::Leak;
    let ran = urgently(urgent, run(tools, charge, &mut engine, may_start, &mut stop)).await;
    let halt = match ran {
        Ok(halt) => halt,
        Err(error) => {
            // The engine owes the journal an outcome, or holds the only copy of a secret: it goes on
            // where it was.
            let kept = matches!(error, EngineError::Journal(JournalError::Unwritable(_)));
            let engine = kept.then_some(engine);
            return broken(tools, charge.clone(), &error.into(), engine);
        }
    };
    let now = tools.clock.stamp();
    let state = engine.state();
    let look_in_ms = look_in_ms(tools, &engine, &halt);
    let outlook = charge.outlook_after(state, look_in_ms, &now, may_start);
    let finding = (halt != Halt::Stopped).then(|| Finding::of(charge.name(), &engine, &halt));
    let keep = is_busy(state) || engine.is_in_critical_section();
    let over = charge.departed && !keep && halt != Halt::Stopped;
    SliceEnd { charge: charge.clone(), outlook, over, engine: keep.then_some(engine), finding }
}

async fn run(
    tools: &Tools,
    charge: &Charge,
    engine: &mut Engine,
    may_start: bool,
    stop: &mut Stop,
) -> Result<Halt, EngineError> {
    if stop.is_asked() {
        return Ok(Halt::Stopped);
    }
    let request = if charge.departed {
        leaves_early(engine.state()).then_some((Request::Abort, DEPARTED))
    } else {
        let due = may_start && charge.may_begin(engine.state(), &tools.clock.stamp());
        due.then_some((Request::Rotate { trigger: Trigger::Schedule }, DUE))
    };
    if let Some((request, (who, why))) = request {
        let by = Requester { who: who.to_owned(), reason: Some(why.to_owned()) };
        engine.request(request, by).await?;
    }
    let halt = engine.run(Goal::Nothing, 0, stop).await?;
    if halt != Halt::Parked || !replaces_dead_key(charge, engine.state()) {
        return Ok(halt);
    }
    let by = Requester { who: WATCH.0.to_owned(), reason: Some(WATCH.1.to_owned()) };
    engine.request(Request::Rotate { trigger: Trigger::Schedule }, by).await?;
    engine.run(Goal::Nothing, 0, stop).await
}

const DUE: (&str, &str) = ("schedule", "due");
const WATCH: (&str, &str) = ("watch", "the current key died");
const DEPARTED: (&str, &str) = ("rekeyd", "no policy names this secret any more");

/// *Current* died between rotations, the policy says to replace it, and somebody is there who can. A
/// start that was refused is not asked for again before a person did something.
fn replaces_dead_key(charge: &Charge, state: &State) -> bool {
    let policy = &charge.policy;
    let is_dead = state.parked.as_ref().is_some_and(|park| park.reason == ParkReason::CurrentDead);
    let was_refused = matches!(state.refused, Some((RequestKind::Rotate, _)));
    is_dead
        && state.rotation.is_none()
        && !was_refused
        && !charge.departed
        && policy.watch.on_dead_key == OnDeadKey::Rotate
        && policy.issuer.actor != ActorSource::OwnKey
}

/// Before the promote, what no policy names any more is taken back; after it, finished.
fn leaves_early(state: &State) -> bool {
    let early = state.rotation.as_ref().is_some_and(|open| open.phase.before_promote());
    early && state.requests.leak.is_none() && !state.requests.abort
}

fn look_in_ms(tools: &Tools, engine: &Engine, halt: &Halt) -> i64 {
    let watch_ms = jittered(tools, tools.pace.watch_ms);
    let look_in_ms = match halt {
        Halt::Stopped => 0,
        Halt::Waiting { ms, .. } => {
            i64::try_from(engine.recheck((*ms).max(1)).as_millis()).unwrap_or(watch_ms)
        }
        Halt::Parked => jittered(tools, PARKED_LOOK_MS.min(tools.pace.watch_ms)),
        // With nothing open a failure is a matter of watching.
        Halt::Troubled { ms, .. } if is_busy(engine.state()) => (*ms).max(1),
        // But whoever wrote a new policy waits to see it adopted.
        Halt::Troubled { ms, class: Class::Retryable | Class::Unknown, .. }
            if engine.state().adoption == Adoption::Unadopted =>
        {
            (*ms).max(UNADOPTED_LOOK_MS).min(watch_ms)
        }
        Halt::Troubled { .. } | Halt::Reached => watch_ms,
    };
    if rank(engine.state()) == Rank::Leak { look_in_ms.min(LEAK_LOOK_MS) } else { look_in_ms }
}

/// Up to a tenth sooner, so that many do not come at once.
fn jittered(tools: &Tools, ms: i64) -> i64 {
    let tenth = u64::try_from(ms / 10).unwrap_or(0);
    ms.saturating_sub(i64::try_from(tools.random.below(tenth)).unwrap_or(0))
}

fn broken(
    tools: &Tools,
    charge: Charge,
    error: &WorkshopError,
    engine: Option<Engine>,
) -> SliceEnd {
    let finding = Finding::Problem(error.problem(charge.name()));
    let rank = engine.as_ref().map_or(Rank::Idle, |engine| rank(engine.state()));
    let look_in_ms = jittered(tools, BROKEN_LOOK_MS);
    let outlook = Outlook { due_ms: None, look_in_ms, rank };
    SliceEnd { charge, outlook, over: false, engine, finding: Some(finding) }
}

/// When a secret is looked at again whose work ended by a bug.
#[must_use]
pub fn after_a_bug(watch_ms: i64) -> Outlook {
    Outlook { due_ms: None, look_in_ms: watch_ms, rank: Rank::Idle }
}
