//! Names are distinct and can be typed.

use std::collections::BTreeSet;

use super::*;

#[test]
fn no_two_codes_have_one_name_and_every_name_can_be_typed() {
    let names: Vec<String> = Code::all().map(|code| code.to_string()).collect();
    let distinct: BTreeSet<&String> = names.iter().collect();
    assert_eq!(distinct.len(), names.len());
    let plain = |c: char| c.is_ascii_lowercase() || matches!(c, '/' | '_' | '-' | '8');
    assert!(names.iter().all(|name| name.chars().all(plain)), "{names:?}");
}

#[test]
fn a_code_is_written_to_json_by_its_name() {
    let json = serde_json::to_string(&Code::from(Parked::Orphans)).unwrap();
    assert_eq!(json, "\"parked/orphans\"");
}
