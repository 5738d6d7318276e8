//! Minting, disabling, enabling, deleting: what is sent, how often, and what is concluded.

use std::sync::Arc;
use std::time::Duration;

use rekeyd::domain::clocks::DateSource;
use rekeyd::domain::policy::AuthorizationScheme;
use rekeyd::port::issuer::Changed;
use rekeyd::port::{Class, Clock, Issuer, PortError, Verifier};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::fake::{self, CANARY, Reply, actor, data, errors, etag, granted, key};

fn created(key: &Value) -> Value {
    json!({ "createApiKey": { "apikey": key } })
}

async fn create_error(reply: Reply) -> PortError {
    let fake = fake::api(move |_| reply.clone()).start().await;
    let error = fake.ion.issue(&actor()).await.unwrap_err();
    assert_eq!(fake.api.calls_of("createApiKey").len(), 1, "a create is sent once");
    error
}

async fn disable_error(reply: Reply) -> PortError {
    let fake = fake::api(move |_| reply.clone()).start().await;
    let error = fake.ion.disable(&actor(), &key("k"), Some(&etag("e"))).await.unwrap_err();
    assert_eq!(fake.api.calls_of("updateApiKey").len(), 1, "a disable is sent once");
    error
}

#[tokio::test]
async fn a_minted_key_comes_with_its_secret() {
    let fake =
        fake::api(|_| data(&created(&json!({ "clientId": "no-uuid", "clientSecret": CANARY }))))
            .start()
            .await;
    let minted = fake.ion.issue(&actor()).await.unwrap();
    assert_eq!(minted.key, key("no-uuid"));
    assert_eq!(minted.credential.as_ref().unwrap().expose(), CANARY);
    assert!(!format!("{minted:?}").contains(CANARY));
    let calls = fake.api.calls();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].authorization(), "Bearer tok");
    assert!(calls[0].json().get("variables").is_none());
}

#[tokio::test]
async fn a_key_whose_secret_was_lost_is_still_minted() {
    for secret in [Value::Null, json!(""), json!(7)] {
        let body = json!({ "data": created(&json!({ "clientId": "k", "clientSecret": secret })),
            "errors": [{ "message": "no permission", "path": ["createApiKey", "apikey"] }] });
        let fake = fake::api(move |_| Reply::json(200, &body)).start().await;
        let minted = fake.ion.issue(&actor()).await.unwrap();
        assert_eq!(minted.key, key("k"));
        assert!(minted.credential.is_none());
    }
}

#[tokio::test]
async fn a_create_is_certain_to_have_failed_only_where_the_server_says_so() {
    for (reply, class) in [
        (errors("User does not have permission to create this resource."), Class::Rejected),
        (errors("Rate limit exceeded"), Class::Retryable),
        (errors("Cannot query field \"createApiKey\" on type \"Mutation\"."), Class::Misconfigured),
        (Reply::json(403, &json!({ "message": "no" })), Class::Rejected),
        (Reply::json(409, &json!({})), Class::Conflict),
        (Reply::raw(429, "").with("retry-after", "7"), Class::Retryable),
        (Reply::html(404), Class::Misconfigured),
    ] {
        let text = String::from_utf8(reply.body.clone()).unwrap();
        assert_eq!(create_error(reply).await.class, class, "{text}");
    }
    let slow = create_error(Reply::raw(429, "").with("retry-after", "7")).await;
    assert_eq!(slow.retry_after.unwrap().as_secs(), 7);
}

/// The API's own no was taken as proof that nothing was made.
#[tokio::test]
async fn a_no_of_the_api_itself_to_a_create_was_not_told_from_one_on_the_way_there() {
    let no = || json!({ "errors": [{ "message": "no", "extensions": { "code": "FORBIDDEN" } }] });
    let plain = || json!({ "message": "no" });
    for (status, body, answered) in [
        (200, no(), true),
        (403, no(), true),
        (401, no(), true),
        (403, plain(), false),
        (401, plain(), false),
        (429, plain(), false),
    ] {
        let error = create_error(Reply::json(status, &body)).await;
        assert_ne!(error.class, Class::Unknown, "{status} {body}");
        assert_eq!(error.answered, answered, "{status} {body}");
    }
}

#[tokio::test]
async fn a_create_that_the_api_itself_turned_away_is_not_sent_again_at_once() {
    let fake = fake::api(|call| {
        if !call.body.contains("createApiKey") {
            return errors("no");
        }
        let error = json!({ "message": "no", "extensions": { "code": "UNAUTHENTICATED" } });
        Reply::json(401, &json!({ "errors": [error] }))
    });
    let fake = fake.start().await;
    fake.ion.list(&actor()).await.unwrap_err();
    fake.ion.issue(&actor()).await.unwrap_err();
    assert_eq!(fake.api.calls_of("createApiKey").len(), 1);
}

