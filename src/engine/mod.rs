//! The one loop: observe → plan → intent → effect → outcome → check. It decides nothing: the
//! planner does. It never sends a mutation whose intent is not durable.

mod ack;
mod departure;
mod look;
mod observe;
mod perform;
mod progress;
mod proof;
mod record;
mod rested;
mod ruling;
mod run;
mod vault;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub use departure::forget;
pub use progress::{Progress, ProgressSink};
pub use rested::Rested;
pub use ruling::rule;
pub use run::{Goal, Halt, Stop, Yield};

use crate::domain::facts::Observed;
use crate::domain::ids::{RotationId, SecretKey, VersionId};
use crate::domain::plan::{Rules, Step, WaitFor, next_step};
use crate::domain::secret::Credential;
use crate::domain::state::{Effect, Event, IllegalTransition, Request, Requester, State, apply};
use crate::port::{
    Clock, CredentialSource, Issuer, Journal, JournalError, Neighbours, Random, SecretStore,
    Verifier,
};
use vault::Vault;

/// The outside, as the engine sees it.
#[derive(Clone)]
pub struct Ports {
    pub issuer: Arc<dyn Issuer>,
    pub verifier: Arc<dyn Verifier>,
    pub store: Arc<dyn SecretStore>,
    pub actor: Option<Arc<dyn CredentialSource>>,
    pub journal: Arc<dyn Journal>,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
}

/// What of a policy the engine needs beyond the planner's rules.
#[derive(Debug, Clone)]
pub struct Plan {
    pub rules: Rules,
    pub stream: SecretKey,
    pub canaries: Vec<String>,
    /// R20: this many rejections, spread over this time.
    pub dead_rejections: u32,
    pub dead_over_ms: u64,
}

/// Why the engine cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The journal's events do not fit together: not written by this protocol.
    #[error("the journal does not replay: {0}")]
    Replay(IllegalTransition),
    /// A step of our own that the state refuses: a bug, stopped before it was sent.
    #[error("refused a step that does not fit the state: {0}")]
    Refused(IllegalTransition),
}

/// What one turn came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// Something was read, recorded, or sent: ask again at once.
    Moved,
    /// Nothing to do for this long, unless a request comes.
    Waiting { reason: WaitFor, ms: i64 },
    /// Nothing is open.
    Resting,
}

/// Runs one secret's protocol. Owns its state; nobody else appends to its stream.
pub struct Engine {
    ports: Ports,
    plan: Plan,
    /// What comes into force when the open rotation is over.
    next_plan: Option<Plan>,
    state: State,
    position: u64,
    seen: Observed,
    vault: Vault,
    neighbours: Option<Arc<dyn Neighbours>>,
    progress: Arc<dyn ProgressSink>,
    /// Between *issue* and *stage*: a stop waits (R27).
    critical: Arc<AtomicBool>,
    /// The outcome of a create that the journal did not take yet: it goes before whatever is recorded
    /// next (R4).
    unsettled: Option<Event>,
    /// A server asked to be left alone for this long.
    hold_ms: u64,
    /// What failed calls said since the last step, by the step that they were for.
    said: BTreeMap<String, String>,
    rested: Rested,
}

/// Rebuilds the state of one secret.
///
/// # Errors
/// When the journal cannot be read, or its events do not fit together.
pub async fn replay(
    journal: &dyn Journal,
    stream: &SecretKey,
) -> Result<(State, u64), EngineError> {
    let mut state = State::default();
    let mut position = 0;
    for row in journal.replay(stream).await? {
        state = apply(state, &row.at, &row.event).map_err(EngineError::Replay)?;
        position = row.position;
    }
    Ok((state, position))
}

