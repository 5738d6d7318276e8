//! What a failed call means. Decided by the kind of failure and the service's exception code,
//! never by a message or a status alone: stand-ins use other statuses. Messages of the service
//! are not quoted: they may repeat what was sent.

use std::error::Error;
use std::io;

use aws_sdk_secretsmanager::config::http::HttpResponse;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};

use crate::port::{Class, PortError};

/// Which call failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Describe,
    Get,
    Put,
    MoveStage,
}

impl Call {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Describe => "DescribeSecret",
            Self::Get => "GetSecretValue",
            Self::Put => "PutSecretValue",
            Self::MoveStage => "UpdateSecretVersionStage",
        }
    }
}

/// Whether the service says that the secret, version, or stage is not there.
pub(super) fn is_not_found<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    matches!(error, SdkError::ServiceError(reply)
        if reply.err().code() == Some("ResourceNotFoundException"))
}

/// `sent` says whether the request was handed to the network; before that nothing can have had an
/// effect.
pub(super) fn classify<E>(
    call: Call,
    secret_id: &str,
    error: &SdkError<E, HttpResponse>,
    sent: bool,
) -> PortError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let (class, why) = match error {
        SdkError::ServiceError(reply) => {
            let code = reply.err().code();
            let status = reply.raw().status().as_u16();
            let why = match code {
                Some(code) => format!("answered {} (HTTP {status})", printable(code)),
                None => format!("answered HTTP {status} without an exception code"),
            };
            (of_code(call, code, status), why)
        }
        SdkError::ConstructionFailure(_) => {
            (Class::Misconfigured, "could not be built; is a region set?".to_owned())
        }
        SdkError::TimeoutError(_) if !sent => {
            (Class::Retryable, "found no AWS credentials in time".to_owned())
        }
        SdkError::DispatchFailure(_) if !sent => (
            Class::Misconfigured,
            "was not sent: AWS's chain gave no usable credentials or endpoint".to_owned(),
        ),
        SdkError::DispatchFailure(_) if is_refused(error) => {
            (Class::Retryable, "could not connect: connection refused".to_owned())
        }
        SdkError::TimeoutError(_) => (Class::Unknown, "timed out".to_owned()),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => {
            (Class::Unknown, "timed out".to_owned())
        }
        SdkError::DispatchFailure(_) => (Class::Unknown, "lost its connection".to_owned()),
        _ => (Class::Unknown, "got an answer that cannot be understood".to_owned()),
    };
    PortError::new(class, format!("{} of secret {secret_id} {why}", call.name()))
}

/// Whoever signed the request is not known, or not like this. AWS's list of common errors.
pub(super) const SIGNER_REFUSED: [&str; 11] = [
    "UnrecognizedClientException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "IncompleteSignature",
    "IncompleteSignatureException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "ExpiredToken",
    "ExpiredTokenException",
    "OptInRequired",
];

/// The secret's KMS key cannot be used. The service's API reference, with and without the suffix.
pub(super) const KEY_REFUSED: [&str; 4] = [
    "DecryptionFailure",
    "DecryptionFailureException",
    "EncryptionFailure",
    "EncryptionFailureException",
];

/// Exception codes by the service's API reference and AWS's list of common errors.
fn of_code(call: Call, code: Option<&str>, status: u16) -> Class {
    match code {
        Some("ResourceExistsException") => Class::Conflict,
        // The label, or the version that it should move to, is not where we saw it.
        Some("InvalidParameterException" | "ResourceNotFoundException")
            if call == Call::MoveStage =>
        {
            Class::Conflict
        }
        Some(
            "InvalidParameterException"
            | "InvalidRequestException"
            | "ResourceNotFoundException"
            | "PreconditionNotMetException"
            | "ValidationException"
            | "ValidationError"
            | "SerializationException"
            | "UnknownOperationException",
        ) => Class::Misconfigured,
        Some("AccessDenied" | "AccessDeniedException" | "NotAuthorized" | "RequestExpired") => {
            Class::Rejected
        }
        Some(code) if SIGNER_REFUSED.contains(&code) || KEY_REFUSED.contains(&code) => {
            Class::Rejected
        }
        Some(
            "LimitExceededException"
            | "Throttling"
            | "ThrottlingException"
            | "ThrottledException"
            | "RequestThrottled"
            | "RequestThrottledException"
            | "RequestLimitExceeded"
            | "TooManyRequestsException",
        ) => Class::Retryable,
        _ if status == 429 => Class::Retryable,
        _ => Class::Unknown,
    }
}

fn is_refused(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
        {
            return true;
        }
        cause = error.source();
    }
    false
}

/// A code comes from the other side: only what an exception's name may hold, and not much of it.
fn printable(code: &str) -> String {
    code.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_')).take(64).collect()
}