#[tokio::test]
async fn everything_else_leaves_a_create_open() {
    let below = json!({ "data": null, "errors": [
        { "message": "permission denied", "path": ["createApiKey", "apikey", "clientSecret"] }] });
    let beside = json!({ "data": created(&json!({ "clientId": null })),
        "errors": [{ "message": "permission denied" }] });
    let both = json!({ "data": null,
        "errors": [{ "message": "permission denied" }, { "message": "boom" }] });
    for reply in [
        Reply::json(200, &below),
        Reply::json(200, &beside),
        Reply::json(200, &both),
        Reply::json(400, &below),
        data(&created(&json!({ "clientSecret": CANARY }))),
        data(&created(&json!({ "clientId": "a b", "clientSecret": CANARY }))),
        data(&created(&Value::Null)),
        data(&json!({ "createApiKey": null })),
        data(&Value::Null),
        errors("Internal server error"),
        errors("API key not found"),
        errors("this conflicts with something"),
        Reply::raw(200, "{\"data\":{\"createApiKey\""),
        Reply::json(200, &json!({ "data": [1] })),
        Reply::html(200),
        Reply::html(401),
        Reply::html(403),
        Reply::raw(403, " \n<!doctype html><p>no"),
        Reply::raw(400, "bad request"),
        Reply::raw(303, "").with("location", "/done"),
        Reply::raw(408, ""),
        Reply::raw(500, ""),
        Reply::html(502),
        Reply::raw(503, "").with("retry-after", "1"),
        Reply::raw(504, ""),
    ] {
        let text = String::from_utf8(reply.body.clone()).unwrap();
        let status = reply.status;
        assert_eq!(create_error(reply).await.class, Class::Unknown, "{status} {text}");
    }
}

#[tokio::test]
async fn an_update_always_sends_both_flags_and_the_etag() {
    let fake = fake::api(|call| {
        let enabled = call.json()["variables"]["input"]["enabled"].clone();
        data(&json!({ "updateApiKey": { "apikey": { "clientId": "k", "enabled": enabled } } }))
    })
    .start()
    .await;
    let disabled = fake.ion.disable(&actor(), &key("k"), Some(&etag("e1"))).await.unwrap();
    assert_eq!(disabled, Changed { etag: None, enabled: Some(false) });
    let enabled = fake.ion.enable(&actor(), &key("k"), None).await.unwrap();
    assert_eq!(enabled, Changed { etag: None, enabled: Some(true) });
    let sent: Vec<Value> = fake
        .api
        .calls_of("updateApiKey")
        .iter()
        .map(|call| call.json()["variables"]["input"].clone())
        .collect();
    assert_eq!(
        sent,
        [
            json!({ "clientId": "k", "_etag": "e1", "enabled": false, "regenerateSecret": false }),
            json!({ "clientId": "k", "enabled": true, "regenerateSecret": false }),
        ]
    );
}

#[tokio::test]
async fn a_changed_or_absent_key_is_a_conflict_in_either_shape() {
    for reply in [
        errors("_etag mismatch"),
        errors("API key not found"),
        errors("APIKey matching query does not exist."),
        Reply::json(
            200,
            &json!({ "errors": [{ "message": "x",
            "extensions": { "code": "CONFLICT" } }] }),
        ),
        Reply::json(409, &json!({ "errors": [{ "message": "x" }] })),
        Reply::json(404, &json!({ "errors": [{ "message": "x" }] })),
        Reply::raw(412, ""),
    ] {
        let text = String::from_utf8(reply.body.clone()).unwrap();
        assert_eq!(disable_error(reply).await.class, Class::Conflict, "{text}");
    }
}

#[tokio::test]
async fn an_update_that_may_have_landed_is_unknown() {
    let other = json!({ "updateApiKey": { "apikey": { "clientId": "other", "enabled": false } } });
    let partial = json!({ "data": { "updateApiKey": { "apikey": { "clientId": "k" } } },
        "errors": [{ "message": "etag conflict" }] });
    for reply in [
        data(&other),
        data(&json!({ "updateApiKey": { "apikey": null } })),
        Reply::json(200, &partial),
        Reply::json(409, &partial),
        errors("something else"),
        Reply::raw(500, ""),
    ] {
        let text = String::from_utf8(reply.body.clone()).unwrap();
        assert_eq!(disable_error(reply).await.class, Class::Unknown, "{text}");
    }
}

