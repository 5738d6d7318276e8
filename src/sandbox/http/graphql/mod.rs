//! `POST /graphql`: the token is judged before GraphQL, errors of GraphQL come in HTTP 200, and
//! what a fault does to an answer happens after it.

mod documented;
mod extended;
mod request;

use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::{Context, SimpleObject};
use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};

use self::request::{Asked, operation_of};
use super::super::ledger::CallKind;
use super::super::reply::{End, Line, Refusal, Reply};
use super::super::settings::{SchemaKind, Settings, User};
use super::super::tenant::{Caller, Tenant};
use super::line;

/// The one route.
pub(super) fn router(tenant: &Tenant) -> Router {
    let settings = tenant.settings();
    let schema = Schema::of(&settings);
    let state = Api { tenant: tenant.clone(), settings: Arc::new(settings), schema };
    Router::new().route("/graphql", post(graphql)).with_state(state)
}

#[derive(Clone)]
struct Api {
    tenant: Tenant,
    settings: Arc<Settings>,
    schema: Schema,
}

#[derive(Clone)]
enum Schema {
    Documented(documented::Schema),
    Extended(extended::Schema),
}

impl Schema {
    fn of(settings: &Settings) -> Self {
        match settings.schema {
            SchemaKind::Documented => Self::Documented(documented::schema(settings)),
            SchemaKind::Extended => Self::Extended(extended::schema(settings)),
        }
    }

    async fn execute(&self, request: async_graphql::Request) -> async_graphql::Response {
        match self {
            Self::Documented(schema) => schema.execute(request).await,
            Self::Extended(schema) => schema.execute(request).await,
        }
    }
}

/// What the line does with one root field's answer, and why the server said no, if it did.
type Met = (Line, Option<Refusal>);

/// One request on its way through the resolvers, and what became of it.
#[derive(Clone)]
struct Journey {
    tenant: Tenant,
    caller: Caller,
    page_size: u32,
    met: Arc<Mutex<Vec<Met>>>,
}

impl Journey {
    fn of<'a>(context: &Context<'a>) -> async_graphql::Result<&'a Self> {
        context.data::<Self>()
    }

    /// Keeps what the line does; hands on what the server said.
    fn keep<T>(&self, reply: Reply<T>) -> async_graphql::Result<T> {
        let refusal = reply.result.as_ref().err().cloned();
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        met.push((reply.line, refusal));
        reply.result.map_err(|refusal| async_graphql::Error::new(refusal.to_string()))
    }

    fn current_user(&self) -> async_graphql::Result<CurrentUser> {
        self.keep(self.tenant.current_user(&self.caller)).map(CurrentUser::from)
    }

    fn met(&self) -> Vec<Met> {
        self.met.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn graphql(State(api): State<Api>, headers: HeaderMap, body: Bytes) -> Response {
    let token = token_of(&headers);
    let mut response = answer(&api, token, &body).await;
    if api.settings.api_sends_date
        && !response.headers().contains_key(header::DATE)
        && let Some(date) = line::date(api.tenant.now_ms())
    {
        response.headers_mut().insert(header::DATE, date);
    }
    response
}

async fn answer(api: &Api, token: &str, body: &[u8]) -> Response {
    let request = serde_json::from_slice::<async_graphql::Request>(body).ok();
    let asked = request.as_ref().map_or(Asked::Operation(CallKind::Other), operation_of);
    let Some(caller) = api.tenant.caller(token) else {
        api.tenant.note(asked.kind(), None, "unauthorized");
        return unauthorized();
    };
    let Some(request) = request else {
        api.tenant.note(CallKind::Other, Some(&caller), "bad_request");
        return errors(StatusCode::BAD_REQUEST, "The request is not a GraphQL request");
    };
    let journey = Journey {
        tenant: api.tenant.clone(),
        caller: caller.clone(),
        page_size: api.settings.page_size,
        met: Arc::default(),
    };
    if asked == Asked::Introspection && journey.keep(api.tenant.introspect(&caller)).is_err() {
        return finish(api, &journey.met(), Value::Null, token).await;
    }
    let executed = api.schema.execute(request.data(journey.clone())).await;
    let met = journey.met();
    if met.is_empty() {
        let outcome = if executed.is_err() { "invalid_query" } else { "ok" };
        api.tenant.note(asked.kind(), Some(&caller), outcome);
    }
    let shown = serde_json::to_value(&executed).unwrap_or(Value::Null);
    finish(api, &met, shown, token).await
}

/// Turns what the resolvers met into an answer.
async fn finish(api: &Api, met: &[Met], shown: Value, token: &str) -> Response {
    let refusals = || met.iter().filter_map(|(_, refusal)| refusal.as_ref());
    let plain = if refusals().any(|refusal| *refusal == Refusal::Unauthorized) {
        unauthorized()
    } else if refusals().any(|refusal| *refusal == Refusal::IntrospectionOff) {
        errors(StatusCode::OK, &Refusal::IntrospectionOff.to_string())
    } else if api.settings.etag_mismatch_as_409
        && refusals().any(|refusal| *refusal == Refusal::EtagMismatch)
    {
        errors(StatusCode::CONFLICT, &Refusal::EtagMismatch.to_string())
    } else {
        Json(shown).into_response()
    };
    let struck =
        met.iter().map(|(line, _)| line).find(|line| line.delay_ms > 0 || line.end != End::Whole);
    match struck {
        Some(line) => line::send(line, plain, token).await,
        None => plain,
    }
}

/// `Bearer T`, `Token T`, or the bare token.
fn token_of(headers: &HeaderMap) -> &str {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.unwrap_or_default();
    ["Bearer ", "Token "].iter().find_map(|scheme| given.strip_prefix(scheme)).unwrap_or(given)
}

fn unauthorized() -> Response {
    (StatusCode::UNAUTHORIZED, Json(json!({ "message": "Unauthorized" }))).into_response()
}

fn errors(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "errors": [{ "message": message }] }))).into_response()
}

/// Whom the key acts as.
#[derive(SimpleObject)]
#[graphql(name = "User")]
struct CurrentUser {
    id: async_graphql::ID,
    name: String,
    email: String,
    organization: Organization,
}

#[derive(SimpleObject)]
struct Organization {
    id: async_graphql::ID,
    domain: String,
}

impl From<User> for CurrentUser {
    fn from(user: User) -> Self {
        Self {
            id: user.id.into(),
            name: user.name,
            email: user.email,
            organization: Organization {
                id: user.organization.id.into(),
                domain: user.organization.domain,
            },
        }
    }
}

/// What update and delete take. The vendor's name.
#[derive(async_graphql::InputObject)]
#[graphql(name = "APIKeyInput")]
struct ApiKeyInput {
    client_id: String,
    #[graphql(name = "_etag")]
    etag: Option<String>,
    enabled: Option<bool>,
    regenerate_secret: Option<bool>,
}

impl From<ApiKeyInput> for super::super::tenant::Change {
    fn from(input: ApiKeyInput) -> Self {
        Self {
            client_id: input.client_id,
            etag: input.etag,
            enabled: input.enabled,
            regenerate_secret: input.regenerate_secret,
        }
    }
}
