//! What is sent, how often, and what is learnt from the answers.

use std::sync::Arc;

use rekeyd::domain::clocks::DateSource;
use rekeyd::port::{Class, Content, SecretStore, Which};
use serde_json::json;

use crate::server::{Answer, Server, TestClock, credential, ok, refused, value, version};

fn clock() -> Arc<TestClock> {
    Arc::default()
}

#[tokio::test]
async fn a_put_names_its_token_and_its_stage() {
    let server = Server::start(|operation, before| match (operation, before) {
        ("getsecretvalue", 0) => value("base"),
        ("getsecretvalue", _) => value("new"),
        _ => ok(&json!({})),
    });
    let store = server.store(&clock());
    store.stage(&version("new"), Some(&version("base")), &credential()).await.unwrap();
    let puts = server.bodies("putsecretvalue");
    assert_eq!(puts.len(), 1);
    assert_eq!(puts[0]["VersionStages"], json!(["AWSPENDING"]));
    assert_eq!(puts[0]["ClientRequestToken"], version("new").as_str());
    assert_eq!(puts[0]["SecretString"], r#"{"clientId":"new","clientSecret":"s3cret-new"}"#);
    // Read back by version id.
    let gets = server.bodies("getsecretvalue");
    assert_eq!(gets.last().unwrap()["VersionId"], version("new").as_str());
}

#[tokio::test]
async fn a_put_is_read_back_a_bounded_number_of_times_and_counts_all_the_same() {
    for visible_after in [3, usize::MAX] {
        let server = Server::start(move |operation, before| match operation {
            "getsecretvalue" if before < visible_after => refused(400, "ResourceNotFoundException"),
            "getsecretvalue" => value("new"),
            _ => ok(&json!({})),
        });
        server.store(&clock()).stage(&version("new"), None, &credential()).await.unwrap();
        let expected = if visible_after == 3 { 4 } else { 5 };
        assert_eq!(server.bodies("getsecretvalue").len(), expected);
        assert_eq!(server.bodies("putsecretvalue").len(), 1);
    }
}

#[tokio::test]
async fn a_move_names_both_versions_and_is_sent_once() {
    let server = Server::start(|_, _| ok(&json!({})));
    let store = server.store(&clock());
    store.promote(Some(&version("base")), &version("new")).await.unwrap();
    store.promote(None, &version("new")).await.unwrap();
    let moves = server.bodies("updatesecretversionstage");
    assert_eq!(moves.len(), 2);
    assert_eq!(moves[0]["VersionStage"], "AWSCURRENT");
    assert_eq!(moves[0]["RemoveFromVersionId"], version("base").as_str());
    assert_eq!(moves[0]["MoveToVersionId"], version("new").as_str());
    assert!(moves[1].get("RemoveFromVersionId").is_none());
}

/// A description that was behind hid the label, and it stayed.
#[tokio::test]
async fn a_label_that_a_description_did_not_show_was_not_taken_off() {
    for known in [false, true] {
        let server = Server::start(move |operation, _| match operation {
            "describesecret" => ok(&json!({ "VersionIdsToStages": {
                version("base").as_str(): ["AWSCURRENT"],
            }})),
            _ if known => ok(&json!({})),
            // So says the service where the label is not on that version.
            _ => refused(400, "InvalidParameterException"),
        });
        let store = server.store(&clock());
        store.drop_previous(&version("new")).await.unwrap();
        assert_eq!(server.bodies("updatesecretversionstage").len(), 1, "known {known}");
    }
}

#[tokio::test]
async fn a_label_comes_off_where_it_is() {
    let server = Server::start(|operation, _| match operation {
        "describesecret" => ok(&json!({ "VersionIdsToStages": {
            version("new").as_str(): ["AWSCURRENT", "AWSPENDING"],
            version("base").as_str(): ["AWSPREVIOUS"],
        }})),
        _ => ok(&json!({})),
    });
    let store = server.store(&clock());
    store.unstage(&version("new")).await.unwrap();
    store.drop_previous(&version("base")).await.unwrap();
    let moves = server.bodies("updatesecretversionstage");
    assert_eq!(moves[0]["VersionStage"], "AWSPENDING");
    assert_eq!(moves[0]["RemoveFromVersionId"], version("new").as_str());
    assert_eq!(moves[1]["VersionStage"], "AWSPREVIOUS");
    assert_eq!(moves[1]["RemoveFromVersionId"], version("base").as_str());
    assert!(moves.iter().all(|body| body.get("MoveToVersionId").is_none()));
}

#[tokio::test]
async fn a_value_too_large_is_never_sent() {
    let server = Server::start(|_, _| {
        let text = format!(r#"{{"a":"{}"}}"#, "x".repeat(65_520));
        ok(&json!({ "VersionId": version("base").as_str(), "SecretString": text }))
    });
    let store = server.store(&clock());
    let answer = store.stage(&version("new"), Some(&version("base")), &credential()).await;
    assert_eq!(answer.unwrap_err().class, Class::Misconfigured);
    assert!(server.bodies("putsecretvalue").is_empty());
}

#[tokio::test]
async fn a_binary_secret_is_malformed() {
    let server = Server::start(|_, _| {
        ok(&json!({ "VersionId": version("base").as_str(), "SecretBinary": "AAEC" }))
    });
    let stored = server.store(&clock()).read(&Which::Current).await.unwrap().unwrap();
    assert!(matches!(stored.content, Content::Malformed("it is binary")));
    assert_eq!(stored.size_bytes, 3);
}

#[tokio::test]
async fn the_date_of_an_accepted_request_is_a_witness_and_no_other() {
    let dated = |status, headers| Answer::Reply { status, headers, body: "{}".to_owned() };
    for (answer, expected) in [
        (dated(200, "Date: Sun, 06 Nov 2044 08:49:37 GMT\r\n"), Some(2_362_034_977_000)),
        (dated(400, "Date: Sun, 06 Nov 2044 08:49:37 GMT\r\n"), None),
        (dated(200, "Date: yesterday\r\n"), None),
        (dated(200, ""), None),
    ] {
        let server = Server::start(move |_, _| answer.clone());
        let clock = clock();
        drop(server.store(&clock).promote(None, &version("new")).await);
        let seen = rekeyd::port::Clock::dates(&*clock).at(0);
        assert_eq!(seen.map(|d| (d.source, d.ms)), expected.map(|ms| (DateSource::Store, ms)));
    }
}

#[tokio::test]
async fn the_age_of_current_is_read_once() {
    let server = Server::start(|operation, _| match operation {
        "describesecret" => {
            ok(&json!({ "VersionIdsToStages": { version("base").as_str(): ["AWSCURRENT"] }}))
        }
        _ => value("base"),
    });
    let store = server.store(&clock());
    for _ in 0..3 {
        let view = store.describe().await.unwrap();
        assert_eq!(view.current_created_ms, Some(1_700_000_000_500));
    }
    assert_eq!(server.bodies("getsecretvalue").len(), 1);
}
