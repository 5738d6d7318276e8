//! `/_sandbox/…`: how tests and people outside give orders and ask for truths. Documented in the
//! module above.

use std::collections::BTreeSet;

use axum::Json;
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::json;

use super::super::fault::Fault;
use super::super::person::Edit;
use super::super::reply::{Issued, Refusal};
use super::super::secrets_manager::{Code, SecretEdit};
use super::super::tenant::Tenant;

/// The routes, without their prefix.
pub(super) fn router() -> Router<Tenant> {
    Router::new()
        .route("/faults", get(faults).post(add_fault).delete(clear_faults))
        .route("/ledger", get(ledger))
        .route("/keys", get(keys).post(mint))
        .route("/keys/{key}/{edit}", post(edit_key))
        .route("/secrets", get(secrets).post(edit_secret))
        .route("/users/{user}/deactivate", post(deactivate))
        .route("/users/{user}/permissions", post(permit))
}

/// What a person may order here, with examples to copy.
pub(super) async fn index() -> &'static str {
    include_str!("controls.txt")
}

async fn faults(State(tenant): State<Tenant>) -> Response {
    Json(tenant.faults()).into_response()
}

async fn add_fault(State(tenant): State<Tenant>, Json(fault): Json<Fault>) -> Response {
    match tenant.add_fault(fault) {
        Ok(()) => StatusCode::CREATED.into_response(),
        Err(reason) => wrong(StatusCode::BAD_REQUEST, &reason),
    }
}

async fn clear_faults(State(tenant): State<Tenant>) -> Response {
    tenant.clear_faults();
    StatusCode::NO_CONTENT.into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct After {
    #[serde(default)]
    after: u64,
}

async fn ledger(State(tenant): State<Tenant>, Query(query): Query<After>) -> Response {
    Json(tenant.ledger_after(query.after)).into_response()
}

async fn keys(State(tenant): State<Tenant>) -> Response {
    let truths = tenant.keys().into_iter().map(|key| {
        json!({
            "client_id": key.client_id,
            "alive": tenant.alive(&key.client_id),
            "enabled": key.enabled,
            "deleted": key.deleted,
            "created_by": key.created_by,
            "created_ms": key.created_ms,
            "etag": key.etag,
            "permissions": key.permissions,
        })
    });
    Json(truths.collect::<Vec<_>>()).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Minting {
    user: String,
}

async fn mint(State(tenant): State<Tenant>, Json(minting): Json<Minting>) -> Response {
    edited(tenant.edit(&Edit::Mint { user: minting.user }))
}

async fn edit_key(
    State(tenant): State<Tenant>,
    Path((key, edit)): Path<(String, String)>,
) -> Response {
    let edit = match edit.as_str() {
        "disable" => Edit::Disable { key },
        "enable" => Edit::Enable { key },
        "regenerate" => Edit::Regenerate { key },
        "delete" => Edit::Delete { key },
        _ => return wrong(StatusCode::NOT_FOUND, "disable, enable, regenerate, or delete"),
    };
    edited(tenant.edit(&edit))
}

async fn secrets(State(tenant): State<Tenant>) -> Response {
    Json(tenant.secrets()).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SecretEditing {
    secret: String,
    edit: SecretEdit,
}

async fn edit_secret(
    State(tenant): State<Tenant>,
    Json(SecretEditing { secret, edit }): Json<SecretEditing>,
) -> Response {
    edited(tenant.edit(&Edit::Secret { secret, edit }))
}

async fn deactivate(State(tenant): State<Tenant>, Path(user): Path<String>) -> Response {
    edited(tenant.edit(&Edit::Deactivate { user }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Permissions {
    permissions: BTreeSet<String>,
}

async fn permit(
    State(tenant): State<Tenant>,
    Path(user): Path<String>,
    Json(body): Json<Permissions>,
) -> Response {
    edited(tenant.edit(&Edit::Permit { user, permissions: body.permissions }))
}

fn edited(result: Result<Option<Issued>, Refusal>) -> Response {
    match result {
        Ok(None) => StatusCode::NO_CONTENT.into_response(),
        Ok(Some(issued)) => {
            let shown = json!({
                "client_id": issued.client_id,
                "client_secret": issued.client_secret,
            });
            (StatusCode::CREATED, Json(shown)).into_response()
        }
        Err(Refusal::NotFound) => wrong(StatusCode::NOT_FOUND, "no such key or user"),
        Err(Refusal::Aws(exception)) if exception.code == Code::ResourceNotFound => {
            wrong(StatusCode::NOT_FOUND, "no such secret, version, or replica")
        }
        Err(refusal) => wrong(StatusCode::CONFLICT, refusal.name()),
    }
}

fn wrong(status: StatusCode, reason: &str) -> Response {
    (status, Json(json!({ "error": reason }))).into_response()
}
