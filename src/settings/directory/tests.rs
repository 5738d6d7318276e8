//! Directories of policies, good and bad.

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
    let findings = load_policies(directory.path()).and_then(Loaded::whole).unwrap_err();
    let line = |f: &Finding| format!("{}:{}:{} {}", f.file, f.place.line, f.place.column, f.code);
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
            "a.toml:4:8 policy/same-secret",
            "b.toml:4:8 policy/same-secret",
            "c.toml:5:13 policy/same-secret",
            "d.toml:5:13 policy/same-secret",
            "d.toml:7:1 policy/unknown-field",
        ]
    );
}

#[test]
fn names_that_differ_in_case_only_are_refused() {
    let directory = directory(&[("Sync.toml", &policy_on("/a")), ("sync.toml", &policy_on("/b"))]);
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
    assert_eq!(findings.as_slice()[0].code.to_string(), "policy/unreadable");
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
    assert_eq!(findings.as_slice()[0].code.to_string(), "policy/too-many");
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

#[test]
fn policies_whose_own_files_are_right_are_told_beside_those_that_are_wrong() {
    let directory = directory(&[
        ("typo.toml", &format!("{}[retir]\n", policy_on("/typo"))),
        ("good.toml", &policy_on("/good")),
        ("one.toml", &policy_on("/shared")),
        ("two.toml", &policy_on("/shared")),
        ("Sync.toml", &policy_on("/a")),
        ("sync.toml", &policy_on("/b")),
    ]);
    assert_eq!(names(&directory), ["good"]);
    let loaded = load_policies(directory.path()).unwrap();
    let broken: Vec<&str> = loaded.broken.keys().map(String::as_str).collect();
    assert_eq!(broken, ["Sync.toml", "one.toml", "sync.toml", "two.toml", "typo.toml"]);
    assert_eq!(loaded.broken["Sync.toml"], loaded.broken["sync.toml"], "it is a finding of both");
    for (file, other) in [("one.toml", "`two.toml`"), ("two.toml", "`one.toml`")] {
        let found = loaded.broken[file].to_string();
        assert!(found.starts_with(file) && found.contains(other), "{found}");
    }
    assert_eq!(loaded.findings.as_slice().len(), 4);
}
