//! What an answer lets us conclude. Messages are looked at here, for classing alone; none of
//! their text goes any further, as it may echo what was sent.

use serde_json::Value;

/// What the server says is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The request does not fit the server's schema.
    Validation,
    /// What the request was built on has changed.
    Stale,
    NotFound,
    /// The caller may not do this.
    Denied,
    /// "Not found or not allowed": certainly nothing was done, and more is not told.
    NotFoundOrDenied,
    /// The token is not accepted.
    Unauthenticated,
    Throttled,
    /// Anything else: proves nothing.
    Other,
}

impl Meaning {
    /// Fit for a message: "ION …".
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Validation => "does not understand the request",
            Self::Stale => "says that the key has changed since it was read",
            Self::NotFound => "knows no such key",
            Self::Denied => "does not permit it",
            Self::NotFoundOrDenied => "knows no such key, or does not permit it",
            Self::Unauthenticated => "does not accept the token",
            Self::Throttled => "asks to slow down",
            Self::Other => "failed in a way that is not known here",
        }
    }
}

/// The `errors` of an answer, read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Errors {
    pub(super) meaning: Meaning,
    /// An error below an operation's root field: the operation itself ran, and only a part of its
    /// answer failed. Such an error never proves that nothing was done.
    pub(super) below_root: bool,
    /// A field that is unknown to the server is the operation's own root field `currentUser`.
    pub(super) no_current_user: bool,
}

/// More errors than this add nothing.
const MAX_ERRORS: usize = 100;

/// Reads `errors`; `None` where there are none (absent, null, or an empty array).
pub(super) fn read(errors: Option<&Value>) -> Option<Errors> {
    let list = match errors {
        None | Some(Value::Null) => return None,
        Some(Value::Array(list)) if list.is_empty() => return None,
        Some(Value::Array(list)) => list.as_slice(),
        // Something is wrong, in a form that GraphQL does not have.
        Some(other) => std::slice::from_ref(other),
    };
    let list = list.get(..MAX_ERRORS).unwrap_or(list);
    let mut meanings = list.iter().map(meaning_of);
    let first = meanings.next()?;
    Some(Errors {
        // Several errors that do not agree prove nothing.
        meaning: if meanings.all(|meaning| meaning == first) { first } else { Meaning::Other },
        below_root: list.iter().any(|error| path_length(error) > 1),
        no_current_user: list.iter().any(|error| message_of(error).contains("currentuser")),
    })
}

fn path_length(error: &Value) -> usize {
    error.get("path").and_then(Value::as_array).map_or(0, Vec::len)
}

fn message_of(error: &Value) -> String {
    let text = error.as_str().or_else(|| error.get("message").and_then(Value::as_str));
    text.unwrap_or_default().to_lowercase()
}

fn code_of(error: &Value) -> String {
    let extensions = error.get("extensions");
    let code = extensions.and_then(|e| e.get("code")).or_else(|| error.get("code"));
    match code {
        Some(Value::String(code)) => code.to_lowercase().replace(['-', ' '], "_"),
        Some(Value::Number(code)) => code.to_string(),
        _ => String::new(),
    }
}

/// The code where it is a known one, else the words of the message.
fn meaning_of(error: &Value) -> Meaning {
    let message = message_of(error);
    match code_of(error).as_str() {
        "graphql_validation_failed" | "graphql_parse_failed" => Meaning::Validation,
        "unauthenticated" | "401" => Meaning::Unauthenticated,
        "forbidden" | "unauthorized" | "permission_denied" | "access_denied" | "403" => {
            Meaning::Denied
        }
        "conflict" | "etag_mismatch" | "stale" | "precondition_failed" | "409" | "412" => {
            Meaning::Stale
        }
        "not_found" | "404" => Meaning::NotFound,
        "rate_limited" | "rate_limit_exceeded" | "too_many_requests" | "throttled" | "429" => {
            Meaning::Throttled
        }
        // A resolver's own code for bad values: its words may be more exact.
        "bad_user_input" => match by_words(&message) {
            Meaning::Other => Meaning::Validation,
            exact => exact,
        },
        _ => by_words(&message),
    }
}

/// Phrases of validation errors, in the forms of graphql-core (graphene), graphql-js,
/// async-graphql, graphql-java, and graphql-ruby. They come first: such an error may name an
/// `_etag` or a permission field without speaking of either.
const VALIDATION: &[&str] = &[
    "cannot query field",
    "unknown field",
    "unknown argument",
    "unknown type",
    "unknown directive",
    "unknown fragment",
    "is not defined by type",
    "not defined in the input",
    "exist on type",
    "is undefined",
    "validation error",
    "syntax error",
    "got invalid value",
    "invalid value for argument",
    "must not be null",
    "must have a selection",
    "must have a sub selection",
    "used in position expecting",
    "failed to parse",
];
/// Said of an input that lacks something, and of a caller who does: the caller's phrases go first.
const LACKING: &[&str] = &["is required", "not provided"];
const STALE: &[&str] = &[
    "etag",
    "stale",
    "conflict",
    "version mismatch",
    "concurren",
    "out of date",
    "outdated",
    "precondition failed",
    "been modified",
    "been changed",
    "been updated",
];
const NOT_FOUND: &[&str] =
    &["not found", "does not exist", "doesn't exist", "no such", "could not find", "cannot find"];
