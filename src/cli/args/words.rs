//! The words of commands that only tell: of the journal, of codes, and of the product itself.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::domain::report;

#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Only these policies; with --online or --print-iam
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Look at store and issuer too; changes nothing
    #[arg(long)]
    pub online: bool,
    /// Print the least IAM policy for the secrets at AWS; calls nobody
    #[arg(long, conflicts_with = "online")]
    pub print_iam: bool,
}

#[derive(Debug, Args)]
pub struct AckArgs {
    #[arg(value_name = "NAME")]
    pub name: String,
    /// As the policy's `consumers.acks` names it
    #[arg(value_name = "CONSUMER")]
    pub consumer: String,
}

#[derive(Debug, Args)]
pub struct AuditArgs {
    #[command(subcommand)]
    pub command: AuditCommand,
}

#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Recompute the chain, and say which rows a logged head vouches for
    Verify(VerifyArgs),
    /// Write every event as a JSON line, in order; no secret is in it
    Export(ExportArgs),
}

#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// A head's hash from the logs (`journal_head`); may be given several times
    #[arg(long = "head", value_name = "HASH", value_parser = hash)]
    pub heads: Vec<String>,
}

#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Only this policy
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// Only events from then on, as 2026-11-21T09:00:00Z
    #[arg(long, value_name = "TIME", value_parser = report::parse_ms)]
    pub since: Option<i64>,
}

#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// As an error, `status`, or a log shows it; without it, all codes are listed
    #[arg(value_name = "CODE")]
    pub code: Option<String>,
}

#[derive(Debug, Args)]
pub struct CompletionsArgs {
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub struct ManArgs {
    /// Write one page a command into this directory
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// Of a policy file, or of rekeyd.toml
    #[arg(value_enum, default_value_t = What::Policy)]
    pub what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum What {
    Policy,
    Settings,
}

/// A row's hash as the logs have it.
fn hash(text: &str) -> Result<String, String> {
    let text = text.trim().to_lowercase();
    if text.len() == 64 && text.chars().all(|c| c.is_ascii_hexdigit()) {
        Ok(text)
    } else {
        Err("is no hash: 64 hexadecimal digits are wanted".into())
    }
}

#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Only this policy
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// Show it anew every second until Ctrl-C, which exits with 130; in a pipe only the lines that
    /// changed
    #[arg(long)]
    pub watch: bool,
}

#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// The policy whose story is told
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Every event as a JSON line, to replay decisions from
    #[arg(long)]
    pub decisions: bool,
}
