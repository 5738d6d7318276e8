//! What stands on the wire: headers, error bodies, who signed; and what the ledger keeps of it.

use rekeyd::sandbox::CallKind;
use reqwest::Response;
use serde_json::{Value, json};

use super::{Aws, REGION, SECRET, version};

const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20270115/us-west-2/secretsmanager/\
     aws4_request, SignedHeaders=host;x-amz-date, Signature=0";

async fn send(aws: &Aws, authorization: &str, operation: &str, body: &Value) -> Response {
    let request = aws.bench.http.post(aws.bench.sandbox.base_url());
    let request = request.header("x-amz-target", format!("secretsmanager.{operation}"));
    let request = request.header("content-type", "application/x-amz-json-1.1");
    let request = if authorization.is_empty() {
        request
    } else {
        request.header("authorization", authorization)
    };
    request.body(body.to_string()).send().await.unwrap()
}

#[tokio::test]
async fn an_exception_says_its_name_in_body_and_header() {
    let aws = Aws::new().await;
    let body = json!({ "SecretId": "nobody" });
    let answer = send(&aws, SIGNED, "GetSecretValue", &body).await;
    assert_eq!(answer.status(), 400);
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "application/x-amz-json-1.1");
    assert_eq!(header("x-amzn-errortype"), "ResourceNotFoundException");
    assert!(!header("x-amzn-requestid").is_empty());
    assert!(httpdate::parse_http_date(&header("date")).is_ok());
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["__type"], "ResourceNotFoundException");
    assert_eq!(body["Message"], "Secrets Manager can't find the specified secret.");
}

#[tokio::test]
async fn a_request_must_be_signed_for_this_service() {
    let aws = Aws::new().await;
    let body = json!({ "SecretId": SECRET });
    for (authorization, said) in [
        (String::new(), "MissingAuthenticationTokenException"),
        ("Bearer x".into(), "IncompleteSignatureException"),
        (SIGNED.replace("Signature=0", "Signature="), "IncompleteSignatureException"),
        (SIGNED.replace("us-west-2/", ""), "IncompleteSignatureException"),
        (SIGNED.replace("secretsmanager", "sts"), "InvalidSignatureException"),
    ] {
        let answer = send(&aws, &authorization, "GetSecretValue", &body).await;
        assert_eq!(answer.status(), 400);
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["__type"], said, "{authorization}");
        assert!(body["message"].is_string());
        let entry = aws.bench.last(CallKind::GetSecretValue);
        assert_eq!((entry.outcome.as_str(), entry.signer), (said, None));
    }
    assert_eq!(send(&aws, SIGNED, "GetSecretValue", &body).await.status(), 200);
}

#[tokio::test]
async fn what_is_not_offered_or_not_readable_is_refused() {
    let aws = Aws::new().await;
    for (operation, body, said) in [
        ("ListSecrets", json!({}), "UnknownOperationException"),
        ("GetSecretValue", json!([1]), "SerializationException"),
        ("GetSecretValue", json!({ "SecretId": 5 }), "SerializationException"),
        ("GetSecretValue", json!({}), "ValidationException"),
        (
            "PutSecretValue",
            json!({ "SecretId": SECRET, "SecretString": "x" }),
            "InvalidRequestException",
        ),
    ] {
        let answer = send(&aws, SIGNED, operation, &body).await;
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["__type"], said, "{operation}");
    }
}

#[tokio::test]
async fn the_ledger_tells_each_call_and_holds_no_value() {
    let aws = Aws::new().await;
    let first = aws.current();
    aws.put(&version(1), "s3cret-one", &["AWSPENDING"]).await.unwrap();
    aws.move_label("AWSCURRENT", Some(&first), Some(&version(1))).await.unwrap();
    aws.text("AWSCURRENT").await.unwrap();
    let put = aws.bench.last(CallKind::PutSecretValue);
    assert_eq!((put.secret.as_deref(), put.detail.as_str()), (Some(SECRET), "stages=AWSPENDING"));
    assert_eq!((put.keys, put.effect_applied), (vec![version(1)], true));
    let signer = put.signer.unwrap();
    assert_eq!((signer.access_key.as_str(), signer.region.as_str()), ("AKIDEXAMPLE", REGION));
    let moved = aws.bench.last(CallKind::UpdateSecretVersionStage);
    assert!(moved.detail.starts_with("stage=AWSCURRENT from="), "{}", moved.detail);
    assert!(!aws.bench.last(CallKind::GetSecretValue).effect_applied);
    // A client that puts a secret where an id or a label belongs is not quoted.
    let secret = "s3cret-s3cret-s3cret-s3cret-s3cret";
    drop(aws.put(secret, "x", &[secret]).await);
    drop(aws.client.get_secret_value().secret_id(secret).version_stage(secret).send().await);
    let told = serde_json::to_string(&aws.bench.tenant().ledger()).unwrap();
    assert!(!told.contains("s3cret"), "{told}");
}
