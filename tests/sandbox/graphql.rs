//! Create, list, update, delete by both schemas, and what each refuses.

use rekeyd::sandbox::{Edit, PERSON, SERVICE_ACCOUNT, STRANGER, SchemaKind, Settings};
use serde_json::{Value, json};

use super::bench::{Bench, CREATE, DELETE, LIST, START_MS, UPDATE, error_of};

const RICH_LIST: &str = "query($first: Int, $after: String) { \
     apiKeys(first: $first, after: $after) { \
     edges { node { clientId _etag enabled created createdBy { id email } } } \
     pageInfo { endCursor hasNextPage } } }";

#[tokio::test]
async fn a_key_lives_its_life_by_the_documented_operations() {
    for schema in [SchemaKind::Documented, SchemaKind::Extended] {
        let bench = Bench::with(Settings { schema, ..Settings::default() }).await;
        let token = bench.token().await;
        let minted = bench.create(&token).await;
        assert_eq!(bench.exchange(&minted.client_id, &minted.client_secret).await.0, 200);

        let nodes = bench.list(&token).await;
        assert_eq!(nodes.len(), 2);
        assert!(nodes.iter().all(|node| node["clientSecret"].is_null()));

        let first_etag = bench.etag_of(&token, &minted.client_id).await;
        let body = bench.set_enabled(&token, &minted.client_id, &first_etag, false).await;
        let expected = json!({
            "clientId": minted.client_id, "clientSecret": null, "enabled": false,
        });
        assert_eq!(body["data"]["updateApiKey"]["apikey"], expected);
        assert_eq!(bench.exchange(&minted.client_id, &minted.client_secret).await.0, 401);

        let pin = bench.etag_of(&token, &minted.client_id).await;
        assert_ne!(pin, first_etag);
        let input = json!({ "input": { "clientId": minted.client_id, "_etag": pin } });
        let body = bench.query(&token, DELETE, input.clone()).await;
        assert_eq!(body["data"]["deleteApiKey"]["apikey"]["clientId"], minted.client_id);
        assert_eq!(bench.list(&token).await.len(), 1);
        assert!(error_of(&bench.query(&token, DELETE, input).await).contains("not found"));
    }
}

#[tokio::test]
async fn regenerate_shows_a_new_secret_once_and_ends_the_old_one() {
    let bench = Bench::documented().await;
    let token = bench.token().await;
    let key = bench.create(&token).await;
    let etag = bench.etag_of(&token, &key.client_id).await;
    let input = json!({ "input": {
        "clientId": key.client_id, "_etag": etag, "enabled": true, "regenerateSecret": true,
    }});
    let body = bench.query(&token, UPDATE, input).await;
    let secret = body["data"]["updateApiKey"]["apikey"]["clientSecret"].as_str().unwrap();
    assert_eq!(bench.exchange(&key.client_id, secret).await.0, 200);
    assert_eq!(bench.exchange(&key.client_id, &key.client_secret).await.0, 401);
}

#[tokio::test]
async fn the_documented_schema_refuses_each_undocumented_field() {
    let bench = Bench::documented().await;
    let token = bench.token().await;
    for query in [
        "{ apiKeys { pageInfo { hasNextPage } } }",
        "{ apiKeys(first: 1) { edges { node { clientId } } } }",
        "{ apiKeys { edges { node { enabled } } } }",
        "{ apiKeys { edges { node { created } } } }",
        "{ apiKeys { edges { node { createdBy { id } } } } }",
        "mutation { createApiKey { apikey { _etag } } }",
        "mutation { updateApiKey(input: {clientId: \"x\"}) { apikey { _etag } } }",
    ] {
        assert!(!error_of(&bench.query(&token, query, json!({})).await).is_empty(), "{query}");
    }
    assert_eq!(bench.tenant().keys().len(), 1);
}

#[tokio::test]
async fn the_extended_list_comes_in_pages_and_names_creators() {
    let settings = Settings { schema: SchemaKind::Extended, page_size: 2, ..Settings::default() };
    let bench = Bench::with(settings).await;
    let token = bench.token().await;
    for user in [PERSON, SERVICE_ACCOUNT, PERSON, PERSON] {
        bench.tenant().mint(user).unwrap();
    }
    let mut found: Vec<Value> = Vec::new();
    let mut after = Value::Null;
    for more in [true, true, false] {
        let page = json!({ "first": 50, "after": after });
        let body = bench.query(&token, RICH_LIST, page).await;
        let list = &body["data"]["apiKeys"];
        found.extend(list["edges"].as_array().unwrap().iter().map(|edge| edge["node"].clone()));
        assert_eq!(list["pageInfo"]["hasNextPage"], more);
        after = list["pageInfo"]["endCursor"].clone();
    }
    let creators: Vec<_> = found.iter().map(|node| node["createdBy"]["id"].clone()).collect();
    assert_eq!(creators, [SERVICE_ACCOUNT, PERSON, SERVICE_ACCOUNT, PERSON, PERSON]);
    let created: jiff::Timestamp = found[0]["created"].as_str().unwrap().parse().unwrap();
    assert_eq!(created.as_millisecond(), START_MS);
}

