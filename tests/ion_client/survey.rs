//! What a tenant's schema lacks, or calls otherwise than documented, is told before anything is
//! changed.

use rekeyd::domain::facts::{Offers, Survey};
use rekeyd::port::Verifier;
use serde_json::{Value, json};

use crate::fake::{self, Call, Fake, Reply, actor, data, errors};

/// Types with their fields as `name: Type`, and the arguments of a field in parentheses.
const DOCUMENTED: &[(&str, &[&str])] = &[
    ("Query", &["currentUser: User", "apiKeys: Keys"]),
    (
        "Mutation",
        &["createApiKey: Made", "updateApiKey(input: In): Made", "deleteApiKey(input: In): Made"],
    ),
    ("Keys", &["edges: Edge"]),
    ("Edge", &["node: Key"]),
    ("Key", &["clientId: String", "clientSecret: String", "_etag: String"]),
    ("Made", &["apikey: Key"]),
    ("In", &["clientId: String", "_etag: String", "enabled: Bool", "regenerateSecret: Bool"]),
];

fn field(text: &str) -> Value {
    let (name, kind) = text.rsplit_once(": ").unwrap();
    let (name, taken) = name.split_once('(').unwrap_or((name, ""));
    let taken: Vec<Value> = taken
        .trim_end_matches(')')
        .split(", ")
        .filter(|taken| !taken.is_empty())
        .map(field)
        .collect();
    json!({ "name": name, "args": taken, "type": { "name": kind } })
}

fn answer(call: &Call, edited: impl Fn(&str) -> Option<String>) -> Reply {
    let body = call.json();
    match body["operationName"].as_str() {
        Some("IntrospectRoots") => data(&json!({ "__schema": {
            "queryType": { "name": "Query" }, "mutationType": { "name": "Mutation" } } })),
        Some("IntrospectType") => {
            let wanted = body["variables"]["name"].as_str().unwrap();
            let known = DOCUMENTED.iter().find(|(name, _)| *name == wanted);
            let fields = known.map(|(_, fields)| {
                let fields = fields.iter().filter_map(|text| edited(text));
                fields.map(|text| field(&text)).collect::<Vec<_>>()
            });
            let fields = json!(fields);
            data(&json!({ "__type": { "fields": fields, "inputFields": fields } }))
        }
        _ => panic!("{body}"),
    }
}

/// A tenant that answers everything by this script, introspection too.
async fn all(script: impl Fn(&Call) -> Reply + Send + Sync + 'static) -> Fake {
    fake::api(|_| errors("unused")).all(move |call, _| script(call)).start().await
}

async fn survey(from: &'static str, to: Option<&'static str>) -> Offers {
    let edited = move |text: &str| match text.contains(from) {
        true => to.map(|to| text.replace(from, to)),
        false => Some(text.to_owned()),
    };
    let fake = all(move |call| answer(call, edited)).await;
    match fake.ion.survey(&actor()).await.unwrap() {
        Survey::Told(offers) => offers,
        Survey::Untold => panic!("it was told"),
    }
}

#[tokio::test]
async fn a_documented_schema_lacks_nothing_and_differs_in_nothing() {
    assert_eq!(survey("none of them", None).await, Offers::default());
}

#[tokio::test]
async fn what_is_needed_and_not_there_is_named() {
    for (gone, lacking) in [
        ("createApiKey", "the mutation `createApiKey`"),
        ("deleteApiKey", "the mutation `deleteApiKey`"),
        ("apiKeys", "the query `apiKeys`"),
        ("regenerateSecret", "`regenerateSecret` in the input of `updateApiKey`"),
        ("clientSecret", "`apikey { clientSecret }` of `createApiKey`"),
    ] {
        let offers = survey(gone, None).await;
        assert_eq!(offers.lacking, [lacking], "{gone}");
    }
}

#[tokio::test]
async fn what_is_called_otherwise_is_told_and_no_obstacle() {
    for (from, to, told) in [
        ("_etag", Some("etag"), "`updateApiKey` calls the etag `etag`, not `_etag`"),
        ("_etag", None, "there is no `_etag` in the list of keys"),
        ("createApiKey", Some("createApiKey(name: String)"), "`createApiKey` takes `name`"),
        ("currentUser", None, "there is no `currentUser`, so nobody can tell as whom a key acts"),
    ] {
        let offers = survey(from, to).await;
        assert!(offers.lacking.is_empty(), "{offers:?}");
        assert!(offers.differing.iter().any(|said| said == told), "{offers:?}");
    }
    let offers = survey("_etag: String", Some("enabled: Bool")).await;
    assert_eq!(offers.beyond, ["enabled"]);
}

#[tokio::test]
async fn a_refusal_is_no_failure_and_an_overload_is_one() {
    let fake = all(|_| errors("introspection is not allowed")).await;
    assert_eq!(fake.ion.survey(&actor()).await.unwrap(), Survey::Untold);
    let fake = all(|_| Reply::raw(502, "")).await;
    let error = fake.ion.survey(&actor()).await.unwrap_err();
    assert!(error.message.contains("introspection"), "{error}");
}
