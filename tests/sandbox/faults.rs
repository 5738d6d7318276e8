//! Each fault does what its name says, and the ledger knows the truth.

use rekeyd::sandbox::{CallKind, Edit, Fault, Missed, NEWEST, What};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::bench::{Bench, CREATE, LIST, error_of};

#[tokio::test]
async fn a_lost_reply_leaves_the_key_behind_or_not() {
    for (what, keys) in [
        (What::LostBefore, 1),
        (What::LostAfter, 2),
        (What::Reset { after_effect: false }, 1),
        (What::Reset { after_effect: true }, 2),
    ] {
        let bench = Bench::documented().await;
        let token = bench.token().await;
        bench.fault(CallKind::CreateApiKey, what.clone());
        let lost = bench.try_query(&token, CREATE, json!({})).await;
        assert!(lost.is_err(), "{what:?}");
        assert_eq!(bench.list(&token).await.len(), keys, "{what:?}");
        let entry = bench.last(CallKind::CreateApiKey);
        assert_eq!(entry.effect_applied, keys == 2);
        assert!(entry.fault.is_some());
        // Once only.
        bench.create(&token).await;
    }
}

#[tokio::test]
async fn a_late_landing_lands_when_its_time_has_come() {
    let bench = Bench::documented().await;
    let token = bench.token().await;
    let late = What::LateLanding { after_ms: 5_000, hang_ms: 0 };
    bench.fault(CallKind::CreateApiKey, late);
    assert!(bench.try_query(&token, CREATE, json!({})).await.is_err());
    let asked = bench.last(CallKind::CreateApiKey);
    assert!(!asked.effect_applied);

    bench.advance_ms(4_999);
    assert_eq!(bench.list(&token).await.len(), 1);
    bench.advance_ms(1);
    assert_eq!(bench.list(&token).await.len(), 2);
    let landed = bench.last(CallKind::CreateApiKey);
    assert_eq!((landed.late_of, landed.effect_applied), (Some(asked.sequence), true));
}

#[tokio::test]
async fn a_late_disable_meets_the_etag_of_the_moment_it_lands() {
    let bench = Bench::documented().await;
    let token = bench.token().await;
    let key = bench.create(&token).await.client_id;
    let etag = bench.etag_of(&token, &key).await;
    let late = What::LateLanding { after_ms: 10, hang_ms: 0 };
    bench.fault(CallKind::UpdateApiKey, late);
    let input = json!({ "input": { "clientId": key, "_etag": etag, "enabled": false } });
    assert!(bench.try_query(&token, super::bench::UPDATE, input).await.is_err());
    bench.tenant().edit(&Edit::Enable { key: key.clone() }).unwrap();
    bench.advance_ms(10);
    assert!(bench.tenant().alive(&key));
    assert_eq!(bench.last(CallKind::UpdateApiKey).outcome, "etag_mismatch");
}

#[tokio::test]
async fn statuses_come_before_or_after_the_effect_with_retry_after() {
    let bench = Bench::documented().await;
    let token = bench.token().await;
    for (status, retry_after_seconds, after_effect) in
        [(429, Some(7), false), (429, None, false), (500, None, true), (503, None, true)]
    {
        let before = bench.tenant().keys().len();
        let what = What::Status { status, retry_after_seconds, after_effect };
        bench.fault(CallKind::CreateApiKey, what);
        let answer = bench.try_query(&token, CREATE, json!({})).await.unwrap();
        assert_eq!(answer.status().as_u16(), status);
        let wait = answer.headers().get("retry-after").map(|v| v.to_str().unwrap().to_owned());
        assert_eq!(wait, retry_after_seconds.map(|seconds| seconds.to_string()));
        // What careless proxies do: the body gives the credential away.
        assert!(answer.text().await.unwrap().contains(&token));
        assert_eq!(bench.tenant().keys().len() - before, usize::from(after_effect));
    }
}

