//! The composition root: settings → ports → engine, for every command. Knows all rooms and decides
//! nothing: what a policy needs is read from it, what to do next is the planner's business.

mod clients;
mod departed;
mod home;
mod known;
mod neighbours;
mod online;
mod policies;
mod ports;
mod rehearsal;
mod workshop;

use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::domain::ids::{BadId, SecretKey};
use crate::domain::plan::{Rules, certain_ms};
use crate::domain::policy::diagnostic::escaped;
use crate::domain::policy::{Findings, Policy};
use crate::domain::state::State;
use crate::engine::{Engine, EngineError, Plan, Ports, ProgressSink};
use crate::journal::{LockError, MemoryJournal, SqliteJournal, StateLock};
use crate::port::{Clock, Journal, JournalError, PortError, Random};
use crate::settings::{
    Flags, Loaded, LocateError, Located, Settings, System, load_policies, locate,
};
use crate::system::{SystemClock, SystemRandom};

pub use clients::Clients;
pub use home::{Home, Loan, OwnEngines};
pub use known::{Known, Watch};
use neighbours::Stores;
pub use online::Online;
pub use policies::LeftOut;
pub use rehearsal::{Noted, Notes};
pub use workshop::{Lent, Policies, Shop};

/// Why a command could not be set up. Nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    #[error(transparent)]
    Locate(#[from] LocateError),
    #[error("{0}")]
    Policies(Findings),
    #[error("there is no policies directory `{}`", escaped(&.0.display().to_string()))]
    NoPolicies(PathBuf),
    #[error("there is no policy `{name}`; {help}")]
    UnknownPolicy { name: String, help: String },
    #[error("{} has no journal yet; a new one would know of no key and no open rotation", .0.display())]
    NewJournal(PathBuf),
    #[error("there is no journal in {}, and so nothing to audit", .0.display())]
    NoJournal(PathBuf),
    #[error("the state directory {} cannot be made: {why}", path.display())]
    StateDir { path: PathBuf, why: std::io::ErrorKind },
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Port(#[from] PortError),
    #[error("the policies directory {} holds no policy any more", escaped(&.0.display().to_string()))]
    NoneLeft(PathBuf),
    #[error("the daemon is stopping; nothing was recorded")]
    Stopping,
    #[error("the policy's secret has no usable name: {0}")]
    Name(#[from] BadId),
    #[error(
        "the policy's actor is the systemd credential `{0}`, and $CREDENTIALS_DIRECTORY is not set"
    )]
    NoCredentials(String),
}

/// What all commands start from.
pub struct App {
    pub settings: Settings,
    /// Those whose files have no finding, sorted by name.
    pub policies: Vec<Policy>,
    /// Everything that is wrong with the policies' files, and with which.
    findings: Findings,
    wrong_files: BTreeMap<String, Findings>,
    /// Where the policies were read from; empty where they were at hand already.
    pub policies_dir: PathBuf,
    /// What the policies' stores hold, for each other.
    stores: Arc<Stores>,
    pub state_dir: PathBuf,
    pub state_dir_is_named: bool,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    /// Connections, shared with whoever else is of this process.
    pub clients: Arc<Clients>,
}

/// The journal for a command that may write, and the lock that makes it the only one.
pub struct Held {
    pub journal: Arc<dyn Journal>,
    _lock: StateLock,
}

impl App {
    /// Finds settings and policies as the command line names them, and reads them all. Policies
    /// with a finding are left out: whoever is about all of them asks [`App::whole`] first.
    ///
    /// # Errors
    /// When a place is missing or may not be read, or the settings have a finding.
    pub fn load(flags: &Flags) -> Result<Self, AppError> {
        let Located { settings, policies_dir, state_dir, state_dir_is_named, .. } =
            locate(flags, &System)?;
        if policies_dir.try_exists().is_ok_and(|exists| !exists) {
            return Err(AppError::NoPolicies(policies_dir));
        }
        let Loaded { policies, findings, broken: wrong_files } =
            load_policies(&policies_dir).map_err(AppError::Policies)?;
        let app = Self::new(settings, policies, state_dir);
        Ok(Self { policies_dir, state_dir_is_named, findings, wrong_files, ..app })
    }

