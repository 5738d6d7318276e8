//! The auth server: Keycloak's token endpoint, with the answers seen on Keycloak 26.7.3. As the
//! real one it sends no `Date`.

use axum::Json;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::super::ledger::CallKind;
use super::super::reply::{End, Grant, Refusal};
use super::super::tenant::Tenant;
use super::line;

/// The realm that ION keeps its keys in.
const REALM: &str = "api-keys";

type Fields = Vec<(String, String)>;

/// `POST …/realms/{realm}/protocol/openid-connect/token`
pub(super) async fn token(
    State(tenant): State<Tenant>,
    Path(realm): Path<String>,
    form: Result<Form<Fields>, FormRejection>,
) -> Response {
    if realm != REALM {
        tenant.note(CallKind::TokenExchange, None, "wrong_realm");
        return answer(StatusCode::NOT_FOUND, &json!({ "error": "Realm does not exist" }));
    }
    let Ok(Form(fields)) = form else {
        tenant.note(CallKind::TokenExchange, None, "unsupported_media_type");
        let error = json!({ "error": "HTTP 415 Unsupported Media Type" });
        return answer(StatusCode::UNSUPPORTED_MEDIA_TYPE, &error);
    };
    if let Err((error, description)) = check_grant(&fields) {
        tenant.note(CallKind::TokenExchange, None, error);
        return refuse(StatusCode::BAD_REQUEST, error, description);
    }
    let client_id = field(&fields, "client_id").unwrap_or_default();
    let client_secret = field(&fields, "client_secret").unwrap_or_default();
    let reply = tenant.exchange(client_id, client_secret);
    let plain = match (&reply.result, &reply.line.end) {
        (_, End::NullData) => answer(StatusCode::OK, &json!({})),
        (Ok(grant), _) => answer(StatusCode::OK, &granted(grant)),
        (Err(refusal), _) => refused(refusal),
    };
    let mut on_the_line = reply.line;
    if on_the_line.end == End::NullData {
        on_the_line.end = End::Whole;
    }
    line::send(&on_the_line, plain, client_secret).await
}

fn granted(grant: &Grant) -> Value {
    json!({
        "access_token": grant.access_token,
        "expires_in": grant.expires_in_seconds,
        "refresh_expires_in": 0,
        "token_type": "Bearer",
        "not-before-policy": 0,
        "scope": "profile email",
    })
}

fn refused(refusal: &Refusal) -> Response {
    match refusal {
        Refusal::Token { status, error, description } => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::UNAUTHORIZED);
            refuse(status, error, description)
        }
        Refusal::Permission(_) => {
            refuse(StatusCode::FORBIDDEN, "access_denied", "Realm not enabled")
        }
        _ => refuse(StatusCode::INTERNAL_SERVER_ERROR, "unknown_error", "injected"),
    }
}

/// Keycloak looks at the grant before it looks at the client.
fn check_grant(fields: &Fields) -> Result<(), (&'static str, &'static str)> {
    for (index, (name, _)) in fields.iter().enumerate() {
        if fields.iter().skip(index + 1).any(|(other, _)| other == name) {
            return Err(("invalid_request", "duplicated parameter"));
        }
    }
    match field(fields, "grant_type") {
        Some("client_credentials") => Ok(()),
        Some(_) => Err(("unsupported_grant_type", "Unsupported grant_type")),
        None => Err(("invalid_request", "Missing form parameter: grant_type")),
    }
}

fn field<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    fields.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
}

fn refuse(status: StatusCode, error: &str, description: &str) -> Response {
    answer(status, &json!({ "error": error, "error_description": description }))
}

fn answer(status: StatusCode, body: &Value) -> Response {
    let mut response = (status, Json(body)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}
