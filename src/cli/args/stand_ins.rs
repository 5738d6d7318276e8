//! The words of `sandbox` and `demo`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::duration_ms;

#[derive(Debug, Args)]
pub struct SandboxArgs {
    /// Port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    pub port: u16,
    /// Only what the vendor documents, or also paging, etags, and creators in lists
    #[arg(long, value_enum, default_value_t = Schema::Documented)]
    pub schema: Schema,
    /// Life of an access token
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = duration_ms)]
    pub token_life: i64,
    /// Same seed, same ids and secrets
    #[arg(long)]
    pub seed: Option<u64>,
    /// Write the first key to this file (0600), for a policy with [store.file]
    #[arg(long, value_name = "PATH")]
    pub secret_file: Option<PathBuf>,
    /// Make this secret with a first key, for a policy with [store.aws_secrets_manager]
    #[arg(long, value_name = "NAME")]
    pub secret_id: Option<String>,
    /// Region of --secret-id
    #[arg(long, value_name = "REGION", default_value = "us-east-1", requires = "secret_id")]
    pub region: String,
    /// Print every call as a JSON line on stdout
    #[arg(long)]
    pub ledger: bool,
}

#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Where the consumers read the secret: a file, or a stand-in of AWS Secrets Manager
    #[arg(long, value_enum, default_value_t = DemoStore::File, value_name = "STORE")]
    pub store: DemoStore,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DemoStore {
    File,
    Aws,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Schema {
    Documented,
    Extended,
}