    /// For settings and policies that are at hand already.
    #[must_use]
    pub fn new(settings: Settings, policies: Vec<Policy>, state_dir: PathBuf) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let clients = Arc::new(Clients::new(Arc::new(()), None));
        Self::on(settings, policies, state_dir, clock, clients)
    }

    /// The same on a clock and on connections that others use too.
    fn on(
        settings: Settings,
        policies: Vec<Policy>,
        state_dir: PathBuf,
        clock: Arc<dyn Clock>,
        clients: Arc<Clients>,
    ) -> Self {
        Self {
            settings,
            stores: Arc::new(Stores::new(&policies, clock.clone(), clients.clone())),
            policies,
            findings: Findings::new(Vec::new()),
            wrong_files: BTreeMap::new(),
            policies_dir: PathBuf::new(),
            state_dir,
            state_dir_is_named: true,
            clock,
            random: Arc::new(SystemRandom),
            clients,
        }
    }

    /// The same policies on connections that others use too.
    #[must_use]
    pub fn with_clients(self, clients: Arc<Clients>) -> Self {
        let stores = Stores::new(&self.policies, self.clock.clone(), clients.clone());
        Self { stores: Arc::new(stores), clients, ..self }
    }

    /// Settings and policies as the command line names them, read anew for the same process.
    ///
    /// # Errors
    /// As for [`App::load`].
    pub fn reload(&self, flags: &Flags) -> Result<Self, AppError> {
        let read = Self::load(flags)?;
        let clock = self.clock.clone();
        Ok(Self { clock, ..read }.with_clients(self.clients.clone()))
    }

    /// Whether a policy names this secret.
    #[must_use]
    pub fn watches(&self, secret: &SecretKey) -> bool {
        self.stores.policies().contains_key(secret)
    }

    /// Whether a command that writes would begin a new journal.
    #[must_use]
    pub fn journal_is_new(&self) -> bool {
        !SqliteJournal::exists(&self.state_dir)
    }

    /// The journal for looking only: no lock, also while another process writes. Where none exists
    /// yet, an empty one in memory.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn look(&self) -> Result<Arc<dyn Journal>, AppError> {
        if self.journal_is_new() {
            return Ok(Arc::new(MemoryJournal::new()));
        }
        Ok(Arc::new(SqliteJournal::open_read_only(&self.state_dir)?))
    }

    /// The journal as evidence: it must be there. No lock, also while another process writes.
    ///
    /// # Errors
    /// [`AppError::NoJournal`] when none is there; when it cannot be read or does not hold.
    pub fn evidence(&self) -> Result<SqliteJournal, AppError> {
        if self.journal_is_new() {
            return Err(AppError::NoJournal(self.state_dir.clone()));
        }
        Ok(SqliteJournal::open_read_only(&self.state_dir)?)
    }

    /// The journal for writing, with its lock. `may_create`: a place that was not named on the
    /// command line may get a new journal.
    ///
    /// # Errors
    /// [`AppError::NewJournal`] when that is missing; when another process holds the lock; when
    /// the journal cannot be opened.
    pub fn hold(&self, may_create: bool) -> Result<Held, AppError> {
        if self.journal_is_new() {
            if !self.state_dir_is_named && !may_create {
                return Err(AppError::NewJournal(self.state_dir.clone()));
            }
            make_private(&self.state_dir)?;
        }
        let lock = StateLock::acquire(&self.state_dir)?;
        let journal = Arc::new(SqliteJournal::open(&self.state_dir)?);
        Ok(Held { journal, _lock: lock })
    }

    /// What the protocol needs to know of a policy.
    ///
    /// # Errors
    /// Never for a policy that was parsed.
    pub fn plan(&self, policy: &Policy) -> Result<Plan, AppError> {
        let dead_after = &self.settings.verify.dead_after;
        Ok(Plan {
            rules: Rules::new(policy, self.settings.limits.quiesce_ms()),
            stream: policy.secret_key()?,
            canaries: policy.verify.canaries.clone(),
            dead_rejections: dead_after.rejections,
            dead_over_ms: u64::try_from(dead_after.over_ms).unwrap_or(0),
        })
    }

    /// An engine for a policy, which asks the journal what the other policies name (R22).
    ///
    /// # Errors
    /// When the journal cannot be read or does not replay, or the policy's ports cannot be made.
    pub async fn engine(
        &self,
        policy: &Policy,
        journal: Arc<dyn Journal>,
        progress: Arc<dyn ProgressSink>,
    ) -> Result<Engine, AppError> {
        let ports = self.ports(policy, journal).await?;
        self.engine_on(policy, ports, progress).await
    }

    /// The same on ports that are there already.
    ///
    /// # Errors
    /// When the journal cannot be read or does not replay.
    pub(crate) async fn engine_on(
        &self,
        policy: &Policy,
        ports: Ports,
        progress: Arc<dyn ProgressSink>,
    ) -> Result<Engine, AppError> {
        let plan = self.plan(policy)?;
        let neighbours = self.neighbours(ports.journal.clone(), policy, &plan);
        let mut engine = Engine::open(ports, plan, progress).await?;
        engine.set_neighbours(neighbours);
        if let Some(kept) = self.as_it_was(policy, engine.state())? {
            engine.finish_by(kept);
        }
        Ok(engine)
    }

    /// What an open rotation goes by, where the policy changed since it started (R28). Whom to ask
    /// and where is the policy's as it is now: what was mended must count at once.
    fn as_it_was(&self, policy: &Policy, state: &State) -> Result<Option<Plan>, AppError> {
        let changed = state.rotation.is_some() && state.kept != policy.kept;
        let kept = state.kept.as_ref().filter(|_| changed);
        let Some(kept) = kept.and_then(|kept| kept.policy(&policy.name)) else { return Ok(None) };
        let mut plan = Plan { stream: policy.secret_key()?, ..self.plan(&kept)? };
        plan.rules.named_actor = self.plan(policy)?.rules.named_actor;
        Ok(Some(plan))
    }

    /// When a mutation whose reply was lost is settled for certain, in milliseconds (R1, R13).
    #[must_use]
    pub fn certain_ms(&self) -> i64 {
        certain_ms(self.settings.limits.quiesce_ms())
    }
}

/// A directory that only we may enter; its parents as the system makes them.
fn make_private(dir: &Path) -> Result<(), AppError> {
    let failed = |error: std::io::Error| AppError::StateDir { path: dir.into(), why: error.kind() };
    if let Some(parent) = dir.parent() {
        std::fs::create_dir_all(parent).map_err(failed)?;
    }
    match DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        other => other.map_err(failed),
    }
}
