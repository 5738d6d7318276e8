//! An auth server and a GraphQL API that answer as a test tells them, and remember every call.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Response};
use axum::routing::post;
use rekeyd::domain::clocks::Stamp;
use rekeyd::domain::ids::{Etag, KeyId};
use rekeyd::domain::policy::AuthorizationScheme;
use rekeyd::domain::secret::Credential;
use rekeyd::issuer::ion::{Ion, IonConfig};
use rekeyd::port::{Clock, DateLog};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

/// Planted as the secret of whatever the servers hand out: must never show anywhere.
pub const CANARY: &str = "canary-8d1f-secret";
pub const ACTOR_SECRET: &str = "actor-5e0c-secret";

/// What a server answers with.
#[derive(Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn json(status: u16, body: &Value) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Self { status, headers, body: body.to_string().into_bytes() }
    }
    pub fn html(status: u16) -> Self {
        let headers = vec![("content-type", "text/html".to_owned())];
        Self { status, headers, body: b"<html>please log in</html>".to_vec() }
    }
    pub fn raw(status: u16, body: &str) -> Self {
        Self { status, headers: vec![], body: body.as_bytes().to_vec() }
    }
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

pub fn data(data: &Value) -> Reply {
    Reply::json(200, &json!({ "data": data }))
}
pub fn errors(message: &str) -> Reply {
    Reply::json(200, &json!({ "data": null, "errors": [{ "message": message }] }))
}
pub fn granted(expires_in: &Value) -> Reply {
    let token = json!({ "access_token": "tok", "expires_in": expires_in, "token_type": "Bearer" });
    Reply::json(200, &token)
}

/// One request as it arrived.
#[derive(Debug, Clone)]
pub struct Call {
    pub headers: HeaderMap,
    pub body: String,
}

impl Call {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
    pub fn query(&self) -> String {
        self.json()["query"].as_str().unwrap().to_owned()
    }
    pub fn authorization(&self) -> &str {
        self.headers["authorization"].to_str().unwrap()
    }
}

type Script = Box<dyn Fn(&Call, usize) -> Reply + Send + Sync>;

pub struct Server {
    script: Script,
    /// A create is answered only when it gets a permit.
    creates: Arc<Semaphore>,
    calls: Mutex<Vec<Call>>,
}

impl Server {
    async fn start(script: Script, creates: Arc<Semaphore>) -> (Arc<Self>, String) {
        let server = Arc::new(Self { script, creates, calls: Mutex::default() });
        let app = Router::new().route("/", post(answer)).with_state(Arc::clone(&server));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        (server, url)
    }
    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }
    /// Calls whose query holds this text.
    pub fn calls_of(&self, text: &str) -> Vec<Call> {
        self.calls().into_iter().filter(|call| call.body.contains(text)).collect()
    }
}

async fn answer(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let call = Call { headers, body: String::from_utf8(body.to_vec()).unwrap() };
    let nth = {
        let mut calls = server.calls.lock().unwrap();
        calls.push(call.clone());
        calls.len()
    };
    if call.body.contains("createApiKey") {
        server.creates.acquire().await.unwrap().forget();
    }
    let reply = (server.script)(&call, nth);
    let mut response = Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    response.body(Body::from(reply.body)).unwrap()
}

/// Time that only moves when something sleeps.
#[derive(Default)]
pub struct FakeClock {
    now_ms: AtomicI64,
    dates: DateLog,
    pub slept: Mutex<Vec<Duration>>,
}

impl FakeClock {
    pub fn forward(&self, ms: i64) {
        self.now_ms.fetch_add(ms, Ordering::SeqCst);
    }
}

#[async_trait]
impl Clock for FakeClock {
    fn stamp(&self) -> Stamp {
        let now = self.now_ms.load(Ordering::SeqCst);
        Stamp {
            wall_ms: 1_800_000_000_000 + now,
            boot: "b".into(),
            boottime_ms: now,
            dated: self.dates.at(now),
        }
    }
    async fn sleep(&self, duration: Duration) {
        self.slept.lock().unwrap().push(duration);
        self.forward(i64::try_from(duration.as_millis()).unwrap());
        tokio::task::yield_now().await;
    }
    fn dates(&self) -> &DateLog {
        &self.dates
    }
}

/// Both servers and a client of them.
pub struct Fake {
    pub auth: Arc<Server>,
    pub api: Arc<Server>,
    pub clock: Arc<FakeClock>,
    pub ion: Arc<Ion>,
    pub config: IonConfig,
}

pub struct Build {
    auth: Script,
    api: Script,
    scheme: AuthorizationScheme,
    audience: Option<String>,
    timeout: Duration,
    creates: Arc<Semaphore>,
}

/// An auth server that grants, and an API that does not know introspection and answers the rest
/// with `api`.
pub fn api(api: impl Fn(&Call) -> Reply + Send + Sync + 'static) -> Build {
    Build {
        auth: Box::new(|_, _| granted(&json!(300))),
        api: Box::new(move |call, _| {
            if call.body.contains("__schema") { errors("introspection is off") } else { api(call) }
        }),
        scheme: AuthorizationScheme::Bearer,
        audience: None,
        timeout: Duration::from_secs(20),
        creates: Arc::new(Semaphore::new(1000)),
    }
}

/// An auth server that answers with `auth`; no API.
pub fn auth(auth: impl Fn(&Call, usize) -> Reply + Send + Sync + 'static) -> Build {
    let mut build = api(|_| errors("no API here"));
    build.auth = Box::new(auth);
    build
}

impl Build {
    pub fn auth(mut self, auth: impl Fn(&Call, usize) -> Reply + Send + Sync + 'static) -> Self {
        self.auth = Box::new(auth);
        self
    }
    /// Every call of the API, introspection too.
    pub fn all(mut self, api: impl Fn(&Call, usize) -> Reply + Send + Sync + 'static) -> Self {
        self.api = Box::new(api);
        self
    }
    pub fn scheme(mut self, scheme: AuthorizationScheme) -> Self {
        self.scheme = scheme;
        self
    }
    pub fn audience(mut self, audience: &str) -> Self {
        self.audience = Some(audience.to_owned());
        self
    }
    /// Creates wait for permits.
    pub fn creates(mut self, permits: &Arc<Semaphore>) -> Self {
        self.creates = Arc::clone(permits);
        self
    }
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
    pub async fn start(self) -> Fake {
        let (auth, token_url) = Server::start(self.auth, Arc::clone(&self.creates)).await;
        let (api, graphql_url) = Server::start(self.api, self.creates).await;
        let config = IonConfig {
            token_url,
            graphql_url,
            scheme: self.scheme,
            audience: self.audience,
            request_timeout: self.timeout,
        };
        let clock = Arc::new(FakeClock::default());
        let ion = Arc::new(client(config.clone(), &clock));
        Fake { auth, api, clock, ion, config }
    }
}

pub fn client(config: IonConfig, clock: &Arc<FakeClock>) -> Ion {
    // Another test of this process may have been first.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let clock: Arc<dyn Clock> = Arc::<FakeClock>::clone(clock);
    Ion::new(config, clock).unwrap()
}

pub fn actor() -> Credential {
    Credential::new(key("actor"), SecretString::from(ACTOR_SECRET))
}
pub fn key(text: &str) -> KeyId {
    KeyId::new(text).unwrap()
}
pub fn etag(text: &str) -> Etag {
    Etag::new(text).unwrap()
}

/// The form fields of an exchange.
pub fn form(call: &Call) -> HashMap<String, String> {
    call.body
        .split('&')
        .map(|pair| pair.split_once('=').unwrap())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}
