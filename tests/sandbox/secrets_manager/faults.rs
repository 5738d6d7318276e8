//! Faults, by call and count: lost, late, stale, refused; and people in between. The ledger knows
//! the truth.

use rekeyd::sandbox::{CallKind, Code, Edit, Fault, SecretEdit, Typed, What};
use serde_json::json;

use super::{Aws, REGION, SECRET, refused, version};

#[tokio::test]
async fn a_lost_reply_leaves_the_version_behind_or_not() {
    for (what, versions) in [
        (What::LostBefore, 1),
        (What::LostAfter, 2),
        (What::Reset { after_effect: false }, 1),
        (What::Reset { after_effect: true }, 2),
    ] {
        let aws = Aws::new().await;
        aws.bench.fault(CallKind::PutSecretValue, what.clone());
        let put = aws.put(&version(1), "one", &["AWSPENDING"]).await;
        assert_eq!(put, refused("lost"), "{what:?}");
        assert_eq!(aws.versions().len(), versions, "{what:?}");
        let entry = aws.bench.last(CallKind::PutSecretValue);
        assert_eq!(entry.effect_applied, versions == 2);
        assert!(entry.fault.is_some());
        // Again, with the same token: it is there once.
        aws.put(&version(1), "one", &["AWSPENDING"]).await.unwrap();
        assert_eq!(aws.versions().len(), 2);
    }
}

#[tokio::test]
async fn a_late_move_lands_when_its_time_has_come_and_only_from_where_it_said() {
    for moved_meanwhile in [false, true] {
        let aws = Aws::new().await;
        let first = aws.current();
        aws.put(&version(1), "one", &["AWSPENDING"]).await.unwrap();
        let late = What::LateLanding { after_ms: 5_000, hang_ms: 0 };
        aws.bench.fault(CallKind::UpdateSecretVersionStage, late);
        let moved = aws.move_label("AWSCURRENT", Some(&first), Some(&version(1))).await;
        assert_eq!(moved, refused("lost"));
        let asked = aws.bench.last(CallKind::UpdateSecretVersionStage);
        assert_eq!((asked.outcome.as_str(), asked.effect_applied), ("late", false));
        if moved_meanwhile {
            aws.edit(SecretEdit::Put { text: Typed::new("typed") }).unwrap();
        }
        aws.bench.advance_ms(4_999);
        assert_ne!(aws.current(), version(1));
        aws.bench.advance_ms(1);
        assert_eq!(aws.current() == version(1), !moved_meanwhile);
        let landed = aws.bench.last(CallKind::UpdateSecretVersionStage);
        assert_eq!(landed.late_of, Some(asked.sequence));
        let said = if moved_meanwhile { "InvalidParameterException" } else { "ok" };
        assert_eq!((landed.outcome.as_str(), landed.secret.as_deref()), (said, Some(SECRET)));
    }
}

#[tokio::test]
async fn it_refuses_in_awss_words_before_or_after_the_effect() {
    for (code, status) in [
        (Code::Throttling, 400),
        (Code::InternalServiceError, 500),
        (Code::DecryptionFailure, 400),
        (Code::EncryptionFailure, 400),
        (Code::AccessDenied, 400),
        (Code::ServiceUnavailable, 503),
    ] {
        for after_effect in [false, true] {
            let aws = Aws::new().await;
            let what = What::Exception { code, after_effect };
            aws.bench.fault(CallKind::PutSecretValue, what);
            let put = aws.put(&version(1), "one", &["AWSPENDING"]).await;
            assert_eq!(put, refused(code.name()));
            assert_eq!(aws.holder("AWSPENDING").is_some(), after_effect, "{code:?}");
            assert_eq!(code.status(), status);
        }
    }
    let aws = Aws::new().await;
    for (what, said) in [
        (What::PermissionDenied, "AccessDeniedException"),
        (What::Unauthorized, "UnrecognizedClientException"),
    ] {
        aws.bench.fault(CallKind::GetSecretValue, what);
        assert_eq!(aws.text("AWSCURRENT").await, Err(said.into()));
    }
}

#[tokio::test]
async fn answers_of_other_layers_and_answers_without_what_they_should_hold() {
    let aws = Aws::new().await;
    for what in [
        What::Status { status: 429, retry_after_seconds: Some(1), after_effect: true },
        What::Status { status: 502, retry_after_seconds: None, after_effect: true },
        What::Html { status: 503, after_effect: false },
    ] {
        aws.bench.fault(CallKind::GetSecretValue, what.clone());
        let got = aws.text("AWSCURRENT").await.unwrap_err();
        // No exception of the service has a name then.
        assert!(!got.ends_with("Exception") && got != "lost", "{what:?}: {got}");
    }
    for what in [What::NullData, What::NullSecret] {
        aws.bench.fault(CallKind::GetSecretValue, what);
        let got = aws.client.get_secret_value().secret_id(SECRET).send().await.unwrap();
        assert_eq!(got.secret_string(), None);
    }
}

