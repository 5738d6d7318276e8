//! Reads a TOML document field by field, so that one pass finds everything that is wrong with it.
//! (A deserializer stops at its first error.) A table knows the fields that were asked of it; what
//! is left over is unknown. Nothing here knows what any field means.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::diagnostic::{Problem, help_for, quoted};
use super::duration;
use super::report::Report;

/// Longer files are refused unread.
pub const MAX_FILE_BYTES: usize = 1024 * 1024;

/// A value with its place in the file.
#[derive(Debug, Clone)]
pub struct At<T> {
    pub value: T,
    pub span: Range<usize>,
    /// Where its key stands: the place to speak of a value that must not be shown.
    pub key: Range<usize>,
}

impl<T> At<T> {
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> At<U> {
        At { value: change(self.value), span: self.span, key: self.key }
    }
}

/// A whole document.
pub struct Document<'t> {
    root: Spanned<DeTable<'t>>,
    /// The syntax was sound, so that a missing field is really missing.
    pub whole: bool,
}

impl<'t> Document<'t> {
    /// Parses as far as it goes; every syntax error goes to the report.
    #[must_use]
    pub fn parse(text: &'t str, report: &mut Report<'_>) -> Self {
        let text = if text.len() > MAX_FILE_BYTES {
            report.add_whole(Problem::TooLarge, "the file is larger than 1 MiB");
            ""
        } else {
            text
        };
        let (root, errors) = DeTable::parse_recoverable(text);
        let whole = report.is_clean() && errors.is_empty();
        for error in errors {
            let span = error.span().unwrap_or(0..0);
            report.add(Problem::Syntax, &span, error.message().to_owned(), None);
        }
        Self { root, whole }
    }

    /// The document's top level.
    #[must_use]
    pub fn root(&self) -> Table<'_> {
        Table {
            fields: self.root.get_ref(),
            path: String::new(),
            span: 0..0,
            known: Vec::new(),
            whole: self.whole,
        }
    }
}

/// One table of a document, and what has been asked of it.
pub struct Table<'d> {
    fields: &'d DeTable<'d>,
    path: String,
    /// Its key or header.
    pub span: Range<usize>,
    known: Vec<&'static str>,
    whole: bool,
}

impl<'d> Table<'d> {
    /// A field's full name, for messages.
    #[must_use]
    pub fn name(&self, field: &str) -> String {
        if self.path.is_empty() { field.to_owned() } else { format!("{}.{field}", self.path) }
    }

    /// Whether the file sets this field, to whatever.
    #[must_use]
    pub fn has(&self, field: &str) -> bool {
        self.fields.contains_key(field)
    }

    /// The raw value; from here on the field is known.
    pub fn value(&mut self, field: &'static str) -> Option<At<&'d DeValue<'d>>> {
        if !self.known.contains(&field) {
            self.known.push(field);
        }
        self.fields.get_key_value(field).map(|(key, value)| At {
            value: value.get_ref(),
            span: value.span(),
            key: key.span(),
        })
    }

