//! What each failure lets us conclude. The scripted error texts hold a secret, as a server's may.

use std::net::TcpListener;
use std::sync::Arc;

use rekeyd::port::{Class, PortError, SecretStore, Which};
use serde_json::json;

use crate::server::{Answer, Server, credential, ok, refused, store_at, value, version};

async fn promote(answer: Answer) -> (Class, usize) {
    let server = Server::start(move |_, _| answer.clone());
    let store = server.store(&Arc::default());
    let error = store.promote(Some(&version("base")), &version("new")).await.unwrap_err();
    check_text(&error);
    (error.class, server.bodies("updatesecretversionstage").len())
}

async fn put(script: impl Fn(usize) -> Answer + Send + 'static) -> (Result<(), Class>, usize) {
    let server = Server::start(move |operation, before| match operation {
        "putsecretvalue" => script(before),
        _ => value("new"),
    });
    let store = server.store(&Arc::default());
    let answer = store.stage(&version("new"), None, &credential()).await;
    let puts = server.bodies("putsecretvalue");
    assert!(puts.iter().all(|body| *body == puts[0]), "every try is the same request");
    (answer.inspect_err(check_text).map_err(|error| error.class), puts.len())
}

fn check_text(error: &PortError) {
    let text = format!("{error} {error:?}");
    assert!(!text.contains("s3cret"), "{text}");
    assert!(error.message.contains("secret x"), "{text}");
}

#[tokio::test]
async fn exception_codes_decide_whatever_the_status() {
    for status in [400, 404] {
        for (code, class) in [
            ("InvalidParameterException", Class::Conflict),
            ("ResourceNotFoundException", Class::Conflict),
            ("InvalidRequestException", Class::Misconfigured),
            ("AccessDeniedException", Class::Rejected),
            ("UnrecognizedClientException", Class::Rejected),
            ("ExpiredTokenException", Class::Rejected),
            ("com.amazonaws.secretsmanager#DecryptionFailure", Class::Rejected),
            ("ThrottlingException", Class::Retryable),
            ("LimitExceededException", Class::Retryable),
            ("InternalServiceError", Class::Unknown),
            ("SomethingNew", Class::Unknown),
        ] {
            assert_eq!(promote(refused(status, code)).await, (class, 1), "{code}");
        }
    }
    for (code, class) in [
        ("ResourceExistsException", Class::Conflict),
        ("InvalidParameterException", Class::Misconfigured),
        ("ResourceNotFoundException", Class::Misconfigured),
        ("EncryptionFailure", Class::Rejected),
    ] {
        let (answer, puts) = put(move |_| refused(400, code)).await;
        assert_eq!((answer, puts), (Err(class), 1), "{code}");
    }
}

#[tokio::test]
async fn a_move_whose_reply_is_lost_is_unknown_and_never_repeated() {
    let html = |status| Answer::Reply { status, headers: "", body: "<html>s3cret".to_owned() };
    for answer in [
        Answer::Lost,
        refused(500, "InternalServiceError"),
        refused(503, "ServiceUnavailable"),
        html(200),
        html(502),
        html(504),
        Answer::Reply { status: 200, headers: "Content-Length: 67108864\r\n", body: "{".into() },
        Answer::Reply { status: 200, headers: "Content-Length: 90\r\n", body: "{".into() },
    ] {
        assert_eq!(promote(answer).await, (Class::Unknown, 1));
    }
}

#[tokio::test]
async fn a_put_is_repeated_with_the_same_token_until_it_is_certain() {
    let done = || ok(&json!({}));
    let (answer, puts) = put(move |n| if n == 0 { Answer::Lost } else { done() }).await;
    assert_eq!((answer, puts), (Ok(()), 2));
    let (answer, puts) =
        put(move |n| if n < 2 { refused(400, "ThrottlingException") } else { done() }).await;
    assert_eq!((answer, puts), (Ok(()), 3));
    let (answer, puts) = put(|_| refused(400, "ThrottlingException")).await;
    assert_eq!((answer, puts), (Err(Class::Retryable), 3));
}

#[tokio::test]
async fn a_put_that_may_have_landed_stays_unknown_whatever_comes_after() {
    for after in ["ThrottlingException", "AccessDeniedException", "InvalidRequestException"] {
        let script = move |n| if n == 0 { Answer::Lost } else { refused(400, after) };
        assert_eq!(put(script).await.0, Err(Class::Unknown), "{after}");
    }
    assert_eq!(put(|_| refused(500, "InternalServiceError")).await, (Err(Class::Unknown), 3));
}

#[tokio::test]
async fn a_refused_connection_is_certainly_without_effect() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let store = store_at(closed, &Arc::default());
    let error = store.promote(None, &version("new")).await.unwrap_err();
    assert_eq!(error.class, Class::Retryable, "{error}");
    let error = store.stage(&version("new"), None, &credential()).await.unwrap_err();
    assert_eq!(error.class, Class::Retryable, "{error}");
}

#[tokio::test]
async fn a_read_survives_a_failing_server_once() {
    let server = Server::start(|_, before| match before {
        0 => refused(500, "InternalServiceError"),
        _ => value("base"),
    });
    let stored = server.store(&Arc::default()).read(&Which::Current).await.unwrap();
    assert_eq!(stored.unwrap().version, version("base"));
    assert_eq!(server.bodies("getsecretvalue").len(), 2);
}

#[tokio::test]
async fn not_found_is_absent_only_where_the_secret_is_there_without_it() {
    let described = |answer: Answer| {
        Server::start(move |operation, _| match operation {
            "describesecret" => answer.clone(),
            _ => refused(400, "ResourceNotFoundException"),
        })
    };
    let which = Which::Version(version("new"));
    let empty = described(ok(&json!({ "Name": "x" })));
    assert!(empty.store(&Arc::default()).read(&which).await.unwrap().is_none());
    assert!(empty.store(&Arc::default()).read(&Which::Pending).await.unwrap().is_none());

    let labelled = json!({ "VersionIdsToStages": { version("new").as_str(): ["AWSPENDING"] }});
    let lagging = described(ok(&labelled));
    for which in [which.clone(), Which::Pending] {
        let error = lagging.store(&Arc::default()).read(&which).await.unwrap_err();
        assert_eq!(error.class, Class::Unknown);
    }

    let gone = described(refused(400, "ResourceNotFoundException"));
    let error = gone.store(&Arc::default()).read(&which).await.unwrap_err();
    assert_eq!(error.class, Class::Misconfigured);
    check_text(&error);
    let denied = described(refused(400, "AccessDeniedException"));
    let error = denied.store(&Arc::default()).read(&which).await.unwrap_err();
    assert_eq!(error.class, Class::Rejected);
}

#[tokio::test]
async fn an_answer_for_another_version_proves_nothing() {
    let server = Server::start(|_, _| value("other"));
    let which = Which::Version(version("base"));
    let error = server.store(&Arc::default()).read(&which).await.unwrap_err();
    assert_eq!(error.class, Class::Unknown);
}
