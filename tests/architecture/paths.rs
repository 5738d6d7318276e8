//! Every path that a Rust file writes, in `use` lines and in code, macros included.
//!
//! `proc-macro2` tells code from comments and strings. This only joins names over `::`, opens the
//! braces of `use` trees, and resolves `crate`, `self`, and `super`. It resolves no renaming: the
//! line that brings a name in is itself looked at.

use std::str::FromStr;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

#[derive(Debug, PartialEq, Eq)]
pub struct Written {
    /// From the root: `crate::…` for what is ours.
    pub names: Vec<String>,
    pub line: usize,
}

/// The module that a file under `src` is: `src/store/mod.rs` is `["store"]`.
pub fn module_of(path: &str) -> Vec<String> {
    let inside = path.trim_start_matches("src/").trim_end_matches(".rs");
    let mut names: Vec<String> = inside.split('/').map(str::to_owned).collect();
    let root = names.len() == 1 && matches!(names[0].as_str(), "lib" | "main");
    if root || names.last().is_some_and(|last| last == "mod") {
        names.pop();
    }
    names
}

/// The paths in `text`, whose module is `module`. Panics on what is not Rust.
pub fn written(module: &[String], text: &str) -> Vec<Written> {
    let tokens = TokenStream::from_str(text).unwrap_or_else(|error| panic!("no Rust: {error}"));
    let mut reader = Reader { module: module.to_vec(), found: Vec::new() };
    reader.code(tokens);
    reader.found
}

struct Reader {
    module: Vec<String>,
    found: Vec<Written>,
}

impl Reader {
    fn code(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            at = match &tokens[at..] {
                [TokenTree::Ident(word), TokenTree::Ident(name), TokenTree::Group(body), ..]
                    if word == "mod" && body.delimiter() == Delimiter::Brace =>
                {
                    self.module.push(name.to_string());
                    self.code(body.stream());
                    self.module.pop();
                    at + 3
                }
                [TokenTree::Ident(_), ..] => self.path(&[], &tokens, at),
                [TokenTree::Group(group), ..] => {
                    self.code(group.stream());
                    at + 1
                }
                _ => at + 1,
            };
        }
    }

    /// Reads the path that starts at `at`; returns where it ends.
    fn path(&mut self, before: &[String], tokens: &[TokenTree], mut at: usize) -> usize {
        let line = tokens[at].span().start().line;
        let mut names = before.to_vec();
        names.push(tokens[at].to_string());
        at += 1;
        while colons(&tokens[at..]) {
            match tokens.get(at + 2) {
                Some(TokenTree::Ident(name)) => names.push(name.to_string()),
                Some(TokenTree::Punct(star)) if star.as_char() == '*' => names.push("*".to_owned()),
                Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                    self.branches(&names, group.stream());
                    return at + 3;
                }
                _ => break,
            }
            at += 3;
        }
        self.found.push(Written { names: self.resolve(names), line });
        at
    }

    /// The braces of a `use` tree.
    fn branches(&mut self, before: &[String], tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            at = match &tokens[at] {
                TokenTree::Ident(word) if *word == "as" => at + 2,
                TokenTree::Ident(_) => self.path(before, &tokens, at),
                TokenTree::Punct(star) if star.as_char() == '*' => {
                    let names = [before, &["*".to_owned()]].concat();
                    let line = star.span().start().line;
                    self.found.push(Written { names: self.resolve(names), line });
                    at + 1
                }
                _ => at + 1,
            };
        }
    }

    fn resolve(&self, names: Vec<String>) -> Vec<String> {
        let supers = names.iter().take_while(|name| *name == "super").count();
        let (base, rest) = match names[0].as_str() {
            "super" => {
                let kept = self.module.len().saturating_sub(supers);
                (&self.module[..kept], &names[supers..])
            }
            "self" => (&self.module[..], &names[1..]),
            "crate" | "rekeyd" => (&[][..], &names[1..]),
            _ => return names,
        };
        ["crate".to_owned()].iter().chain(base).chain(rest).cloned().collect()
    }
}

fn colons(tokens: &[TokenTree]) -> bool {
    matches!(tokens, [TokenTree::Punct(a), TokenTree::Punct(b), ..]
        if a.as_char() == ':' && b.as_char() == ':')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_module(module: &[&str], text: &str) -> Vec<String> {
        let module: Vec<String> = module.iter().map(|name| (*name).to_owned()).collect();
        let joined = |path: Written| format!("{} {}", path.line, path.names.join("::"));
        written(&module, text).into_iter().map(joined).filter(|path| path.contains("::")).collect()
    }

    #[test]
    fn a_use_tree_is_opened_to_its_leaves() {
        let text = "use crate::{\n    domain::{self, ids::*},\n    port::Clock as Time,\n};";
        let paths = ["2 crate::domain::self", "2 crate::domain::ids::*", "3 crate::port::Clock"];
        assert_eq!(in_module(&["engine"], text), paths);
    }

    #[test]
    fn paths_in_code_and_in_macros_count() {
        let text = "fn f() -> crate::app::App { tokio::select! { x = crate::cli::go() => {} } }";
        let paths = ["1 crate::app::App", "1 tokio::select", "1 crate::cli::go"];
        assert_eq!(in_module(&["engine"], text), paths);
    }

    #[test]
    fn supers_climb_out_of_inline_modules_too() {
        let text = "use super::super::engine::A;\nmod tests { use super::B; use self::C; }";
        let paths =
            ["1 crate::engine::A", "2 crate::store::file::B", "2 crate::store::file::tests::C"];
        assert_eq!(in_module(&["store", "file"], text), paths);
    }

    #[test]
    fn comments_and_strings_are_no_paths() {
        let text =
            "/// See [crate::engine::Engine].\n// use crate::app;\nconst A: &str = \"crate::cli\";";
        assert_eq!(in_module(&["domain"], text), [""; 0]);
    }

    #[test]
    fn the_crates_own_name_is_the_crate() {
        assert_eq!(in_module(&[], "use rekeyd::cli;"), ["1 crate::cli"]);
    }

    #[test]
    fn a_file_is_the_module_that_its_path_says() {
        for (path, module) in [
            ("src/lib.rs", ""),
            ("src/main.rs", ""),
            ("src/app.rs", "app"),
            ("src/store/mod.rs", "store"),
            ("src/store/file/disk.rs", "store::file::disk"),
        ] {
            assert_eq!(module_of(path).join("::"), module, "{path}");
        }
    }
}
