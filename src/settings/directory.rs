//! A directory of policies. One wrong file must never quietly drop a policy: what is wrong is told
//! with the policies that are right, and the caller says which of them it may go on with.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::bounded_file::{self, Refusal};
use crate::domain::code::Room;
use crate::domain::policy::diagnostic::{Place, Problem, quoted};
use crate::domain::policy::{self, Finding, Findings, Policy, secret_place};

/// More policies than this are refused.
pub const MAX_POLICIES: usize = 10_000;
/// Entries of other kinds are passed over, but not without end.
const MAX_ENTRIES: usize = 100_000;
/// So many findings end the reading.
const MAX_FINDINGS: usize = 1_000;

/// The policies of a directory. No two are on one secret, as far as their files can tell, and no two
/// names are equal after case folding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// Those whose files have no finding, sorted by name.
    pub policies: Vec<Policy>,
    /// Everything that is wrong, sorted by file, line, and column.
    pub findings: Findings,
    /// What is wrong with each file. A finding about two files stands at both.
    pub broken: BTreeMap<String, Findings>,
}

impl Loaded {
    /// All or nothing.
    ///
    /// # Errors
    /// All findings of all files; then none of the policies is to be used.
    pub fn whole(self) -> Result<Vec<Policy>, Findings> {
        if self.findings.as_slice().is_empty() { Ok(self.policies) } else { Err(self.findings) }
    }
}

/// Reads every `*.toml` of a directory; hidden files and other files are passed over, and
/// directories are not entered. A symbolic link may lead anywhere inside the directory (Kubernetes
/// mounts its files so), never out of it.
///
/// # Errors
/// When the directory cannot be read, holds too many files, or has so many findings that the reading
/// ended before the last file: then nobody can say which policies are right.
pub fn load_policies(directory: &Path) -> Result<Loaded, Findings> {
    let unreadable = |error: std::io::Error| {
        let message = format!("the policies directory cannot be read: {}", error.kind());
        let help = "make it, or name another with --policies DIR";
        whole(&directory.display().to_string(), Problem::Unreadable, message).with_help(help)
    };
    let inside = directory.canonicalize().map_err(|error| only(unreadable(error)))?;
    let mut files = Vec::new();
    for (count, entry) in fs::read_dir(&inside).map_err(|e| only(unreadable(e)))?.enumerate() {
        let name = entry.map_err(|error| only(unreadable(error)))?.file_name();
        let hidden = name.as_encoded_bytes().starts_with(b".");
        if !hidden && name.as_encoded_bytes().ends_with(b".toml") {
            files.push(name);
        }
        if files.len() > MAX_POLICIES || count >= MAX_ENTRIES {
            let message = format!("the directory holds more than {MAX_POLICIES} policies");
            let file = directory.display().to_string();
            return Err(only(whole(&file, Problem::TooMany, message)));
        }
    }
    files.sort();
    let mut reading = Reading::default();
    for name in files {
        let path = inside.join(&name);
        match name.to_str() {
            Some(name) => reading.file(name, &path, &inside),
            None => {
                let name = name.to_string_lossy();
                let said = "the file's name is not UTF-8";
                reading.found(&name, whole(&name, Problem::UnsafeName, said));
            }
        }
        if reading.findings.len() >= MAX_FINDINGS {
            let message = format!("reading ended after {MAX_FINDINGS} findings");
            reading.findings.push(whole(&name.to_string_lossy(), Problem::TooMany, message));
            return Err(Findings::new(reading.findings));
        }
    }
    Ok(reading.end())
}

/// What was read so far, and what the next file is compared with.
#[derive(Default)]
struct Reading {
    /// With the names of their files.
    policies: Vec<(String, Policy)>,
    findings: Vec<Finding>,
    broken: BTreeMap<String, Vec<Finding>>,
    by_folded_name: BTreeMap<String, String>,
    by_secret: BTreeMap<(String, PathBuf), (String, Place)>,
}

impl Reading {
    fn found(&mut self, file: &str, finding: Finding) {
        self.broken.entry(file.to_owned()).or_default().push(finding.clone());
        self.findings.push(finding);
    }

    /// A finding about a file and another that was read before it.
    fn found_beside(&mut self, file: &str, other: &str, finding: Finding) {
        self.broken.entry(other.to_owned()).or_default().push(finding.clone());
        self.found(file, finding);
    }

    fn file(&mut self, name: &str, path: &Path, inside: &Path) {
        if let Some(other) = self.by_folded_name.insert(name.to_lowercase(), name.to_owned()) {
            let message = format!("the name differs from {} in case only", quoted(&other));
            self.found_beside(name, &other, whole(name, Problem::SameName, message));
        }
        let text = match read_inside(path, inside) {
            Ok(text) => text,
            Err(Refusal { problem, place, message }) => {
                self.found(name, Finding::new(Room::Policy, problem, name, place, message));
                return;
            }
        };
        let examined = policy::examine(name, &text);
        if let Some((store, place)) = examined.store {
            self.compare_secrets(name, secret_place::identity(&store), place);
        }
        self.policies.extend(examined.policy.map(|policy| (name.to_owned(), policy)));
        examined.findings.into_iter().for_each(|finding| self.found(name, finding));
    }

    fn compare_secrets(&mut self, name: &str, identity: (String, PathBuf), place: Place) {
        let Some((other, its_place)) = self.by_secret.get(&identity).cloned() else {
            self.by_secret.insert(identity, (name.to_owned(), place));
            return;
        };
        let help = "give each secret one policy; if these are two secrets, write both full ARNs";
        for (file, place, twin) in [(name, place, other.as_str()), (&other, its_place, name)] {
            let message = format!("{} is on the same secret", quoted(twin));
            let finding = Finding::new(Room::Policy, Problem::SameSecret, file, place, message);
            self.found(file, finding.with_help(help));
        }
    }

    fn end(self) -> Loaded {
        let right = self.policies.into_iter().filter(|(file, _)| !self.broken.contains_key(file));
        let mut policies: Vec<Policy> = right.map(|(_, policy)| policy).collect();
        policies.sort_by(|a, b| a.name.cmp(&b.name));
        let broken = self.broken.into_iter().map(|(file, found)| (file, Findings::new(found)));
        Loaded { policies, findings: Findings::new(self.findings), broken: broken.collect() }
    }
}

fn read_inside(path: &Path, inside: &Path) -> Result<String, Refusal> {
    // What a link leads to is resolved once and then read under its real name.
    let real = path.canonicalize()?;
    if !real.starts_with(inside) {
        return Err(Refusal {
            problem: Problem::OutsideDirectory,
            place: Place::whole_file(),
            message: "the symbolic link leads out of the policies directory".to_owned(),
        });
    }
    bounded_file::read(&real)
}

fn whole(file: &str, problem: Problem, message: impl Into<String>) -> Finding {
    Finding::new(Room::Policy, problem, file, Place::whole_file(), message)
}

fn only(finding: Finding) -> Findings {
    Findings::new(vec![finding])
}

#[cfg(test)]
mod tests;
