//! ION as [`Verifier`]: does a key work, as whom, with which rights. Changes nothing: rights are
//! probed with an id that no key has.

use async_trait::async_trait;
use serde_json::Value;
use tracing::Instrument;
use uuid::Uuid;

use super::Ion;
use super::call::{Answer, request_body};
use super::canary;
use super::failure::{Failure, Operation, client_span};
use super::meaning::Meaning;
use super::operations::{CurrentUser, current_user};
use super::scalars::text_of;
use crate::domain::facts::{Exchange, Identity, Right, Rights, Survey};
use crate::domain::ids::{Etag, KeyId};
use crate::domain::secret::{Credential, Digest};
use crate::port::{Class, PortError, Verifier};

type User = current_user::CurrentUserCurrentUser;

#[async_trait]
impl Verifier for Ion {
    async fn authenticate(&self, credential: &Credential) -> Exchange {
        let span = client_span!("ion.authenticate", self.token.host());
        self.exchange(credential).instrument(span).await.outcome()
    }

    fn place(&self) -> String {
        format!("the auth server at {}", self.token.host())
    }

    async fn identity(&self, credential: &Credential) -> Result<Option<Identity>, PortError> {
        let operation = Operation::CurrentUser;
        let body = request_body::<CurrentUser>(current_user::Variables)?;
        let outcome = match self.read(operation, credential, body).await {
            Ok(answer) => self.user(answer),
            Err(failure) => Err(failure),
        };
        match outcome {
            Ok(user) => user.and_then(identity).map(Some).ok_or_else(|| {
                let words = "answered without the user's id";
                self.failure(operation, Class::Unknown, None, None, words).error
            }),
            // Only the field itself; a part of it that is missing is our query's fault.
            Err(Failure { meaning: Some(Meaning::Validation), no_current_user: true, .. }) => {
                Ok(None)
            }
            Err(failure) => Err(failure.error),
        }
    }

    async fn canary(&self, credential: &Credential, query: &str) -> Result<Digest, PortError> {
        let operation = Operation::Canary;
        if !canary::only_reads(query) {
            let words = "was not sent: it is not a query, or is longer than 64 KiB";
            return Err(PortError::misconfigured(format!("{operation} {words}")));
        }
        let body = serde_json::to_vec(&serde_json::json!({ "query": query }))
            .map_err(|_| PortError::misconfigured("a canary cannot be written as JSON"))?;
        let answer: Answer<Value> = self.read(operation, credential, body).await?;
        match (&answer.data, answer.errors) {
            (_, Some(errors)) => Err(self.by_errors(operation, errors, &answer).error),
            (Some(data), None) => Ok(canary::digest(data)),
            (None, None) => {
                let words = "answered without data";
                Err(self.failure(operation, Class::Unknown, None, None, words).error)
            }
        }
    }

    async fn rights(&self, credential: &Credential) -> Result<Rights, PortError> {
        let list = match self.list_keys(credential).await {
            Ok(_) => Right::Allowed,
            Err(failure) => right(failure)?,
        };
        let nobody = KeyId::new(Uuid::new_v4().to_string());
        let never = Etag::new(Uuid::new_v4().simple().to_string());
        let (Ok(nobody), Ok(never)) = (nobody, never) else {
            return Ok(Rights { list, update: Right::Unclear, delete: Right::Unclear });
        };
        // A change of a key that does not exist and is said to have happened means nothing.
        let update = match self.update_key(credential, &nobody, Some(&never), true).await {
            Ok(_) => Right::Unclear,
            Err(failure) => right(failure)?,
        };
        let delete = match self.delete_key(credential, &nobody, Some(&never)).await {
            Ok(()) => Right::Unclear,
            Err(failure) => right(failure)?,
        };
        Ok(Rights { list, update, delete })
    }

    async fn survey(&self, credential: &Credential) -> Result<Survey, PortError> {
        self.survey_schema(credential).await
    }

    fn api_place(&self) -> String {
        format!("ION at {}", self.graphql.host())
    }
}

impl Ion {
    fn user(&self, answer: Answer<current_user::ResponseData>) -> Result<Option<User>, Failure> {
        match answer.errors {
            Some(errors) => Err(self.by_errors(Operation::CurrentUser, errors, &answer)),
            None => Ok(answer.data.and_then(|data| data.current_user)),
        }
    }
}

fn identity(user: User) -> Option<Identity> {
    Some(Identity {
        user_id: text_of(user.id)?,
        email: text_of(user.email),
        organization_id: user.organization.and_then(|organization| text_of(organization.id)),
    })
}

/// What a probe's failure says of the right. A failure that is not the API's own answer about this
/// request says nothing, and is handed on.
fn right(failure: Failure) -> Result<Right, PortError> {
    match failure.meaning {
        Some(Meaning::Denied) => Ok(Right::Denied),
        Some(Meaning::NotFound | Meaning::Stale) => Ok(Right::Allowed),
        Some(Meaning::Validation | Meaning::NotFoundOrDenied | Meaning::Other) => {
            Ok(Right::Unclear)
        }
        Some(Meaning::Unauthenticated | Meaning::Throttled) | None => Err(failure.error),
    }
}