#[tokio::test]
async fn a_stale_etag_changes_nothing() {
    let bench = Bench::documented().await;
    let token = bench.token().await;
    let key = bench.create(&token).await;
    let etag = bench.etag_of(&token, &key.client_id).await;
    bench.tenant().edit(&Edit::Enable { key: key.client_id.clone() }).unwrap();

    let body = bench.set_enabled(&token, &key.client_id, &etag, false).await;
    assert!(error_of(&body).contains("_etag"));
    let input = json!({ "input": { "clientId": key.client_id, "_etag": etag } });
    assert!(error_of(&bench.query(&token, DELETE, input).await).contains("_etag"));
    let input = json!({ "input": { "clientId": key.client_id } });
    assert!(error_of(&bench.query(&token, DELETE, input).await).contains("_etag"));
    assert!(bench.tenant().alive(&key.client_id));
}

#[tokio::test]
async fn an_etag_mismatch_is_409_or_nothing_where_set_so() {
    let stale = |key: &str| json!({ "input": { "clientId": key, "_etag": "stale" } });
    let bench = Bench::with(Settings { etag_mismatch_as_409: true, ..Settings::default() }).await;
    let token = bench.token().await;
    let key = bench.create(&token).await.client_id;
    let answer = bench.try_query(&token, DELETE, stale(&key)).await.unwrap();
    assert_eq!(answer.status(), 409);
    assert!(bench.tenant().alive(&key));

    let bench = Bench::with(Settings { etag_enforced: false, ..Settings::default() }).await;
    let token = bench.token().await;
    let key = bench.create(&token).await.client_id;
    bench.query(&token, DELETE, stale(&key)).await;
    assert!(!bench.tenant().alive(&key));
}

#[tokio::test]
async fn three_forms_of_the_header_are_taken_and_none_is_401() {
    let bench = Bench::documented().await;
    let token = bench.token().await;
    let query = "{ currentUser { id name email organization { id domain } } }";
    for (header, status) in [
        (format!("Bearer {token}"), 200),
        (format!("Token {token}"), 200),
        (token.clone(), 200),
        (format!("Basic {token}"), 401),
        ("Bearer no-such-token".into(), 401),
        (String::new(), 401),
    ] {
        let answer = bench.try_query(&header, query, json!({})).await.unwrap();
        assert_eq!(answer.status().as_u16(), status);
        let date = answer.headers().get("date").unwrap().to_str().unwrap();
        assert_eq!(date, "Fri, 15 Jan 2027 08:00:00 GMT");
    }
    let body = bench.query(&token, query, json!({})).await;
    let expected = json!({
        "id": SERVICE_ACCOUNT, "name": "NetSuite sync", "email": "netsuite-sync@example.com",
        "organization": { "id": "1", "domain": "example.com" },
    });
    assert_eq!(body["data"]["currentUser"], expected);
}

#[tokio::test]
async fn introspection_answers_unless_it_is_refused() {
    let query = "{ __type(name: \"APIKey\") { fields { name } } }";
    for (schema, fields) in [(SchemaKind::Documented, 4), (SchemaKind::Extended, 7)] {
        let bench = Bench::with(Settings { schema, ..Settings::default() }).await;
        let body = bench.query(&bench.token().await, query, json!({})).await;
        assert_eq!(body["data"]["__type"]["fields"].as_array().unwrap().len(), fields);
    }
    let bench = Bench::with(Settings { introspection: false, ..Settings::default() }).await;
    let token = bench.token().await;
    let body = bench.query(&token, query, json!({})).await;
    assert!(error_of(&body).contains("not allowed"), "{body}");
    let mixed = "{ currentUser { id } __schema { types { name } } }";
    let body = bench.query(&token, mixed, json!({})).await;
    assert!(body["data"]["__schema"].is_null());
}

#[tokio::test]
async fn another_organisation_is_neither_seen_nor_touched() {
    let bench = Bench::documented().await;
    let token = bench.token().await;
    let theirs = bench.tenant().mint(STRANGER).unwrap();
    assert_eq!(bench.list(&token).await.len(), 1);
    let truth = bench.tenant().keys().pop().unwrap();
    let body = bench.set_enabled(&token, &theirs.client_id, &truth.etag, false).await;
    assert!(error_of(&body).contains("not found"));
    assert!(bench.tenant().alive(&theirs.client_id));
}

#[tokio::test]
async fn what_is_no_graphql_request_is_told_so() {
    let bench = Bench::extended().await;
    let token = bench.token().await;
    let url = format!("{}/graphql", bench.sandbox.base_url());
    let send = |body: &'static str| {
        bench.http.post(&url).header("authorization", &token).body(body).send()
    };
    assert_eq!(send("nonsense").await.unwrap().status(), 400);
    let body = bench.query(&token, "query {", json!({})).await;
    assert!(!error_of(&body).is_empty());
    assert_eq!(bench.http.get(&url).send().await.unwrap().status(), 405);
    assert_eq!(bench.tenant().ledger().pop().unwrap().outcome, "invalid_query");
    // Still well.
    assert_eq!(bench.query(&token, LIST, json!({})).await.get("errors"), None);
    assert_eq!(bench.query(&token, CREATE, json!({})).await.get("errors"), None);
}

#[tokio::test]
async fn an_error_comes_in_http_200_with_its_message_first() {
    let bench = Bench::documented().await;
    let token = bench.token().await;
    let input = json!({ "input": { "clientId": "none", "_etag": "none" } });
    let body = bench.query(&token, DELETE, input).await;
    assert_eq!(body["errors"][0]["message"], "API key not found");
    assert!(body["data"].is_null());
}
