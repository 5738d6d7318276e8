//! First Resonance ION as issuer and verifier: GraphQL for the keys, its Keycloak for exchanges.
//!
//! ```text
//! Issuer, Verifier            (keys, listing, verify)
//!   └─ call: token → POST → meaning of the answer
//!        ├─ auth, tokens: exchange, cached for GraphQL calls only
//!        ├─ wire: bounded HTTP, no redirect, no hidden retry
//!        └─ meaning, failure: what an answer lets us conclude
//! ```
//!
//! Must never: send a mutation again when its first sending may have arrived; select a secret
//! except in `createApiKey`; put a part of a body or a credential into an error, a log, or a span.

mod auth;
mod call;
mod canary;
mod dialect;
mod failure;
mod keys;
mod listing;
mod meaning;
mod operations;
mod scalars;
mod slots;
mod survey;
mod tokens;
mod verify;
mod wire;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::domain::policy::AuthorizationScheme;
use crate::port::{Clock, PortError};

use dialect::DialectCache;
use tokens::TokenCache;
pub use wire::Connections;
use wire::Endpoint;

/// How long one request may take, from connecting to the last byte, when nothing else is set.
pub const DEFAULT_REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Where a tenant is and how it wants to be spoken to.
#[derive(Debug, Clone)]
pub struct IonConfig {
    /// The token endpoint, whole. `https`, or `http` on loopback.
    pub token_url: String,
    /// The GraphQL endpoint, whole. `https`, or `http` on loopback.
    pub graphql_url: String,
    pub scheme: AuthorizationScheme,
    /// Sent with the exchange when set.
    pub audience: Option<String>,
    /// Bound of one request, body included.
    pub request_timeout: Duration,
}

/// A client of one ION tenant. Cheap to share behind an `Arc`; holds tokens, never credentials.
pub struct Ion {
    token: Endpoint,
    graphql: Endpoint,
    scheme: AuthorizationScheme,
    audience: Option<String>,
    clock: Arc<dyn Clock>,
    tokens: TokenCache,
    dialect: DialectCache,
    /// One create in flight per organisation, whoever in this process sends it.
    create_slot: Arc<tokio::sync::Mutex<()>>,
    /// How long a create may wait for the slot.
    slot_timeout: Duration,
}

impl Ion {
    /// # Errors
    /// `Misconfigured` when a URL is not one, holds a user name, or is plain `http` elsewhere than
    /// on loopback, where the secret would travel readable.
    pub fn new(config: IonConfig, clock: Arc<dyn Clock>) -> Result<Self, PortError> {
        let connections = Connections::new(config.request_timeout, Arc::new(()));
        Self::on(&connections, config, clock)
    }

    /// The same on connections that others use too; their time-out holds.
    ///
    /// # Errors
    /// As for [`Ion::new`].
    pub fn on(
        connections: &Connections,
        config: IonConfig,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, PortError> {
        let timeout = config.request_timeout;
        let token = Endpoint::new(&config.token_url, connections)?;
        let graphql = Endpoint::new(&config.graphql_url, connections)?;
        Ok(Self {
            token,
            graphql,
            scheme: config.scheme,
            audience: config.audience,
            clock,
            tokens: TokenCache::default(),
            dialect: DialectCache::default(),
            create_slot: slots::of(&config.graphql_url),
            slot_timeout: timeout.saturating_mul(2),
        })
    }
}

impl fmt::Debug for Ion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ion")
            .field("token_host", &self.token.host())
            .field("graphql_host", &self.graphql.host())
            .finish_non_exhaustive()
    }
}