#[tokio::test]
async fn a_delete_names_key_and_etag_and_nothing_else() {
    let fake = fake::api(|_| data(&json!({ "deleteApiKey": { "apikey": { "clientId": "k" } } })))
        .start()
        .await;
    fake.ion.delete(&actor(), &key("k"), Some(&etag("e9"))).await.unwrap();
    let sent = fake.api.calls_of("deleteApiKey")[0].json()["variables"]["input"].clone();
    assert_eq!(sent, json!({ "clientId": "k", "_etag": "e9" }));
    let gone = fake::api(|_| errors("API key not found")).start().await;
    let error = gone.ion.delete(&actor(), &key("k"), None).await.unwrap_err();
    assert_eq!(error.class, Class::Conflict);
}

#[tokio::test]
async fn a_secret_is_selected_by_nothing_but_create() {
    let fake = fake::api(|_| errors("no")).start().await;
    let all = (fake.ion.list(&actor()).await.is_err(), fake.ion.issue(&actor()).await.is_err());
    let changes = fake.ion.disable(&actor(), &key("k"), None).await.is_err();
    let delete = fake.ion.delete(&actor(), &key("k"), None).await.is_err();
    assert!(all.0 && all.1 && changes && delete);
    for call in fake.api.calls() {
        let selects = call.query().contains("clientSecret");
        assert_eq!(selects, call.query().contains("createApiKey"), "{}", call.query());
    }
}

#[tokio::test]
async fn the_token_is_written_as_the_policy_says() {
    for (scheme, written) in [
        (AuthorizationScheme::Bearer, "Bearer tok"),
        (AuthorizationScheme::Token, "Token tok"),
        (AuthorizationScheme::Bare, "tok"),
    ] {
        let fake = fake::api(|_| errors("no")).scheme(scheme).start().await;
        fake.ion.issue(&actor()).await.unwrap_err();
        assert_eq!(fake.api.calls()[0].authorization(), written);
    }
}

#[tokio::test]
async fn a_cached_token_that_is_turned_away_is_replaced_once_even_for_a_create() {
    let fake = fake::api(|call| {
        if call.authorization() == "Bearer tok1" && call.body.contains("createApiKey") {
            Reply::json(401, &json!({ "message": "expired" }))
        } else {
            data(&created(&json!({ "clientId": "k", "clientSecret": CANARY })))
        }
    })
    .auth(|_, nth| {
        Reply::json(200, &json!({ "access_token": format!("tok{nth}"), "expires_in": 300 }))
    })
    .start()
    .await;
    fake.ion.list(&actor()).await.unwrap_err();
    let minted = fake.ion.issue(&actor()).await.unwrap();
    assert_eq!(minted.key, key("k"));
    assert_eq!(fake.api.calls_of("createApiKey").len(), 2);
    assert_eq!(fake.auth.calls().len(), 2);
}

#[tokio::test]
async fn a_fresh_token_that_is_turned_away_is_a_rejection() {
    let error = create_error(Reply::json(401, &json!({ "message": "no" }))).await;
    assert_eq!(error.class, Class::Rejected);
}

#[tokio::test]
async fn tokens_are_reused_until_a_fifth_of_their_life_is_left() {
    let fake = fake::api(|_| errors("no")).start().await;
    for _ in 0..3 {
        fake.ion.issue(&actor()).await.unwrap_err();
    }
    assert_eq!(fake.auth.calls().len(), 1);
    fake.clock.forward(240_000);
    fake.ion.issue(&actor()).await.unwrap_err();
    assert_eq!(fake.auth.calls().len(), 2);
}

#[tokio::test]
async fn a_mutation_whose_token_cannot_be_had_was_never_sent() {
    let invalid = || Reply::json(401, &json!({ "error": "invalid_client" }));
    let wrong = || Reply::json(404, &json!({ "error": "Realm does not exist" }));
    let slow = || Reply::raw(429, "").with("retry-after", "9");
    for (reply, class) in [
        (invalid(), Class::Rejected),
        (wrong(), Class::Misconfigured),
        (slow(), Class::Retryable),
        (Reply::raw(503, ""), Class::Retryable),
    ] {
        let fake = fake::auth(move |_, _| reply.clone()).start().await;
        let error = fake.ion.issue(&actor()).await.unwrap_err();
        assert_eq!(error.class, class);
        assert!(fake.api.calls().is_empty());
    }
}

