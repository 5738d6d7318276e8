//! What an answer of the auth server proves about a credential.

use rekeyd::domain::clocks::DateSource;
use rekeyd::domain::facts::{Exchange, Unreached};
use rekeyd::port::{Clock, Verifier};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::fake::{self, Reply, actor, form, granted};

async fn outcome(reply: Reply) -> Exchange {
    let fake = fake::auth(move |_, _| reply.clone()).start().await;
    let outcome = fake.ion.authenticate(&actor()).await;
    assert_eq!(fake.auth.calls().len(), 1, "an exchange is never repeated");
    outcome
}

fn oauth(status: u16, error: &str, description: &str) -> Reply {
    Reply::json(status, &json!({ "error": error, "error_description": description }))
}

#[tokio::test]
async fn the_exchange_is_a_form_with_an_optional_audience() {
    let fake =
        fake::auth(|_, _| granted(&json!(300))).audience("https://api.example").start().await;
    let outcome = fake.ion.authenticate(&actor()).await;
    assert_eq!(outcome, Exchange::Alive { token_life_ms: Some(300_000) });
    let call = &fake.auth.calls()[0];
    assert_eq!(call.headers["content-type"], "application/x-www-form-urlencoded");
    let form = form(call);
    assert_eq!(form["grant_type"], "client_credentials");
    assert_eq!(form["client_id"], "actor");
    assert_eq!(form["client_secret"], fake::ACTOR_SECRET);
    assert_eq!(form["audience"], "https%3A%2F%2Fapi.example");

    let without = fake::auth(|_, _| granted(&json!(300))).start().await;
    without.ion.authenticate(&actor()).await;
    assert!(!form_has_audience(&without.auth.calls()[0]));
}

fn form_has_audience(call: &fake::Call) -> bool {
    form(call).contains_key("audience")
}

#[tokio::test]
async fn every_authentication_is_a_fresh_exchange() {
    let fake =
        fake::auth(
            |_, nth| {
                if nth < 3 { granted(&json!(300)) } else { oauth(401, "invalid_client", "") }
            },
        )
        .start()
        .await;
    assert!(fake.ion.authenticate(&actor()).await.is_alive());
    assert!(fake.ion.authenticate(&actor()).await.is_alive());
    assert_eq!(fake.ion.authenticate(&actor()).await, Exchange::Rejected);
    assert_eq!(fake.auth.calls().len(), 3);
}

#[tokio::test]
async fn refused_credentials_are_rejected_in_every_form_that_servers_use() {
    let wrong = "Invalid client or Invalid client credentials";
    for reply in [
        oauth(401, "unauthorized_client", wrong),
        oauth(401, "invalid_client", wrong),
        oauth(400, "invalid_client", wrong),
        oauth(400, "unauthorized_client", wrong),
        oauth(401, "invalid_request", "User 'x' disabled"),
        oauth(401, "invalid_grant", ""),
        oauth(401, "access_denied", ""),
        Reply::json(401, &json!({ "message": "Unauthorized" })),
        Reply::json(400, &json!({ "error": { "code": "INVALID_CLIENT" } })),
        Reply::json(400, &json!({ "errors": [{ "code": "invalid_client" }] })),
    ] {
        let body = String::from_utf8(reply.body.clone()).unwrap();
        assert_eq!(outcome(reply).await, Exchange::Rejected, "{body}");
    }
}

#[tokio::test]
async fn our_own_wrong_settings_prove_nothing_about_the_key() {
    for reply in [
        oauth(400, "invalid_request", "Missing form parameter: grant_type"),
        oauth(400, "unsupported_grant_type", ""),
        oauth(401, "unauthorized_client", "Client not enabled to retrieve service account"),
        oauth(403, "access_denied", "Realm not enabled"),
        Reply::json(404, &json!({ "error": "Realm does not exist" })),
        Reply::html(404),
        Reply::raw(302, "").with("location", "https://login.example/"),
        Reply::raw(308, "").with("location", "/elsewhere"),
    ] {
        let body = String::from_utf8(reply.body.clone()).unwrap();
        assert_eq!(outcome(reply).await, Exchange::Misconfigured, "{body}");
    }
}

