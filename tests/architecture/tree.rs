//! The files of the repository.

use std::fs;
use std::path::Path;

/// A file that is text.
pub struct File {
    /// From the repository's top, with `/`.
    pub path: String,
    pub text: String,
}

/// Every Rust file of the product.
pub fn sources() -> Vec<File> {
    let mut files = everything();
    files.retain(|file| file.path.starts_with("src/") && file.path.ends_with(".rs"));
    assert!(files.iter().any(|file| file.path == "src/lib.rs"), "the walk finds no sources");
    files
}

/// Every text file that people wrote: not what was built, and not git's.
pub fn everything() -> Vec<File> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    let mut folders = vec![top.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let kind = entry.file_type().unwrap();
            let from_top = entry.path().strip_prefix(top).unwrap().to_str().unwrap().to_owned();
            if from_top == "target" || from_top == ".git" {
                continue;
            }
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file()
                && let Ok(text) = String::from_utf8(fs::read(entry.path()).unwrap())
            {
                files.push(File { path: from_top, text });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}
