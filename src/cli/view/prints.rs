//! Fingerprints are never shown; numbers in the order of appearance tell two of them apart.

use serde_json::Value;

/// The fingerprints that were met so far.
#[derive(Debug, Default)]
pub struct Prints(Vec<String>);

impl Prints {
    /// Puts a number in the place of each fingerprint of a journaled event.
    pub fn mask(&mut self, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields.iter_mut() {
                    if let (true, Value::String(text)) = (name == "fingerprint", &mut *value) {
                        *value = Value::String(self.number(text));
                    } else if let (true, Value::Object(suspects)) =
                        (name == "suspects", &mut *value)
                    {
                        for value in suspects.values_mut() {
                            if let Value::String(text) = &*value {
                                *value = Value::String(self.number(text));
                            }
                        }
                    } else {
                        self.mask(value);
                    }
                }
            }
            Value::Array(values) => values.iter_mut().for_each(|value| self.mask(value)),
            _ => {}
        }
    }

    fn number(&mut self, text: &str) -> String {
        let at = self.0.iter().position(|known| known == text).unwrap_or_else(|| {
            self.0.push(text.to_owned());
            self.0.len() - 1
        });
        format!("secret {}", at + 1)
    }
}
