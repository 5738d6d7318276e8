//! Canary queries: only queries are let through, and their answers are compared by digest.

use std::fmt::Write as _;

use serde_json::Value;

use crate::domain::secret::Digest;

/// Longer than any query that a person writes into a policy.
const MAX_QUERY_BYTES: usize = 64 * 1024;

/// Whether the text can only read: no operation in it is a mutation or a subscription.
///
/// The word is looked for at the top level, outside comments, strings, braces, and parentheses. A
/// query that is *named* `mutation` is refused too.
pub(super) fn only_reads(query: &str) -> bool {
    if query.len() > MAX_QUERY_BYTES {
        return false;
    }
    let mut rest = query;
    let mut depth = 0_usize;
    loop {
        rest = rest.trim_start_matches(|c: char| !is_word(c) && !"{}()[]\"#".contains(c));
        let Some(first) = rest.chars().next() else { return true };
        let cut = match first {
            '#' => rest.find(['\n', '\r']).unwrap_or(rest.len()),
            '"' => match string_end(rest) {
                Some(end) => end,
                // A string without an end hides what follows.
                None => return false,
            },
            '{' | '(' | '[' => {
                depth += 1;
                1
            }
            '}' | ')' | ']' => {
                depth = depth.saturating_sub(1);
                1
            }
            _ => {
                let end = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
                let word = rest.get(..end).unwrap_or(rest);
                if depth == 0 && matches!(word, "mutation" | "subscription") {
                    return false;
                }
                end
            }
        };
        rest = rest.get(cut..).unwrap_or_default();
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Where the string that `text` begins with ends, quotes included.
fn string_end(text: &str) -> Option<usize> {
    if let Some(block) = text.strip_prefix("\"\"\"") {
        let mut from = 0;
        loop {
            let at = from + block.get(from..)?.find("\"\"\"")?;
            if !block.get(..at)?.ends_with('\\') {
                return Some(at + 6);
            }
            from = at + 3;
        }
    }
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(at + 1),
            '\n' | '\r' => return None,
            _ => {}
        }
    }
    None
}

/// Digest of `data` with every object's fields in order of their names.
pub(super) fn digest(data: &Value) -> Digest {
    let mut text = String::new();
    write_sorted(data, &mut text);
    Digest::of("rekeyd/canary/1", &text)
}

/// Nesting is bounded by the parser (128 levels).
fn write_sorted(value: &Value, out: &mut String) {
    match value {
        Value::Object(fields) => {
            let mut names: Vec<_> = fields.iter().collect();
            names.sort_by_key(|(name, _)| *name);
            out.push('{');
            for (name, field) in names {
                let name = Value::from(name.as_str());
                let _ = write!(out, "{name}:");
                write_sorted(field, out);
                out.push(',');
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for item in items {
                write_sorted(item, out);
                out.push(',');
            }
            out.push(']');
        }
        scalar => {
            let _ = write!(out, "{scalar}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_pass() {
        for query in [
            "query { currentUser { id } }",
            "{ currentUser { id } }",
            "# mutation of thought\nquery Q($a: String = \"mutation {\") { find(text: $a) { id } }",
            "query { mutation { id } }",
            "query Q { find(text: \"} mutation { x }\") { id } }",
            "query Q { find(text: \"\"\"} \\\"\"\" mutation { x }\"\"\") { id } }",
            "fragment F on User { id } query { currentUser { ...F } }",
        ] {
            assert!(only_reads(query), "{query}");
        }
    }

    #[test]
    fn anything_that_may_write_is_refused() {
        for query in [
            "mutation { createApiKey { apikey { clientId } } }",
            "  mutation M { x }",
            "query Q { x } mutation M { y }",
            "query Q { x } # }\nmutation M { y }",
            "query Q { x(a: \"{\") } mutation M { y }",
            "query Q { x(a: \"\"\"{\"\"\") } mutation M { y }",
            "}}} mutation { x }",
            "subscription { x }",
            "query { x(a: \"never ends) } mutation M { y }",
        ] {
            assert!(!only_reads(query), "{query}");
        }
        assert!(!only_reads(&" ".repeat(MAX_QUERY_BYTES + 1)));
    }

    #[test]
    fn the_digest_does_not_depend_on_the_order_of_fields_but_on_everything_else() {
        let read = |text: &str| digest(&serde_json::from_str(text).unwrap());
        let one = read(r#"{"a": {"x": 1, "y": [1, 2]}, "b": null}"#);
        assert_eq!(one, read(r#"{"b": null, "a": {"y": [1, 2], "x": 1}}"#));
        assert_ne!(one, read(r#"{"b": null, "a": {"y": [2, 1], "x": 1}}"#));
        assert_ne!(one, read(r#"{"a": {"x": "1", "y": [1, 2]}, "b": null}"#));
        assert_ne!(one, read(r#"{"a": {"x": 1, "y": [1, 2]}}"#));
    }
}
