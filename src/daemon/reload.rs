//! New sets of policies: on SIGHUP, on a command, and when the directory changes. All or nothing: a
//! set with a finding changes nothing, and the last good one goes on.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

use super::fleet::{Handle, Reloaded};
use super::workshop::Workshop;
use crate::domain::code::Own;
use crate::domain::report::Problem;
use crate::engine::Stop;

/// Files that are written one after the other are read once.
const SETTLE: Duration = Duration::from_millis(300);
/// A directory that keeps changing is read all the same.
const SETTLE_AT_MOST: Duration = Duration::from_secs(3);
/// Where nothing tells of changes, or the directory itself was replaced.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// Reads policies.
#[async_trait]
pub trait Reader: Send + Sync {
    /// A set that was read whole. It counts only once [`Reader::keep`] was called.
    async fn read(&self) -> Result<Arc<dyn Workshop>, Problem>;
    /// The set that was read last is in use.
    fn keep(&self);
    /// The directory to watch.
    fn dir(&self) -> PathBuf;
}

/// Reads anew, one at a time, and remembers what was wrong with the last try.
pub struct Reloader {
    reader: Arc<dyn Reader>,
    fleet: Handle,
    turn: tokio::sync::Mutex<()>,
    wrong: Mutex<Option<Problem>>,
}

impl Reloader {
    #[must_use]
    pub fn new(reader: Arc<dyn Reader>, fleet: Handle) -> Self {
        Self { reader, fleet, turn: tokio::sync::Mutex::default(), wrong: Mutex::default() }
    }

    /// Reads settings and policies anew and goes on with them.
    ///
    /// # Errors
    /// What is wrong; then the last good set goes on.
    pub async fn reload(&self) -> Result<Reloaded, Problem> {
        let _turn = self.turn.lock().await;
        let result = match self.reader.read().await {
            Ok(workshop) => {
                let stopping = |stopping: super::fleet::Stopping| {
                    Problem::new(Own::Stopping, stopping.to_string(), "rekeyd status")
                };
                let change = self.fleet.adopt(workshop).await.map_err(stopping)?;
                self.reader.keep();
                Ok(change)
            }
            Err(problem) => Err(problem),
        };
        self.note(&result);
        result
    }

    /// What is wrong with the policies as they are on the disk, where something is.
    #[must_use]
    pub fn wrong(&self) -> Option<Problem> {
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, result: &Result<Reloaded, Problem>) {
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            Ok(Reloaded { policies, added, changed, removed }) => {
                if added + changed + removed > 0 || wrong.is_some() {
                    tracing::info!(policies, added, changed, removed, "policies were read anew");
                }
                *wrong = None;
            }
            Err(problem) if wrong.as_ref() != Some(problem) => {
                let Problem { code, message, next_command } = problem;
                tracing::error!(code = %code, next = %next_command,
                    "policies were not taken over, the last good ones go on: {message}");
                *wrong = Some(problem.clone());
            }
            Err(_) => {}
        }
    }
}

/// Reloads whenever the policies' directory changes, until a stop is asked for. What changes the
/// files is told by the system; where it tells nothing, they are read every half minute.
pub async fn follow(reloader: Arc<Reloader>, mut stop: Stop) {
    let (changes, mut changed) = mpsc::channel(1);
    let mut dir = reloader.reader.dir();
    let (mut watcher, mut seen) = (watch(&dir, &changes), identity(&dir));
    loop {
        tokio::select! {
            () = stop.asked() => return,
            Some(()) = changed.recv() => settle(&mut changed).await,
            () = tokio::time::sleep(LOOK_AGAIN) => {
                // It may be another directory under the same name, which nobody watches.
                if watcher.is_some() && identity(&dir) == seen {
                    continue;
                }
            }
        }
        dir = reloader.reader.dir();
        (watcher, seen) = (watch(&dir, &changes), identity(&dir));
        if let Err(problem) = reloader.reload().await {
            tracing::debug!(code = %problem.code, "the last good policies go on");
        }
    }
}

/// Which directory it is, whatever its name: device and inode.
fn identity(dir: &Path) -> Option<(u64, u64)> {
    dir.metadata().ok().map(|facts| (facts.dev(), facts.ino()))
}

/// Waits until nothing changed for a moment.
async fn settle(changed: &mut mpsc::Receiver<()>) {
    let quiet =
        async { while let Ok(Some(())) = tokio::time::timeout(SETTLE, changed.recv()).await {} };
    // Whoever never comes to rest is read as it is.
    drop(tokio::time::timeout(SETTLE_AT_MOST, quiet).await);
}

/// The directory, and where it hangs: a mounted volume is swapped by its symbolic link.
fn watch(dir: &Path, changes: &mpsc::Sender<()>) -> Option<RecommendedWatcher> {
    let changes = changes.clone();
    let hear = move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|event| !event.kind.is_access()) {
            // A full channel tells it already.
            changes.try_send(()).ok();
        }
    };
    let watched = notify::recommended_watcher(hear).and_then(|mut watcher| {
        watcher.watch(dir, RecursiveMode::NonRecursive)?;
        Ok(watcher)
    });
    match watched {
        Ok(watcher) => Some(watcher),
        Err(error) => {
            tracing::warn!(dir = %dir.display(), "changes of policies are looked for every half minute: {error}");
            None
        }
    }
}
