//! As whom a key acts, what its canaries answer, and what it may do.

use rekeyd::domain::facts::{Identity, Right, Rights};
use rekeyd::port::{Class, Verifier};
use serde_json::{Value, json};

use crate::fake::{self, Call, Reply, actor, data, errors};

#[tokio::test]
async fn the_identity_is_the_current_user() {
    let user = json!({ "currentUser": { "id": 42, "name": null, "email": "s@example.com",
        "organization": { "id": 7, "domain": "example.com" } } });
    let fake = fake::api(move |_| data(&user)).start().await;
    let identity = fake.ion.identity(&actor()).await.unwrap();
    let expected = Identity {
        user_id: "42".to_owned(),
        email: Some("s@example.com".to_owned()),
        organization_id: Some("7".to_owned()),
    };
    assert_eq!(identity, Some(expected));
}

#[tokio::test]
async fn a_server_without_that_query_has_no_identity_and_every_other_failure_is_one() {
    let missing = "Cannot query field \"currentUser\" on type \"Query\".";
    for reply in [errors(missing), Reply::json(400, &json!({ "errors": [{ "message": missing }] }))]
    {
        let fake = fake::api(move |_| reply.clone()).start().await;
        assert_eq!(fake.ion.identity(&actor()).await.unwrap(), None);
    }
    for (reply, class) in [
        (errors("Cannot query field \"domain\" on type \"Org\"."), Class::Misconfigured),
        (errors("no permission"), Class::Rejected),
        (data(&json!({ "currentUser": null })), Class::Unknown),
        (data(&json!({ "currentUser": { "email": "x" } })), Class::Unknown),
        (Reply::html(500), Class::Unknown),
    ] {
        let fake = fake::api(move |_| reply.clone()).start().await;
        assert_eq!(fake.ion.identity(&actor()).await.unwrap_err().class, class);
    }
}

#[tokio::test]
async fn a_canary_is_sent_as_it_stands_and_its_data_digested() {
    let query = "query { parts(first: 1) { edges { node { id } } } }";
    let one = fake::api(|_| Reply::raw(200, r#"{"data":{"a":1,"b":[1,2]}}"#)).start().await;
    let two = fake::api(|_| Reply::raw(200, r#"{"data":{"b":[1,2],"a":1}}"#)).start().await;
    let other = fake::api(|_| Reply::raw(200, r#"{"data":{"b":[2,1],"a":1}}"#)).start().await;
    let digest = one.ion.canary(&actor(), query).await.unwrap();
    assert_eq!(one.api.calls()[0].query(), query);
    assert_eq!(digest, two.ion.canary(&actor(), query).await.unwrap());
    assert_ne!(digest, other.ion.canary(&actor(), query).await.unwrap());
}

#[tokio::test]
async fn a_canary_with_errors_or_without_data_is_an_error() {
    let beside = json!({ "data": { "a": 1 }, "errors": [{ "message": "no permission" }] });
    for (reply, class) in [
        (Reply::json(200, &beside), Class::Rejected),
        (errors("boom"), Class::Unknown),
        (data(&Value::Null), Class::Unknown),
    ] {
        let fake = fake::api(move |_| reply.clone()).start().await;
        assert_eq!(fake.ion.canary(&actor(), "{ a }").await.unwrap_err().class, class);
    }
}

#[tokio::test]
async fn a_canary_that_could_change_something_is_never_sent() {
    let fake = fake::api(|_| data(&json!({}))).start().await;
    let mutation = "query Q { a } mutation { createApiKey { apikey { clientId } } }";
    let error = fake.ion.canary(&actor(), mutation).await.unwrap_err();
    assert_eq!(error.class, Class::Misconfigured);
    assert!(fake.api.calls().is_empty() && fake.auth.calls().is_empty());
}

/// A tenant that answers the list, and each probe with its own reply.
fn probed(update: Reply, delete: Reply) -> impl Fn(&Call) -> Reply + Send + Sync + 'static {
    move |call| match call.query() {
        query if query.contains("updateApiKey") => update.clone(),
        query if query.contains("deleteApiKey") => delete.clone(),
        query if query.contains("apiKeys") => data(&json!({ "apiKeys": { "edges": [] } })),
        query => panic!("{query}"),
    }
}

#[tokio::test]
async fn rights_are_probed_with_an_id_that_no_key_has_and_nothing_is_minted() {
    let fake = fake::api(probed(errors("not found"), errors("etag mismatch"))).start().await;
    let rights = fake.ion.rights(&actor()).await.unwrap();
    let all = Rights { list: Right::Allowed, update: Right::Allowed, delete: Right::Allowed };
    assert_eq!(rights, all);
    assert!(fake.api.calls_of("createApiKey").is_empty());
    let probes = [fake.api.calls_of("updateApiKey"), fake.api.calls_of("deleteApiKey")];
    for probe in probes {
        let id = probe[0].json()["variables"]["input"]["clientId"].clone();
        assert!(uuid::Uuid::parse_str(id.as_str().unwrap()).is_ok());
    }
    let update = fake.api.calls_of("updateApiKey")[0].json()["variables"]["input"].clone();
    assert_eq!((&update["enabled"], &update["regenerateSecret"]), (&json!(true), &json!(false)));
}

#[tokio::test]
async fn a_missing_permission_is_denied_and_an_unclear_answer_is_unclear() {
    let denied = || errors("User does not have permission to update this resource.");
    let fake = fake::api(probed(denied(), Reply::json(403, &json!({})))).start().await;
    let rights = fake.ion.rights(&actor()).await.unwrap();
    assert_eq!((rights.update, rights.delete), (Right::Denied, Right::Denied));

    let both = errors("Key not found, or you do not have permission");
    let odd = data(&json!({ "deleteApiKey": { "apikey": { "clientId": "other" } } }));
    let fake = fake::api(probed(both, odd)).start().await;
    let rights = fake.ion.rights(&actor()).await.unwrap();
    assert_eq!((rights.update, rights.delete), (Right::Unclear, Right::Unclear));

    let fake = fake::api(|_| errors("no permission")).start().await;
    assert_eq!(fake.ion.rights(&actor()).await.unwrap().list, Right::Denied);
}

#[tokio::test]
async fn rights_that_could_not_be_asked_for_are_an_error_and_not_a_denial() {
    let fake = fake::auth(|_, _| Reply::json(401, &json!({ "error": "invalid_client" })));
    let error = fake.start().await.ion.rights(&actor()).await.unwrap_err();
    assert_eq!(error.class, Class::Rejected);
    let fake = fake::api(probed(Reply::raw(503, ""), errors("not found"))).start().await;
    assert_eq!(fake.ion.rights(&actor()).await.unwrap_err().class, Class::Unknown);
}

#[tokio::test]
async fn a_read_whose_cached_token_has_expired_is_asked_again_with_a_fresh_one() {
    let fake = fake::api(|call| {
        if call.authorization() == "Bearer tok1" && call.body.contains("{ b }") {
            errors("Signature has expired")
        } else {
            data(&json!({ "a": 1 }))
        }
    })
    .auth(|_, nth| {
        Reply::json(200, &json!({ "access_token": format!("tok{nth}"), "expires_in": 300 }))
    })
    .start()
    .await;
    fake.ion.canary(&actor(), "{ a }").await.unwrap();
    fake.ion.canary(&actor(), "{ b }").await.unwrap();
    assert_eq!(fake.auth.calls().len(), 2);
}
