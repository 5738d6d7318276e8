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
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fields() -> Fields {
        Fields { client_id: "clientId".into(), client_secret: "clientSecret".into() }
    }

    fn new_credential() -> Credential {
        Credential::new(KeyId::new("new-id").unwrap(), SecretString::from("n\"ew\\s\u{e9}cret"))
    }

    fn replaced(base: &str) -> String {
        with_credential(Some(base), &fields(), &new_credential()).unwrap().to_string()
    }

    fn parts(text: &str) -> (String, String, Digest) {
        match content(text, &fields()) {
            Content::Credential { credential, rest } => {
                (credential.key().to_string(), credential.expose().to_owned(), rest)
            }
            Content::Malformed(why) => panic!("malformed: {why}"),
        }
    }

    #[test]
    fn replacing_the_credential_changes_no_other_byte() {
        let base = "{ \"n\" : 123456789012345678901234567890.10, \"clientSecret\":\"old\",\r\n\
                    \"z\":1.0, \"u\":\"\\u00e9\\/é\",\"clientId\" :\t\"a\", \"d\": {\"clientId\": [1e5]} } ";
        let expected =
            base.replace("\"old\"", r#""n\"ew\\sécret""#).replace(":\t\"a\"", ":\t\"new-id\"");
        assert_eq!(replaced(base), expected);
        let (id, secret, rest) = parts(&replaced(base));
        assert_eq!((id.as_str(), secret.as_str()), ("new-id", "n\"ew\\s\u{e9}cret"));
        assert_eq!(rest, parts(base).2);
    }

    #[test]
    fn missing_credential_fields_are_added_at_the_end() {
        let new = r#""clientId":"new-id","clientSecret":"n\"ew\\sécret""#;
        assert_eq!(replaced("{}"), format!("{{{new}}}"));
        assert_eq!(replaced(" {\"a\":[] }"), format!(" {{\"a\":[],{new} }}"));
        let alone = with_credential(None, &fields(), &new_credential()).unwrap();
        assert_eq!(*alone, format!("{{{new}}}"));
    }

    #[test]
    fn fields_that_are_no_strings_are_replaced_whole() {
        let text = replaced(r#"{"clientId":null,"clientSecret":{"deep":[1]},"a":1}"#);
        assert_eq!(text, r#"{"clientId":"new-id","clientSecret":"n\"ew\\sécret","a":1}"#);
    }

    #[test]
    fn the_digest_ignores_order_and_white_space_and_nothing_else() {
        let rest =
            |others: &str| parts(&format!(r#"{{"clientId":"i","clientSecret":"s"{others}}}"#)).2;
        let same = rest(r#","a":{"x":1,"y":[1,2]},"b":"é""#);
        assert_eq!(same, rest(r#", "b" : "\u00e9" , "a":{ "y":[ 1 ,2],"x":1 }"#));
        for other in [
            r#","a":{"x":1.0,"y":[1,2]},"b":"é""#,
            r#","a":{"x":1,"y":[2,1]},"b":"é""#,
            r#","a":{"x":1,"y":[1,2]}"#,
            r#","a":{"x":1,"y":[1,2]},"b":"e""#,
            "",
        ] {
            assert_ne!(same, rest(other), "{other}");
        }
        assert_ne!(rest(r#","big":9007199254740993"#), rest(r#","big":9007199254740992"#));
    }

    #[test]
    fn what_is_no_credential_is_malformed_and_says_why_without_quoting() {
        for text in [
            "",
            " ",
            "null",
            "[]",
            "\"s3cret\"",
            "{",
            "{}x",
            "\u{feff}{}",
            "s3cret",
            r#"{"clientId":"i"}"#,
            r#"{"clientSecret":"s3cret"}"#,
            r#"{"clientId":"","clientSecret":"s3cret"}"#,
            r#"{"clientId":"a b","clientSecret":"s3cret"}"#,
            r#"{"clientId":7,"clientSecret":"s3cret"}"#,
            r#"{"clientId":"i","clientSecret":["s3cret"]}"#,
            r#"{"clientId":"i","clientSecret":""}"#,
            r#"{"clientId":"i","clientSecret":"s3cret","clientSecret":"s3cret"}"#,
            r#"{"clientId":"i","clientId":"i","clientSecret":"s3cret"}"#,
        ] {
            match content(text, &fields()) {
                Content::Malformed(why) => assert!(!why.contains("s3cret"), "{why}"),
                Content::Credential { .. } => panic!("taken for a credential: {text}"),
            }
        }
        let large =
            format!(r#"{{"clientId":"i","clientSecret":"s","a":"{}"}}"#, "x".repeat(65_536));
        assert!(matches!(
            content(&large, &fields()),
            Content::Malformed("it is larger than 64 KiB")
        ));
    }

    #[test]
    fn a_base_that_cannot_take_a_credential_is_our_misconfiguration() {
        let large = format!(r#"{{"a":"{}"}}"#, "x".repeat(65_500));
        for base in ["", "[1]", "s3cret", r#"{"clientId":1,"clientId":"s3cret"}"#, &large] {
            let error = with_credential(Some(base), &fields(), &new_credential()).unwrap_err();
            assert_eq!(error.class, crate::port::Class::Misconfigured);
            assert!(!error.message.contains("s3cret"));
        }
        let same = Fields { client_id: "k".into(), client_secret: "k".into() };
        assert!(with_credential(None, &same, &new_credential()).is_err());
    }

    #[test]
    fn deep_nesting_is_bounded() {
        let deep = format!(
            r#"{{"clientId":"i","clientSecret":"s","a":{}{}}}"#,
            "[".repeat(30_000),
            "]".repeat(30_000)
        );
        let (_, _, rest) = parts(&deep);
        assert_eq!(parts(&replaced(&deep)).2, rest);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in ".{0,200}") {
            drop(content(&text, &fields()));
            drop(with_credential(Some(&text), &fields(), &new_credential()));
        }

        #[test]
        fn any_credential_is_read_back_as_it_was_written(
            id in "[!-~]{1,40}", secret in "\\PC{1,80}", other in "\\PC{0,40}", name in "\\PC{1,9}"
        ) {
            prop_assume!(name != "clientId" && name != "clientSecret");
            let base = serde_json::json!({ name: other }).to_string();
            let written = Credential::new(KeyId::new(id).unwrap(), SecretString::from(secret));
            let text = with_credential(Some(&base), &fields(), &written).unwrap();
            let (id, secret, rest) = parts(&text);
            prop_assert_eq!(id, written.key().to_string());
            prop_assert_eq!(secret, written.expose());
            let again = replaced(&text);
            prop_assert_eq!(parts(&again).2, rest);
        }
    }
}