#[tokio::test]
async fn silence_and_garbage_prove_nothing() {
    for reply in [
        Reply::html(401),
        Reply::html(400),
        Reply::html(200),
        Reply::raw(401, ""),
        Reply::raw(401, "\"invalid_client\""),
        Reply::raw(400, "{"),
        Reply::raw(200, "{\"access_token\":"),
        Reply::json(200, &json!({ "expires_in": 300 })),
        Reply::json(200, &json!({ "access_token": "", "expires_in": 300 })),
        Reply::json(200, &json!({ "access_token": "a\r\nb", "expires_in": 300 })),
        Reply::json(200, &json!({ "access_token": 7 })),
        Reply::json(200, &json!([1])),
        oauth(401, "temporarily_unavailable", ""),
        Reply::json(429, &json!({ "error": "invalid_client" })).with("retry-after", "3"),
        Reply::json(500, &json!({ "error": "invalid_client" })),
        Reply::raw(503, ""),
        Reply::raw(200, &"x".repeat(5 * 1024 * 1024)),
    ] {
        let body = String::from_utf8(reply.body.clone()).unwrap();
        let start: String = body.chars().take(80).collect();
        assert_eq!(outcome(reply).await, Exchange::Unknown, "{start}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_proves_nothing() {
    let fake = fake::auth(|_, _| granted(&json!(300))).start().await;
    let mut config = fake.config.clone();
    config.token_url = crate::bounds::nobody().await;
    let ion = fake::client(config, &fake.clock);
    let refused = Exchange::Unreachable(Unreached::Refused);
    assert_eq!(ion.authenticate(&actor()).await, refused);
    assert!(ion.place().starts_with("the auth server at 127.0.0.1:"), "{}", ion.place());
}

/// What an exchange at that address comes to.
async fn at(token_url: String) -> Exchange {
    let fake = fake::auth(|_, _| granted(&json!(300))).start().await;
    let mut config = fake.config.clone();
    config.token_url = token_url;
    fake::client(config, &fake.clock).authenticate(&actor()).await
}

#[tokio::test]
async fn a_host_that_no_name_server_knows_is_out_of_reach_and_so_is_one_without_tls() {
    let unknown = at("https://auth.rekeyd.invalid/token".to_owned()).await;
    assert_eq!(unknown, Exchange::Unreachable(Unreached::Name));

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/token", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut hello = [0; 512];
            drop(stream.read(&mut hello).await);
            drop(stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await);
        }
    });
    assert_eq!(at(url).await, Exchange::Unreachable(Unreached::Tls));
}

#[tokio::test]
async fn the_token_life_is_told_only_where_it_is_usable() {
    for (expires_in, life_ms) in [
        (json!(300), Some(300_000)),
        (json!(59.9), Some(59_000)),
        (json!(1_000_000_000), Some(1_000_000_000_000)),
        (json!(0), None),
        (json!(-5), None),
        (json!("300"), None),
        (Value::Null, None),
        (json!(1e300), Some(i64::MAX)),
    ] {
        let alive = outcome(granted(&expires_in)).await;
        assert_eq!(alive, Exchange::Alive { token_life_ms: life_ms }, "{expires_in}");
    }
}

#[tokio::test]
async fn only_the_date_of_an_authenticated_reply_is_a_witness() {
    let date = "Wed, 21 Oct 2026 07:28:00 GMT";
    let refused = oauth(401, "invalid_client", "").with("date", date);
    let fake = fake::auth(move |_, _| refused.clone()).start().await;
    fake.ion.authenticate(&actor()).await;
    assert_eq!(fake.clock.stamp().dated, None);

    let fake = fake::auth(move |_, _| granted(&json!(300)).with("date", date)).start().await;
    fake.ion.authenticate(&actor()).await;
    let dated = fake.clock.stamp().dated.unwrap();
    assert_eq!((dated.source, dated.ms), (DateSource::Auth, 1_792_567_680_000));

    let garbage = fake::auth(|_, _| granted(&json!(300)).with("date", "yesterday")).start().await;
    assert!(garbage.ion.authenticate(&actor()).await.is_alive());
    assert_eq!(garbage.clock.stamp().dated, None);
}