#[tokio::test]
async fn reads_can_lag_by_changes_by_time_or_until_they_are_released() {
    let aws = Aws::new().await;
    aws.put(&version(1), "one", &[]).await.unwrap();
    aws.bench.advance_ms(1_000);
    aws.put(&version(2), "two", &[]).await.unwrap();
    aws.bench.advance_ms(1_000);
    let text = async || aws.text("AWSCURRENT").await.unwrap();
    for (what, seen) in [
        (What::StaleChanges { changes: 1 }, "one"),
        (What::StaleChanges { changes: 0 }, "two"),
        (What::StaleMs { ms: 1_000 }, "two"),
        (What::StaleMs { ms: 1_001 }, "one"),
    ] {
        aws.bench.fault(CallKind::GetSecretValue, what.clone());
        assert_eq!(text().await, seen, "{what:?}");
        assert_eq!(text().await, "two");
    }
    let (on, what) = (CallKind::GetSecretValue, What::Frozen);
    let frozen = Fault { on, nth: 1, count: u32::MAX, key: Some(SECRET.into()), what };
    aws.bench.tenant().add_fault(frozen).unwrap();
    for number in 3..=5 {
        aws.put(&version(number), "newer", &[]).await.unwrap();
        assert_eq!(text().await, "two");
        assert_eq!(aws.bench.last(CallKind::GetSecretValue).fault.as_deref(), Some("frozen"));
    }
    // What is put into a lagging store cannot be read back yet, and stages lag too.
    let get = aws.client.get_secret_value().secret_id(SECRET).version_id(version(5));
    assert_eq!(super::code(get.send().await), refused("ResourceNotFoundException"));
    aws.bench.tenant().clear_faults();
    assert_eq!(text().await, "newer");
}

#[tokio::test]
async fn a_person_acts_between_look_and_move() {
    let aws = Aws::new().await;
    let first = aws.current();
    aws.put(&version(1), "one", &["AWSPENDING"]).await.unwrap();
    let edit = SecretEdit::Put { text: Typed::new("s3cret-typed") };
    let edit = Edit::Secret { secret: SECRET.into(), edit };
    aws.bench.fault(CallKind::UpdateSecretVersionStage, What::Person { edit });
    let moved = aws.move_label("AWSCURRENT", Some(&first), Some(&version(1))).await;
    assert_eq!(moved, refused("InvalidParameterException"));
    assert_eq!(aws.text("AWSCURRENT").await.unwrap(), "s3cret-typed");
    let entries = format!("{:?}", aws.bench.tenant().ledger());
    assert!(!entries.contains("s3cret"), "{entries}");
}

#[tokio::test]
async fn a_fault_counts_calls_and_can_choose_a_secret_or_a_version() {
    let aws = Aws::new().await;
    aws.bench.tenant().seed_secret("other", REGION, &aws.bench.key).unwrap();
    let fault = |key: &str, nth, count| Fault {
        on: CallKind::GetSecretValue,
        nth,
        count,
        key: Some(key.into()),
        what: What::Exception { code: Code::Throttling, after_effect: false },
    };
    aws.bench.tenant().add_fault(fault(SECRET, 2, 2)).unwrap();
    for throttled in [false, true, true, false] {
        let other = aws.client.get_secret_value().secret_id("other");
        other.send().await.unwrap();
        assert_eq!(aws.text("AWSCURRENT").await.is_err(), throttled);
    }
    aws.put(&version(1), "one", &["AWSPENDING"]).await.unwrap();
    aws.bench.tenant().add_fault(fault(&version(1), 1, 1)).unwrap();
    aws.text("AWSPENDING").await.unwrap();
    let by_id = aws.client.get_secret_value().secret_id(SECRET).version_id(version(1));
    assert_eq!(super::code(by_id.send().await), refused("ThrottlingException"));
}

#[tokio::test]
async fn faults_and_edits_come_in_over_http_too() {
    let aws = Aws::new().await;
    let door = |path: &str| format!("{}/_sandbox/{path}", aws.bench.sandbox.base_url());
    let post = async |path: &str, body: serde_json::Value| {
        let answer = aws.bench.http.post(door(path)).json(&body).send().await.unwrap();
        answer.status().as_u16()
    };
    let throttled = json!({ "exception": { "code": "ThrottlingException" } });
    let fault = json!({ "on": "get_secret_value", "what": throttled });
    assert_eq!(post("faults", fault).await, 201);
    let unknown = json!({ "exception": { "code": "MadeUpException" } });
    let fault = json!({ "on": "get_secret_value", "what": unknown });
    assert_eq!(post("faults", fault).await, 422);
    assert_eq!(aws.text("AWSCURRENT").await, Err("ThrottlingException".into()));
    let typed = json!({ "put": { "text": "typed" } });
    assert_eq!(post("secrets", json!({ "secret": SECRET, "edit": typed })).await, 204);
    assert_eq!(aws.text("AWSCURRENT").await.unwrap(), "typed");
    assert_eq!(post("secrets", json!({ "secret": SECRET, "edit": "roll_back" })).await, 204);
    assert_eq!(post("secrets", json!({ "secret": "nobody", "edit": "restore" })).await, 404);
    let listed = aws.bench.http.get(door("secrets")).send().await.unwrap();
    let listed: serde_json::Value = listed.json().await.unwrap();
    assert_eq!(listed[0]["name"], SECRET);
    assert_eq!(listed[0]["versions"][0]["stages"], json!(["AWSCURRENT"]));
}
