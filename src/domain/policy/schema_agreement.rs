//! For tests: compares a JSON Schema with what a parser reads.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Finding;

/// Asserts that in every table a parser knows exactly the fields that a schema describes.
/// `findings` parses a text that is wrong.
pub(crate) fn assert_schema_agrees(schema: &Value, findings: impl Fn(&str) -> Vec<Finding>) {
    let mut described = BTreeMap::new();
    tables(schema, "", &mut described);
    assert!(described.len() >= 4, "{described:?}");
    for (path, names) in described {
        let header = if path.is_empty() { String::new() } else { format!("[{path}]\n") };
        let findings = findings(&format!("{header}xxxxxxxxxxxxxxxx = 1\n"));
        let unknown =
            findings.iter().find(|f| f.code.to_string().ends_with("/unknown-field")).unwrap();
        let help = unknown.help.as_deref().unwrap();
        let known = help.strip_prefix("known fields: ").unwrap();
        let known: BTreeSet<String> = known.split(", ").map(str::to_owned).collect();
        assert_eq!(known, names, "[{path}]");
    }
}

/// Names of the fields of every table that a schema describes, by the table's path.
fn tables(schema: &Value, path: &str, found: &mut BTreeMap<String, BTreeSet<String>>) {
    for branch in ["oneOf", "anyOf", "allOf"] {
        for part in schema.get(branch).and_then(Value::as_array).into_iter().flatten() {
            tables(part, path, found);
        }
    }
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return;
    };
    for (name, field) in properties {
        found.entry(path.to_owned()).or_default().insert(name.clone());
        tables(field, format!("{path}.{name}").trim_start_matches('.'), found);
    }
}
