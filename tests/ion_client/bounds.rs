//! Silence, floods, and detours: what the client concludes, and that it ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rekeyd::port::{Class, Issuer, Verifier};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::fake::{self, Fake, Reply, actor, data, etag, key};

/// An address that refuses connections.
pub async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    url
}

/// A server that reads a request, sends `start`, and closes. Counts the requests.
async fn broken(start: &'static [u8]) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            let mut buffer = [0; 4096];
            // The head ends with an empty line; every request here fits its body in with it.
            while !request.ends_with(b"}") {
                match stream.read(&mut buffer).await {
                    Ok(0) | Err(_) => break,
                    Ok(read) => request.extend_from_slice(&buffer[..read]),
                }
            }
            counter.fetch_add(1, Ordering::SeqCst);
            drop(stream.write_all(start).await);
        }
    });
    (url, count)
}

async fn with_api(graphql_url: String) -> Fake {
    let mut fake = fake::api(|_| data(&json!({}))).start().await;
    fake.config.graphql_url = graphql_url;
    fake.ion = Arc::new(fake::client(fake.config.clone(), &fake.clock));
    fake
}

#[tokio::test]
async fn a_create_whose_reply_is_lost_is_unknown_and_sent_once() {
    for start in [
        b"".as_slice(),
        b"HTTP/1.1 200 OK\r\ncontent-length: 400\r\n\r\n{\"data\":{",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"SMTP ready\r\n",
    ] {
        let (url, count) = broken(start).await;
        let fake = with_api(url).await;
        let error = fake.ion.issue(&actor()).await.unwrap_err();
        assert_eq!(error.class, Class::Unknown, "{start:?}");
        assert_eq!(count.load(Ordering::SeqCst), 1, "{start:?}");
    }
}

#[tokio::test]
async fn a_create_that_found_no_server_was_certainly_without_effect() {
    let fake = with_api(nobody().await).await;
    let error = fake.ion.issue(&actor()).await.unwrap_err();
    assert_eq!(error.class, Class::Retryable);
    assert!(fake.clock.slept.lock().unwrap().is_empty(), "a mutation is never retried here");
}

#[tokio::test]
async fn a_read_is_tried_again_a_few_times_while_no_server_is_found() {
    let fake = with_api(nobody().await).await;
    let error = fake.ion.identity(&actor()).await.unwrap_err();
    assert_eq!(error.class, Class::Retryable);
    let slept = fake.clock.slept.lock().unwrap();
    assert_eq!(slept.len(), 3);
    assert!(slept.iter().sum::<std::time::Duration>().as_secs() <= 10);
}

#[tokio::test]
async fn a_flood_is_cut_off_and_proves_nothing() {
    let fake = fake::api(|_| Reply::raw(200, &" ".repeat(64 * 1024 * 1024))).start().await;
    assert_eq!(fake.ion.issue(&actor()).await.unwrap_err().class, Class::Unknown);
    assert_eq!(fake.ion.list(&actor()).await.unwrap_err().class, Class::Unknown);
    assert_eq!(fake.api.calls_of("createApiKey").len(), 1);
}

#[tokio::test]
async fn no_redirect_is_followed_with_a_token_or_a_secret() {
    let other = fake::api(|_| data(&json!({}))).start().await;
    let elsewhere = other.config.graphql_url.clone();
    let fake = fake::api(move |_| Reply::raw(307, "").with("location", &elsewhere)).start().await;
    let error = fake.ion.issue(&actor()).await.unwrap_err();
    assert_eq!(error.class, Class::Misconfigured);
    assert_eq!(fake.ion.list(&actor()).await.unwrap_err().class, Class::Misconfigured);
    assert!(other.api.calls().is_empty());
}

#[tokio::test]
async fn no_error_and_no_debug_text_holds_a_secret_or_a_part_of_a_body() {
    let echo = |call: &fake::Call| {
        let text = format!("oops {} {}", fake::CANARY, call.body);
        Reply::json(500, &json!({ "errors": [{ "message": text }], "secret": fake::CANARY }))
    };
    let fake = fake::api(echo).start().await;
    let ion = &fake.ion;
    let mut texts = vec![format!("{ion:?} {:?}", actor())];
    texts.push(format!("{:?}", ion.issue(&actor()).await.unwrap_err()));
    texts.push(format!("{:?}", ion.list(&actor()).await.unwrap_err()));
    texts.push(format!("{:?}", ion.identity(&actor()).await.unwrap_err()));
    texts.push(format!("{:?}", ion.canary(&actor(), "{ a }").await.unwrap_err()));
    let gone = ion.delete(&actor(), &key("k"), Some(&etag("e"))).await;
    texts.push(format!("{:?}", gone.unwrap_err()));
    for text in texts {
        for secret in [fake::CANARY, fake::ACTOR_SECRET, "tok\"", "oops"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

/// Runs another test of this file in a process whose environment names a proxy that is not there.
#[test]
fn loopback_never_goes_through_a_proxy() {
    let proxy = "http://127.0.0.1:9";
    let run = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "keys::a_minted_key_comes_with_its_secret"])
        .envs(["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"].map(|name| (name, proxy)))
        .env_remove("NO_PROXY")
        .env_remove("no_proxy")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success() && said.contains("1 passed"), "{said}");
}

/// A server may compress for whoever names no coding (RFC 9110, 12.5.3); such an answer proved
/// nothing, for ever.
#[tokio::test]
async fn no_server_is_left_free_to_compress_an_answer() {
    let fake = fake::api(|_| data(&json!({}))).start().await;
    drop(fake.ion.list(&actor()).await);
    let calls = [fake.auth.calls(), fake.api.calls()].concat();
    assert!(fake.auth.calls().len() == 1 && calls.len() > 1);
    for call in calls {
        assert_eq!(call.headers.get("accept-encoding").unwrap(), "identity", "{}", call.body);
    }
}
