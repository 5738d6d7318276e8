//! The heartbeat: one job of the scheduler, every second, that says "now". Due times are not its
//! business: with a job a policy, runs were lost and zones froze at a change of clocks.

use tokio::sync::mpsc;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};

/// Every second.
const BEAT: &str = "* * * * * *";

/// The scheduler could not be started.
#[derive(Debug, thiserror::Error)]
#[error("the scheduler cannot be started: {0}")]
pub struct HeartbeatError(#[from] JobSchedulerError);

/// Beats until it is stopped.
pub struct Heartbeat {
    scheduler: JobScheduler,
}

impl Heartbeat {
    /// Starts beating. One beat waits at most: whoever is late misses the ones between, which say
    /// nothing new.
    ///
    /// # Errors
    /// When the scheduler refuses.
    pub async fn start() -> Result<(Self, mpsc::Receiver<()>), HeartbeatError> {
        let (beats, receiver) = mpsc::channel(1);
        let scheduler = JobScheduler::new().await?;
        let job = Job::new(BEAT, move |_, _| {
            // A full channel has a beat that was not served yet.
            beats.try_send(()).ok();
        })?;
        scheduler.add(job).await?;
        scheduler.start().await?;
        Ok((Self { scheduler }, receiver))
    }

    /// Ends it.
    pub async fn stop(mut self) {
        if let Err(error) = self.scheduler.shutdown().await {
            tracing::debug!(%error, "the scheduler did not stop cleanly");
        }
    }
}
