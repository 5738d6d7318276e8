//! Lines that fit: 80 columns, or fewer where the terminal has fewer.

use super::out::Out;

/// Breaks a text at spaces so that it fits. A word that is longer than a line keeps its own: an id
/// that is cut cannot be copied.
pub fn wrapped(out: &Out, text: &str, indent: &str) {
    let mut line = String::new();
    for word in text.split_whitespace() {
        let longer = indent.len() + shown(&line) + 1 + shown(word);
        if !line.is_empty() && longer > out.width {
            out.data(&format!("{indent}{line}"));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        out.data(&format!("{indent}{line}"));
    }
}

/// The same behind `head`, which begins the first line and may hold spaces that stay.
pub fn wrapped_behind(out: &Out, head: &str, text: &str, indent: &str) {
    let mut line = head.to_owned();
    let mut is_bare = true;
    for word in text.split_whitespace() {
        if !is_bare && shown(&line) + 1 + shown(word) > out.width {
            out.data(&line);
            indent.clone_into(&mut line);
            is_bare = true;
        }
        if !is_bare {
            line.push(' ');
        }
        line.push_str(word);
        is_bare = false;
    }
    out.data(&line);
}

/// Columns that a text takes: styles take none.
fn shown(text: &str) -> usize {
    anstream::adapter::strip_str(text).map(|part| part.chars().count()).sum()
}
