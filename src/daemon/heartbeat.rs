//! The heartbeat: one job of the scheduler, every second, that says "now". Due times are not its
//! business: with a job a policy, runs were lost and zones froze at a change of clocks.
//!
//! The scheduler goes by the wall clock. Set back, that clock would keep it silent until it has
//! caught up; so a beat that does not come is made up for by the clock that only runs forward.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};

/// Every second.
const BEAT: &str = "* * * * * *";
/// A scheduler that is silent for so long is stood in for.
const SILENCE: Duration = Duration::from_secs(3);

/// The scheduler could not be started.
#[derive(Debug, thiserror::Error)]
#[error("the scheduler cannot be started: {0}")]
pub struct HeartbeatError(#[from] JobSchedulerError);

/// Beats until it is stopped.
pub struct Heartbeat {
    scheduler: JobScheduler,
    stand_in: JoinHandle<()>,
}

impl Heartbeat {
    /// Starts beating. One beat waits at most: whoever is late misses the ones between, which say
    /// nothing new.
    ///
    /// # Errors
    /// When the scheduler refuses.
    pub async fn start() -> Result<(Self, mpsc::Receiver<()>), HeartbeatError> {
        let (beats, receiver) = mpsc::channel(1);
        let count = Arc::new(AtomicU64::new(0));
        let stand_in = tokio::spawn(stand_in(beats.clone(), count.clone()));
        let scheduler = JobScheduler::new().await?;
        let job = Job::new(BEAT, move |_, _| {
            count.fetch_add(1, Ordering::Relaxed);
            // A full channel has a beat that was not served yet.
            beats.try_send(()).ok();
        })?;
        scheduler.add(job).await?;
        scheduler.start().await?;
        Ok((Self { scheduler, stand_in }, receiver))
    }

    /// Ends it.
    pub async fn stop(mut self) {
        self.stand_in.abort();
        if let Err(error) = self.scheduler.shutdown().await {
            tracing::debug!(%error, "the scheduler did not stop cleanly");
        }
    }
}

/// Beats whenever the scheduler did not beat since the last look.
async fn stand_in(beats: mpsc::Sender<()>, count: Arc<AtomicU64>) {
    let mut looks = interval(SILENCE);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut before = None;
    loop {
        looks.tick().await;
        let now = Some(count.load(Ordering::Relaxed));
        if now == before {
            beats.try_send(()).ok();
        }
        before = now;
    }
}