const UNAUTHENTICATED: &[&str] = &[
    "unauthenticated",
    "not authenticated",
    "authentication required",
    "authentication is required",
    "credentials were not provided",
    "signature has expired",
    "token has expired",
    "token expired",
    "expired token",
    "invalid token",
];
const DENIED: &[&str] = &[
    "permission",
    "forbidden",
    "not authorized",
    "not authorised",
    "unauthorized",
    "unauthorised",
    "access denied",
    "not allowed",
];
const THROTTLED: &[&str] =
    &["rate limit", "rate-limit", "ratelimit", "too many requests", "throttl", "slow down"];

fn by_words(message: &str) -> Meaning {
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| message.contains(phrase));
    if says(VALIDATION) {
        Meaning::Validation
    } else if says(UNAUTHENTICATED) {
        Meaning::Unauthenticated
    } else if says(THROTTLED) {
        Meaning::Throttled
    } else if says(NOT_FOUND) && says(DENIED) {
        Meaning::NotFoundOrDenied
    } else if says(DENIED) {
        Meaning::Denied
    } else if says(LACKING) {
        Meaning::Validation
    } else if says(STALE) {
        Meaning::Stale
    } else if says(NOT_FOUND) {
        Meaning::NotFound
    } else {
        Meaning::Other
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(message: &str) -> Meaning {
        read(Some(&json!([{ "message": message }]))).unwrap().meaning
    }

    #[test]
    fn messages_of_several_servers_are_understood() {
        for (message, meaning) in [
            ("User does not have permission to update this resource.", Meaning::Denied),
            ("Cannot query field \"currentUser\" on type \"Query\".", Meaning::Validation),
            ("Field \"_etag\" is not defined by type \"APIKeyInput\".", Meaning::Validation),
            ("Unknown field \"enabled\" on type \"APIKey\".", Meaning::Validation),
            ("Variable \"$input\" got invalid value {}; permission", Meaning::Validation),
            ("Field \"_etag\" of required type \"String!\" was not provided.", Meaning::Validation),
            ("UpdateAPIKey permission is required", Meaning::Denied),
            ("Authentication credentials were not provided.", Meaning::Unauthenticated),
            ("_etag does not match", Meaning::Stale),
            ("The resource is stale", Meaning::Stale),
            ("API key not found", Meaning::NotFound),
            ("APIKey matching query does not exist.", Meaning::NotFound),
            ("Not found, or you do not have permission", Meaning::NotFoundOrDenied),
            ("Rate limit exceeded", Meaning::Throttled),
            ("Request was throttled.", Meaning::Throttled),
            ("Signature has expired", Meaning::Unauthenticated),
            ("Internal server error", Meaning::Other),
            ("", Meaning::Other),
        ] {
            assert_eq!(said(message), meaning, "{message}");
        }
    }

    #[test]
    fn a_known_code_outranks_the_words() {
        let error = |code: &str, message: &str| {
            json!([{
                "message": message, "extensions": { "code": code }
            }])
        };
        for (code, message, meaning) in [
            ("FORBIDDEN", "no", Meaning::Denied),
            ("UNAUTHENTICATED", "key not found", Meaning::Unauthenticated),
            ("CONFLICT", "something", Meaning::Stale),
            ("BAD_USER_INPUT", "bad", Meaning::Validation),
            ("BAD_USER_INPUT", "API key not found", Meaning::NotFound),
            ("INTERNAL_SERVER_ERROR", "oops", Meaning::Other),
        ] {
            assert_eq!(read(Some(&error(code, message))).unwrap().meaning, meaning, "{code}");
        }
    }

    #[test]
    fn errors_that_do_not_agree_prove_nothing() {
        let both = json!([{ "message": "key not found" }, { "message": "oops" }]);
        assert_eq!(read(Some(&both)).unwrap().meaning, Meaning::Other);
    }

    #[test]
    fn errors_of_any_shape_are_errors_and_an_empty_list_is_none() {
        assert_eq!(read(None), None);
        assert_eq!(read(Some(&json!(null))), None);
        assert_eq!(read(Some(&json!([]))), None);
        for odd in [json!("forbidden"), json!({ "message": "forbidden" }), json!(["forbidden"])] {
            assert_eq!(read(Some(&odd)).unwrap().meaning, Meaning::Denied);
        }
        assert_eq!(read(Some(&json!([null, 3]))).unwrap().meaning, Meaning::Other);
        assert_eq!(read(Some(&json!(17))).unwrap().meaning, Meaning::Other);
    }

    #[test]
    fn an_error_below_the_root_field_is_told_apart() {
        let at = |path: Value| json!([{ "message": "no permission", "path": path }]);
        assert!(!read(Some(&at(json!(["updateApiKey"])))).unwrap().below_root);
        let below = at(json!(["updateApiKey", "apikey", "enabled"]));
        assert!(read(Some(&below)).unwrap().below_root);
    }
}
