//! A directory of policies, read all or nothing: one wrong file must never quietly drop a policy.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::bounded_file::{self, Refusal};
use crate::domain::policy::diagnostic::{Place, Problem, quoted};
use crate::domain::policy::{self, Finding, Findings, Policy, ROOM, secret_place};

/// More policies than this are refused.
pub const MAX_POLICIES: usize = 10_000;
/// Entries of other kinds are passed over, but not without end.
const MAX_ENTRIES: usize = 100_000;
/// So many findings end the reading.
const MAX_FINDINGS: usize = 1_000;

/// The policies of a directory, sorted by name. No two are on one secret, as far as their files
/// can tell, and no two names are equal after case folding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    pub policies: Vec<Policy>,
}

/// Reads every `*.toml` of a directory; hidden files and other files are passed over, and
/// directories are not entered. A symbolic link may lead anywhere inside the directory (Kubernetes
/// mounts its files so), never out of it.
///
/// # Errors
/// All findings of all files, sorted by file, line, and column; none of the policies is to be used.
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
            None => reading.findings.push(whole(
                &name.to_string_lossy(),
                Problem::UnsafeName,
                "the file's name is not UTF-8",
            )),
        }
        if reading.findings.len() >= MAX_FINDINGS {
            let message = format!("reading ended after {MAX_FINDINGS} findings");
            reading.findings.push(whole(&name.to_string_lossy(), Problem::TooMany, message));
            break;
        }
    }
    reading.end()
}

/// What was read so far, and what the next file is compared with.
#[derive(Default)]
struct Reading {
    policies: Vec<Policy>,
    findings: Vec<Finding>,
    by_folded_name: BTreeMap<String, String>,
    by_secret: BTreeMap<(String, PathBuf), String>,
}

impl Reading {
    fn file(&mut self, name: &str, path: &Path, inside: &Path) {
        if let Some(other) = self.by_folded_name.insert(name.to_lowercase(), name.to_owned()) {
            let message = format!("the name differs from {} in case only", quoted(&other));
            self.findings.push(whole(name, Problem::SameName, message));
        }
        let text = match read_inside(path, inside) {
            Ok(text) => text,
            Err(Refusal { problem, place, message }) => {
                self.findings.push(Finding::new(ROOM, problem, name, place, message));
                return;
            }
        };
        let examined = policy::examine(name, &text);
        if let Some((store, place)) = examined.store {
            self.compare_secrets(name, secret_place::identity(&store), place);
        }
        self.policies.extend(examined.policy);
        self.findings.extend(examined.findings);
    }

    fn compare_secrets(&mut self, name: &str, identity: (String, PathBuf), place: Place) {
        let Some(other) = self.by_secret.get(&identity) else {
            self.by_secret.insert(identity, name.to_owned());
            return;
        };
        let message = format!("{} is on the same secret", quoted(other));
        let help = "give each secret one policy; if these are two secrets, write both full ARNs";
        let finding = Finding::new(ROOM, Problem::SameSecret, name, place, message).with_help(help);
        self.findings.push(finding);
    }

    fn end(mut self) -> Result<Loaded, Findings> {
        if !self.findings.is_empty() {
            return Err(Findings::new(self.findings));
        }
        self.policies.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Loaded { policies: self.policies })
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
    Finding::new(ROOM, problem, file, Place::whole_file(), message)
}

