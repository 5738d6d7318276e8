//! What the service answers, with AWS's field names.

use std::fmt;

use serde_json::{Map, Value as Json, json};

use super::secret::Secret;
use super::value::Value;
use super::version::Version;

/// The body of an answer. It can hold a value, which `Debug` does not show.
#[derive(Clone, PartialEq)]
pub struct Answer(Map<String, Json>);

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Answer {
    /// An answer without fields.
    #[must_use]
    pub fn empty() -> Self {
        Self(Map::new())
    }

    /// Which secret, as almost every answer says first.
    pub(super) fn of(secret: &Secret, region: &str) -> Self {
        Self::empty().with("ARN", secret.arn(region)).with("Name", secret.name.clone())
    }

    pub(super) fn with(mut self, field: &str, value: impl Into<Json>) -> Self {
        self.0.insert(field.to_owned(), value.into());
        self
    }

    /// AWS leaves out what has no value.
    pub(super) fn maybe(self, field: &str, value: Option<impl Into<Json>>) -> Self {
        match value {
            Some(value) => self.with(field, value),
            None => self,
        }
    }

    /// Only what a fault asks for: the answer without the value.
    #[must_use]
    pub fn without_value(mut self) -> Self {
        self.0.remove("SecretString");
        self.0.remove("SecretBinary");
        self
    }

    /// As it is sent.
    #[must_use]
    pub fn body(&self) -> String {
        Json::Object(self.0.clone()).to_string()
    }
}

/// Seconds since the Unix epoch, with milliseconds behind the point.
pub(super) fn seconds(ms: i64) -> Json {
    // Milliseconds fit into 53 bits for the next 285,000 years.
    #[expect(clippy::cast_precision_loss, reason = "a time of our own clock")]
    let seconds = ms as f64 / 1000.0;
    json!(seconds)
}

pub(super) fn stages(version: &Version) -> Json {
    json!(version.labels.iter().collect::<Vec<_>>())
}

/// The field that holds a value, and the value.
pub(super) fn value_field(value: &Value) -> (&'static str, &str) {
    match value {
        Value::Text(text) => ("SecretString", text.expose()),
        Value::Binary(base64) => ("SecretBinary", base64.expose()),
    }
}
