//! What was typed, so that every command that is shown to be typed next finds the same settings,
//! policies, and journal. Whoever shows a next command asks here.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::settings::{Flags, accounts, for_shell, word_for_shell};

const PROGRAM: &str = "rekeyd ";
const KEY: &str = "\"next_command\":";

/// One command line: the places that it named, and all of its words.
#[derive(Debug, Clone, Default)]
pub struct Typed {
    places: Vec<(&'static str, String)>,
    words: Vec<String>,
}

impl Typed {
    /// `words` without the program's name.
    #[must_use]
    pub fn new(flags: &Flags, words: impl IntoIterator<Item = String>) -> Self {
        let places = [
            ("--config", &flags.config),
            ("--policies", &flags.policies),
            ("--state-dir", &flags.state_dir),
        ];
        let given = places.into_iter().filter_map(|(flag, path)| Some((flag, path.as_ref()?)));
        let places = given.map(|(flag, path)| (flag, for_shell(path))).collect();
        Self { places, words: words.into_iter().collect() }
    }

    /// The command line of this process.
    #[must_use]
    pub fn own(flags: &Flags) -> Self {
        let words = std::env::args_os().skip(1);
        Self::new(flags, words.map(|word| word.to_string_lossy().into_owned()))
    }

    /// A command to type next, with the places that were named.
    #[must_use]
    pub fn command(&self, next: &str) -> String {
        with(next, &self.places)
    }

    /// The same for every `next_command` of a JSON text, whose order and form stay.
    #[must_use]
    pub fn in_json(&self, text: &str) -> String {
        in_json(text, |next| self.command(next))
    }

    /// This very command again, with words before and after what was typed.
    #[must_use]
    pub fn again(&self, before: &[&str], after: &[&str]) -> String {
        let words = self.words.iter().map(|word| word_for_shell(word));
        let plain =
            |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let all = [vec!["rekeyd".to_owned()], plain(before), words.collect(), plain(after)];
        all.concat().join(" ")
    }

    /// This very command again, as the account that owns `path` or what leads to it.
    #[must_use]
    pub fn again_as_owner(&self, path: &Path) -> Option<String> {
        let owner = owner(path)?;
        if owner == rustix::process::geteuid().as_raw() {
            return None;
        }
        Some(format!("sudo -u {} {}", account(owner), self.again(&[], &[])))
    }
}

fn with(next: &str, given: &[(&'static str, String)]) -> String {
    let Some(at) = program(next) else { return next.to_owned() };
    let (head, rest) = next.split_at(at);
    if rest.starts_with("--help") || rest.starts_with("--version") {
        return next.to_owned();
    }
    let mut typed = head.to_owned();
    for (flag, path) in given.iter().filter(|(flag, _)| !rest.contains(flag)) {
        typed.push_str(&format!("{flag} {path} "));
    }
    typed + rest
}

/// Where the words after the program's name begin, if it is called at all.
fn program(next: &str) -> Option<usize> {
    if next.starts_with(PROGRAM) {
        return Some(PROGRAM.len());
    }
    let under = next.starts_with("sudo ").then(|| next.find(" rekeyd "))??;
    Some(under + 1 + PROGRAM.len())
}

fn in_json(text: &str, command: impl Fn(&str) -> String) -> String {
    let mut done = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(KEY) {
        let (before, after) = rest.split_at(at + KEY.len());
        done.push_str(before);
        // Quotes inside a string are escaped, so this key is a key.
        let mut values = serde_json::Deserializer::from_str(after).into_iter::<Option<String>>();
        let Some(Ok(value)) = values.next() else {
            rest = after;
            continue;
        };
        let (old, following) = after.split_at(values.byte_offset());
        match value.and_then(|next| serde_json::to_string(&command(&next)).ok()) {
            Some(new) => {
                let space = old.len() - old.trim_start().len();
                done.push_str(&" ".repeat(space));
                done.push_str(&new);
            }
            None => done.push_str(old),
        }
        rest = following;
    }
    done + rest
}

/// Who owns a path, or the nearest directory above it that can be looked at. User id.
#[must_use]
pub fn owner(path: &Path) -> Option<u32> {
    path.ancestors().find_map(|place| place.symlink_metadata().ok()).map(|facts| facts.uid())
}

/// An account as `sudo -u` takes it: by its name, or by its number where it has none.
#[must_use]
pub fn account(id: u32) -> String {
    accounts::name_of(id).unwrap_or_else(|| format!("'#{id}'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_that_were_named_are_named_again_and_only_once() {
        let given = [("--config", "'my file'".to_owned()), ("--state-dir", "s".to_owned())];
        for (next, typed) in [
            ("rekeyd run --once", "rekeyd --config 'my file' --state-dir s run --once"),
            ("rekeyd --state-dir DIR audit", "rekeyd --config 'my file' --state-dir DIR audit"),
            ("sudo -u x rekeyd check", "sudo -u x rekeyd --config 'my file' --state-dir s check"),
            ("rekeyd --help", "rekeyd --help"),
            ("df -h", "df -h"),
        ] {
            assert_eq!(with(next, &given), typed);
        }
    }

    #[test]
    fn json_keeps_its_form_where_nothing_was_named() {
        for text in [
            "{\n  \"next_command\": \"rekeyd check\",\n  \"a\": 1\n}",
            "{\"next_command\":null,\"b\":\"\\\"next_command\\\": \"}",
            "[]",
        ] {
            assert_eq!(in_json(text, ToOwned::to_owned), text);
        }
    }
}
