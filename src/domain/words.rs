//! Numbers in sentences.

/// `1 key`, `2 keys`: a count with its noun, `one` in the singular and `many` in the plural.
#[must_use]
pub fn count_of(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular_and_everything_else_is_plural() {
        let keys: Vec<String> = (0..3).map(|count| count_of(count, "key", "keys")).collect();
        assert_eq!(keys, ["0 keys", "1 key", "2 keys"]);
    }
}
