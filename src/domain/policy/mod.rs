//! A policy: which key, when it rotates, where it is published, how it is proved and retired.
//! Parsing and its diagnostics live beside it; nothing here reads a file.

pub mod canary;
pub mod diagnostic;
pub mod document;
pub mod duration;
pub mod endpoint;
pub mod iam;
pub mod ion_environment;
mod json_schema;
mod kept;
mod parse;
pub mod report;
#[cfg(test)]
mod schema_agreement;
pub mod secret_place;

use std::path::PathBuf;

pub use diagnostic::{Finding, Findings};
pub use json_schema::json_schema;
pub(crate) use json_schema::{Duration, schema_of};
pub use kept::{KeptPolicy, MAX_KEPT_BYTES};
pub use parse::{Examined, examine, parse};
#[cfg(test)]
pub(crate) use schema_agreement::assert_schema_agrees;

use super::ids::{ConsumerName, GroupName, PolicyName, SecretKey};
use super::schedule::Openings;

/// One policy, already checked: a value of this type is usable as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    pub name: PolicyName,
    pub description: Option<String>,
    pub owner: Option<String>,
    pub schedule: Schedule,
    pub issuer: IonIssuer,
    pub store: Store,
    pub consumers: Consumers,
    pub verify: Verify,
    pub retire: Retire,
    pub watch: Watch,
    /// What the journal keeps of it; nothing where that would be too long (R28).
    pub kept: Option<KeptPolicy>,
}

/// When a key is due. Neither `cron` nor `every` means: only on demand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    pub when: When,
    /// An IANA zone of the bundle in the binary; UTC by default.
    pub timezone: String,
    pub jitter_ms: i64,
    /// An alarm, never a reason to break a consumer.
    pub max_age_ms: Option<i64>,
    /// When a rotation may start, promote, and disable (R29).
    pub openings: Openings,
    pub group: Option<Group>,
}

/// Policies of one group rotate one after the other (F19).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Group {
    pub name: GroupName,
    /// From the end of one's rotation to the start of another's.
    pub spacing_ms: i64,
}

impl Schedule {
    /// What a policy without `[schedule]` has.
    #[must_use]
    pub fn on_demand() -> Self {
        let timezone = "UTC".to_owned();
        let openings = Openings { timezone: timezone.clone(), ..Openings::default() };
        let when = When::OnDemand;
        Self { when, timezone, jitter_ms: 0, max_age_ms: None, openings, group: None }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    OnDemand,
    /// Five or six fields, already known to parse.
    Cron(String),
    Every {
        ms: i64,
    },
}

/// Where an ION tenant is, and as whom to call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IonIssuer {
    /// The token endpoint, whole.
    pub token_url: String,
    /// The GraphQL endpoint, whole.
    pub graphql_url: String,
    /// The service account that the key must act as (e-mail address or user id).
    pub identity: Option<String>,
    pub actor: ActorSource,
    /// Nobody else creates keys in this account (R3: declared, not proof).
    pub exclusive: bool,
    pub scheme: AuthorizationScheme,
    pub audience: Option<String>,
}

/// Where the daemon's own credential comes from (R17).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActorSource {
    /// The policy's own current key.
    OwnKey,
    /// Another secret of AWS Secrets Manager, with the policy's region and field names.
    SecretId(String),
    /// A systemd credential: a JSON file of this name in `$CREDENTIALS_DIRECTORY`.
    Credential(String),
}

/// How the token is written into `Authorization`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthorizationScheme {
    /// `Bearer TOKEN`, the documented form.
    Bearer,
    /// `Token TOKEN`, kept by the vendor for compatibility.
    Token,
    /// The bare token, of the vendor's older examples.
    Bare,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Store {
    AwsSecretsManager { secret_id: String, region: Option<String>, fields: Fields },
    File { path: PathBuf, fields: Fields },
}

/// Names of the credential fields inside the secret's JSON object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fields {
    pub client_id: String,
    pub client_secret: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consumers {
    /// How long a consumer may go on with a secret it has read.
    pub cache_ttl_ms: i64,
    /// Consumers that must say that they use the new key before the old one goes (F14).
    pub acks: Vec<ConsumerName>,
    /// From the promote; then the rotation parks.
    pub ack_deadline_ms: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verify {
    /// Read-only queries whose answers must not change with the key.
    pub canaries: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retire {
    pub drain_ms: i64,
    pub soak_ms: i64,
}

/// What is done about what is seen between rotations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watch {
    pub on_dead_key: OnDeadKey,
}

/// *Current* no longer authenticates, and no rotation is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDeadKey {
    Report,
    Rotate,
}

impl Policy {
    /// Names the secret for ever: a renamed policy keeps its history (R28).
    ///
    /// # Errors
    /// Never for a policy that was parsed; see [`secret_place::secret_key`].
    pub fn secret_key(&self) -> Result<SecretKey, super::ids::BadId> {
        secret_place::secret_key(&self.store)
    }
}

#[cfg(test)]
mod tests;
