//! A server on loopback that answers by script and remembers every request.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::{BehaviorVersion, Config, Credentials, Region};
use rekeyd::domain::clocks::Stamp;
use rekeyd::domain::ids::{KeyId, VersionId};
use rekeyd::domain::policy::Fields;
use rekeyd::domain::secret::Credential;
use rekeyd::port::{Clock, DateLog};
use rekeyd::store::AwsSecretsManager;
use secrecy::SecretString;
use serde_json::{Value, json};

/// What the server does with one request.
#[derive(Clone)]
pub enum Answer {
    Reply {
        status: u16,
        headers: &'static str,
        body: String,
    },
    /// The request was read; the connection closes without an answer.
    Lost,
}

pub fn ok(body: &Value) -> Answer {
    Answer::Reply { status: 200, headers: "", body: body.to_string() }
}

pub fn refused(status: u16, code: &str) -> Answer {
    let body = json!({ "__type": code, "Message": "s3cret-new was in the request" });
    Answer::Reply { status, headers: "", body: body.to_string() }
}

/// One request: the operation and its body.
pub struct Seen {
    pub operation: String,
    pub body: Value,
}

pub struct Server {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    /// `script` is asked with the operation and how many of it there were before.
    pub fn start(script: impl Fn(&str, usize) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let log = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                serve(&stream.unwrap(), &script, &log);
            }
        });
        Self { address, seen }
    }

    /// The bodies of one operation's requests, in order.
    pub fn bodies(&self, operation: &str) -> Vec<Value> {
        let seen = self.seen.lock().unwrap();
        seen.iter().filter(|seen| seen.operation == operation).map(|s| s.body.clone()).collect()
    }

    pub fn store(&self, clock: &Arc<TestClock>) -> AwsSecretsManager {
        store_at(self.address, clock)
    }
}

fn serve(stream: &TcpStream, script: &impl Fn(&str, usize) -> Answer, log: &Mutex<Vec<Seen>>) {
    let mut reader = BufReader::new(stream);
    let (mut operation, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let line = line.trim().to_ascii_lowercase();
        if let Some(target) = line.strip_prefix("x-amz-target: secretsmanager.") {
            target.clone_into(&mut operation);
        } else if let Some(text) = line.strip_prefix("content-length: ") {
            length = text.parse().unwrap();
        } else if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let answer = {
        let mut log = log.lock().unwrap();
        let before = log.iter().filter(|seen| seen.operation == operation).count();
        log.push(Seen {
            operation: operation.clone(),
            body: serde_json::from_slice(&body).unwrap(),
        });
        script(&operation, before)
    };
    if let Answer::Reply { status, headers, body } = answer {
        let length = if headers.contains("Content-Length") {
            String::new()
        } else {
            format!("Content-Length: {}\r\n", body.len())
        };
        let text = format!(
            "HTTP/1.1 {status} Scripted\r\nContent-Type: application/x-amz-json-1.1\r\n\
             Connection: close\r\n{length}{headers}\r\n{body}"
        );
        // The client may have gone.
        drop((&mut &*stream).write_all(text.as_bytes()));
    }
}

pub fn fields() -> Fields {
    Fields { client_id: "clientId".to_owned(), client_secret: "clientSecret".to_owned() }
}

pub fn credential() -> Credential {
    Credential::new(KeyId::new("new").unwrap(), SecretString::from("s3cret-new"))
}

/// A version id of the right length.
pub fn version(name: &str) -> VersionId {
    VersionId::new(format!("{name:-<32}")).unwrap()
}

/// What `GetSecretValue` answers for a version.
pub fn value(name: &str) -> Answer {
    let text = json!({ "clientId": name, "clientSecret": format!("s3cret-{name}") }).to_string();
    ok(&json!({ "ARN": "arn", "Name": "x", "VersionId": version(name).as_str(),
        "SecretString": text, "CreatedDate": 1_700_000_000.5 }))
}

pub fn store_at(address: SocketAddr, clock: &Arc<TestClock>) -> AwsSecretsManager {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(format!("http://{address}"))
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .build();
    AwsSecretsManager::with_client(&Client::from_conf(config), "x", fields(), clock.clone())
}

/// Stands still and never waits.
#[derive(Default)]
pub struct TestClock {
    dates: DateLog,
}

#[async_trait]
impl Clock for TestClock {
    fn stamp(&self) -> Stamp {
        Stamp { wall_ms: 0, boot: "test".to_owned(), boottime_ms: 0, dated: None }
    }
    async fn sleep(&self, _duration: Duration) {}
    fn dates(&self) -> &DateLog {
        &self.dates
    }
}
