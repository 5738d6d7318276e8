//! A sandbox on a clock of the test's own, and a client for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use rekeyd::sandbox::{
    CallKind, Entry, Fault, Issued, Sandbox, SchemaKind, Settings, Tenant, What,
};
use reqwest::{Client, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;

pub(crate) const START_MS: i64 = 1_800_000_000_000;

pub(crate) const CREATE: &str =
    "mutation CreateAPIKey { createApiKey { apikey { clientId clientSecret } } }";
pub(crate) const LIST: &str =
    "query APIKeys { apiKeys { edges { node { clientId clientSecret id _etag } } } }";
pub(crate) const UPDATE: &str = "mutation UpdateAPIKey($input: APIKeyInput!) { \
     updateApiKey(input: $input) { apikey { clientId clientSecret enabled } } }";
pub(crate) const DELETE: &str = "mutation DeleteAPIKey($input: APIKeyInput!) { \
     deleteApiKey(input: $input) { apikey { clientId } } }";

pub(crate) struct Bench {
    pub(crate) sandbox: Sandbox,
    pub(crate) key: Issued,
    pub(crate) http: Client,
    clock: Arc<AtomicI64>,
}

impl Bench {
    pub(crate) async fn documented() -> Self {
        Self::with(Settings::default()).await
    }

    pub(crate) async fn extended() -> Self {
        Self::with(Settings { schema: SchemaKind::Extended, ..Settings::default() }).await
    }

    pub(crate) async fn with(settings: Settings) -> Self {
        let clock = Arc::new(AtomicI64::new(START_MS));
        let hand = Arc::clone(&clock);
        let tenant = Tenant::new(settings, Arc::new(move || hand.load(Ordering::SeqCst)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sandbox = Sandbox::serve_tenant(listener, tenant).unwrap();
        let key = sandbox.seed_key().unwrap();
        let http = Client::builder().no_proxy().build().unwrap();
        Self { sandbox, key, http, clock }
    }

    pub(crate) fn tenant(&self) -> &Tenant {
        self.sandbox.tenant()
    }

    pub(crate) fn advance_ms(&self, ms: i64) {
        self.clock.fetch_add(ms, Ordering::SeqCst);
    }

    pub(crate) fn fault(&self, on: CallKind, what: What) {
        self.tenant().add_fault(Fault { on, nth: 1, count: 1, key: None, what }).unwrap();
    }

    pub(crate) fn last(&self, kind: CallKind) -> Entry {
        self.tenant().ledger().into_iter().rfind(|entry| entry.kind == kind).unwrap()
    }

    /// Sends form fields to the token endpoint of a realm.
    pub(crate) async fn form(&self, realm: &str, fields: &[(&str, &str)]) -> Response {
        let base = self.sandbox.base_url();
        let url = format!("{base}/realms/{realm}/protocol/openid-connect/token");
        self.http.post(url).form(fields).send().await.unwrap()
    }

    pub(crate) async fn exchange(&self, id: &str, secret: &str) -> (u16, Value) {
        let answer = self.form("api-keys", &credentials(id, secret)).await;
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// A token of the first key.
    pub(crate) async fn token(&self) -> String {
        let (status, body) = self.exchange(&self.key.client_id, &self.key.client_secret).await;
        assert_eq!(status, 200);
        body["access_token"].as_str().unwrap().into()
    }

    pub(crate) async fn try_query(
        &self,
        authorization: &str,
        query: &str,
        variables: Value,
    ) -> reqwest::Result<Response> {
        let url = format!("{}/graphql", self.sandbox.base_url());
        let body = json!({ "query": query, "variables": variables });
        self.http.post(url).header("authorization", authorization).json(&body).send().await
    }

    /// A query that is answered in HTTP 200.
    pub(crate) async fn query(&self, token: &str, query: &str, variables: Value) -> Value {
        let answer = self.try_query(&format!("Bearer {token}"), query, variables).await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.json().await.unwrap()
    }

    /// The nodes of the documented list.
    pub(crate) async fn list(&self, token: &str) -> Vec<Value> {
        let body = self.query(token, LIST, json!({})).await;
        assert_eq!(body.get("errors"), None);
        let edges = body["data"]["apiKeys"]["edges"].as_array().unwrap().clone();
        edges.into_iter().map(|edge| edge["node"].clone()).collect()
    }

    pub(crate) async fn etag_of(&self, token: &str, client_id: &str) -> String {
        let nodes = self.list(token).await;
        let node = nodes.iter().find(|node| node["clientId"] == client_id).unwrap();
        node["_etag"].as_str().unwrap().into()
    }

    pub(crate) async fn create(&self, token: &str) -> Issued {
        let body = self.query(token, CREATE, json!({})).await;
        let key = &body["data"]["createApiKey"]["apikey"];
        Issued {
            client_id: key["clientId"].as_str().unwrap().into(),
            client_secret: key["clientSecret"].as_str().unwrap().into(),
        }
    }

    pub(crate) async fn set_enabled(
        &self,
        token: &str,
        client_id: &str,
        etag: &str,
        enabled: bool,
    ) -> Value {
        let input = json!({ "input": {
            "clientId": client_id, "_etag": etag, "enabled": enabled, "regenerateSecret": false,
        }});
        self.query(token, UPDATE, input).await
    }
}

pub(crate) fn credentials<'a>(id: &'a str, secret: &'a str) -> [(&'static str, &'a str); 3] {
    [("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret)]
}

pub(crate) fn error_of(body: &Value) -> &str {
    body["errors"][0]["message"].as_str().unwrap_or_default()
}