impl Engine {
    /// Replays the secret's stream and stands ready. Sends nothing.
    ///
    /// # Errors
    /// When the journal cannot be read or written, or does not replay.
    pub async fn open(
        ports: Ports,
        plan: Plan,
        progress: Arc<dyn ProgressSink>,
    ) -> Result<Self, EngineError> {
        let (state, position) = replay(ports.journal.as_ref(), &plan.stream).await?;
        let mut engine = Self {
            ports,
            plan,
            next_plan: None,
            state,
            position,
            seen: Observed::default(),
            vault: Vault::default(),
            neighbours: None,
            progress,
            critical: Arc::new(AtomicBool::new(false)),
            unsettled: None,
            hold_ms: 0,
            said: BTreeMap::new(),
            rested: Rested::default(),
        };
        engine.anchor_time().await?;
        engine.follow_name().await?;
        Ok(engine)
    }

    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.ports.clock
    }

    #[must_use]
    pub fn stream(&self) -> &SecretKey {
        &self.plan.stream
    }

    /// The open rotation goes by another plan, and whatever comes after it by the one that this
    /// engine was opened with (R28).
    pub fn finish_by(&mut self, plan: Plan) {
        self.next_plan = Some(std::mem::replace(&mut self.plan, plan));
    }

    /// Where steps are shown from now on.
    pub fn set_progress(&mut self, progress: Arc<dyn ProgressSink>) {
        self.progress = progress;
    }

    /// Whom to ask what other secrets name (R22). Without it this secret is taken to be alone.
    pub fn set_neighbours(&mut self, neighbours: Arc<dyn Neighbours>) {
        self.neighbours = Some(neighbours);
    }

    /// Makes a request durable. It is weighed by the next turns.
    ///
    /// # Errors
    /// When it cannot be journaled; then it was not made.
    pub async fn request(&mut self, request: Request, by: Requester) -> Result<(), EngineError> {
        self.record(vec![Event::Requested { request, by }]).await
    }

    /// Writes a credential that an operator gave as *current*, where no rotation is open (R31).
    /// The caller has exchanged it. Adoption follows by the next turns.
    ///
    /// # Errors
    /// When a rotation or a question is open, or the journal fails. A lost reply is no error: it
    /// stays an open question that the next turns resolve.
    pub async fn install(&mut self, credential: Credential) -> Result<(), EngineError> {
        let replaces = match self.ports.store.describe().await {
            Ok(view) => view.current,
            Err(error) => {
                self.note_failure("install", &error);
                return self.troubled(error.class, "install".to_owned()).await;
            }
        };
        let token = VersionId::random(self.ports.random.uuid(), self.ports.random.uuid());
        self.vault.hold_minted(credential);
        let Some(proof) = self.vault.minted_proof() else { return Ok(()) };
        let sent = self.perform(Effect::Install { token, proof, replaces }).await;
        self.vault.forget_minted();
        self.critical.store(false, Ordering::SeqCst);
        sent
    }

    /// One turn of the loop.
    ///
    /// # Errors
    /// When the journal fails, or a step does not fit the state. Nothing is half done: what was
    /// sent has a durable intent.
    pub async fn turn(&mut self) -> Result<Turn, EngineError> {
        if self.state.rotation.is_none()
            && let Some(plan) = self.next_plan.take()
        {
            self.plan = plan;
        }
        if self.unsettled.is_some() {
            self.record(Vec::new()).await?;
        }
        let at = self.ports.clock.stamp();
        self.refresh();
        match next_step(&self.plan.rules, &self.state, &self.seen, &at) {
            Step::Look(reads) => {
                for read in reads {
                    self.observe(read).await;
                }
                Ok(Turn::Moved)
            }
            Step::Record(events) => {
                self.record(events).await?;
                Ok(Turn::Moved)
            }
            Step::Do(effect) => {
                let before = self.state.trouble.as_ref().map_or(0, |t| t.count);
                self.perform(effect).await?;
                let count = self.state.trouble.as_ref().map_or(0, |t| t.count);
                Ok(if count > before { self.back_off(WaitFor::Trouble) } else { Turn::Moved })
            }
            Step::Trouble { class, step } => {
                self.troubled(class, step).await?;
                Ok(self.back_off(WaitFor::Trouble))
            }
            Step::Wait { reason, ms } => {
                self.forget();
                self.checkpoint_if_late(&at).await?;
                Ok(Turn::Waiting { reason, ms })
            }
            Step::Rest => {
                self.rested = self.look_back();
                self.forget();
                Ok(Turn::Resting)
            }
        }
    }

    /// Doubling from half a second to a quarter of a minute, then to a minute; never sooner than a
    /// server asked for.
    fn back_off(&mut self, reason: WaitFor) -> Turn {
        let count = self.state.trouble.as_ref().map_or(1, |t| t.count).clamp(1, 20);
        let cap = if count > 10 { 60_000 } else { 15_000 };
        let base: u64 = 500 << (count - 1).min(7);
        let wait = base.min(cap) + self.ports.random.below(250);
        let ms = wait.max(std::mem::take(&mut self.hold_ms));
        Turn::Waiting { reason, ms: i64::try_from(ms).unwrap_or(i64::MAX) }
    }

    fn refresh(&mut self) {
        self.seen.in_memory = self.vault.minted_proof();
        if self.seen.next_rotation == RotationId::default() {
            self.seen.next_rotation = RotationId(self.ports.random.uuid());
        }
    }

    /// Every effect and every recorded step empties what was observed.
    fn forget(&mut self) {
        self.seen = Observed::default();
        self.said.clear();
        self.vault.forget_read();
    }
}
