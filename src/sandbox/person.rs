//! What people do in ION's web page and in AWS's console, behind the product's back.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::secrets_manager::SecretEdit;

/// Instead of a key's id: the key that was minted last.
pub const NEWEST: &str = "newest";

/// One edit by hand. `key` is a clientId or [`NEWEST`]; no etag and no permission is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Edit {
    Mint {
        user: String,
    },
    Disable {
        key: String,
    },
    Enable {
        key: String,
    },
    Regenerate {
        key: String,
    },
    Delete {
        key: String,
    },
    /// Disables the user's keys too, as ION does.
    Deactivate {
        user: String,
    },
    /// Touches no key that exists: keys keep the permissions of their minting.
    Permit {
        user: String,
        permissions: BTreeSet<String>,
    },
    /// In AWS's console; `secret` is its name.
    Secret {
        secret: String,
        edit: SecretEdit,
    },
}

impl Edit {
    /// What stands in the ledger.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Mint { .. } => "mint",
            Self::Disable { .. } => "disable",
            Self::Enable { .. } => "enable",
            Self::Regenerate { .. } => "regenerate",
            Self::Delete { .. } => "delete",
            Self::Deactivate { .. } => "deactivate",
            Self::Permit { .. } => "permit",
            Self::Secret { edit, .. } => edit.name(),
        }
    }
}
