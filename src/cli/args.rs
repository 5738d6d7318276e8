//! The command line's words. A flag stands here only if it does something.

mod end_of_keys;
#[cfg(feature = "sandbox")]
mod stand_ins;
mod words;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use self::end_of_keys::{DecommissionArgs, OrphansArgs, Ruling};
#[cfg(feature = "sandbox")]
pub use self::stand_ins::{DemoArgs, DemoStore, SandboxArgs, Schema};
pub use self::words::{
    AckArgs, AuditArgs, AuditCommand, CheckArgs, CompletionsArgs, ExplainArgs, ExportArgs,
    HistoryArgs, ManArgs, SchemaArgs, StatusArgs, What,
};
use super::forget::ForgetArgs;
use crate::domain::ids::KeyId;
use crate::domain::policy::duration;
use crate::domain::report;
use crate::telemetry::{Format, Level};

const EXIT_CODES: &str = "\
Exit codes: 0 done or waiting, 1 failed and rolled back, 2 usage, 3 configuration,
4 rejected by issuer or store, 5 unreachable or throttled, 6 needs an operator,
7 another process holds the lock, 8 journal unreadable, newer, or broken,
128+n stopped by signal n.";

/// Rotates API keys before anyone notices, and kills a leaked one in seconds
#[derive(Debug, Parser)]
#[command(name = "rekeyd", version, after_help = EXIT_CODES, disable_help_subcommand = true)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,

    /// Rotate these policies' keys now (also: `rekeyd rotate NAME…`)
    #[arg(long, value_name = "NAME", num_args = 0..)]
    pub rotate_now: Option<Vec<String>>,

    #[command(flatten, next_help_heading = "With --rotate-now")]
    pub rotate: RotateFlags,

    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Flags that every command takes.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Settings file (rekeyd.toml)
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Directory of policies, one TOML file each
    #[arg(long, global = true, value_name = "DIR")]
    pub policies: Option<PathBuf>,
    /// Directory of the journal
    #[arg(long, global = true, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// Begin a new journal where none is yet
    #[arg(long, global = true)]
    pub init: bool,
    /// How results are printed
    #[arg(long, global = true, value_enum, default_value_t = Output::Table, value_name = "FORM")]
    pub output: Output,
    /// Why, for the journal
    #[arg(long, global = true, value_name = "TEXT", value_parser = reason)]
    pub reason: Option<String>,
    /// How much is logged on stderr; warn by default, and info for the daemon
    #[arg(long, global = true, value_enum, value_name = "LEVEL")]
    pub log_level: Option<Level>,
    /// How log lines are written
    #[arg(long, global = true, value_enum, default_value_t = Format::Text, value_name = "FORM")]
    pub log_format: Format,
    /// No colours, also on a terminal
    #[arg(long, global = true)]
    pub no_color: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    Table,
    Json,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Rotate what is due until stopped, or with --once what is due now
    Run(RunArgs),
    /// Rotate policies' keys now
    Rotate(RotateArgs),
    /// Check settings, policies, and journal; with --online also servers, keys, and rights
    Check(CheckArgs),
    /// Say what the next step would be; changes nothing
    Plan(NameArg),
    /// Show where every policy stands
    Status(StatusArgs),
    /// Tell what happened to a policy's key
    History(HistoryArgs),
    /// Go on with a parked policy
    Resume(OneName),
    /// Take the open rotation back
    Abort(OneName),
    /// Say that a consumer uses the new key, where the policy waits for its word
    Ack(AckArgs),
    /// Accept what the store holds as right, or write a credential: piped in, or minted
    Adopt(AdoptArgs),
    /// Retire a policy and its key for good
    Decommission(DecommissionArgs),
    /// Stop looking after a secret that no policy names any more; changes no key
    Forget(ForgetArgs),
    /// List keys that nobody accounts for, or rule on one: keep, disable, delete
    Orphans(OrphansArgs),
    /// Tell the running daemon to read its policies anew
    Reload,
    /// Check the journal's hash chain, or write its events as JSON lines
    Audit(AuditArgs),
    /// Say what a code means, and what to type
    Explain(ExplainArgs),
    /// Print a JSON Schema for editors
    Schema(SchemaArgs),
    /// Print what a shell needs to complete commands and flags
    Completions(CompletionsArgs),
    /// Print the manual
    Man(ManArgs),
    /// Serve stand-ins for ION and AWS Secrets Manager on loopback until interrupted
    #[cfg(feature = "sandbox")]
    Sandbox(SandboxArgs),
    /// Rotate a key of a stand-in ION under running consumers, then drill a leak
    #[cfg(feature = "sandbox")]
    Demo(DemoArgs),
}

