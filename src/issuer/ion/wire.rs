//! HTTP with bounds: time, bytes, no redirect, no retry of its own, no plain text over a network.
//! Knows nothing of GraphQL or OAuth, and looks into no body.

use std::error::Error;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::header::{ACCEPT_ENCODING, CONTENT_TYPE, DATE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Url, redirect, retry};
use zeroize::Zeroizing;

use crate::domain::facts::Unreached;
use crate::port::unreached::in_causes;
use crate::port::{CallKind, Pace, PortError};

/// The largest answer that is read.
const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Shorter than common servers keep an idle connection, so that one is rarely found dead.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);
/// No server makes us wait longer than this at once.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60 * 60);

/// One address and the clients that talk to it.
pub(super) struct Endpoint {
    url: Url,
    host: String,
    clients: Clients,
    pace: Arc<dyn Pace>,
}

/// The connections of one process, for as many tenants as there are. Cheap to clone.
#[derive(Clone)]
pub struct Connections(Arc<Shared>);

struct Shared {
    timeout: Duration,
    pace: Arc<dyn Pace>,
    loopback: OnceLock<Clients>,
    network: OnceLock<Clients>,
}

impl Connections {
    /// `timeout` bounds one request, body included; `pace` is asked before each. Connects nowhere.
    #[must_use]
    pub fn new(timeout: Duration, pace: Arc<dyn Pace>) -> Self {
        let (loopback, network) = (OnceLock::new(), OnceLock::new());
        Self(Arc::new(Shared { timeout, pace, loopback, network }))
    }

    fn clients(&self, loopback: bool) -> Result<Clients, PortError> {
        let Shared { loopback: near, network: far, .. } = self.0.as_ref();
        let place = if loopback { near } else { far };
        if let Some(clients) = place.get() {
            return Ok(clients.clone());
        }
        let clients = Clients::new(loopback, self.0.timeout)?;
        Ok(place.get_or_init(|| clients).clone())
    }
}

/// Building one reads the system's certificates, so endpoints share them.
#[derive(Clone)]
struct Clients {
    pooled: Client,
    /// Always a fresh connection: a mutation lost on a connection that the server was just closing
    /// would be an open question for minutes.
    fresh: Client,
}

/// Which connection a request may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Connection {
    Pooled,
    Fresh,
}

/// An answer that was read to its end.
pub(super) struct Reply {
    pub(super) status: u16,
    /// The `Date` header, milliseconds since the epoch, where it is one.
    pub(super) date_ms: Option<i64>,
    /// Capped at one hour.
    pub(super) retry_after: Option<Duration>,
    /// The answer says that it is HTML, or begins like it: some proxy's page, whatever its status.
    pub(super) html: bool,
    /// May hold a secret: wiped when dropped.
    pub(super) body: Zeroizing<Vec<u8>>,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoReply {
    /// No connection came about: the request certainly never left.
    NotSent(Unreached),
    /// It may have arrived. The words say what was seen.
    Lost(&'static str),
}

impl Endpoint {
    /// # Errors
    /// `Misconfigured`, never quoting the URL, which may hold a password.
    pub(super) fn new(text: &str, connections: &Connections) -> Result<Self, PortError> {
        let wrong = |why: &str| PortError::misconfigured(format!("an ION address {why}"));
        let url = Url::parse(text).map_err(|_| wrong("is not a URL"))?;
        let name = url.host_str().ok_or_else(|| wrong("names no host"))?.to_owned();
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("holds a user name or password"));
        }
        let loopback = is_loopback(&name);
        match url.scheme() {
            "https" => {}
            "http" if loopback => {}
            "http" => return Err(wrong("is plain http and not on loopback")),
            _ => return Err(wrong("is neither http nor https")),
        }
        let host = url.port().map_or_else(|| name.clone(), |port| format!("{name}:{port}"));
        let clients = connections.clients(loopback)?;
        Ok(Self { host, clients, url, pace: connections.0.pace.clone() })
    }

    /// Host, and port where one is given. For messages and spans.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Waits for this host's turn.
    pub(super) async fn turn(&self, call: CallKind) {
        self.pace.turn(&self.host, call).await;
    }

    /// A POST to this address, to be completed with headers and a body.
    pub(super) fn post(&self, connection: Connection) -> RequestBuilder {
        match connection {
            Connection::Pooled => self.clients.pooled.post(self.url.clone()),
            Connection::Fresh => self.clients.fresh.post(self.url.clone()),
        }
    }
}

