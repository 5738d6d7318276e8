//! `run`: the daemon. Puts its parts together, tells systemd, and stops it in order. What the parts
//! do is their own business.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;

use super::context::{Context, Signals};
use super::error::{CliError, Exit};
use crate::app::{App, Clients, Policies, Shop};
use crate::daemon::{
    Bounds, Fleet, FleetReport, Heartbeat, Notifier, Reader, Reloader, Workshop, follow,
};
use crate::domain::code::{Own, Setup};
use crate::domain::report::{Problem, rfc3339};
use crate::domain::words::count_of;
use crate::engine::Stop;
use crate::port::Journal;
use crate::settings::Settings;
use crate::system::{Pacer, Rates};

pub async fn serve(context: &Context) -> Result<Exit, CliError> {
    let app = Arc::new(loaded(context)?);
    let held = context.hold(&app)?;
    let journal = &held.journal;
    let signals = Signals::listen()?;
    let policies = Arc::new(Policies::new(context.flags.clone(), app.clone(), journal.clone()));
    let (fleet, handle) =
        Fleet::new(policies.shop(), app.clock.clone(), app.random.clone(), bounds(&app.settings));
    let (heartbeat, beats) = Heartbeat::start().await.map_err(|why| {
        CliError::new(Exit::Bug, Own::Heartbeat, why.to_string()).next("rekeyd run --once")
    })?;
    let source = Source { policies, journal: journal.clone(), read: Mutex::default() };
    let reloader = Arc::new(Reloader::new(Arc::new(source), handle));
    let mut voice = Voice { notifier: Notifier::new(), reloader: reloader.clone() };
    let mut beside = JoinSet::new();
    beside.spawn(follow(reloader.clone(), signals.stop.clone()));
    beside.spawn(on_hangup(hangups()?, reloader, signals.stop.clone()));
    voice.notifier.ready();
    tracing::info!(policies = app.policies.len(), pid = std::process::id(), "rekeyd is ready");
    fleet.run(beats, |report| voice.beat(report), signals.stop.clone()).await;
    tracing::info!("rekeyd stops");
    beside.shutdown().await;
    heartbeat.stop().await;
    context.sign_off(journal.as_ref()).await;
    Ok(Exit::Done)
}

/// Settings and policies. A wrong file is left out and said: a leak, and what is open of the others,
/// must not wait for somebody's typing mistake.
fn loaded(context: &Context) -> Result<App, CliError> {
    let app = App::load(&context.flags)?;
    for left_out in app.left_out(&[]) {
        tracing::error!(code = %Setup::LeftOut.name(), "{}", left_out.message);
        context.out.warning(Setup::LeftOut.into(), &left_out.message, "rekeyd check");
    }
    let pacer = Pacer::new(Rates {
        reads_per_second: per_second(app.settings.daemon.reads_per_second),
        writes_per_second: per_second(app.settings.daemon.writes_per_second),
    });
    Ok(app.with_clients(Arc::new(Clients::new(Arc::new(pacer), None))))
}

/// The settings refuse a zero.
fn per_second(calls: u32) -> NonZeroU32 {
    NonZeroU32::new(calls).unwrap_or(NonZeroU32::MIN)
}

fn bounds(settings: &Settings) -> Bounds {
    let daemon = &settings.daemon;
    Bounds {
        concurrency: usize::try_from(daemon.concurrency).unwrap_or(usize::MAX),
        watch_ms: daemon.watch_every_ms,
        catch_up_ms: daemon.catch_up_ms,
    }
}

fn hangups() -> Result<Signal, CliError> {
    signal(SignalKind::hangup())
        .map_err(|why| CliError::new(Exit::Bug, Own::Signals, format!("cannot listen: {why}")))
}

/// SIGHUP reads policies and settings anew, as it does for other daemons.
async fn on_hangup(mut hangups: Signal, reloader: Arc<Reloader>, mut stop: Stop) {
    let notifier = Notifier::new();
    loop {
        tokio::select! {
            () = stop.asked() => return,
            Some(()) = hangups.recv() => {}
        }
        notifier.reloading();
        let reloaded = reloader.reload().await;
        notifier.ready();
        if let Ok(reloaded) = reloaded {
            tracing::info!(policies = reloaded.policies, "reloaded");
        }
    }
}

/// Policies from the disk.
struct Source {
    policies: Arc<Policies>,
    journal: Arc<dyn Journal>,
    /// Read, and not yet in use.
    read: Mutex<Option<Arc<App>>>,
}

#[async_trait]
impl Reader for Source {
    async fn read(&self) -> Result<Arc<dyn Workshop>, Problem> {
        let policies = self.policies.clone();
        let read = tokio::task::spawn_blocking(move || policies.read()).await;
        let app = match read {
            Ok(Ok(app)) => app,
            Ok(Err(error)) => return Err(in_words(error.into())),
            Err(_) => {
                let said = "a bug stopped the reading of the policies";
                return Err(Problem::new(Own::Bug, said, "rekeyd check"));
            }
        };
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) = Some(app.clone());
        Ok(Arc::new(Shop::new(app, self.journal.clone())))
    }

    fn keep(&self) {
        if let Some(app) = self.read.lock().unwrap_or_else(PoisonError::into_inner).take() {
            self.policies.take(app);
        }
    }

    fn dir(&self) -> PathBuf {
        self.policies.dir()
    }
}

fn in_words(error: CliError) -> Problem {
    let next = error.next_command.unwrap_or_else(|| "rekeyd check".to_owned());
    Problem::new(error.code, error.message, next)
}

/// What systemd hears.
struct Voice {
    notifier: Notifier,
    reloader: Arc<Reloader>,
}

impl Voice {
    fn beat(&mut self, report: &FleetReport) {
        self.notifier.alive();
        let line = line(report, self.reloader.wrong().is_some());
        self.notifier.status(&line);
    }
}

impl Drop for Voice {
    fn drop(&mut self) {
        self.notifier.stopping();
    }
}

/// What a person wants to know first.
fn line(report: &FleetReport, is_stale: bool) -> String {
    let mut line = count_of(report.secrets, "policy", "policies");
    if report.open > 0 {
        line.push_str(&format!(", {} open", report.open));
    }
    if !report.findings.is_empty() {
        line.push_str(&format!(", {} to look at", report.findings.len()));
    }
    if let Some(due_ms) = report.next_due_ms {
        line.push_str(&format!(", next due {}", rfc3339(due_ms)));
    }
    if is_stale {
        line.push_str("; the policies on the disk have findings and were not taken over");
    }
    line
}
