//! One GraphQL call: token, POST, one fresh token after a 401, and what the answer means.
//! Must never send a mutation twice unless the first was turned away before GraphQL.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use graphql_client::GraphQLQuery;
use reqwest::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tracing::Instrument;
use zeroize::Zeroizing;

use super::Ion;
use super::auth::Exchanged;
use super::failure::{Failure, Operation, class_word, client_span};
use super::meaning::{self, Errors, Meaning};
use super::wire::{self, Connection, NoReply, Reply};
use crate::domain::clocks::DateSource;
use crate::domain::facts::Unreached;
use crate::domain::policy::AuthorizationScheme;
use crate::domain::secret::Credential;
use crate::port::{CallKind, Class, PortError, Verifier};

/// What one read may spend on waiting for better times, all its attempts together.
const RETRY_BUDGET: Duration = Duration::from_secs(10);
const MAX_RETRIES: usize = 3;

/// A well-formed GraphQL answer.
pub(super) struct Answer<D> {
    /// Absent when null, missing, or of another shape than the schema promises.
    pub(super) data: Option<D>,
    pub(super) errors: Option<Errors>,
    /// A root field holds something: the operation itself ran.
    pub(super) ran: bool,
}

#[derive(Deserialize)]
pub(super) struct Head {
    data: Option<BTreeMap<String, Option<IgnoredAny>>>,
    pub(super) errors: Option<Value>,
}

impl Head {
    pub(super) fn ran(&self) -> bool {
        self.data.as_ref().is_some_and(|roots| roots.values().any(Option::is_some))
    }
}

#[derive(Deserialize)]
struct Body<D> {
    data: Option<D>,
}

/// The body of an operation's request. `variables` is left out where there are none.
pub(super) fn request_body<Q>(variables: Q::Variables) -> Result<Vec<u8>, PortError>
where
    Q: GraphQLQuery,
    Q::Variables: Serialize,
{
    let unwritable = |_| PortError::misconfigured("a request cannot be written as JSON");
    let mut body = serde_json::to_value(Q::build_query(variables)).map_err(unwritable)?;
    if let Some(fields) = body.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    serde_json::to_vec(&body).map_err(unwritable)
}

