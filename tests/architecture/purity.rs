//! What the domain may never touch: time, chance, the environment, the outside, and waiting.

use crate::paths::{module_of, written};
use crate::tree::File;

/// Names that no path in the domain holds, one after the other.
const FORBIDDEN: &[&[&str]] = &[
    &["SystemTime", "now"],
    &["Instant", "now"],
    &["Timestamp", "now"],
    &["Zoned", "now"],
    &["std", "env"],
    &["std", "fs"],
    &["std", "net"],
    &["std", "process"],
    &["std", "thread"],
    &["RandomState"],
    &["Uuid", "new_v4"],
    &["getrandom"],
    &["rand"],
    &["thread_rng"],
    &["async"],
    &["async_trait"],
    &["tokio"],
    &["reqwest"],
];

/// One finding for each path in the domain that holds a forbidden one.
pub fn check(file: &File) -> Vec<String> {
    let module = module_of(&file.path);
    if module.first().is_none_or(|room| room != "domain") {
        return Vec::new();
    }
    let impure = |names: &[String]| {
        FORBIDDEN.iter().any(|wrong| names.windows(wrong.len()).any(|part| part == *wrong))
    };
    let paths = written(&module, &file.text).into_iter().filter(|path| impure(&path.names));
    let finding = |line, path| format!("{}:{line}: {path} is not for the domain", file.path);
    paths.map(|path| finding(path.line, path.names.join("::"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> Vec<String> {
        check(&File { path: path.to_owned(), text: text.to_owned() })
    }

    #[test]
    fn each_impurity_is_found() {
        for text in [
            "fn f() { std::time::SystemTime::now(); }",
            "use std::time::Instant; fn f() { Instant::now(); }",
            "fn f() { jiff::Timestamp::now(); }",
            "fn f() { jiff::Zoned::now(); }",
            "use std::{collections::BTreeMap, env};",
            "fn f() { std::env::var(\"HOME\"); }",
            "use std::fs::File;",
            "fn f() { rand::random::<u8>(); }",
            "use rand::thread_rng;",
            "fn f() { getrandom::fill(&mut []); }",
            "use std::collections::hash_map::{self, RandomState};",
            "fn f() { Uuid::new_v4(); }",
            "async fn f() {}",
            "fn f() { drop(async { 1 }); }",
            "#[async_trait] trait A {}",
            "use tokio::time;",
            "fn f() -> reqwest::Client {}",
        ] {
            assert_eq!(findings("src/domain/plan/heal.rs", text).len(), 1, "{text}");
        }
    }

    #[test]
    fn a_finding_names_file_and_line() {
        let found = findings("src/domain/ids.rs", "//! Ids.\n\nasync fn f() {}\n");
        assert_eq!(found, ["src/domain/ids.rs:3: async is not for the domain"]);
    }

    #[test]
    fn words_alone_are_no_impurity_and_neither_is_another_room() {
        let text = "/// Not std::env, nor async.\nfn now(random: u8) -> Timestamp { \"tokio\" }";
        assert_eq!(findings("src/domain/ids.rs", text), [""; 0]);
        assert_eq!(findings("src/system/clock.rs", "async fn f() {}"), [""; 0]);
    }
}