impl Clients {
    fn new(loopback: bool, timeout: Duration) -> Result<Self, PortError> {
        // Bodies are read as they come. Without this header any coding is welcome (RFC 9110, 12.5.3).
        let plain = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static("identity"))]);
        let client = |idle: usize| {
            let builder = Client::builder()
                .default_headers(plain.clone())
                .redirect(redirect::Policy::none())
                .retry(retry::never())
                .connect_timeout(CONNECT_TIMEOUT.min(timeout))
                .timeout(timeout)
                .pool_idle_timeout(IDLE_TIMEOUT)
                .pool_max_idle_per_host(idle)
                .user_agent(concat!("rekeyd/", env!("CARGO_PKG_VERSION")));
            // Loopback never goes through a proxy.
            let builder = if loopback { builder.no_proxy() } else { builder };
            builder.build().map_err(|_| PortError::misconfigured("no HTTPS client can be built"))
        };
        Ok(Self { pooled: client(4)?, fresh: client(0)? })
    }
}

/// Sends once and reads the answer to its end, within the client's time and `MAX_BODY_BYTES`.
///
/// `wall_ms` is only used to turn a `Retry-After` date into a wait.
pub(super) async fn send(request: RequestBuilder, wall_ms: i64) -> Result<Reply, NoReply> {
    let mut response = request.send().await.map_err(|error| no_reply(&error))?;
    let date_ms = response.headers().get(DATE).and_then(|value| http_date_ms(value.as_bytes()));
    let mut reply = Reply {
        status: response.status().as_u16(),
        date_ms,
        retry_after: retry_after(response.headers(), date_ms.unwrap_or(wall_ms)),
        html: is_html(response.headers()),
        body: Zeroizing::new(Vec::new()),
    };
    // Lengths that a server announces are not believed.
    while let Some(chunk) = response.chunk().await.map_err(|_| NoReply::Lost("broke off"))? {
        if reply.body.len() + chunk.len() > MAX_BODY_BYTES {
            return Err(NoReply::Lost("is larger than 4 MiB"));
        }
        reply.body.extend_from_slice(&chunk);
    }
    reply.html |= reply.body.trim_ascii_start().starts_with(b"<");
    Ok(reply)
}

fn no_reply(error: &reqwest::Error) -> NoReply {
    if error.is_connect() || error.is_builder() {
        NoReply::NotSent(unreached(error))
    } else if error.is_timeout() {
        NoReply::Lost("did not come in time")
    } else {
        NoReply::Lost("was lost with the connection")
    }
}

/// What kept a connection from coming about, by the first cause that says so.
fn unreached(error: &reqwest::Error) -> Unreached {
    let cause = Error::source(error).and_then(in_causes);
    cause.unwrap_or(if error.is_timeout() { Unreached::Timeout } else { Unreached::Other })
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn is_html(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.to_ascii_lowercase().contains("html"))
}

fn http_date_ms(value: &[u8]) -> Option<i64> {
    let time = httpdate::parse_http_date(std::str::from_utf8(value).ok()?).ok()?;
    let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_millis()).ok()
}

/// Seconds or a date (RFC 9110, 10.2.3); a date is measured against `now_ms`.
fn retry_after(headers: &HeaderMap, now_ms: i64) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match value.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let ms = http_date_ms(value.as_bytes())?.saturating_sub(now_ms);
            Duration::from_millis(u64::try_from(ms).unwrap_or(0))
        }
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::Class;

    fn wait(value: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, value.parse().unwrap());
        retry_after(&headers, 784_111_777_000)
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_and_never_more_than_an_hour() {
        assert_eq!(wait("7"), Some(Duration::from_secs(7)));
        assert_eq!(wait("999999999999"), Some(MAX_RETRY_AFTER));
        assert_eq!(wait("Sun, 06 Nov 1994 08:49:47 GMT"), Some(Duration::from_secs(10)));
        assert_eq!(wait("Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(wait("Fri, 31 Dec 9999 23:59:59 GMT"), Some(MAX_RETRY_AFTER));
        assert_eq!(wait("-3"), None);
        assert_eq!(wait("soon"), None);
    }

    #[test]
    fn a_secret_never_travels_readable_over_a_network() {
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let connections = Connections::new(Duration::from_secs(1), Arc::new(()));
        for good in ["https://x.example/t", "http://127.0.0.1:1/t", "http://[::1]:1/t"] {
            assert!(Endpoint::new(good, &connections).is_ok(), "{good}");
        }
        for bad in
            ["http://x.example/t", "ftp://127.0.0.1/t", "not a url", "https://u:pw@x.example"]
        {
            let error = Endpoint::new(bad, &connections).err().unwrap();
            assert_eq!(error.class, Class::Misconfigured, "{bad}");
            assert!(!error.message.contains("pw"));
        }
    }
}
