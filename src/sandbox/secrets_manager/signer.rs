//! Who signed a request, and for which region, read from the `Authorization` header of AWS's
//! Signature Version 4. The signature itself is not verified: there is no real key to verify with.

use serde::{Deserialize, Serialize};

use super::exception::{Code, Exception};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const SERVICE: &str = "secretsmanager";

/// An access key's id, never its secret, and the region that the request was signed for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signer {
    pub access_key: String,
    pub region: String,
}

impl Signer {
    #[must_use]
    pub fn new(access_key: &str, region: &str) -> Self {
        Self { access_key: access_key.into(), region: region.into() }
    }

    /// Reads `AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/secretsmanager/aws4_request, …`.
    ///
    /// # Errors
    /// The header is missing, lacks a part, or is for another service.
    pub fn read(authorization: Option<&str>) -> Result<Self, Exception> {
        let Some(given) = authorization else {
            let message = "Request is missing Authentication Token";
            return Err(Exception::new(Code::MissingAuthenticationToken, message));
        };
        let parts = given.strip_prefix(ALGORITHM).ok_or_else(incomplete)?;
        let part = |name: &str| {
            let mut found = parts.split(',').map(str::trim);
            found.find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
        };
        let signed = part("SignedHeaders").is_some_and(|headers| headers.contains("host"));
        if !signed || part("Signature").is_none_or(str::is_empty) {
            return Err(incomplete());
        }
        let scope: Vec<&str> = part("Credential").unwrap_or_default().split('/').collect();
        let [access_key, _date, region, service, "aws4_request"] = scope[..] else {
            return Err(incomplete());
        };
        if service != SERVICE {
            let message = format!("Credential should be scoped to correct service: '{SERVICE}'.");
            return Err(Exception::new(Code::InvalidSignature, message));
        }
        if !is_access_key(access_key) || !is_region(region) {
            return Err(incomplete());
        }
        Ok(Self::new(access_key, region))
    }
}

fn incomplete() -> Exception {
    let message = "Authorization header requires 'Credential', 'SignedHeaders', and 'Signature'.";
    Exception::new(Code::IncompleteSignature, message)
}

fn is_access_key(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Such as `us-west-2`.
pub(super) fn is_region(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (5..=32).contains(&text.len()) && text.contains('-') && text.bytes().all(fits)
}
