//! A stand-in for ION, its API and its auth server, and for AWS Secrets Manager, on loopback: for
//! the demo, for trying policies, and for the tests. Faithful where they are documented, and faulty
//! on demand.
//!
//! It imports nothing of the product, so that it can catch the product out; a test reads the
//! `use` lines. It must never listen on anything but loopback, and must never write a secret to
//! its ledger or its `Debug`.
//!
//! ```text
//!   HTTP ── http/auth      Keycloak's token endpoint ──┐
//!        ── http/graphql   documented | extended      ─┼─▶ tenant ─▶ fault? ─▶ effect ─▶ ledger
//!        ── http/secrets_manager   JSON 1.1, `POST /` ─┤      │    (in process tests call it
//!        ── http/admin     /_sandbox/…                ─┘      │     directly)
//!                                                 keys, secrets_manager
//! ```
//!
//! # The tests' own doors
//!
//! | call | does |
//! |---|---|
//! | `GET /_sandbox/` | this table in short, for people with curl |
//! | `POST /_sandbox/faults` | orders a [`Fault`], such as `{"on":"create_api_key","what":"lost_after"}` or `{"on":"token_exchange","nth":2,"count":3,"what":{"status":{"status":429,"retry_after_seconds":1}}}` (201) |
//! | `GET`, `DELETE /_sandbox/faults` | shows those that have not struck yet; takes them back |
//! | `GET /_sandbox/ledger?after=N` | the [`Entry`]s after sequence N |
//! | `GET /_sandbox/keys` | every key there ever was, with `alive`, `enabled`, `deleted`, `created_by`; no secrets |
//! | `POST /_sandbox/keys` | a person mints: `{"user":"102"}` → 201 `{"client_id","client_secret"}` |
//! | `POST /_sandbox/keys/KEY/disable` (`enable`, `delete`) | a person edits (204); KEY is a clientId or `newest` |
//! | `POST /_sandbox/keys/KEY/regenerate` | the same, → 201 `{"client_id","client_secret"}` |
//! | `GET /_sandbox/secrets` | every secret of Secrets Manager with its versions and their stages; no values |
//! | `POST /_sandbox/secrets` | a person edits a [`SecretEdit`]: `{"secret":"demo/ion","edit":"roll_back"}`, `{"secret":"demo/ion","edit":{"field":{"field":"owner","value":"me"}}}` (204) |
//! | `POST /_sandbox/users/USER/deactivate` | disables the user's keys too (204) |
//! | `POST /_sandbox/users/USER/permissions` | `{"permissions":["ReadAPIKey"]}`; keys that exist keep theirs (204) |

mod dice;
mod fault;
mod http;
mod ledger;
mod person;
mod reply;
mod secrets_manager;
mod settings;
mod tenant;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use self::fault::{Fault, MAX_FAULTS, MAX_FLOOD_BYTES, MAX_WAIT_MS, What};
pub use self::ledger::{CallKind, Entry, MAX_ENTRIES};
pub use self::person::{Edit, NEWEST};
pub use self::reply::{End, Grant, Issued, Line, Missed, Refusal, Reply};
pub use self::secrets_manager::{
    Answer, Code, Exception, MAX_LABELS, MAX_VALUE_BYTES, MAX_VERSIONS, ReplicaStatus, Request,
    SecretEdit, SecretTruth, Signer, Typed, VersionTruth,
};
pub use self::settings::{
    CREATE, DELETE, Organization, PERSON, READ, SERVICE_ACCOUNT, STRANGER, SchemaKind, Settings,
    UPDATE, User,
};
pub use self::tenant::{Caller, Change, Clock, KeyPage, KeyTruth, KeyView, MAX_KEYS, Tenant};

/// A sandbox that is being served.
pub struct Sandbox {
    tenant: Tenant,
    address: SocketAddr,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
}

impl Sandbox {
    /// Serves a new tenant on the listener, by the machine's wall clock. Must be called within a
    /// Tokio runtime. Dropping the sandbox ends it too, without waiting.
    ///
    /// # Errors
    /// The listener is not on loopback, or has no address.
    pub fn start(listener: TcpListener, settings: Settings) -> io::Result<Self> {
        Self::serve_tenant(listener, Tenant::new(settings, wall_clock()))
    }

    /// Serves a tenant that exists, with its own clock.
    ///
    /// # Errors
    /// As [`Sandbox::start`].
    pub fn serve_tenant(listener: TcpListener, tenant: Tenant) -> io::Result<Self> {
        let address = listener.local_addr()?;
        if !address.ip().is_loopback() {
            let reason = "the sandbox listens on loopback only";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
        }
        let (stop, stopped) = watch::channel(false);
        let server = tokio::spawn(http::serve(listener, http::router(&tenant), stopped));
        Ok(Self { tenant, address, stop, server })
    }

    /// Both `auth_url` and `api_url`, such as `http://127.0.0.1:4000`. The auth server answers
    /// under the prefix `/auth` too.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The tenant that is served.
    #[must_use]
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// A key of the service account, for a store that has none yet.
    ///
    /// # Errors
    /// There is no active user, or the sandbox is full.
    pub fn seed_key(&self) -> Result<Issued, Refusal> {
        self.tenant.seed_key()
    }

    /// A secret in Secrets Manager that holds a new key of the service account.
    ///
    /// # Errors
    /// As [`Sandbox::seed_key`]; or the name is not allowed or taken.
    pub fn seed_secret(&self, name: &str, region: &str) -> Result<Issued, Refusal> {
        let key = self.tenant.seed_key()?;
        self.tenant.seed_secret(name, region, &key)?;
        Ok(key)
    }

    /// What to tell a person at a terminal: addresses and live keys, never a secret.
    #[must_use]
    pub fn describe(&self) -> String {
        let url = self.base_url();
        let mut text = format!(
            "sandbox ION on {url}\n  \
             auth_url   {url}\n  \
             api_url    {url}\n  \
             token      {url}/realms/api-keys/protocol/openid-connect/token\n  \
             graphql    {url}/graphql\n  \
             aws        AWS_ENDPOINT_URL_SECRETS_MANAGER={url} (any access key)\n  \
             controls   {url}/_sandbox/ (faults, ledger, keys, secrets, users)\n"
        );
        for secret in self.tenant.secrets().into_iter().take(10) {
            text.push_str(&format!("  secret     {} ({})\n", secret.name, secret.region));
        }
        let live = self.tenant.keys().into_iter().filter(|key| self.tenant.alive(&key.client_id));
        for key in live.take(10) {
            let owner = self.tenant.email_of(&key.created_by).unwrap_or_default();
            text.push_str(&format!("  key        {} ({owner})\n", key.client_id));
        }
        text
    }

    /// Stops accepting, lets running answers end within two seconds, and closes.
    pub async fn shutdown(self) {
        self.stop.send_replace(true);
        // A server that panicked has nothing left to wait for.
        drop(self.server.await);
    }
}

/// Serves until `shutdown` completes. `announce` is called once, when the sandbox is up: to seed
/// keys, and to print [`Sandbox::describe`].
///
/// # Errors
/// As [`Sandbox::start`], and what `announce` fails with.
pub async fn serve_until(
    listener: TcpListener,
    settings: Settings,
    announce: impl FnOnce(&Sandbox) -> io::Result<()>,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let sandbox = Sandbox::start(listener, settings)?;
    let announced = announce(&sandbox);
    if announced.is_ok() {
        shutdown.await;
    }
    sandbox.shutdown().await;
    announced
}

/// The machine's clock.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the clock")]
pub fn wall_clock() -> Clock {
    Arc::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}
