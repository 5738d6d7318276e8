//! The tenant over HTTP/1.1: auth server, GraphQL, Secrets Manager, and the tests' own doors, on one
//! listener.

mod admin;
mod auth;
mod graphql;
mod line;
mod secrets_manager;
mod server;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

pub(super) use self::server::serve;
use super::tenant::Tenant;

/// No request may be larger.
const MAX_REQUEST_BYTES: usize = 256 * 1024;

/// Everything that the sandbox serves.
pub(super) fn router(tenant: &Tenant) -> Router {
    let token = post(auth::token);
    let aws_limit = DefaultBodyLimit::max(secrets_manager::MAX_REQUEST_BYTES);
    let aws = post(secrets_manager::call).layer(aws_limit);
    Router::new()
        .route("/realms/{realm}/protocol/openid-connect/token", token.clone())
        .route("/auth/realms/{realm}/protocol/openid-connect/token", token)
        .route("/_sandbox/", get(admin::index))
        .nest("/_sandbox", admin::router())
        .with_state(tenant.clone())
        .merge(graphql::router(tenant))
        .layer(DefaultBodyLimit::max(MAX_REQUEST_BYTES))
        .merge(Router::new().route("/", aws).with_state(tenant.clone()))
}
