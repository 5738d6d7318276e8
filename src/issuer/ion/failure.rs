//! What is called and how it failed: every failure gets its class here, in our own words.
//! A mutation's class is other than `Unknown` only where it certainly did nothing.

use std::fmt;
use std::time::Duration;

use super::Ion;
use super::call::{Answer, Head};
use super::meaning::{self, Errors, Meaning};
use super::wire::{NoReply, Reply};
use crate::port::{Cause, Class, PortError};

/// What is called, as messages and spans name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    CreateApiKey,
    UpdateApiKey,
    DeleteApiKey,
    ListApiKeys,
    CurrentUser,
    Canary,
    Introspection,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CreateApiKey => "createApiKey",
            Self::UpdateApiKey => "updateApiKey",
            Self::DeleteApiKey => "deleteApiKey",
            Self::ListApiKeys => "apiKeys",
            Self::CurrentUser => "currentUser",
            Self::Canary => "the canary query",
            Self::Introspection => "introspection",
        })
    }
}

macro_rules! client_span {
    ($name:literal, $host:expr) => {
        tracing::info_span!(
            $name,
            otel.kind = "client",
            server.address = $host,
            http.request.method = "POST",
            http.response.status_code = tracing::field::Empty,
            error.type = tracing::field::Empty,
        )
    };
}
pub(super) use client_span;

impl Operation {
    pub(super) fn is_mutation(self) -> bool {
        matches!(self, Self::CreateApiKey | Self::UpdateApiKey | Self::DeleteApiKey)
    }

    fn is_on_a_key(self) -> bool {
        matches!(self, Self::UpdateApiKey | Self::DeleteApiKey)
    }

    pub(super) fn span(self, host: &str) -> tracing::Span {
        match self {
            Self::CreateApiKey => client_span!("ion.create_api_key", host),
            Self::UpdateApiKey => client_span!("ion.update_api_key", host),
            Self::DeleteApiKey => client_span!("ion.delete_api_key", host),
            Self::ListApiKeys => client_span!("ion.list_api_keys", host),
            Self::CurrentUser => client_span!("ion.current_user", host),
            Self::Canary => client_span!("ion.canary", host),
            Self::Introspection => client_span!("ion.introspection", host),
        }
    }
}

/// A call that gave no answer to use.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: PortError,
    /// What the server said, where it was the API that answered.
    pub(super) meaning: Option<Meaning>,
    pub(super) no_current_user: bool,
}

/// A request that never came to be.
impl From<PortError> for Failure {
    fn from(error: PortError) -> Self {
        Self { error, meaning: None, no_current_user: false }
    }
}

impl From<Failure> for PortError {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

impl Ion {
    pub(super) fn unanswered(&self, operation: Operation, no_reply: NoReply) -> Failure {
        match no_reply {
            NoReply::NotSent(why) => {
                let words = format!("could not be reached: {}; nothing was sent", why.words());
                let mut failure = self.failure(operation, Class::Retryable, None, None, &words);
                failure.error = failure.error.because(Cause::Unreached(why));
                failure
            }
            NoReply::Lost(how) => {
                let words = format!("gave no answer: it {how}");
                self.failure(operation, Class::Unknown, None, None, &words)
            }
        }
    }

    /// An answer from before GraphQL, or a GraphQL answer with another status than 2xx.
    pub(super) fn turned_away(&self, operation: Operation, reply: &Reply) -> Failure {
        let head = serde_json::from_slice::<Head>(&reply.body).ok();
        let errors = head.as_ref().and_then(|head| meaning::read(head.errors.as_ref()));
        let ran =
            head.as_ref().is_some_and(Head::ran) || errors.is_some_and(|errors| errors.below_root);
        let by_status = match reply.status {
            401 if !reply.html => Some(Meaning::Unauthenticated),
            403 if !reply.html => Some(Meaning::Denied),
            404 if errors.is_some() && operation.is_on_a_key() => Some(Meaning::NotFound),
            409 | 412 => Some(Meaning::Stale),
            429 => Some(Meaning::Throttled),
            400 | 422 => errors.map(|errors| errors.meaning),
            _ => None,
        };
        let mut failure = match by_status {
            Some(meaning) if !ran => {
                self.by_meaning(operation, meaning, Some(reply.status), reply.retry_after)
            }
            _ => self.by_status(operation, reply),
        };
        failure.no_current_user = errors.is_some_and(|errors| errors.no_current_user);
        failure.error = failure.error.answered(errors.is_some());
        failure
    }

