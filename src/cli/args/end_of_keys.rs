//! Words by which keys end: `decommission` and `orphans`.

use clap::{Args, Subcommand};

use super::key_id;
use crate::domain::ids::KeyId;

#[derive(Debug, Args)]
pub struct DecommissionArgs {
    /// The policy that goes, and its key with it
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Yes, for good; without it this only says what would happen
    #[arg(long)]
    pub yes: bool,
    /// Replace the secret's value by {} at the end
    #[arg(long)]
    pub clear_store: bool,
}

#[derive(Debug, Args)]
pub struct OrphansArgs {
    #[command(subcommand)]
    pub ruling: Option<Ruling>,
}

#[derive(Debug, Subcommand)]
pub enum Ruling {
    /// List keys that nobody accounts for
    List,
    /// Rule that a key may live
    Keep {
        /// Key id, as `orphans list` shows it
        #[arg(value_name = "KEY", value_parser = key_id)]
        key: KeyId,
    },
    /// Rule that a key must not live, reversibly: it is disabled
    Disable {
        /// Key id, as `orphans list` shows it
        #[arg(value_name = "KEY", value_parser = key_id)]
        key: KeyId,
    },
    /// Rule that a key must go: it is disabled, then deleted for ever
    Delete {
        /// Key id, as `orphans list` shows it
        #[arg(value_name = "KEY", value_parser = key_id)]
        key: KeyId,
        /// Yes, for ever
        #[arg(long)]
        yes: bool,
    },
}
