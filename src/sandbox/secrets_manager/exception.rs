//! Why Secrets Manager says no: its exceptions by name, with AWS's words where they are known.
//! Must never quote a value.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The exceptions of the service's API reference, and those of the front door that all services
/// share. In JSON they have AWS's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Code {
    #[serde(rename = "AccessDeniedException")]
    AccessDenied,
    DecryptionFailure,
    EncryptionFailure,
    #[serde(rename = "ExpiredTokenException")]
    ExpiredToken,
    #[serde(rename = "IncompleteSignatureException")]
    IncompleteSignature,
    InternalServiceError,
    #[serde(rename = "InvalidNextTokenException")]
    InvalidNextToken,
    #[serde(rename = "InvalidParameterException")]
    InvalidParameter,
    #[serde(rename = "InvalidRequestException")]
    InvalidRequest,
    #[serde(rename = "InvalidSignatureException")]
    InvalidSignature,
    #[serde(rename = "LimitExceededException")]
    LimitExceeded,
    #[serde(rename = "MissingAuthenticationTokenException")]
    MissingAuthenticationToken,
    #[serde(rename = "PreconditionNotMetException")]
    PreconditionNotMet,
    #[serde(rename = "ResourceExistsException")]
    ResourceExists,
    #[serde(rename = "ResourceNotFoundException")]
    ResourceNotFound,
    #[serde(rename = "SerializationException")]
    Serialization,
    #[serde(rename = "ServiceUnavailableException")]
    ServiceUnavailable,
    #[serde(rename = "ThrottlingException")]
    Throttling,
    #[serde(rename = "UnknownOperationException")]
    UnknownOperation,
    #[serde(rename = "UnrecognizedClientException")]
    UnrecognizedClient,
    #[serde(rename = "ValidationException")]
    Validation,
}

impl Code {
    /// As it stands in `__type`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AccessDenied => "AccessDeniedException",
            Self::DecryptionFailure => "DecryptionFailure",
            Self::EncryptionFailure => "EncryptionFailure",
            Self::ExpiredToken => "ExpiredTokenException",
            Self::IncompleteSignature => "IncompleteSignatureException",
            Self::InternalServiceError => "InternalServiceError",
            Self::InvalidNextToken => "InvalidNextTokenException",
            Self::InvalidParameter => "InvalidParameterException",
            Self::InvalidRequest => "InvalidRequestException",
            Self::InvalidSignature => "InvalidSignatureException",
            Self::LimitExceeded => "LimitExceededException",
            Self::MissingAuthenticationToken => "MissingAuthenticationTokenException",
            Self::PreconditionNotMet => "PreconditionNotMetException",
            Self::ResourceExists => "ResourceExistsException",
            Self::ResourceNotFound => "ResourceNotFoundException",
            Self::Serialization => "SerializationException",
            Self::ServiceUnavailable => "ServiceUnavailableException",
            Self::Throttling => "ThrottlingException",
            Self::UnknownOperation => "UnknownOperationException",
            Self::UnrecognizedClient => "UnrecognizedClientException",
            Self::Validation => "ValidationException",
        }
    }

    /// The service answers its own exceptions with 400, its own trouble with 500 and 503.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::InternalServiceError => 500,
            Self::ServiceUnavailable => 503,
            _ => 400,
        }
    }

    /// The front door writes `message`, the service itself `Message`.
    #[must_use]
    pub fn is_the_services_own(self) -> bool {
        !matches!(
            self,
            Self::ExpiredToken
                | Self::IncompleteSignature
                | Self::InvalidSignature
                | Self::MissingAuthenticationToken
                | Self::Serialization
                | Self::ServiceUnavailable
                | Self::Throttling
                | Self::UnknownOperation
                | Self::UnrecognizedClient
                | Self::Validation
        )
    }

    /// What is said where a fault, not a rule, is the reason.
    fn usual_words(self) -> &'static str {
        match self {
            Self::AccessDenied => "User is not authorized to perform this operation",
            Self::DecryptionFailure => {
                "Secrets Manager can't decrypt the protected secret text using the provided KMS key."
            }
            Self::EncryptionFailure => {
                "Secrets Manager can't encrypt the protected secret text using the provided KMS key."
            }
            Self::ExpiredToken => "The security token included in the request is expired",
            Self::InternalServiceError => "An error occurred on the server side.",
            Self::Throttling => "Rate exceeded",
            Self::UnrecognizedClient => "The security token included in the request is invalid.",
            _ => "The request was refused on purpose.",
        }
    }
}

/// One refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    pub code: Code,
    pub message: Cow<'static, str>,
}

impl Exception {
    /// With the words that usually stand in it.
    #[must_use]
    pub fn usual(code: Code) -> Self {
        Self { code, message: Cow::Borrowed(code.usual_words()) }
    }

    pub(super) fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into() }
    }

    pub(super) fn parameter(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::InvalidParameter, message)
    }

    pub(super) fn request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::InvalidRequest, message)
    }

    pub(super) fn not_found(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::ResourceNotFound, message)
    }

    /// What the front door says of a field that breaks the API's model.
    pub(super) fn constraint(field: &str, constraint: &str) -> Self {
        let message = format!(
            "1 validation error detected: Value at '{field}' failed to satisfy constraint: \
             {constraint}"
        );
        Self::new(Code::Validation, message)
    }

    pub(super) fn no_secret() -> Self {
        Self::not_found("Secrets Manager can't find the specified secret.")
    }
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
