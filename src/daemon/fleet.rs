//! The one owner of all engines of a running daemon: it starts slices of work as the agenda says,
//! so many at a time, lends engines to commands, and takes in new sets of policies.
//!
//! ```text
//! beats ─────┐
//! messages ──┼─▶ Fleet: agenda, engines ──▶ slices (one task each, bounded)
//! returns ───┘        ▲──────────────────────────┘ how each ended
//! ```
//!
//! It never waits for a slice: a secret that hangs keeps its own place and no other's. It decides
//! nothing about keys.

mod loans;
mod policies;
mod report;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::{Id, JoinSet};

pub use loans::Stopping;
use policies::Learned;
pub use report::{FleetReport, Reloaded};

use super::agenda::{Agenda, Work};
use super::charge::Charge;
use super::slice::{self, Pace, SliceEnd, Tools};
use super::watch::Finding;
use super::workshop::{Workshop, bug};
use crate::domain::ids::SecretKey;
use crate::domain::policy::Policy;
use crate::engine::{Engine, Stop, Yield};
use crate::port::{Clock, Random};

/// Messages that may wait; a sender waits for a place.
const WAITING: usize = 256;
/// Engines kept between slices. Beyond this, whoever comes back is made anew from the journal.
const MAX_KEPT: usize = 1_024;
/// What still works after a stop was asked for is given up after so long (R27).
const STOP_BOUND: Duration = Duration::from_secs(90);

/// What the fleet is told.
pub(super) enum Message {
    /// Somebody wants a secret's engine.
    Borrow { secret: SecretKey, is_urgent: bool, reply: oneshot::Sender<Option<Engine>> },
    /// A new set of policies.
    Adopt { workshop: Arc<dyn Workshop>, reply: oneshot::Sender<Reloaded> },
    /// What the journal knows of a secret was read.
    Learned { charge: Charge, learned: Box<Learned> },
    /// Policies as they were, of secrets that no policy names.
    Departed { policies: Vec<Policy> },
}

/// What ended without an answer to wait for.
pub(super) struct Returned {
    secret: SecretKey,
    engine: Option<Engine>,
}

/// Talks to a fleet. Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    messages: mpsc::Sender<Message>,
    returns: mpsc::UnboundedSender<Returned>,
}

/// How many and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Secrets that are worked on at a time. Leaks pass.
    pub concurrency: usize,
    /// How often a secret with nothing open is looked at, in milliseconds.
    pub watch_ms: i64,
    /// Over how long starts that were missed are spread, in milliseconds.
    pub catch_up_ms: i64,
}

/// All engines and what they work on.
pub struct Fleet {
    workshop: Arc<dyn Workshop>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    bounds: Bounds,
    agenda: Agenda,
    charges: BTreeMap<SecretKey, Charge>,
    /// Of secrets with something open, between slices, each with the set that it was made for.
    engines: BTreeMap<SecretKey, (u64, Engine)>,
    /// Which set of policies is in use: an engine of an earlier one asks about neighbours that are
    /// not there any more, and goes by a policy that was changed.
    set: u64,
    slices: JoinSet<SliceEnd>,
    running: BTreeMap<SecretKey, Running>,
    by_task: BTreeMap<Id, SecretKey>,
    /// Lent to commands; those who wait for one stand behind each other.
    lent: BTreeMap<SecretKey, VecDeque<oneshot::Sender<Option<Engine>>>>,
    findings: BTreeMap<SecretKey, Finding>,
    /// Secrets whose journal is still to be read.
    unlearned: usize,
    messages: mpsc::Receiver<Message>,
    returns: mpsc::UnboundedReceiver<Returned>,
    handle: Handle,
}

/// A slice under way.
struct Running {
    /// Asks it to end between two steps.
    yields: Yield,
    /// The set that its engine was made for.
    set: u64,
    /// Those who wait for its engine.
    waiters: VecDeque<oneshot::Sender<Option<Engine>>>,
}

impl Fleet {
    /// Nothing is worked on before [`Fleet::run`].
    #[must_use]
    pub fn new(
        workshop: Arc<dyn Workshop>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        bounds: Bounds,
    ) -> (Self, Handle) {
        let (sender, messages) = mpsc::channel(WAITING);
        let (returner, returns) = mpsc::unbounded_channel();
        let handle = Handle { messages: sender, returns: returner };
        let fleet = Self {
            workshop,
            clock,
            random,
            bounds,
            agenda: Agenda::new(bounds.catch_up_ms),
            charges: BTreeMap::new(),
            engines: BTreeMap::new(),
            set: 0,
            slices: JoinSet::new(),
            running: BTreeMap::new(),
            by_task: BTreeMap::new(),
            lent: BTreeMap::new(),
            findings: BTreeMap::new(),
            unlearned: 0,
            messages,
            returns,
            handle: handle.clone(),
        };
        (fleet, handle)
    }

    /// Works until a stop is asked for, then lets what must not be cut short come to its end, at
    /// most 90 s (R27). `beats` is the heartbeat; `beaten` is called after each one was served.
    pub async fn run(
        mut self,
        mut beats: mpsc::Receiver<()>,
        mut beaten: impl FnMut(&FleetReport),
        mut stop: Stop,
    ) {
        self.begin();
        loop {
            tokio::select! {
                biased;
                () = stop.asked() => break,
                Some(returned) = self.returns.recv() => self.take_back(returned),
                Some(ended) = self.slices.join_next_with_id() => self.ended(ended),
                Some(message) = self.messages.recv() => self.hear(message),
                Some(()) = beats.recv() => {
                    self.beat();
                    beaten(&self.report());
                }
            }
            self.start_slices();
        }
        self.end().await;
    }

