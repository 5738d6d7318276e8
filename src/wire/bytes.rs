//! Bytes that may be a secret: wiped when dropped, and never shown.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

/// Written as hexadecimal digits: a reader that needs no unescaping makes no copy.
#[derive(Default, Clone, PartialEq, Eq)]
pub struct Bytes(pub Zeroizing<Vec<u8>>);

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(hex::encode(self.0.as_slice())))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Digits;
        impl Visitor<'_> for Digits {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("hexadecimal digits")
            }

            fn visit_str<E: Error>(self, digits: &str) -> Result<Bytes, E> {
                let mut bytes = Zeroizing::new(vec![0; digits.len() / 2]);
                // What is wrong is not told: a message could quote it.
                hex::decode_to_slice(digits, &mut bytes)
                    .map_err(|_| E::custom("not hexadecimal digits"))?;
                Ok(Bytes(bytes))
            }
        }
        deserializer.deserialize_str(Digits)
    }
}
