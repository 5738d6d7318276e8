//! Scalars of `schema.graphql`: what the server sends, taken in whatever JSON type it chose.
//! A value of an unexpected type reads as absent, so that one odd field never hides an answer.

use std::fmt;

use secrecy::SecretString;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// An id, an etag, a cursor, a date: a text, or a number as its digits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Opaque {
    pub(super) text: Option<String>,
    /// It came as a number, and may have to go back as one.
    pub(super) numeric: bool,
}

/// The text of an optional opaque value, empty text taken as absent.
pub(super) fn text_of(value: Option<Opaque>) -> Option<String> {
    value.and_then(|opaque| opaque.text).filter(|text| !text.is_empty())
}

/// A truth value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Flag(pub(super) Option<bool>);

/// A text that stays redacted. Has no `Debug` beyond the redacted one.
#[derive(Debug, Default)]
pub(super) struct Secret(pub(super) Option<SecretString>);

/// Where each scalar puts what it understands; everything else is read past.
trait Lenient: Default {
    fn text(_text: String) -> Self {
        Self::default()
    }
    fn number(_digits: String) -> Self {
        Self::default()
    }
    fn truth(_value: bool) -> Self {
        Self::default()
    }
}

impl Lenient for Opaque {
    fn text(text: String) -> Self {
        Self { text: Some(text), numeric: false }
    }
    fn number(digits: String) -> Self {
        Self { text: Some(digits), numeric: true }
    }
}
impl Lenient for Flag {
    fn truth(value: bool) -> Self {
        Self(Some(value))
    }
}
impl Lenient for Secret {
    fn text(text: String) -> Self {
        Self(Some(SecretString::from(text)))
    }
}

struct Reader<T>(std::marker::PhantomData<T>);

impl<'de, T: Lenient> Visitor<'de> for Reader<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }
    fn visit_str<E>(self, text: &str) -> Result<T, E> {
        Ok(T::text(text.to_owned()))
    }
    fn visit_string<E>(self, text: String) -> Result<T, E> {
        Ok(T::text(text))
    }
    fn visit_u64<E>(self, number: u64) -> Result<T, E> {
        Ok(T::number(number.to_string()))
    }
    fn visit_i64<E>(self, number: i64) -> Result<T, E> {
        Ok(T::number(number.to_string()))
    }
    fn visit_f64<E>(self, number: f64) -> Result<T, E> {
        Ok(T::number(number.to_string()))
    }
    fn visit_bool<E>(self, value: bool) -> Result<T, E> {
        Ok(T::truth(value))
    }
    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::default())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<T, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(T::default())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(T::default())
    }
}

macro_rules! lenient {
    ($($name:ident),*) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(Reader(std::marker::PhantomData))
            }
        }
    )*};
}
lenient!(Opaque, Flag, Secret);

#[cfg(test)]
mod tests {
    use super::*;

    fn opaque(json: &str) -> Option<Opaque> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn ids_come_as_text_or_number_and_anything_else_is_absent() {
        assert_eq!(text_of(opaque("\"a-1\"")).as_deref(), Some("a-1"));
        assert_eq!(text_of(opaque("42")).as_deref(), Some("42"));
        assert!(opaque("42").unwrap().numeric);
        for odd in ["null", "\"\"", "true", "[1, 2]", "{\"a\": {\"b\": []}}"] {
            assert_eq!(text_of(opaque(odd)), None, "{odd}");
        }
    }

    #[test]
    fn a_secret_is_only_ever_a_text_and_never_printed() {
        let secret: Secret = serde_json::from_str("\"canary-4711\"").unwrap();
        assert!(secret.0.is_some());
        assert!(!format!("{secret:?}").contains("canary"));
        assert!(serde_json::from_str::<Secret>("17").unwrap().0.is_none());
    }

    #[test]
    fn a_flag_is_only_ever_a_truth_value() {
        assert_eq!(serde_json::from_str::<Flag>("true").unwrap(), Flag(Some(true)));
        assert_eq!(serde_json::from_str::<Flag>("\"true\"").unwrap(), Flag(None));
    }
}
