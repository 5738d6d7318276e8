//! Files that are almost named as policies: a slip of the keyboard must not quietly drop one. Looks
//! at names alone, and decides nothing: what is no `*.toml` is no policy.

use std::fs;
use std::path::{Path, PathBuf};

/// More entries than this are not looked at.
const MAX_ENTRIES: usize = 10_000;
/// More are not told.
const MAX_TOLD: usize = 20;
/// What a policy's file ends with, after the dot.
const ENDING: &str = "toml";
/// Endings of other files that stand as near.
const OTHERS: [&str; 3] = ["tmp", "tpl", "tcl"];

/// A file that is passed over, and the name under which it would be a policy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NearMiss {
    pub file: PathBuf,
    pub meant: PathBuf,
}

/// Files of a policies directory whose ending is one or two letters away from `.toml`, sorted; at
/// most 20. None where the directory cannot be read: whoever reads the policies says so.
#[must_use]
pub fn near_misses(directory: &Path) -> Vec<NearMiss> {
    let entries = fs::read_dir(directory).into_iter().flatten().take(MAX_ENTRIES).flatten();
    let mut found: Vec<NearMiss> = entries
        .map(|entry| entry.path())
        .filter(|path| is_near(path) && path.is_file())
        .map(|file| NearMiss { meant: file.with_extension(ENDING), file })
        .collect();
    found.sort();
    found.truncate(MAX_TOLD);
    found
}

fn is_near(path: &Path) -> bool {
    let hidden = path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
    let Some(ending) = path.extension().and_then(|ending| ending.to_str()) else { return false };
    // An editor's backup is meant to be no policy.
    if hidden || ending == ENDING || ending.ends_with('~') {
        return false;
    }
    let lower = ending.to_lowercase();
    match strsim::damerau_levenshtein(&lower, ENDING) {
        0 | 1 => true,
        // Two letters away are many that mean something else: `yml`, `xml`, `html`.
        2 => lower.starts_with('t') && !OTHERS.contains(&lower.as_str()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_near_and_other_formats_are_not() {
        for name in ["a.tml", "a.tom", "a.TOML", "a.tolm", "b.c.tomll", "a.toml2", "a.tmlo"] {
            assert!(is_near(Path::new(name)), "{name}");
        }
        for name in [
            "a.toml",
            "a.toml~",
            "a.toml.bak",
            ".a.tml",
            "a.yml",
            "a.yaml",
            "a.xml",
            "a.html",
            "a.tmp",
            "a.txt",
            "a.json",
            "README.md",
            "toml",
            "tml",
        ] {
            assert!(!is_near(Path::new(name)), "{name}");
        }
    }
}
