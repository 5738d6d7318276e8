//! What a person has to mend after a failed call. For words and codes alone: what the failure means
//! is decided by its class, never by this. Messages of the service are looked into where only they
//! tell two causes apart, and never quoted: they may repeat what was sent.

use std::error::Error;

use aws_sdk_secretsmanager::config::http::HttpResponse;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};

use super::errors::{Call, KEY_REFUSED, SIGNER_REFUSED};
use crate::port::Cause;
use crate::port::unreached::in_causes;

/// The cause, where it can be told. `sent` as in `classify`; `has_region`: one is named.
pub(super) fn cause_of<E>(
    call: Call,
    error: &SdkError<E, HttpResponse>,
    sent: bool,
    has_region: bool,
) -> Option<Cause>
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match error {
        SdkError::ServiceError(reply) => {
            let reply = reply.err();
            of_reply(call, reply.code()?, reply.message().unwrap_or_default())
        }
        _ if !has_region => Some(Cause::NoRegion),
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) if !sent => {
            Some(Cause::NoCredentials)
        }
        SdkError::DispatchFailure(_) => in_causes(error).map(Cause::Unreached),
        _ => None,
    }
}

/// Exception codes by the service's API reference and AWS's list of common errors.
fn of_reply(call: Call, code: &str, message: &str) -> Option<Cause> {
    let message = message.to_lowercase();
    Some(match code {
        // "The specified stage or version is not there" is no failure of these two.
        "ResourceNotFoundException" if matches!(call, Call::Describe | Call::Put) => {
            Cause::NoSecret
        }
        key if KEY_REFUSED.contains(&key) => Cause::EncryptionKey,
        // AWS: "Access to KMS is not allowed".
        "AccessDenied" | "AccessDeniedException" if message.contains("kms") => Cause::EncryptionKey,
        "AccessDenied" | "AccessDeniedException" | "NotAuthorized" => {
            Cause::Denied { action: call.name() }
        }
        "RequestExpired" | "RequestTimeTooSkewed" => Cause::Clock,
        // AWS: "Signature expired: … is now earlier than …", "Signature not yet current: …".
        "InvalidSignatureException"
            if ["expired", "not yet current"].iter().any(|word| message.contains(word)) =>
        {
            Cause::Clock
        }
        signer if SIGNER_REFUSED.contains(&signer) => Cause::CredentialsRefused,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_has_to_mend_is_told_apart() {
        for (call, code, message, cause) in [
            (Call::Describe, "ResourceNotFoundException", "", Some(Cause::NoSecret)),
            (Call::Get, "ResourceNotFoundException", "", None),
            (Call::Get, "DecryptionFailure", "", Some(Cause::EncryptionKey)),
            (
                Call::Get,
                "AccessDeniedException",
                "Access to KMS is not allowed",
                Some(Cause::EncryptionKey),
            ),
            (
                Call::Get,
                "AccessDeniedException",
                "User is not authorized to perform: secretsmanager:GetSecretValue",
                Some(Cause::Denied { action: "GetSecretValue" }),
            ),
            (Call::Describe, "RequestExpired", "", Some(Cause::Clock)),
            (
                Call::Describe,
                "InvalidSignatureException",
                "Signature expired: 20261121T000000Z is now earlier than 20261121T010000Z",
                Some(Cause::Clock),
            ),
            (
                Call::Describe,
                "InvalidSignatureException",
                "The request signature we calculated does not match",
                Some(Cause::CredentialsRefused),
            ),
            (
                Call::Describe,
                "UnrecognizedClientException",
                "The security token included in the request is invalid.",
                Some(Cause::CredentialsRefused),
            ),
            (Call::Describe, "InternalServiceError", "", None),
        ] {
            assert_eq!(of_reply(call, code, message), cause, "{code} {message}");
        }
    }
}