#[tokio::test]
async fn answers_that_are_no_answers() {
    let bench = Bench::documented().await;
    let token = bench.token().await;
    for status in [200, 502] {
        bench.fault(CallKind::ApiKeys, What::Html { status, after_effect: false });
        let answer = bench.try_query(&token, LIST, json!({})).await.unwrap();
        assert_eq!(answer.status().as_u16(), status);
        assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    }
    bench.fault(CallKind::ApiKeys, What::NullData);
    assert_eq!(bench.query(&token, LIST, json!({})).await, json!({ "data": null }));
    bench.fault(CallKind::CreateApiKey, What::NullSecret);
    let body = bench.query(&token, CREATE, json!({})).await;
    assert!(body["data"]["createApiKey"]["apikey"]["clientSecret"].is_null());
    bench.fault(CallKind::ApiKeys, What::GarbageDate);
    let answer = bench.try_query(&token, LIST, json!({})).await.unwrap();
    let date = answer.headers()["date"].to_str().unwrap();
    assert!(httpdate::parse_http_date(date).is_err());
    bench.fault(CallKind::ApiKeys, What::Flood { bytes: 1_000_001 });
    let answer = bench.try_query(&token, LIST, json!({})).await.unwrap();
    assert_eq!(answer.bytes().await.unwrap().len(), 1_000_001);
    bench.fault(CallKind::ApiKeys, What::PermissionDenied);
    let body = bench.query(&token, LIST, json!({})).await;
    assert!(error_of(&body).starts_with("You do not have permission"));
    bench.fault(CallKind::ApiKeys, What::Unauthorized);
    assert_eq!(bench.try_query(&token, LIST, json!({})).await.unwrap().status(), 401);
}

#[tokio::test]
async fn lists_can_be_stale_doubled_or_cut_short() {
    let bench = Bench::documented().await;
    let token = bench.token().await;
    bench.advance_ms(1_000);
    bench.create(&token).await;
    for (what, length) in [
        (What::StaleChanges { changes: 1 }, 1),
        (What::StaleChanges { changes: 9 }, 0),
        (What::StaleMs { ms: 1 }, 1),
        (What::StaleMs { ms: 0 }, 2),
        (What::DuplicateKey, 3),
        (What::IncompletePage { keep: 1 }, 1),
    ] {
        bench.fault(CallKind::ApiKeys, what.clone());
        assert_eq!(bench.list(&token).await.len(), length, "{what:?}");
    }
    bench.fault(CallKind::ApiKeys, What::DuplicateKey);
    let nodes = bench.list(&token).await;
    assert_eq!(nodes[0]["clientId"], nodes[2]["clientId"]);
    assert_ne!(nodes[0]["_etag"], nodes[2]["_etag"]);
}

#[tokio::test]
async fn etags_can_be_ignored_once() {
    let bench = Bench::documented().await;
    let token = bench.token().await;
    let key = bench.create(&token).await.client_id;
    bench.fault(CallKind::UpdateApiKey, What::EtagIgnored);
    let body = bench.set_enabled(&token, &key, "stale", false).await;
    assert_eq!(body.get("errors"), None);
    assert!(!error_of(&bench.set_enabled(&token, &key, "stale", true).await).is_empty());
}

#[tokio::test]
async fn the_token_endpoint_lies_about_times_and_loses_answers() {
    let bench = Bench::documented().await;
    let (id, secret) = (&bench.key.client_id, &bench.key.client_secret);
    for seconds in [0, 1_000_000_000] {
        bench.fault(CallKind::TokenExchange, What::ExpiresIn { seconds });
        assert_eq!(bench.exchange(id, secret).await.1["expires_in"], seconds);
    }
    bench.fault(CallKind::TokenExchange, What::NullData);
    assert_eq!(bench.exchange(id, secret).await, (200, json!({})));
    bench.fault(CallKind::TokenExchange, What::Unauthorized);
    let (status, body) = bench.exchange(id, secret).await;
    assert_eq!((status, &body["error"]), (401, &json!("invalid_client")));
    bench.fault(CallKind::TokenExchange, What::LostAfter);
    let missed = bench.tenant().exchange(id, secret).arrived();
    assert_eq!(missed.err(), Some(Missed::Nothing));
}

