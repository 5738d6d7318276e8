//! The list: when it is complete, and that it ends.

use rekeyd::domain::facts::ListedKey;
use rekeyd::port::{Class, Issuer, Listing};
use serde_json::{Value, json};

use crate::dialect::{Tenant, tenant};
use crate::fake::{self, Reply, actor, data, errors, etag, key};

fn edges(nodes: &[Value]) -> Value {
    let edges: Vec<Value> = nodes.iter().map(|node| json!({ "node": node })).collect();
    json!({ "apiKeys": { "edges": edges } })
}

async fn list_of(reply: Reply) -> Listing {
    fake::api(move |_| reply.clone()).start().await.ion.list(&actor()).await.unwrap()
}

fn node(id: &str) -> Value {
    json!({ "clientId": id, "id": 1, "_etag": "e" })
}

#[tokio::test]
async fn a_well_formed_answer_without_paging_is_complete() {
    let nodes = [node("b"), json!({ "clientId": 17, "id": "x", "_etag": 3 })];
    let listing = list_of(data(&edges(&nodes))).await;
    assert!(listing.complete);
    let plain = |id: &str, tag: &str| ListedKey {
        key: key(id),
        etag: Some(etag(tag)),
        enabled: None,
        created_ms: None,
        created_by: None,
    };
    assert_eq!(listing.keys, [plain("17", "3"), plain("b", "e")]);
    assert!(list_of(data(&edges(&[]))).await.complete);
}

#[tokio::test]
async fn a_key_that_stands_twice_is_merged_when_equal_and_a_flaw_when_not() {
    let listing = list_of(data(&edges(&[node("a"), node("a")]))).await;
    assert!(listing.complete);
    assert_eq!(listing.keys.len(), 1);
    let other = json!({ "clientId": "a", "id": 1, "_etag": "f" });
    let listing = list_of(data(&edges(&[node("a"), other]))).await;
    assert!(!listing.complete);
    assert_eq!(listing.keys.len(), 1);
}

#[tokio::test]
async fn anything_odd_makes_the_list_incomplete_and_loses_no_good_key() {
    let null_edge = json!({ "apiKeys": { "edges": [null, { "node": node("a") }] } });
    let null_node = json!({ "apiKeys": { "edges": [{ "node": null }, { "node": node("a") }] } });
    let nameless = edges(&[json!({ "_etag": "e" }), node("a")]);
    let unusable = edges(&[json!({ "clientId": "a b" }), node("a")]);
    let odd_type = edges(&[json!({ "clientId": { "x": [] } }), node("a")]);
    let beside = Reply::json(
        200,
        &json!({ "data": edges(&[node("a")]), "errors": [{ "message": "one row failed" }] }),
    );
    for reply in [
        data(&null_edge),
        data(&null_node),
        data(&nameless),
        data(&unusable),
        data(&odd_type),
        beside,
    ] {
        let listing = list_of(reply.clone()).await;
        assert!(!listing.complete, "{}", String::from_utf8_lossy(&reply.body));
        assert_eq!(listing.keys.len(), 1);
    }
    assert!(!list_of(data(&json!({ "apiKeys": { "edges": null } }))).await.complete);
}

#[tokio::test]
async fn a_failed_list_is_an_error_with_its_class() {
    for (reply, class) in [
        (errors("no permission"), Class::Rejected),
        (errors("boom"), Class::Unknown),
        (data(&json!({ "apiKeys": null })), Class::Unknown),
        (Reply::html(200), Class::Unknown),
        (Reply::html(502), Class::Unknown),
        (Reply::html(404), Class::Misconfigured),
        (Reply::raw(429, "").with("retry-after", "3600"), Class::Retryable),
    ] {
        let fake = fake::api(move |_| reply.clone()).start().await;
        assert_eq!(fake.ion.list(&actor()).await.unwrap_err().class, class);
        assert!(fake.clock.slept.lock().unwrap().is_empty(), "an hour is not waited for here");
    }
}

#[tokio::test]
async fn a_throttled_list_is_tried_again_after_what_the_server_asks_for() {
    let fake = fake::api(|_| errors("unused"))
        .all(|call, nth| match nth {
            _ if call.body.contains("__schema") => errors("introspection is off"),
            2 => Reply::raw(429, "").with("retry-after", "4"),
            _ => data(&edges(&[node("a")])),
        })
        .start()
        .await;
    assert!(fake.ion.list(&actor()).await.unwrap().complete);
    let slept = fake.clock.slept.lock().unwrap().clone();
    assert_eq!(slept.len(), 1);
    assert_eq!(slept[0].as_secs(), 4);
}

