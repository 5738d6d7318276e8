//! The JSON object that every version of a secret holds: reads the credential out of it, and
//! replaces the credential in it by splicing the text, so that every other byte stays as it was
//! (numbers, escapes, order, white space). Must never put a part of a value into an error.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use secrecy::SecretString;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::domain::ids::KeyId;
use crate::domain::policy::Fields;
use crate::domain::secret::{Credential, Digest};
use crate::port::{Content, PortError};

/// A secret's value may not be larger, in any store: AWS Secrets Manager's quota.
pub(super) const MAX_SECRET_BYTES: usize = 65_536;

/// A value that holds no credential, and nothing else.
pub(super) const EMPTY: &str = "{}";

/// Values nested deeper are compared by their text as it stands.
const MAX_CANONICAL_DEPTH: u32 = 32;

/// What the text of a version holds.
pub(super) fn content(text: &str, fields: &Fields) -> Content {
    match credential(text, fields) {
        Ok((credential, rest)) => Content::Credential { credential, rest },
        Err(problem) => Content::Malformed(problem),
    }
}

/// The text of `base` (absent: an empty object) with the two credential fields replaced, or added
/// where they are missing.
///
/// # Errors
/// `Misconfigured` when the base is no JSON object, holds a credential field twice, or the result
/// would be larger than [`MAX_SECRET_BYTES`].
pub(super) fn with_credential(
    base: Option<&str>,
    fields: &Fields,
    credential: &Credential,
) -> Result<Zeroizing<String>, PortError> {
    if fields.client_id == fields.client_secret {
        return Err(PortError::misconfigured("both credential fields have the same name"));
    }
    let base = base.unwrap_or("{}");
    let with_id = with_field(base, &fields.client_id, credential.key().as_str())?;
    let whole = with_field(&with_id, &fields.client_secret, credential.expose())?;
    if whole.len() > MAX_SECRET_BYTES {
        return Err(PortError::misconfigured(format!(
            "the secret would have {} bytes with the new credential; at most {MAX_SECRET_BYTES} \
             are allowed",
            whole.len()
        )));
    }
    Ok(whole)
}

fn credential(text: &str, fields: &Fields) -> Result<(Credential, Digest), &'static str> {
    if text.len() > MAX_SECRET_BYTES {
        return Err("it is larger than 64 KiB");
    }
    let object: Object<'_> =
        serde_json::from_str(text).map_err(|_| "it is not a JSON object, or not a valid one")?;
    let id = object.only(&fields.client_id).map_err(|Twice| "its client id field stands twice")?;
    let id = id.ok_or("it has no client id field")?;
    let id: String =
        serde_json::from_str(id.get()).map_err(|_| "its client id field is not a string")?;
    let key = KeyId::new(id).map_err(|_| "its client id is empty, too long, or not printable")?;
    let secret =
        object.only(&fields.client_secret).map_err(|Twice| "its client secret stands twice")?;
    let secret = secret.ok_or("it has no client secret field")?;
    let secret: String = serde_json::from_str(secret.get())
        .map_err(|_| "its client secret field is not a string")?;
    if secret.is_empty() {
        return Err("its client secret is empty");
    }
    let credential = Credential::new(key, SecretString::from(secret));
    Ok((credential, object.digest_without(fields, text.len())))
}

/// Splices one string value into the object's text.
fn with_field(text: &str, name: &str, value: &str) -> Result<Zeroizing<String>, PortError> {
    let not_object = || PortError::misconfigured("the secret's value is not a valid JSON object");
    let object: Object<'_> = serde_json::from_str(text).map_err(|_| not_object())?;
    let old = object.only(name).map_err(|Twice| {
        PortError::misconfigured("a credential field stands twice in the secret")
    })?;
    let value = quoted(value).ok_or_else(not_object)?;
    let (place, new) = match (old, object.0.last()) {
        (Some(old), _) => (span(text, old.get()), value),
        (None, last) => {
            let name = quoted(name).ok_or_else(not_object)?;
            let comma = if last.is_some() { "," } else { "" };
            let place = match last {
                Some((_, last)) => span(text, last.get()).map(|span| span.end..span.end),
                None => text.find('{').map(|open| open + 1..open + 1),
            };
            (place, Zeroizing::new([comma, &name, ":", &value].concat()))
        }
    };
    let place = place.ok_or_else(not_object)?;
    let (before, after) =
        text.get(..place.start).zip(text.get(place.end..)).ok_or_else(not_object)?;
    Ok(Zeroizing::new([before, &new, after].concat()))
}