    /// A text of `1..=max_chars` characters without control characters.
    pub fn text(
        &mut self,
        field: &'static str,
        max_chars: usize,
        report: &mut Report<'_>,
    ) -> Option<At<&'d str>> {
        let found = self.value(field)?;
        let Some(text) = found.value.as_str() else {
            self.wrong_type(field, "a string", &found, report);
            return None;
        };
        let found = found.map(|_| text);
        let Some(problem) = bad_text(text, max_chars) else {
            return Some(found);
        };
        let message = format!("`{}` {problem}", self.name(field));
        report.add(Problem::BadText, &found.key, message, None);
        None
    }

    /// `true` or `false`.
    pub fn boolean(&mut self, field: &'static str, report: &mut Report<'_>) -> Option<bool> {
        let found = self.value(field)?;
        let value = found.value.as_bool();
        if value.is_none() {
            self.wrong_type(field, "true or false", &found, report);
        }
        value
    }

    /// A whole number within bounds.
    pub fn integer(
        &mut self,
        field: &'static str,
        bounds: &std::ops::RangeInclusive<u32>,
        report: &mut Report<'_>,
    ) -> Option<u32> {
        let found = self.value(field)?;
        let Some(integer) = found.value.as_integer() else {
            self.wrong_type(field, "a whole number", &found, report);
            return None;
        };
        let value = u32::from_str_radix(integer.as_str(), integer.radix()).ok();
        if let Some(value) = value.filter(|value| bounds.contains(value)) {
            return Some(value);
        }
        let message =
            format!("`{}` must be {} to {}", self.name(field), bounds.start(), bounds.end());
        report.add(Problem::OutOfBounds, &found.span, message, None);
        None
    }

    /// A duration within bounds, in milliseconds.
    pub fn duration_ms(
        &mut self,
        field: &'static str,
        bounds_ms: &std::ops::RangeInclusive<i64>,
        report: &mut Report<'_>,
    ) -> Option<At<i64>> {
        let found = self.value(field)?;
        let Some(text) = found.value.as_str() else {
            self.wrong_type(field, duration::EXPECTED, &found, report);
            return None;
        };
        let name = self.name(field);
        match duration::parse_ms(text) {
            Ok(ms) if bounds_ms.contains(&ms) => Some(found.map(|_| ms)),
            Ok(_) => {
                let (low, high) = (
                    duration::format_ms(*bounds_ms.start()),
                    duration::format_ms(*bounds_ms.end()),
                );
                let message = format!("`{name}` must be {low} to {high}");
                report.add(Problem::OutOfBounds, &found.span, message, None);
                None
            }
            Err(why) => {
                let message = format!("`{name}` {why}");
                let help = Some(format!("write {}", duration::EXPECTED));
                report.add(Problem::BadDuration, &found.span, message, help);
                None
            }
        }
    }

    /// The items of a list, each a text.
    pub fn texts(
        &mut self,
        field: &'static str,
        report: &mut Report<'_>,
    ) -> Option<Vec<At<&'d str>>> {
        let found = self.value(field)?;
        let Some(items) = found.value.as_array() else {
            self.wrong_type(field, "a list of strings", &found, report);
            return None;
        };
        let mut texts = Vec::with_capacity(items.len());
        for item in items {
            let at = At { value: item.get_ref(), span: item.span(), key: found.key.clone() };
            match item.get_ref().as_str() {
                Some(text) => texts.push(at.map(|_| text)),
                None => self.wrong_type(field, "a list of strings", &at, report),
            }
        }
        Some(texts)
    }

    /// A table inside this one.
    pub fn table(&mut self, field: &'static str, report: &mut Report<'_>) -> Option<Table<'d>> {
        let found = self.value(field)?;
        let table = self.table_at(field, &found);
        if table.is_none() {
            self.wrong_type(field, "a table", &found, report);
        }
        table
    }

    /// The value as a table, if it is one.
    #[must_use]
    pub fn table_at(&self, field: &str, found: &At<&'d DeValue<'d>>) -> Option<Table<'d>> {
        Some(Table {
            fields: found.value.as_table()?,
            path: self.name(field),
            span: found.key.clone(),
            known: Vec::new(),
            whole: self.whole,
        })
    }

    /// Reports a value of another type than asked for. Says the type, never the value.
    pub fn wrong_type(
        &self,
        field: &str,
        expected: &str,
        found: &At<&DeValue<'_>>,
        report: &mut Report<'_>,
    ) {
        let kind = match found.value.type_str() {
            "integer" => "an integer",
            "array" => "a list",
            other => &format!("a {other}"),
        };
        let message = format!("`{}` must be {expected}, not {kind}", self.name(field));
        report.add(Problem::WrongType, &found.key, message, None);
    }

    /// Reports a missing field, unless broken syntax may be why it was not seen.
    pub fn missing(&self, message: &str, help: &str, report: &mut Report<'_>) {
        if self.whole {
            report.add(Problem::MissingField, &self.span, message, Some(help.to_owned()));
        }
    }

    /// Reports every field that nobody asked for.
    pub fn finish(self, report: &mut Report<'_>) {
        for key in self.fields.keys() {
            if self.known.contains(&key.get_ref().as_ref()) {
                continue;
            }
            let mut message = format!("unknown field {}", quoted(key.get_ref()));
            if !self.path.is_empty() {
                message.push_str(&format!(" in `{}`", self.path));
            }
            let help = help_for(key.get_ref(), "fields", &self.known);
            report.add(Problem::UnknownField, &key.span(), message, Some(help));
        }
    }
}

/// What is wrong with a text, if anything.
fn bad_text(text: &str, max_chars: usize) -> Option<String> {
    if text.is_empty() {
        Some("is empty".to_owned())
    } else if text.chars().count() > max_chars {
        Some(format!("is longer than {max_chars} characters"))
    } else if text.chars().any(char::is_control) {
        Some("holds a control character".to_owned())
    } else {
        None
    }
}
