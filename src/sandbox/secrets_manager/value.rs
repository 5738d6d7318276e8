//! A secret's value, in a request and at rest: text or binary, never shown by `Debug`.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::exception::Exception;

/// AWS's quota for one value, in bytes.
pub const MAX_VALUE_BYTES: usize = 65_536;

/// Text that may be a secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Typed(String);

impl Typed {
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself: only for an answer, never for the ledger.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Typed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(not shown)")
    }
}

/// What a version holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(Typed),
    /// As base64, which is how it travels.
    Binary(Typed),
}

impl Value {
    /// The one of the two fields that is given.
    ///
    /// # Errors
    /// Both are given, or one breaks the API's bounds.
    pub(super) fn given(
        text: Option<&Typed>,
        binary: Option<&Typed>,
    ) -> Result<Option<Self>, Exception> {
        let (field, value, bytes) = match (text, binary) {
            (None, None) => return Ok(None),
            (Some(_), Some(_)) => {
                return Err(Exception::parameter(
                    "You can't specify both a binary secret value and a string secret value in \
                     the same secret.",
                ));
            }
            (Some(text), None) => ("secretString", Self::Text(text.clone()), text.0.len()),
            (None, Some(binary)) => {
                ("secretBinary", Self::Binary(binary.clone()), decoded_bytes(&binary.0))
            }
        };
        if bytes == 0 {
            return Err(Exception::constraint(
                field,
                "Member must have length greater than or equal to 1",
            ));
        }
        if bytes > MAX_VALUE_BYTES {
            return Err(Exception::constraint(
                field,
                "Member must have length less than or equal to 65536",
            ));
        }
        Ok(Some(value))
    }

    /// The text, where it is text.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text.expose()),
            Self::Binary(_) => None,
        }
    }
}

fn decoded_bytes(base64: &str) -> usize {
    let padding = base64.bytes().rev().take_while(|byte| *byte == b'=').count();
    (base64.len() / 4 * 3).saturating_sub(padding)
}