#[tokio::test]
async fn a_fault_counts_calls_and_can_choose_a_key() {
    let bench = Bench::documented().await;
    let other = bench.tenant().seed_key().unwrap();
    let (id, secret) = (bench.key.client_id.clone(), bench.key.client_secret.clone());
    let fault = Fault {
        on: CallKind::TokenExchange,
        nth: 2,
        count: 2,
        key: Some(id.clone()),
        what: What::Unauthorized,
    };
    bench.tenant().add_fault(fault).unwrap();
    for status in [200, 401, 401, 200] {
        assert_eq!(bench.exchange(&other.client_id, &other.client_secret).await.0, 200);
        assert_eq!(bench.exchange(&id, &secret).await.0, status);
    }
    assert!(bench.tenant().faults().is_empty());
}

#[tokio::test]
async fn a_person_acts_between_guard_and_effect() {
    let bench = Bench::documented().await;
    let token = bench.token().await;
    let key = bench.create(&token).await;
    let etag = bench.etag_of(&token, &key.client_id).await;
    let edit = Edit::Regenerate { key: NEWEST.into() };
    bench.fault(CallKind::UpdateApiKey, What::Person { edit });
    let body = bench.set_enabled(&token, &key.client_id, &etag, false).await;
    assert!(error_of(&body).contains("_etag"), "{body}");
    assert!(bench.tenant().alive(&key.client_id));
    assert_eq!(bench.exchange(&key.client_id, &key.client_secret).await.0, 401);
}

#[tokio::test]
async fn faults_come_and_go_over_http_within_bounds() {
    let bench = Bench::documented().await;
    let door = format!("{}/_sandbox/faults", bench.sandbox.base_url());
    for (fault, status) in [
        (json!({ "on": "create_api_key", "what": "lost_after" }), 201),
        (json!({ "on": "any", "nth": 3, "count": 2, "what": { "delay": { "ms": 5 } } }), 201),
        (json!({ "on": "any", "what": { "delay": { "ms": 3_600_000 } } }), 400),
        (json!({ "on": "any", "what": { "flood": { "bytes": 1_u64 << 40 } } }), 400),
        (json!({ "on": "any", "what": { "status": { "status": 99 } } }), 400),
        (json!({ "on": "any", "nth": 0, "what": "lost_after" }), 400),
        (json!({ "on": "person", "what": "lost_after" }), 400),
        (json!({ "on": "any", "what": "explode" }), 422),
    ] {
        let answer = bench.http.post(&door).json(&fault).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{fault}");
    }
    let shown: Value = bench.http.get(&door).send().await.unwrap().json().await.unwrap();
    assert_eq!(shown.as_array().unwrap().len(), 2);
    assert_eq!(bench.http.delete(&door).send().await.unwrap().status(), 204);
    assert!(bench.tenant().faults().is_empty());
    let one = Fault { on: CallKind::Any, nth: 1, count: 1, key: None, what: What::LostBefore };
    for _ in 0..rekeyd::sandbox::MAX_FAULTS {
        bench.tenant().add_fault(one.clone()).unwrap();
    }
    assert!(bench.tenant().add_fault(one).is_err());
}

#[tokio::test]
async fn a_close_and_a_reset_differ_and_neither_sends_a_byte() {
    let bench = Bench::documented().await;
    let address = bench.sandbox.base_url().replace("http://", "");
    let body = "grant_type=client_credentials&client_id=x&client_secret=y";
    let request = format!(
        "POST /realms/api-keys/protocol/openid-connect/token HTTP/1.1\r\nhost: {address}\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    for (what, expected) in [
        (What::LostBefore, Ok(0)),
        (What::Reset { after_effect: false }, Err(std::io::ErrorKind::ConnectionReset)),
    ] {
        bench.fault(CallKind::TokenExchange, what);
        let mut stream = TcpStream::connect(&address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer).await;
        assert_eq!(read.map_err(|error| error.kind()), expected);
        assert!(answer.is_empty());
    }
}

#[tokio::test]
async fn the_page_of_controls_shows_an_order_that_is_not_taken() {
    let bench = Bench::documented().await;
    let door = format!("{}/_sandbox/", bench.sandbox.base_url());
    let page = bench.http.get(&door).send().await.unwrap().text().await.unwrap();
    let orders = page.lines().map(str::trim).filter(|line| line.starts_with("{\"on\""));
    let orders: Vec<Value> = orders.map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(orders.len() > 3, "{page}");
    for order in orders {
        let answer = bench.http.post(format!("{door}faults")).json(&order).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 201, "{order}");
    }
}