    /// A status that says nothing of the request's content. A mutation stays `Unknown` unless the
    /// status by its definition comes before any work: reads that go before it find wrong settings.
    fn by_status(&self, operation: Operation, reply: &Reply) -> Failure {
        let class = match reply.status {
            301 | 307 | 308 | 404 | 405 | 406 | 410..=417 | 421 | 426 => Class::Misconfigured,
            300..=399 | 400 | 422 if !operation.is_mutation() => Class::Misconfigured,
            _ => Class::Unknown,
        };
        let words = match class {
            Class::Misconfigured => "is not where the API answers",
            _ => "gave no answer that proves anything",
        };
        let mut failure = self.failure(operation, class, None, Some(reply.status), words);
        failure.error = failure.error.after(reply.retry_after);
        failure
    }

    /// The failure of an operation that certainly did nothing and whose reason is `meaning`.
    pub(super) fn by_meaning(
        &self,
        operation: Operation,
        meaning: Meaning,
        status: Option<u16>,
        retry_after: Option<Duration>,
    ) -> Failure {
        let class = match meaning {
            Meaning::Validation => Class::Misconfigured,
            Meaning::Denied | Meaning::Unauthenticated => Class::Rejected,
            Meaning::Throttled => Class::Retryable,
            Meaning::Stale | Meaning::NotFound | Meaning::NotFoundOrDenied
                if operation.is_on_a_key() =>
            {
                Class::Conflict
            }
            // A layer before GraphQL said 409: certain, whatever it means for a create.
            Meaning::Stale if status.is_some() => Class::Conflict,
            Meaning::NotFoundOrDenied if !operation.is_mutation() => Class::Rejected,
            _ => Class::Unknown,
        };
        let mut failure = self.failure(operation, class, Some(meaning), status, meaning.words());
        failure.error = failure.error.after(retry_after);
        failure
    }

    /// The failure that the `errors` of a GraphQL answer stand for. Where the answer shows traces of
    /// the operation itself, a mutation may have had its effect, whatever the errors say.
    pub(super) fn by_errors<D>(
        &self,
        operation: Operation,
        errors: Errors,
        answer: &Answer<D>,
    ) -> Failure {
        let certain = !operation.is_mutation() || !(answer.ran || errors.below_root);
        let meaning = if certain { errors.meaning } else { Meaning::Other };
        let mut failure = self.by_meaning(operation, meaning, None, None);
        failure.no_current_user = errors.no_current_user;
        failure.error = failure.error.answered(true);
        failure
    }

    /// A failure in our own words.
    pub(super) fn failure(
        &self,
        operation: Operation,
        class: Class,
        meaning: Option<Meaning>,
        status: Option<u16>,
        words: &str,
    ) -> Failure {
        let host = self.graphql.host();
        let status = status.map(|status| format!(" (HTTP {status})")).unwrap_or_default();
        let error = PortError::new(class, format!("{operation}: ION at {host} {words}{status}"));
        Failure { error, meaning, no_current_user: false }
    }
}

/// The word for `error.type`.
pub(super) fn class_word(class: Class) -> &'static str {
    match class {
        Class::Retryable => "retryable",
        Class::Rejected => "rejected",
        Class::Conflict => "conflict",
        Class::Misconfigured => "misconfigured",
        Class::Unknown => "unknown",
    }
}