#[derive(Debug, Args)]
pub struct RunArgs {
    /// Do what can be done now, then end; without it, go on until stopped
    #[arg(long)]
    pub once: bool,
    /// Wait at most this long for what comes due meanwhile; 10m by default
    #[arg(long, value_name = "TIME", requires = "once", value_parser = duration_ms)]
    pub budget: Option<i64>,
}

#[derive(Debug, Args)]
pub struct RotateArgs {
    /// Policies to rotate
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    #[command(flatten)]
    pub flags: RotateFlags,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct RotateFlags {
    /// All policies; needs --yes
    #[arg(long)]
    pub all: bool,
    /// Yes, all of them
    #[arg(long)]
    pub yes: bool,
    /// The key leaked: replace it, kill it, and wait for the proof
    #[arg(long)]
    pub leaked: bool,
    /// Only this key leaked, also one that rekeyd does not manage
    #[arg(long = "key", value_name = "ID", value_parser = key_id)]
    pub keys: Vec<KeyId>,
    /// When it may have leaked; keys that appeared since await a ruling
    #[arg(long, value_name = "TIME", value_parser = report::parse_ms)]
    pub since: Option<i64>,
    /// Let the leaked key live so long after the promote
    #[arg(long, value_name = "TIME", value_parser = duration_ms)]
    pub grace: Option<i64>,
    /// Kill the leaked key before consumers have the new one
    #[arg(long)]
    pub kill_first: bool,
    /// Start anew even if one is open already
    #[arg(long)]
    pub again: bool,
    /// When to return: the new key is current (default), the drain is over, or the old key is gone
    #[arg(long, value_enum, value_name = "WHEN")]
    pub wait: Option<Wait>,
    /// Give up waiting after so long [default: 10m; none with --wait drained or complete]
    #[arg(long, value_name = "TIME", value_parser = duration_ms)]
    pub budget: Option<i64>,
    /// Only say what the next step would be
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Wait {
    Current,
    Drained,
    Complete,
}

#[derive(Debug, Args)]
pub struct NameArg {
    /// Only this policy
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
}

#[derive(Debug, Args)]
pub struct OneName {
    /// The policy
    #[arg(value_name = "NAME")]
    pub name: String,
}

#[derive(Debug, Args)]
pub struct AdoptArgs {
    /// The policy whose secret is adopted
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Read a credential from standard input and write it as current
    #[arg(long)]
    pub from_stdin: bool,
    /// Mint the first key with the named actor, for a secret that holds none, and write it
    #[arg(long, conflicts_with = "from_stdin")]
    pub issue: bool,
}

fn duration_ms(text: &str) -> Result<i64, String> {
    duration::parse_ms(text).map_err(|why| format!("{why}; write {}", duration::EXPECTED))
}

fn key_id(text: &str) -> Result<KeyId, String> {
    KeyId::new(text).map_err(|why| why.to_string())
}

/// Longest text for the journal, in characters.
const MAX_REASON_CHARS: usize = 1000;

fn reason(text: &str) -> Result<String, String> {
    if text.chars().count() > MAX_REASON_CHARS {
        return Err(format!("is longer than {MAX_REASON_CHARS} characters"));
    }
    if text.chars().any(|c| c.is_control() || reorders(c)) {
        return Err("holds a control character".into());
    }
    if text.trim().is_empty() {
        return Err("is empty".into());
    }
    Ok(text.to_owned())
}

/// Characters that break a line, or turn around what a terminal shows after them.
fn reorders(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
