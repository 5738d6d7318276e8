//! What introspection shows is used; what it does not show is never asked for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rekeyd::port::Issuer;
use serde_json::{Value, json};

use crate::fake::{self, Call, Fake, Reply, actor, data, errors, etag, key};

/// The shape of a tenant's schema.
#[derive(Clone)]
pub struct Tenant {
    pub node: Vec<&'static str>,
    pub pages: bool,
    pub etag: (&'static str, &'static str),
    pub input: &'static str,
}

impl Tenant {
    pub fn documented() -> Self {
        let node = vec!["clientId", "clientSecret", "id"];
        Self { node, pages: false, etag: ("_etag", "String"), input: "APIKeyInput" }
    }
    pub fn extended() -> Self {
        let node =
            vec!["clientId", "clientSecret", "id", "_etag", "enabled", "created", "createdBy"];
        Self { node, pages: true, ..Self::documented() }
    }

    fn describe(&self, name: &str) -> Value {
        let required =
            |name: &str| json!({ "name": null, "ofType": { "name": name, "ofType": null } });
        let field = |name: &str, kind: &Value, args: &[&str]| {
            let args: Vec<Value> = args.iter().map(|arg| json!({ "name": arg })).collect();
            json!({ "name": name, "args": args, "type": kind })
        };
        match name {
            "Query" => {
                let args: &[&str] = if self.pages { &["first", "after"] } else { &[] };
                json!({ "fields": [field("apiKeys", &required("Keys"), args)] })
            }
            "Mutation" => json!({ "fields": [{ "name": "updateApiKey", "type": required("Payload"),
                "args": [{ "name": "input", "type": required(self.input) }] }] }),
            "Keys" => {
                let mut fields = vec![field(
                    "edges",
                    &json!({ "name": null, "ofType":
                    { "name": null, "ofType": { "name": "Edge" } } }),
                    &[],
                )];
                if self.pages {
                    fields.push(field("pageInfo", &required("PageInfo"), &[]));
                }
                json!({ "fields": fields })
            }
            "Edge" => json!({ "fields": [field("node", &required("Key"), &[])] }),
            "Payload" => json!({ "fields": [field("apikey", &required("Key"), &[])] }),
            "Key" => {
                let kind =
                    |name: &str| required(if name == "createdBy" { "User" } else { "String" });
                let fields: Vec<Value> =
                    self.node.iter().map(|name| field(name, &kind(name), &[])).collect();
                json!({ "fields": fields })
            }
            "User" => json!({ "fields": [field("id", &required("ID"), &[]),
                field("email", &required("String"), &[])] }),
            name if name == self.input => json!({ "inputFields": [
                { "name": "clientId", "type": required("String") },
                { "name": self.etag.0, "type": required(self.etag.1) }] }),
            _ => Value::Null,
        }
    }

    fn answer(&self, call: &Call) -> Option<Reply> {
        let body = call.json();
        match body["operationName"].as_str() {
            Some("IntrospectRoots") => Some(data(&json!({ "__schema": {
                "queryType": { "name": "Query" }, "mutationType": { "name": "Mutation" } } }))),
            Some("IntrospectType") => {
                let name = body["variables"]["name"].as_str().unwrap();
                Some(data(&json!({ "__type": self.describe(name) })))
            }
            _ => None,
        }
    }
}

/// A tenant that allows introspection and answers the rest with `api`.
pub async fn tenant(tenant: Tenant, api: impl Fn(&Call) -> Reply + Send + Sync + 'static) -> Fake {
    fake::api(|_| errors("unused"))
        .all(move |call, _| tenant.answer(call).unwrap_or_else(|| api(call)))
        .start()
        .await
}

fn changed() -> Reply {
    data(&json!({ "updateApiKey": { "apikey":
        { "clientId": "k", "enabled": false, "_etag": "left" } } }))
}

async fn list_query(shape: Tenant) -> String {
    let fake = tenant(shape, |_| data(&json!({ "apiKeys": { "edges": [] } }))).await;
    fake.ion.list(&actor()).await.unwrap();
    fake.api.calls_of("edges").last().unwrap().query()
}

