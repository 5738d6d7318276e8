//! `POST /` with `X-Amz-Target`: AWS Secrets Manager's JSON 1.1 protocol.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::json;

use super::super::ledger::CallKind;
use super::super::reply::{End, Refusal};
use super::super::secrets_manager::{Answer, Exception, Request, Signer};
use super::super::tenant::Tenant;
use super::line;

/// A value of 64 KiB with every byte escaped, and then some.
pub(super) const MAX_REQUEST_BYTES: usize = 512 * 1024;
const TARGET: &str = "x-amz-target";
const SERVICE: &str = "secretsmanager.";

pub(super) async fn call(
    State(tenant): State<Tenant>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let operation = text(TARGET).and_then(|target| target.strip_prefix(SERVICE));
    let request = Request::read(operation.unwrap_or_default(), &body);
    let kind = request.as_ref().map_or(CallKind::Other, Request::kind);
    let signer = match Signer::read(text(header::AUTHORIZATION.as_str())) {
        Ok(signer) => signer,
        Err(exception) => return unheard(&tenant, kind, None, exception),
    };
    let request = match request {
        Ok(request) => request,
        Err(exception) => return unheard(&tenant, kind, Some(&signer), exception),
    };
    let reply = tenant.secrets_manager(&signer, &request);
    let mut on_the_line = reply.line;
    let plain = match (reply.result, &on_the_line.end) {
        (_, End::NullData) => answered(&tenant, &Answer::empty()),
        (Ok(answer), _) => answered(&tenant, &answer),
        (Err(refusal), _) => refused(&tenant, &refusal.exception()),
    };
    if on_the_line.end == End::NullData {
        on_the_line.end = End::Whole;
    }
    let quoted = request.value().map_or(signer.access_key.as_str(), |value| value.expose());
    line::send(&on_the_line, plain, quoted).await
}

/// Refused before anything could be done, and not struck by any fault.
fn unheard(
    tenant: &Tenant,
    kind: CallKind,
    signer: Option<&Signer>,
    exception: Exception,
) -> Response {
    let response = refused(tenant, &exception);
    tenant.note_unsigned(kind, signer, &Refusal::Aws(exception));
    response
}

fn answered(tenant: &Tenant, answer: &Answer) -> Response {
    json_1_1(tenant, StatusCode::OK, answer.body())
}

fn refused(tenant: &Tenant, exception: &Exception) -> Response {
    let code = exception.code;
    let words = if code.is_the_services_own() { "Message" } else { "message" };
    let body = json!({ "__type": code.name(), words: exception.message });
    let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::BAD_REQUEST);
    let mut response = json_1_1(tenant, status, body.to_string());
    let named = HeaderValue::from_static(code.name());
    response.headers_mut().insert("x-amzn-errortype", named);
    response
}

fn json_1_1(tenant: &Tenant, status: StatusCode, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let json = HeaderValue::from_static("application/x-amz-json-1.1");
    headers.insert(header::CONTENT_TYPE, json);
    if let Ok(id) = HeaderValue::from_str(&uuid::Uuid::new_v4().to_string()) {
        headers.insert("x-amzn-requestid", id);
    }
    if let Some(date) = line::date(tenant.now_ms()) {
        headers.insert(header::DATE, date);
    }
    response
}
