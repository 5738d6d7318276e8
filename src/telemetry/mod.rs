//! Logs on stderr, and what keeps secrets out of them: other crates never log below `info`, where
//! HTTP clients would write headers and bodies; a panic shows where, never with what.

use std::io::Write;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

/// How a log line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    Text,
    Json,
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Level {
    Off,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl Level {
    fn filter(self) -> LevelFilter {
        match self {
            Self::Off => LevelFilter::OFF,
            Self::Error => LevelFilter::ERROR,
            Self::Warn => LevelFilter::WARN,
            Self::Info => LevelFilter::INFO,
            Self::Debug => LevelFilter::DEBUG,
            Self::Trace => LevelFilter::TRACE,
        }
    }
}

/// Starts logging to stderr. A second start in one process changes nothing.
pub fn start(level: Level, format: Format, colour: bool) {
    let layer = match format {
        Format::Json => {
            let lines = fmt::layer().json().flatten_event(true).with_current_span(false);
            lines
                .with_span_list(false)
                .with_writer(std::io::stderr)
                .with_filter(filter(level))
                .boxed()
        }
        Format::Text => {
            let lines = fmt::layer().compact().with_target(false).with_ansi(colour);
            lines.with_writer(std::io::stderr).with_filter(filter(level)).boxed()
        }
    };
    // Only a second start can fail, and then the first one's choice stands.
    drop(tracing_subscriber::registry().with(layer).try_init());
}

/// Our own lines at `level`; those of every other crate never below `info`.
fn filter(level: Level) -> Targets {
    Targets::new()
        .with_default(level.filter().min(LevelFilter::INFO))
        // It tells of its own insides at `info`.
        .with_target("tokio_cron_scheduler", level.filter().min(LevelFilter::WARN))
        .with_target("rekeyd", level.filter())
        // It tells of each of its parts by name, which says nothing to anybody.
        .with_target("tokio_cron_scheduler", level.filter().min(LevelFilter::WARN))
}

/// Says where a panic happened and nothing else: its payload may hold anything.
pub fn hide_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(|| "an unknown place".into(), ToString::to_string);
        let mut stderr = std::io::stderr().lock();
        // There is nowhere left to say that this could not be said.
        drop(writeln!(
            stderr,
            "rekeyd: a bug at {place} stopped this; what was sent has its intent in the journal.\n\
             next: rekeyd status"
        ));
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level as At;

    #[test]
    fn other_crates_never_log_bodies_whatever_is_asked_for() {
        let all = filter(Level::Trace);
        for target in
            ["aws_smithy_runtime::client", "hyper::proto", "h2::codec", "reqwest", "rustls"]
        {
            assert!(!all.would_enable(target, &At::DEBUG), "{target}");
            assert!(all.would_enable(target, &At::INFO), "{target}");
        }
        assert!(all.would_enable("rekeyd::engine", &At::TRACE));
        assert!(!filter(Level::Warn).would_enable("hyper", &At::INFO));
    }
}
