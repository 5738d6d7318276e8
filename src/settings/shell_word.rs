//! Paths and texts as words of a command line that is shown to be typed.

use std::path::Path;

/// A path as a word of a command line.
#[must_use]
pub fn for_shell(path: &Path) -> String {
    word_for_shell(&path.as_os_str().to_string_lossy())
}

/// A text as one word of a command line.
#[must_use]
pub fn word_for_shell(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-=:,@+".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}
