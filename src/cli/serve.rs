//! `run`: the daemon. Puts its parts together, tells systemd, and stops it in order. What the parts
//! do is their own business.

mod front;
mod socket;
mod source;

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;

use self::front::Front;
use self::socket::Socket;
use self::source::Source;
use super::context::{Context, Signals};
use super::error::{CliError, Exit};
use crate::app::{App, Clients, Policies};
use crate::daemon::{Bounds, Fleet, FleetReport, Heartbeat, Notifier, Reloader, follow};
use crate::domain::code::{Own, Setup};
use crate::domain::report::rfc3339;
use crate::domain::words::count_of;
use crate::engine::Stop;
use crate::settings::Settings;
use crate::system::{Pacer, Rates};

pub async fn serve(context: &Context) -> Result<Exit, CliError> {
    let app = Arc::new(loaded(context)?);
    let held = context.hold_for_daemon(&app)?;
    let signals = Signals::listen()?;
    let socket = Socket::open(&context.flags, &app)?;
    let policies =
        Arc::new(Policies::new(context.flags.clone(), app.clone(), held.journal.clone()));
    let bounds = bounds(&app.settings);
    let (fleet, handle) =
        Fleet::new(policies.shop(), app.clock.clone(), app.random.clone(), bounds);
    let (heartbeat, beats) = Heartbeat::start().await.map_err(|why| {
        CliError::new(Exit::Bug, Own::Heartbeat, why.to_string()).next("rekeyd run --once")
    })?;
    let source = Arc::new(Source::new(policies.clone(), held.journal.clone()));
    let reloader = Arc::new(Reloader::new(source.clone(), handle.clone()));
    let office =
        Arc::new(Front::new(policies, held.journal.clone(), handle, reloader.clone(), source));
    let mut beside = JoinSet::new();
    beside.spawn(follow(reloader.clone(), signals.stop.clone()));
    let notifier = Notifier::new();
    let hangups = hangups()?;
    beside.spawn(on_hangup(hangups, reloader.clone(), notifier.clone(), signals.stop.clone()));
    let stopping = tokio::spawn(say_stopping(notifier.clone(), signals.stop.clone()));
    let mut voice = Voice { notifier, reloader, seen: office.seen() };
    let serving = tokio::spawn(socket.serve(office, signals.stop.clone()));
    voice.notifier.ready();
    tracing::info!(policies = app.policies.len(), pid = std::process::id(), "rekeyd is ready");
    fleet.run(beats, |report| voice.beat(report), signals.stop.clone()).await;
    drop(stopping.await);
    // Commands that were begun end by the same stop.
    drop(serving.await);
    beside.shutdown().await;
    heartbeat.stop().await;
    context.sign_off(held.journal.as_ref()).await;
    tracing::info!("rekeyd has stopped; what is open goes on with its next start");
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
async fn on_hangup(
    mut hangups: Signal,
    reloader: Arc<Reloader>,
    notifier: Notifier,
    mut stop: Stop,
) {
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

/// What systemd hears, and what others may ask for.
struct Voice {
    notifier: Notifier,
    reloader: Arc<Reloader>,
    /// For whoever asks later.
    seen: Arc<Mutex<Option<FleetReport>>>,
}

impl Voice {
    fn beat(&mut self, report: &FleetReport) {
        self.notifier.alive();
        let line = line(report, self.reloader.wrong().is_some());
        self.notifier.status(&line);
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(report.clone());
    }
}

/// As soon as it is so: what must come to its end first may take longer than a watchdog waits.
async fn say_stopping(notifier: Notifier, mut stop: Stop) {
    stop.asked().await;
    notifier.stopping();
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
