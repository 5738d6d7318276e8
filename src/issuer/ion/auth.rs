//! The token exchange at ION's Keycloak, and what its answers prove about a credential.

use std::time::Duration;

use reqwest::header::{CACHE_CONTROL, HeaderValue};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;

use super::Ion;
use super::scalars::Secret;
use super::wire::{self, Connection, NoReply, Reply};
use crate::domain::clocks::DateSource;
use crate::domain::facts::{Exchange, Unreached};
use crate::domain::secret::Credential;
use crate::port::CallKind;

/// Outcome of an exchange, with the token where there is one.
pub(super) enum Exchanged {
    Alive { token: SecretString, life_ms: Option<i64> },
    Rejected,
    Misconfigured,
    Unreachable(Unreached),
    Unknown { retry_after: Option<Duration> },
}

impl Exchanged {
    pub(super) fn outcome(&self) -> Exchange {
        match self {
            Self::Alive { life_ms, .. } => Exchange::Alive { token_life_ms: *life_ms },
            Self::Rejected => Exchange::Rejected,
            Self::Misconfigured => Exchange::Misconfigured,
            Self::Unreachable(why) => Exchange::Unreachable(*why),
            Self::Unknown { .. } => Exchange::Unknown,
        }
    }
}

impl Ion {
    /// One fresh client-credentials exchange. Repeats nothing.
    pub(super) async fn exchange(&self, credential: &Credential) -> Exchanged {
        let mut form = vec![
            ("grant_type", "client_credentials"),
            ("client_id", credential.key().as_str()),
            ("client_secret", credential.expose()),
        ];
        if let Some(audience) = &self.audience {
            form.push(("audience", audience));
        }
        let request = self
            .token
            .post(Connection::Pooled)
            .header(CACHE_CONTROL, HeaderValue::from_static("no-store"))
            .form(&form);
        let span = tracing::Span::current();
        self.token.turn(CallKind::Read).await;
        let reply = match wire::send(request, self.clock.stamp().wall_ms).await {
            Ok(reply) => reply,
            Err(NoReply::NotSent(why)) => {
                span.record("error.type", "unreachable");
                return Exchanged::Unreachable(why);
            }
            Err(NoReply::Lost(_)) => {
                span.record("error.type", "no_reply");
                return Exchanged::Unknown { retry_after: None };
            }
        };
        span.record("http.response.status_code", reply.status);
        let exchanged = read(&reply);
        match &exchanged {
            Exchanged::Alive { .. } => self.saw_date(DateSource::Auth, reply.date_ms),
            Exchanged::Rejected => {
                self.tokens.forget(credential.fingerprint());
                span.record("error.type", "rejected");
            }
            Exchanged::Misconfigured => {
                span.record("error.type", "misconfigured");
            }
            Exchanged::Unreachable(_) | Exchanged::Unknown { .. } => {
                span.record("error.type", "unknown");
            }
        }
        exchanged
    }

    /// Leaves the `Date` of an authenticated reply as a witness of time (R19).
    pub(super) fn saw_date(&self, source: DateSource, date_ms: Option<i64>) {
        if let Some(ms) = date_ms {
            self.clock.dates().saw(source, ms, self.clock.stamp().boottime_ms);
        }
    }
}

#[derive(Deserialize)]
struct Granted {
    #[serde(default)]
    access_token: Secret,
    #[serde(default)]
    expires_in: Value,
}

fn read(reply: &Reply) -> Exchanged {
    match reply.status {
        200 => granted(reply).unwrap_or(Exchanged::Unknown { retry_after: None }),
        400 | 401 => refused(reply),
        // Realm disabled, TLS required, no such realm, no such path, a login page elsewhere: our
        // settings are wrong, which proves nothing about the key (Keycloak, `facts/testbed.md`).
        300..=399 | 403 | 404 | 405 | 406 | 410 | 415 => Exchanged::Misconfigured,
        _ => Exchanged::Unknown { retry_after: reply.retry_after },
    }
}

fn granted(reply: &Reply) -> Option<Exchanged> {
    let granted: Granted = serde_json::from_slice(&reply.body).ok()?;
    let token = granted.access_token.0?;
    if !is_token(&token) {
        return None;
    }
    Some(Exchanged::Alive { token, life_ms: life_ms(&granted.expires_in) })
}

/// Whether the text can stand in a header at all.
fn is_token(token: &SecretString) -> bool {
    let text = secrecy::ExposeSecret::expose_secret(token);
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// `expires_in` in milliseconds, where it is a positive number of seconds.
fn life_ms(expires_in: &Value) -> Option<i64> {
    let seconds = match (expires_in.as_i64(), expires_in.as_f64()) {
        (Some(whole), _) => whole,
        #[expect(clippy::cast_possible_truncation, reason = "`as` saturates, NaN becomes 0")]
        (None, Some(fraction)) => fraction as i64,
        (None, None) => return None,
    };
    (seconds > 0).then(|| seconds.saturating_mul(1000))
}

/// What a 400 or 401 says.
///
/// Wrong, unknown, disabled, and deleted look alike: `invalid_client` or `unauthorized_client`,
/// with 401 or, from an older Keycloak, 400. A 401 with any other JSON object refuses these
/// credentials too (Keycloak: `invalid_request` "User … disabled"), unless its code blames the
/// request or the server. A 401 that is no JSON object comes from something before the server.
fn refused(reply: &Reply) -> Exchanged {
    let unknown = Exchanged::Unknown { retry_after: reply.retry_after };
    if reply.html {
        return unknown;
    }
    let Ok(body) = serde_json::from_slice::<Value>(&reply.body) else {
        return unknown;
    };
    if !body.is_object() {
        return unknown;
    }
    let codes = codes_of(&body);
    let has = |known: &[&str]| codes.iter().any(|code| known.contains(&code.as_str()));
    if has(&["unauthorized_client"]) && blames_the_client_settings(&body) {
        // "Client not enabled to retrieve service account": Keycloak says it after it accepted the
        // secret. The key is not dead, somebody's switch is off; never count it as a rejection.
        return Exchanged::Misconfigured;
    }
    if has(&["invalid_client", "unauthorized_client"]) {
        return Exchanged::Rejected;
    }
    if has(&["server_error", "temporarily_unavailable", "slow_down"]) {
        return unknown;
    }
    if has(&["unsupported_grant_type", "invalid_scope", "invalid_target"]) {
        return Exchanged::Misconfigured;
    }
    match (reply.status, codes.is_empty()) {
        (401, _) => Exchanged::Rejected,
        (_, false) => Exchanged::Misconfigured,
        (_, true) => unknown,
    }
}

/// Error codes wherever servers put them: `error`, `code`, nested once, or in `errors`.
fn codes_of(body: &Value) -> Vec<String> {
    const MAX_ERRORS: usize = 20;
    let listed = body.get("errors").and_then(Value::as_array);
    let objects = std::iter::once(body)
        .chain(body.get("error"))
        .chain(listed.into_iter().flatten().take(MAX_ERRORS));
    let mut codes = Vec::new();
    for object in objects {
        let extensions = object.get("extensions").unwrap_or(&Value::Null);
        let fields = ["error", "code", "type", "error_code"].map(|name| object.get(name));
        let texts = fields.into_iter().chain([Some(object), extensions.get("code")]).flatten();
        codes.extend(texts.filter_map(Value::as_str).map(str::to_lowercase));
    }
    codes
}

fn blames_the_client_settings(body: &Value) -> bool {
    let description = body.get("error_description").and_then(Value::as_str).unwrap_or_default();
    let description = description.to_lowercase();
    description.contains("service account") || description.contains("bearer-only")
}