    fn hear(&mut self, message: Message) {
        match message {
            Message::Borrow { secret, is_urgent, reply } => self.lend(&secret, is_urgent, reply),
            Message::Adopt { workshop, reply } => drop(reply.send(self.adopt(workshop))),
            Message::Learned { charge, learned } => self.learn(&charge, *learned),
            Message::Departed { policies } => self.take_departed(&policies),
        }
    }

    fn beat(&mut self) {
        let now = self.clock.stamp();
        if let Some(step_ms) = self.agenda.tick(&now) {
            let step_seconds = step_ms / 1000;
            tracing::warn!(step_seconds, "the wall clock was set; deadlines go by other witnesses");
        }
    }

    fn start_slices(&mut self) {
        let free = self.bounds.concurrency.saturating_sub(self.running.len());
        let now = self.clock.stamp();
        for work in self.agenda.take(free, &now) {
            self.start_slice(work);
        }
    }

    fn start_slice(&mut self, work: Work) {
        let Work { secret, may_start } = work;
        let Some(charge) = self.charges.get(&secret).cloned() else {
            self.agenda.remove(&secret);
            return;
        };
        let (set, engine) = match self.engines.remove(&secret) {
            Some((set, engine)) => (set, Some(engine)),
            None => (self.set, None),
        };
        let (yields, stop) = Stop::between_steps();
        let tools = Tools {
            workshop: self.workshop.clone(),
            clock: self.clock.clone(),
            random: self.random.clone(),
            pace: Pace { watch_ms: self.bounds.watch_ms },
        };
        let task = self.slices.spawn(slice::work(tools, charge, engine, may_start, stop));
        self.by_task.insert(task.id(), secret.clone());
        self.running.insert(secret, Running { yields, set, waiters: VecDeque::new() });
    }

    fn ended(&mut self, ended: Result<(Id, SliceEnd), tokio::task::JoinError>) {
        let now = self.clock.stamp();
        match ended {
            Ok((id, end)) => {
                self.by_task.remove(&id);
                let secret = end.charge.secret.clone();
                if let Some(finding) = end.finding {
                    self.found(&secret, finding);
                }
                self.agenda.settle(&secret, &end.outlook, &now);
                self.hand_on(&secret, end.engine);
                self.reconsider(&end.charge, end.over);
            }
            Err(error) => {
                let Some(secret) = self.by_task.remove(&error.id()) else { return };
                let problem = bug(&self.name_of(&secret));
                self.found(&secret, Finding::Problem(problem));
                let outlook = slice::after_a_bug(self.bounds.watch_ms);
                self.agenda.settle(&secret, &outlook, &now);
                self.hand_on(&secret, None);
            }
        }
    }

    /// The engine of a slice that ended goes to whoever waits for it, or is kept.
    fn hand_on(&mut self, secret: &SecretKey, engine: Option<Engine>) {
        let Some(running) = self.running.remove(secret) else { return };
        let engine = engine.map(|engine| (running.set, engine));
        self.give(secret, engine, running.waiters);
    }

    /// Keeps an engine of the set that is in use, and any that holds what nobody else has.
    fn keep(&mut self, secret: &SecretKey, set: u64, engine: Engine) {
        let critical = engine.is_in_critical_section();
        let has_room = self.engines.len() < MAX_KEPT && set == self.set;
        if (has_room || critical) && self.charges.contains_key(secret) {
            self.engines.insert(secret.clone(), (set, engine));
        }
    }

    fn found(&mut self, secret: &SecretKey, finding: Finding) {
        finding.log(&self.name_of(secret), self.findings.get(secret));
        self.findings.insert(secret.clone(), finding);
    }

    fn name_of(&self, secret: &SecretKey) -> String {
        let charge = self.charges.get(secret);
        charge.map_or_else(|| secret.to_string(), |charge| charge.name().to_owned())
    }

    /// Nothing new begins. Slices stop at their next step, or at the end of a critical section; so do
    /// commands, which give back what they have.
    async fn end(mut self) {
        let (switch, stop) = Stop::new();
        switch.send_replace(true);
        for running in self.running.values() {
            running.yields.hurry();
        }
        let mut last = JoinSet::new();
        let kept = std::mem::take(&mut self.engines);
        kept.into_values().for_each(|(_, engine)| finish(&mut last, Some(engine), &stop));
        let work = async {
            loop {
                tokio::select! {
                    Some(ended) = self.slices.join_next() => {
                        finish(&mut last, ended.ok().and_then(|end| end.engine), &stop);
                    }
                    Some(returned) = self.returns.recv(), if !self.lent.is_empty() => {
                        self.lent.remove(&returned.secret);
                        finish(&mut last, returned.engine, &stop);
                    }
                    else => break,
                }
            }
            while last.join_next().await.is_some() {}
        };
        if tokio::time::timeout(STOP_BOUND, work).await.is_err() {
            tracing::error!("a step did not end in time; whatever was sent has its intent");
        }
    }
}

/// What must not be cut short goes on to its end.
fn finish(last: &mut JoinSet<()>, engine: Option<Engine>, stop: &Stop) {
    if let Some(engine) = engine.filter(Engine::is_in_critical_section) {
        last.spawn(slice::finish(engine, stop.clone()));
    }
}