#[tokio::test]
async fn the_list_asks_for_what_the_tenant_shows_and_nothing_else() {
    for (shape, asks, leaves) in [
        (Tenant::documented(), vec![], vec!["enabled", "pageInfo", "createdBy"]),
        (
            Tenant { node: vec!["clientId", "enabled"], ..Tenant::documented() },
            vec!["enabled"],
            vec!["pageInfo"],
        ),
        (
            Tenant { pages: true, ..Tenant::documented() },
            vec!["pageInfo"],
            vec!["enabled", "createdBy"],
        ),
        (
            Tenant { pages: true, node: vec!["clientId", "enabled"], ..Tenant::documented() },
            vec!["pageInfo", "enabled"],
            vec!["createdBy"],
        ),
        (Tenant::extended(), vec!["pageInfo", "enabled", "created", "createdBy"], vec![]),
    ] {
        let query = list_query(shape).await;
        for field in asks {
            assert!(query.contains(field), "{field}: {query}");
        }
        for field in leaves.into_iter().chain(["clientSecret"]) {
            assert!(!query.contains(field), "{field}: {query}");
        }
    }
}

#[tokio::test]
async fn the_etag_that_an_update_leaves_is_asked_for_where_it_is_told() {
    let fake = tenant(Tenant::extended(), |_| changed()).await;
    let left = fake.ion.disable(&actor(), &key("k"), Some(&etag("e"))).await.unwrap();
    assert_eq!(left.etag, Some(etag("left")));

    let fake = tenant(Tenant::documented(), |_| changed()).await;
    fake.ion.disable(&actor(), &key("k"), Some(&etag("e"))).await.unwrap();
    let query = fake.api.calls_of("updateApiKey(").last().unwrap().query();
    assert!(!query.contains("_etag"), "{query}");
}

#[tokio::test]
async fn the_input_is_named_and_typed_as_the_tenant_has_it() {
    let shape = Tenant { etag: ("etag", "Int"), input: "KeyChange", ..Tenant::documented() };
    let fake = tenant(shape, |_| changed()).await;
    fake.ion.disable(&actor(), &key("k"), Some(&etag("41"))).await.unwrap();
    let call = fake.api.calls_of("updateApiKey(").last().unwrap().clone();
    assert!(call.query().contains("$input: KeyChange!"), "{}", call.query());
    let sent = json!({ "clientId": "k", "etag": 41, "enabled": false, "regenerateSecret": false });
    assert_eq!(call.json()["variables"]["input"], sent);
}

#[tokio::test]
async fn an_etag_listed_as_a_number_goes_back_as_one_where_the_input_type_is_not_known() {
    let fake = fake::api(|call| {
        if call.query().contains("updateApiKey") {
            return changed();
        }
        data(&json!({ "apiKeys": { "edges": [{ "node": { "clientId": "k", "_etag": 41 } }] } }))
    })
    .start()
    .await;
    let listing = fake.ion.list(&actor()).await.unwrap();
    fake.ion.disable(&actor(), &key("k"), listing.keys[0].etag.as_ref()).await.unwrap();
    let sent = fake.api.calls_of("updateApiKey")[0].json()["variables"]["input"].clone();
    assert_eq!(sent["_etag"], 41);
}

#[tokio::test]
async fn introspection_is_asked_once_an_hour_and_its_failure_is_no_error() {
    let documented = || data(&json!({ "apiKeys": { "edges": [] } }));
    let fake = fake::api(move |_| documented()).start().await;
    for _ in 0..3 {
        assert!(fake.ion.list(&actor()).await.unwrap().complete);
    }
    assert_eq!(fake.api.calls_of("__schema").len(), 1);
    fake.clock.forward(60 * 60 * 1000);
    fake.ion.list(&actor()).await.unwrap();
    assert_eq!(fake.api.calls_of("__schema").len(), 2);

    let down = fake::api(|_| errors("unused"))
        .all(
            move |call, _| {
                if call.body.contains("__schema") { Reply::html(503) } else { documented() }
            },
        )
        .start()
        .await;
    assert!(down.ion.list(&actor()).await.unwrap().complete);
}

#[tokio::test]
async fn what_was_learnt_outlives_a_failure_to_learn_it_again() {
    let shape = Tenant { etag: ("etag", "String"), ..Tenant::documented() };
    let down = Arc::new(AtomicBool::new(false));
    let broken = Arc::clone(&down);
    let fake = fake::api(|_| errors("unused"))
        .all(move |call, _| match shape.answer(call) {
            Some(_) if broken.load(Ordering::SeqCst) => Reply::html(503),
            Some(answer) => answer,
            None => changed(),
        })
        .start()
        .await;
    fake.ion.disable(&actor(), &key("k"), Some(&etag("e"))).await.unwrap();
    down.store(true, Ordering::SeqCst);
    fake.clock.forward(60 * 60 * 1000);
    fake.ion.disable(&actor(), &key("k"), Some(&etag("e"))).await.unwrap();
    assert_eq!(fake.api.calls_of("__schema").len(), 2);
    for call in fake.api.calls_of("updateApiKey(") {
        assert_eq!(call.json()["variables"]["input"]["etag"], "e");
    }
}