impl Ion {
    /// A read: sent again, a few times and not for long, while it surely was not heard.
    pub(super) async fn read<D: DeserializeOwned>(
        &self,
        operation: Operation,
        actor: &Credential,
        body: Vec<u8>,
    ) -> Result<Answer<D>, Failure> {
        let mut waits = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(250))
            .with_max_delay(Duration::from_secs(4))
            .with_max_times(MAX_RETRIES)
            .with_jitter()
            .build();
        let mut left = RETRY_BUDGET;
        loop {
            let failure = match self.call(operation, actor, &body).await {
                Err(failure) if failure.error.class == Class::Retryable => failure,
                outcome => return outcome,
            };
            let Some(wait) = waits.next() else { return Err(failure) };
            let wait = wait.max(failure.error.retry_after.unwrap_or_default());
            let Some(rest) = left.checked_sub(wait) else { return Err(failure) };
            left = rest;
            self.clock.sleep(wait).await;
        }
    }

    /// One call. A mutation is sent at most once, except that one turned away by a 401 before
    /// GraphQL is sent again with a fresh token, once.
    pub(super) async fn call<D: DeserializeOwned>(
        &self,
        operation: Operation,
        actor: &Credential,
        body: &[u8],
    ) -> Result<Answer<D>, Failure> {
        let span = operation.span(self.graphql.host());
        let result = self.attempts(operation, actor, body).instrument(span.clone()).await;
        if let Err(failure) = &result {
            span.record("error.type", class_word(failure.error.class));
        }
        result
    }

    async fn attempts<D: DeserializeOwned>(
        &self,
        operation: Operation,
        actor: &Credential,
        body: &[u8],
    ) -> Result<Answer<D>, Failure> {
        let now_ms = self.clock.stamp().boottime_ms;
        if let Some(token) = self.tokens.get(actor.fingerprint(), now_ms) {
            let result = self.post(operation, &token, body).await;
            let turned_away = match &result {
                // What GraphQL itself answered to a create is not believed to have made nothing.
                Ok(reply) if reply.status == 401 && operation == Operation::CreateApiKey => {
                    !reply.html && errors_of(reply).is_none()
                }
                Ok(reply) if reply.status == 401 => !reply.html,
                Ok(reply) if !operation.is_mutation() => says_unauthenticated(reply),
                _ => false,
            };
            if !turned_away {
                return self.conclude(operation, actor, result);
            }
            self.tokens.forget(actor.fingerprint());
        }
        let token = self.fresh_token(operation, actor).await?;
        let result = self.post(operation, &token, body).await;
        self.conclude(operation, actor, result)
    }

    /// A token of a fresh exchange. Its failure is certain to be without effect: the operation
    /// itself never left.
    async fn fresh_token(
        &self,
        operation: Operation,
        actor: &Credential,
    ) -> Result<Arc<SecretString>, Failure> {
        let span = client_span!("ion.token", self.token.host());
        let (class, words, wait) = match self.exchange(actor).instrument(span).await {
            Exchanged::Alive { token, life_ms } => {
                let token = Arc::new(token);
                let now_ms = self.clock.stamp().boottime_ms;
                self.tokens.put(actor.fingerprint(), Arc::clone(&token), life_ms, now_ms);
                return Ok(token);
            }
            Exchanged::Rejected => (Class::Rejected, "the auth server refuses the key", None),
            Exchanged::Misconfigured => {
                (Class::Misconfigured, "the auth server does not know this realm or grant", None)
            }
            Exchanged::Unreachable(why) => {
                let message = format!(
                    "{operation} was not sent: {} could not be reached: {}",
                    self.place(),
                    why.words()
                );
                return Err(Failure::from(PortError::retryable(message)));
            }
            Exchanged::Unknown { retry_after } => {
                (Class::Retryable, "the auth server gave no usable answer", retry_after)
            }
        };
        let message = format!("{operation} was not sent: {words} ({})", self.token.host());
        let error = PortError::new(class, message).after(wait);
        Err(Failure::from(error))
    }

    async fn post(
        &self,
        operation: Operation,
        token: &SecretString,
        body: &[u8],
    ) -> Result<Reply, NoReply> {
        let connection =
            if operation.is_mutation() { Connection::Fresh } else { Connection::Pooled };
        let token = token.expose_secret();
        let value = Zeroizing::new(match self.scheme {
            AuthorizationScheme::Bearer => format!("Bearer {token}"),
            AuthorizationScheme::Token => format!("Token {token}"),
            AuthorizationScheme::Bare => token.to_owned(),
        });
        let mut value =
            HeaderValue::from_str(&value).map_err(|_| NoReply::NotSent(Unreached::Other))?;
        value.set_sensitive(true);
        let request = self
            .graphql
            .post(connection)
            .header(AUTHORIZATION, value)
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .header(CACHE_CONTROL, HeaderValue::from_static("no-store"))
            .body(body.to_vec());
        let kind = if operation.is_mutation() { CallKind::Write } else { CallKind::Read };
        self.graphql.turn(kind).await;
        let reply = wire::send(request, self.clock.stamp().wall_ms).await?;
        tracing::Span::current().record("http.response.status_code", reply.status);
        Ok(reply)
    }

    fn conclude<D: DeserializeOwned>(
        &self,
        operation: Operation,
        actor: &Credential,
        result: Result<Reply, NoReply>,
    ) -> Result<Answer<D>, Failure> {
        let reply = result.map_err(|no_reply| self.unanswered(operation, no_reply))?;
        if reply.status == 401 {
            self.tokens.forget(actor.fingerprint());
        }
        if !(200..300).contains(&reply.status) {
            return Err(self.turned_away(operation, &reply));
        }
        let Some(answer) = read_answer::<D>(&reply) else {
            let words = "answered with something that is not GraphQL";
            return Err(self.failure(operation, Class::Unknown, None, Some(reply.status), words));
        };
        if answer.errors.is_some_and(|errors| errors.meaning == Meaning::Unauthenticated) {
            self.tokens.forget(actor.fingerprint());
        } else {
            self.saw_date(DateSource::Api, reply.date_ms);
        }
        Ok(answer)
    }
}

fn read_answer<D: DeserializeOwned>(reply: &Reply) -> Option<Answer<D>> {
    let head: Head = serde_json::from_slice(&reply.body).ok()?;
    let errors = meaning::read(head.errors.as_ref());
    if head.data.is_none() && errors.is_none() {
        return None;
    }
    let data = serde_json::from_slice::<Body<D>>(&reply.body).ok().and_then(|body| body.data);
    if data.is_none() && errors.is_none() {
        return None;
    }
    Some(Answer { data, errors, ran: head.ran() })
}

fn says_unauthenticated(reply: &Reply) -> bool {
    errors_of(reply).is_some_and(|errors| errors.meaning == Meaning::Unauthenticated)
}

fn errors_of(reply: &Reply) -> Option<Errors> {
    let head = serde_json::from_slice::<Head>(&reply.body).ok()?;
    meaning::read(head.errors.as_ref())
}
