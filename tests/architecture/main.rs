//! The map of the crate, held to: which room may use which, what the domain may never touch, and
//! what no file may hold. Reads the sources as text, so it sees code behind every feature.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod arrows;
mod paths;
mod purity;
mod text;
mod tree;

/// Fails with every finding at once, one a line.
fn none(findings: &[String]) {
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
}

#[test]
fn every_room_uses_only_what_lies_below_it() {
    none(&tree::sources().iter().flat_map(arrows::check).collect::<Vec<_>>());
}

#[test]
fn every_room_of_the_sources_is_on_the_map() {
    none(&tree::sources().iter().filter_map(arrows::off_the_map).collect::<Vec<_>>());
}

#[test]
fn the_domain_is_pure() {
    none(&tree::sources().iter().flat_map(purity::check).collect::<Vec<_>>());
}

#[test]
fn every_source_file_says_what_it_is_for() {
    none(&tree::sources().iter().filter_map(text::check_opening).collect::<Vec<_>>());
}

#[test]
fn no_file_names_a_place_of_one_machine() {
    let files = tree::everything();
    assert!(files.iter().any(|file| file.path == "Cargo.toml"), "the walk finds nothing");
    none(&files.iter().flat_map(text::check_machine_paths).collect::<Vec<_>>());
}