/// Where `part`, which borrows from `whole`, lies in it.
fn span(whole: &str, part: &str) -> Option<Range<usize>> {
    let start = part.as_ptr().addr().checked_sub(whole.as_ptr().addr())?;
    let end = start.checked_add(part.len())?;
    (whole.get(start..end) == Some(part)).then_some(start..end)
}

fn quoted(text: &str) -> Option<Zeroizing<String>> {
    serde_json::to_string(text).ok().map(Zeroizing::new)
}

/// An object's members in their order, values as they are written.
struct Object<'a>(Vec<(String, &'a RawValue)>);

/// A field that may stand once stands twice: readers would disagree on which one counts.
struct Twice;

impl<'a> Object<'a> {
    fn only(&self, name: &str) -> Result<Option<&'a RawValue>, Twice> {
        let mut found = self.0.iter().filter(|(known, _)| known == name).map(|(_, value)| *value);
        match (found.next(), found.next()) {
            (first, None) => Ok(first),
            _ => Err(Twice),
        }
    }

    /// Digest of the other fields, whatever their order and white space.
    fn digest_without(&self, fields: &Fields, capacity: usize) -> Digest {
        let others = self
            .0
            .iter()
            .filter(|(name, _)| *name != fields.client_id && *name != fields.client_secret)
            .map(|(name, value)| (name.as_str(), *value))
            .collect();
        let mut text = Zeroizing::new(String::with_capacity(capacity));
        write_sorted(others, 0, &mut text);
        Digest::of("rekeyd/other-fields/1", &text)
    }
}

/// Members sorted by name; of equal names the order stays.
fn write_sorted(mut members: Vec<(&str, &RawValue)>, depth: u32, out: &mut String) {
    members.sort_by_key(|(name, _)| *name);
    out.push('{');
    for (name, value) in members {
        write_string(name, out);
        out.push(':');
        write_canonical(value, depth + 1, out);
        out.push(',');
    }
    out.push('}');
}

fn write_canonical(value: &RawValue, depth: u32, out: &mut String) {
    let text = value.get();
    match text.as_bytes().first() {
        Some(b'{') if depth <= MAX_CANONICAL_DEPTH => match serde_json::from_str(text) {
            Ok(Object(members)) => {
                let members = members.iter().map(|(name, value)| (name.as_str(), *value)).collect();
                write_sorted(members, depth, out);
            }
            Err(_) => out.push_str(text),
        },
        Some(b'[') if depth <= MAX_CANONICAL_DEPTH => {
            match serde_json::from_str::<Vec<&RawValue>>(text) {
                Ok(items) => {
                    out.push('[');
                    for item in items {
                        write_canonical(item, depth + 1, out);
                        out.push(',');
                    }
                    out.push(']');
                }
                Err(_) => out.push_str(text),
            }
        }
        Some(b'"') => match serde_json::from_str::<Cow<'_, str>>(text) {
            Ok(string) => write_string(&Zeroizing::new(string.into_owned()), out),
            Err(_) => out.push_str(text),
        },
        // Numbers keep their text: 1.0 is not 1, and no digit is lost.
        _ => out.push_str(text),
    }
}

fn write_string(text: &str, out: &mut String) {
    if let Some(quoted) = quoted(text) {
        out.push_str(&quoted);
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry::<String, &'de RawValue>()? {
                    members.push(member);
                }
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests;