fn page(nodes: &[Value], more: &Value, cursor: &Value) -> Reply {
    let mut page = edges(nodes);
    page["apiKeys"]["pageInfo"] = json!({ "hasNextPage": more, "endCursor": cursor });
    data(&page)
}

#[tokio::test]
async fn every_page_is_read() {
    let fake = tenant(Tenant::extended(), |call| {
        let after = call.json()["variables"]["after"].clone();
        match after.as_str() {
            None => page(&[node("a"), node("b")], &json!(true), &json!("c1")),
            Some("c1") => page(&[node("c")], &json!(true), &json!("c2")),
            Some("c2") => page(&[node("d")], &json!(false), &json!("c3")),
            other => panic!("{other:?}"),
        }
    })
    .await;
    let listing = fake.ion.list(&actor()).await.unwrap();
    assert!(listing.complete);
    assert_eq!(listing.keys.len(), 4);
    assert_eq!(fake.api.calls_of("edges")[0].json()["variables"]["first"], 100);
}

#[tokio::test]
async fn a_list_that_goes_round_in_circles_or_never_ends_is_incomplete() {
    let fake = tenant(Tenant::extended(), |_| page(&[node("a")], &json!(true), &json!("c"))).await;
    assert!(!fake.ion.list(&actor()).await.unwrap().complete);
    assert_eq!(fake.api.calls_of("edges").len(), 2);

    let counter = std::sync::atomic::AtomicUsize::new(0);
    let endless = tenant(Tenant::extended(), move |_| {
        let nth = counter.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        page(&[node(&format!("k{nth}"))], &json!(true), &json!(format!("c{nth}")))
    })
    .await;
    let listing = endless.ion.list(&actor()).await.unwrap();
    assert!(!listing.complete);
    assert_eq!(listing.keys.len(), 200);
}

#[tokio::test]
async fn a_page_that_hides_the_way_on_is_incomplete() {
    for (more, cursor) in [
        (json!(true), Value::Null),
        (json!(true), json!("")),
        (Value::Null, json!("c")),
        (json!("yes"), json!("c")),
    ] {
        let reply = page(&[node("a")], &more, &cursor);
        let fake = tenant(Tenant::extended(), move |_| reply.clone()).await;
        assert!(!fake.ion.list(&actor()).await.unwrap().complete, "{more} {cursor}");
    }
    let fake = tenant(Tenant::extended(), |_| data(&edges(&[node("a")]))).await;
    assert!(!fake.ion.list(&actor()).await.unwrap().complete);
}

#[tokio::test]
async fn creator_and_creation_time_are_taken_where_they_are_told() {
    let rich = json!({ "clientId": "a", "id": 1, "_etag": "e", "enabled": false,
        "created": "2026-04-20T10:00:00Z", "createdBy": { "id": 42, "email": "m@example.com" } });
    let fake = tenant(Tenant::extended(), move |_| {
        page(std::slice::from_ref(&rich), &json!(false), &Value::Null)
    })
    .await;
    let listing = fake.ion.list(&actor()).await.unwrap();
    assert_eq!(
        listing.keys,
        [ListedKey {
            key: key("a"),
            etag: Some(etag("e")),
            enabled: Some(false),
            created_ms: Some(1_776_679_200_000),
            created_by: Some("42".to_owned()),
        }]
    );
}

#[tokio::test]
async fn a_richer_list_that_is_turned_down_falls_back_to_a_simpler_one() {
    let fake = tenant(Tenant::extended(), |call| {
        if call.query().contains("createdBy") {
            errors("User does not have permission to read createdBy")
        } else {
            page(&[node("a")], &json!(false), &Value::Null)
        }
    })
    .await;
    let listing = fake.ion.list(&actor()).await.unwrap();
    assert!(listing.complete);
    assert_eq!(listing.keys.len(), 1);
}

#[tokio::test]
async fn a_list_without_its_pages_is_never_complete_where_pages_exist() {
    let fake = tenant(Tenant::extended(), |call| {
        if call.query().contains("pageInfo") {
            errors("Unknown argument \"first\" on field \"apiKeys\".")
        } else {
            data(&edges(&[node("a")]))
        }
    })
    .await;
    for _ in 0..2 {
        let listing = fake.ion.list(&actor()).await.unwrap();
        assert!(!listing.complete);
        assert_eq!(listing.keys.len(), 1);
    }
}