#[tokio::test]
async fn one_create_is_in_flight_per_organisation_over_all_clients() {
    let permits = Arc::new(Semaphore::new(0));
    let minted = created(&json!({ "clientId": "k", "clientSecret": CANARY }));
    let fake = fake::api(move |_| data(&minted)).creates(&permits).start().await;
    let creates: Vec<_> = (0..2)
        .map(|_| fake::client(fake.config.clone(), &fake.clock))
        .map(|ion| tokio::spawn(async move { ion.issue(&actor()).await }))
        .collect();
    // Many round trips over the same loopback: a second create would have come by now.
    let other = fake::api(|_| data(&json!({ "a": 1 }))).start().await;
    while fake.api.calls().is_empty() {
        other.ion.canary(&actor(), "{ a }").await.unwrap();
    }
    for _ in 0..50 {
        other.ion.canary(&actor(), "{ a }").await.unwrap();
    }
    assert_eq!(fake.api.calls().len(), 1);
    permits.add_permits(2);
    for create in creates {
        assert!(create.await.unwrap().is_ok());
    }
    assert_eq!(fake.api.calls().len(), 2);
}

#[tokio::test]
async fn a_create_that_is_not_answered_in_time_is_unknown_and_frees_the_slot() {
    let permits = Arc::new(Semaphore::new(0));
    let fake = fake::api(|_| errors("no permission"))
        .creates(&permits)
        .timeout(Duration::from_millis(300))
        .start()
        .await;
    assert_eq!(fake.ion.issue(&actor()).await.unwrap_err().class, Class::Unknown);
    assert_eq!(fake.api.calls().len(), 1);
    permits.add_permits(10);
    assert_eq!(fake.ion.issue(&actor()).await.unwrap_err().class, Class::Rejected);
}

#[tokio::test]
async fn the_date_of_the_api_is_preferred_to_that_of_the_auth_server() {
    let fake = fake::api(|_| errors("no").with("date", "Wed, 21 Oct 2026 07:28:00 GMT"))
        .auth(|_, _| granted(&json!(300)).with("date", "Wed, 21 Oct 2026 09:00:00 GMT"))
        .start()
        .await;
    fake.ion.issue(&actor()).await.unwrap_err();
    let dated = fake.clock.stamp().dated.unwrap();
    assert_eq!((dated.source, dated.ms), (DateSource::Api, 1_792_567_680_000));

    let turned_away = Reply::json(401, &json!({})).with("date", "Wed, 21 Oct 2026 07:28:00 GMT");
    let fake = fake::api(move |_| turned_away.clone()).start().await;
    fake.ion.issue(&actor()).await.unwrap_err();
    assert_ne!(fake.clock.stamp().dated.map(|dated| dated.source), Some(DateSource::Api));
}

#[tokio::test]
async fn a_delete_that_may_have_landed_is_unknown() {
    let partial = json!({ "data": { "deleteApiKey": { "apikey": { "clientId": "k" } } },
        "errors": [{ "message": "not found" }] });
    for reply in [
        Reply::json(200, &partial),
        data(&json!({ "deleteApiKey": { "apikey": { "clientId": "other" } } })),
        data(&json!({ "deleteApiKey": { "apikey": {} } })),
        data(&json!({ "deleteApiKey": null })),
    ] {
        let fake = fake::api(move |_| reply.clone()).start().await;
        let error = fake.ion.delete(&actor(), &key("k"), None).await.unwrap_err();
        assert_eq!(error.class, Class::Unknown);
        assert_eq!(fake.api.calls_of("deleteApiKey").len(), 1);
    }
}

#[tokio::test]
async fn a_token_is_forgotten_when_its_credential_or_itself_is_refused() {
    let fake = fake::api(|_| errors("no"))
        .auth(|_, nth| match nth {
            2 => Reply::json(401, &json!({ "error": "invalid_client" })),
            _ => granted(&json!(300)),
        })
        .start()
        .await;
    fake.ion.issue(&actor()).await.unwrap_err();
    fake.ion.authenticate(&actor()).await;
    fake.ion.issue(&actor()).await.unwrap_err();
    assert_eq!(fake.auth.calls().len(), 3, "rejected: the old token is not used again");

    let expired = errors("Signature has expired");
    let fake = fake::api(move |_| expired.clone()).start().await;
    fake.ion.issue(&actor()).await.unwrap_err();
    fake.ion.issue(&actor()).await.unwrap_err();
    assert_eq!(fake.auth.calls().len(), 2, "expired: the old token is not used again");
}
