//! What every file holds, and what no file may.

use crate::tree::File;

/// Folders that exist on the machine of whoever wrote the file, and on no other. Cut in two, so
/// that this file holds none.
const MACHINE_PATHS: &[&str] = &[
    concat!("/ro", "ot/"),
    concat!("/wo", "rk/"),
    concat!("/Us", "ers/"),
    concat!(".car", "go/registry"),
];

/// A finding when the file does not open with what its module is for.
pub fn check_opening(file: &File) -> Option<String> {
    (!file.text.starts_with("//!")).then(|| format!("{}:1: does not start with //!", file.path))
}

/// One finding for each line that names a place of one machine.
pub fn check_machine_paths(file: &File) -> Vec<String> {
    let named = |line: &str| MACHINE_PATHS.iter().find(|place| line.contains(**place));
    let finding = |(at, line): (usize, &str)| {
        named(line).map(|place| format!("{}:{}: names {place}", file.path, at + 1))
    };
    file.text.lines().enumerate().filter_map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> File {
        File { path: "src/a.rs".to_owned(), text: text.to_owned() }
    }

    #[test]
    fn a_file_that_opens_with_code_is_found() {
        assert!(check_opening(&file("use std::io;\n//! Late.\n")).is_some());
        assert!(check_opening(&file("")).is_some());
        assert_eq!(check_opening(&file("//! Ids.\n")), None);
    }

    #[test]
    fn a_place_of_one_machine_is_found_with_its_line() {
        let found = check_machine_paths(&file(concat!("a\nsee /ro", "ot/notes\n/etc/rekeyd\n")));
        assert_eq!(found, [concat!("src/a.rs:2: names /ro", "ot/")]);
    }
}