fn only(finding: Finding) -> Findings {
    Findings::new(vec![finding])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    fn policy_on(path: &str) -> String {
        format!(
            "[issuer.ion]\nenvironment = \"app.firstresonance.io\"\n[store.file]\npath = \"{path}\"\n"
        )
    }
    fn aws(secret_id: &str, more: &str) -> String {
        format!(
            "[issuer.ion]\nenvironment = \"app.firstresonance.io\"\n\
             [store.aws_secrets_manager]\nregion = \"us-west-2\"\nsecret_id = \"{secret_id}\"\n{more}"
        )
    }
    fn directory(files: &[(&str, &str)]) -> TempDir {
        let directory = TempDir::new().unwrap();
        for (name, text) in files {
            fs::write(directory.path().join(name), text).unwrap();
        }
        directory
    }
    fn found(directory: &TempDir) -> Vec<String> {
        let findings = load_policies(directory.path()).unwrap_err();
        let line =
            |f: &Finding| format!("{}:{}:{} {}", f.file, f.place.line, f.place.column, f.code);
        findings.as_slice().iter().map(line).collect()
    }
    fn names(directory: &TempDir) -> Vec<String> {
        let loaded = load_policies(directory.path()).unwrap();
        loaded.policies.iter().map(|policy| policy.name.to_string()).collect()
    }

    #[test]
    fn every_toml_file_is_a_policy_and_nothing_else_is() {
        let directory = directory(&[
            ("b.toml", &policy_on("/b")),
            ("a.toml", &policy_on("/a")),
            ("README.md", "not a policy"),
            (".#a.toml", "an editor's lock"),
            ("a.toml~", "an editor's backup"),
        ]);
        fs::create_dir(directory.path().join("old")).unwrap();
        assert_eq!(names(&directory), ["a", "b"]);
    }

    #[test]
    fn findings_of_all_files_are_told_at_once_in_order() {
        let directory = directory(&[
            ("b.toml", "ownr = 1\n[retire]\ndrain = \"1x\"\n"),
            ("a.toml", &format!("{}[retir]\n", policy_on("/a"))),
            ("good.toml", &policy_on("/good")),
            ("bad name.toml", &policy_on("/bad")),
        ]);
        assert_eq!(
            found(&directory),
            [
                "a.toml:5:2 policy/unknown-field",
                "b.toml:1:1 policy/missing-field",
                "b.toml:1:1 policy/missing-field",
                "b.toml:1:1 policy/unknown-field",
                "b.toml:3:9 policy/bad-duration",
                "bad name.toml:1:1 policy/unsafe-name",
            ]
        );
    }

    #[test]
    fn two_policies_on_one_secret_are_refused_even_beside_other_findings() {
        let arn = "arn:aws:secretsmanager:us-west-2:123456789012:secret:prod/x-AbCdEf";
        let directory = directory(&[
            ("a.toml", &policy_on("/srv/x.json")),
            ("b.toml", &policy_on("/srv/./x.json")),
            ("c.toml", &aws("prod/x", "")),
            ("d.toml", &aws(arn, "[retire]\nsok = 1\n")),
        ]);
        assert_eq!(
            found(&directory),
            [
                "b.toml:4:8 policy/same-secret",
                "d.toml:5:13 policy/same-secret",
                "d.toml:7:1 policy/unknown-field",
            ]
        );
    }

    #[test]
    fn names_that_differ_in_case_only_are_refused() {
        let directory =
            directory(&[("Sync.toml", &policy_on("/a")), ("sync.toml", &policy_on("/b"))]);
        assert_eq!(found(&directory), ["sync.toml:1:1 policy/same-name"]);
    }

    #[test]
    fn files_that_are_no_text_are_refused() {
        let directory = directory(&[]);
        let at = |name: &str| directory.path().join(name);
        fs::write(at("latin.toml"), b"owner = \"a\"\nowner = \"Zo\xeb\"").unwrap();
        fs::File::create(at("huge.toml")).unwrap().set_len(10 * 1024 * 1024).unwrap();
        fs::create_dir(at("folder.toml")).unwrap();
        let odd = std::ffi::OsStr::from_bytes(b"\xff.toml");
        fs::write(directory.path().join(odd), "").unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, at("pipe.toml"), rustix::fs::Mode::RWXU).unwrap();
        assert_eq!(
            found(&directory),
            [
                "folder.toml:1:1 policy/unreadable",
                "huge.toml:1:1 policy/too-large",
                "latin.toml:2:12 policy/not-utf8",
                "pipe.toml:1:1 policy/unreadable",
                "\u{fffd}.toml:1:1 policy/unsafe-name",
            ]
        );
    }

    #[test]
    fn a_link_may_lead_anywhere_inside_and_never_out() {
        let outside = directory(&[("real.toml", &policy_on("/out"))]);
        let directory = directory(&[]);
        let at = |name: &str| directory.path().join(name);
        // As Kubernetes mounts a ConfigMap.
        fs::create_dir(at("..2026_01_01")).unwrap();
        fs::write(at("..2026_01_01").join("a.toml"), policy_on("/a")).unwrap();
        symlink("..2026_01_01", at("..data")).unwrap();
        symlink("..data/a.toml", at("a.toml")).unwrap();
        assert_eq!(names(&directory), ["a"]);

        symlink(outside.path().join("real.toml"), at("out.toml")).unwrap();
        symlink("/dev/null", at("null.toml")).unwrap();
        symlink("nowhere", at("dangling.toml")).unwrap();
        symlink("loop.toml", at("loop.toml")).unwrap();
        assert_eq!(
            found(&directory),
            [
                "dangling.toml:1:1 policy/unreadable",
                "loop.toml:1:1 policy/unreadable",
                "null.toml:1:1 policy/outside-directory",
                "out.toml:1:1 policy/outside-directory",
            ]
        );
    }

    #[test]
    fn a_directory_that_is_not_there_is_a_finding() {
        let directory = directory(&[]);
        let findings = load_policies(&directory.path().join("none")).unwrap_err();
        assert_eq!(findings.as_slice()[0].code, "policy/unreadable");
        assert_eq!(names(&directory), Vec::<String>::new());
    }

    #[test]
    fn too_many_policies_are_refused_unread() {
        let directory = directory(&[]);
        for n in 0..=MAX_POLICIES {
            fs::File::create(directory.path().join(format!("p{n}.toml"))).unwrap();
        }
        let findings = load_policies(directory.path()).unwrap_err();
        assert_eq!(findings.as_slice().len(), 1);
        assert_eq!(findings.as_slice()[0].code, "policy/too-many");
    }

    #[test]
    fn findings_of_a_directory_are_bounded() {
        let text: String = (0..100).map(|n| format!("x{n} = 1\n")).collect();
        let files: Vec<(String, &str)> =
            (0..30).map(|n| (format!("p{n}.toml"), text.as_str())).collect();
        let files: Vec<(&str, &str)> = files.iter().map(|(n, t)| (n.as_str(), *t)).collect();
        let found = found(&directory(&files));
        assert!(found.len() < MAX_FINDINGS + 110, "{}", found.len());
        assert!(found.iter().any(|line| line.ends_with("policy/too-many")));
    }
}
