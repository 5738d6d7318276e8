//! Which of the possible IONs this one is. What is not documented of the real one is a setting.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// How the sandbox behaves when no fault is injected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub schema: SchemaKind,
    /// Documented as allowed.
    pub introspection: bool,
    /// Not documented. When on, an etag that is given must match, and a delete must give one.
    pub etag_enforced: bool,
    /// A mismatch answers HTTP 409 instead of an error in HTTP 200; both are documented.
    pub etag_mismatch_as_409: bool,
    /// Life of an access token. Keycloak's usual value is 300.
    pub token_life_seconds: u32,
    /// Largest page of the extended list; the documented list has no pages.
    pub page_size: u32,
    /// Tokens end with their key instead of living on until they expire.
    pub tokens_die_with_key: bool,
    /// Rejections as very old Keycloaks sent them: 400 instead of 401.
    pub old_keycloak: bool,
    /// Whether the API (never the auth server) sends a `Date`, by the sandbox's own clock.
    pub api_sends_date: bool,
    /// Same seed, same ids and secrets.
    pub seed: Option<u64>,
    /// The first one is the service account that the seed key belongs to.
    pub users: Vec<User>,
}

/// Which fields the API has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SchemaKind {
    /// Exactly what the vendor's pages show, operation by operation.
    Documented,
    /// Also pages, and `enabled`, `created`, `createdBy`, `_etag` on every key.
    Extended,
}

/// A person or a service account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    pub id: String,
    pub name: String,
    pub email: String,
    pub organization: Organization,
    pub permissions: BTreeSet<String>,
}

/// Whose list of keys a user sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Organization {
    pub id: String,
    pub domain: String,
}

/// Needed to mint. This and the next two names are the vendor's.
pub const CREATE: &str = "CreateAPIKey";
/// Needed to disable, enable, regenerate.
pub const UPDATE: &str = "UpdateAPIKey";
/// Needed to delete.
pub const DELETE: &str = "DeleteAPIKey";
/// Needed to list. The vendor names no such permission; the family is `APIKeyObject`.
pub const READ: &str = "ReadAPIKey";

/// Id of the default service account.
pub const SERVICE_ACCOUNT: &str = "101";
/// Id of a default person in the same organisation.
pub const PERSON: &str = "102";
/// Id of a default user of another organisation.
pub const STRANGER: &str = "201";

impl Default for Settings {
    fn default() -> Self {
        let home = Organization { id: "1".into(), domain: "example.com".into() };
        let away = Organization { id: "2".into(), domain: "example.org".into() };
        Self {
            schema: SchemaKind::Documented,
            introspection: true,
            etag_enforced: true,
            etag_mismatch_as_409: false,
            token_life_seconds: 300,
            page_size: 100,
            tokens_die_with_key: false,
            old_keycloak: false,
            api_sends_date: true,
            seed: None,
            users: vec![
                user(SERVICE_ACCOUNT, "NetSuite sync", "netsuite-sync@example.com", &home),
                user(PERSON, "Pat Person", "pat@example.com", &home),
                user(STRANGER, "Sam Stranger", "sam@example.org", &away),
            ],
        }
    }
}

fn user(id: &str, name: &str, email: &str, organization: &Organization) -> User {
    User {
        id: id.into(),
        name: name.into(),
        email: email.into(),
        organization: organization.clone(),
        permissions: [CREATE, UPDATE, DELETE, READ].map(String::from).into(),
    }
}
