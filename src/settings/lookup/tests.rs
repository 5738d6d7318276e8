//! Lookup, against a machine that is a table.

use std::collections::BTreeMap;

use super::*;

/// A made-up machine: variables, files with their text, and places that may not be read.
#[derive(Default)]
struct Machine {
    variables: BTreeMap<&'static str, &'static str>,
    files: BTreeMap<&'static str, &'static str>,
    denied: Vec<&'static str>,
}

impl Machine {
    fn with(variables: &[(&'static str, &'static str)], files: &[&'static str]) -> Self {
        Self {
            variables: variables.iter().copied().collect(),
            files: files.iter().map(|path| (*path, "")).collect(),
            denied: Vec::new(),
        }
    }
    fn file(mut self, path: &'static str, text: &'static str) -> Self {
        self.files.insert(path, text);
        self
    }
    fn deny(mut self, path: &'static str) -> Self {
        self.denied.push(path);
        self
    }
}

impl Outside for Machine {
    fn variable(&self, name: &str) -> Option<OsString> {
        self.variables.get(name).map(OsString::from)
    }
    fn presence(&self, path: &Path) -> Presence {
        if self.denied.iter().any(|denied| path.starts_with(denied)) {
            Presence::Denied
        } else if self.files.keys().any(|file| Path::new(file) == path) {
            Presence::Present
        } else {
            Presence::Absent
        }
    }
    fn text(&self, path: &Path) -> Result<String, Findings> {
        Ok(self.files.iter().find(|(file, _)| Path::new(file) == path).unwrap().1.to_string())
    }
}

const HOME: (&str, &str) = ("HOME", "/home/u");
const ETC: &str = "/etc/rekeyd/rekeyd.toml";

/// Settings file (or `-`), policies directory, and state directory.
fn places(machine: &Machine, flags: &Flags) -> [String; 3] {
    let located = locate(flags, machine).unwrap();
    let file = located.settings_file.map_or("-".into(), |path| path.display().to_string());
    [file, located.policies_dir.display().to_string(), located.state_dir.display().to_string()]
}

#[test]
fn without_any_file_the_xdg_directories_are_used() {
    assert_eq!(
        places(&Machine::with(&[HOME], &[]), &Flags::default()),
        ["-", "/home/u/.config/rekeyd/policies", "/home/u/.local/state/rekeyd"]
    );
    let xdg = [HOME, ("XDG_CONFIG_HOME", "/c"), ("XDG_STATE_HOME", "relative")];
    assert_eq!(
        places(&Machine::with(&xdg, &["/c/rekeyd/rekeyd.toml"]), &Flags::default()),
        ["/c/rekeyd/rekeyd.toml", "/c/rekeyd/policies", "/home/u/.local/state/rekeyd"]
    );
}

#[test]
fn the_system_file_goes_before_xdg_and_brings_the_system_state() {
    let machine = Machine::with(&[HOME], &[ETC, "/home/u/.config/rekeyd/rekeyd.toml"]);
    assert_eq!(
        places(&machine, &Flags::default()),
        [ETC, "/etc/rekeyd/policies", "/var/lib/rekeyd"]
    );
    let flags = Flags { config: Some(ETC.into()), ..Flags::default() };
    assert_eq!(places(&machine, &flags)[2], "/var/lib/rekeyd");
}

#[test]
fn a_service_finds_its_own_directories() {
    let service = [("CONFIGURATION_DIRECTORY", "/run/c:/other"), ("STATE_DIRECTORY", "/run/s:/t")];
    assert_eq!(
        places(&Machine::with(&service, &[ETC, "/run/c/rekeyd.toml"]), &Flags::default()),
        ["/run/c/rekeyd.toml", "/run/c/policies", "/run/s"]
    );
    assert_eq!(
        places(&Machine::with(&service, &[ETC]), &Flags::default()),
        ["-", "/run/c/policies", "/run/s"]
    );
}

#[test]
fn the_settings_file_goes_before_the_environment_and_flags_before_both() {
    let text = "state_dir = \"state\"\npolicies_dir = \"/p\"\n[limits]\ngateway_timeout = \"1s\"";
    let machine = Machine::with(&[HOME, ("STATE_DIRECTORY", "/s")], &[]).file("/x/r.toml", text);
    let mut flags = Flags { config: Some("/x/r.toml".into()), ..Flags::default() };
    assert_eq!(places(&machine, &flags), ["/x/r.toml", "/p", "/x/state"]);
    let located = locate(&flags, &machine).unwrap();
    assert_eq!(located.settings.limits.gateway_timeout_ms, 1000);
    assert!(!located.state_dir_is_named);

    flags.policies = Some("/p2".into());
    flags.state_dir = Some("/s2".into());
    assert_eq!(places(&machine, &flags), ["/x/r.toml", "/p2", "/s2"]);
    assert!(locate(&flags, &machine).unwrap().state_dir_is_named);
}

#[test]
fn no_permission_is_an_error_and_never_the_next_place() {
    let files = [ETC, "/home/u/.config/rekeyd/rekeyd.toml"];
    for denied in ["/etc/rekeyd", "/etc/rekeyd/policies", "/var/lib/rekeyd"] {
        let machine = Machine::with(&[HOME], &files).deny(denied);
        let error = locate(&Flags::default(), &machine).unwrap_err();
        assert_eq!(error.code().to_string(), "settings/no-permission", "{denied}");
        assert_eq!(error.next_command(), "sudo -u rekeyd rekeyd status", "{denied}");
    }
    let machine = Machine::with(&[HOME], &[]).deny("/home/u/it's");
    let flags = Flags { state_dir: Some("/home/u/it's".into()), ..Flags::default() };
    let error = locate(&flags, &machine).unwrap_err();
    assert_eq!(error.to_string(), "no permission to read `/home/u/it's`");
    assert_eq!(error.next_command(), r"ls -ld '/home/u/it'\''s'");
}

#[test]
fn a_named_file_must_exist_and_be_right() {
    let flags = Flags { config: Some("/x/r.toml".into()), ..Flags::default() };
    let error = locate(&flags, &Machine::with(&[HOME], &[ETC])).unwrap_err();
    assert_eq!(error, LocateError::NoSuchFile { path: "/x/r.toml".into() });

    let machine = Machine::with(&[HOME], &[]).file("/x/r.toml", "state_dri = \"/s\"");
    let LocateError::Settings(findings) = locate(&flags, &machine).unwrap_err() else {
        panic!("another error");
    };
    assert_eq!(findings.as_slice()[0].code.to_string(), "settings/unknown-field");
    assert_eq!(findings.as_slice()[0].file, "/x/r.toml");
}

#[test]
fn without_home_something_must_be_named() {
    let machine = Machine::default();
    let mut flags = Flags::default();
    let error = locate(&flags, &machine).unwrap_err();
    assert_eq!(error.next_command(), "rekeyd --help");
    flags.policies = Some("/p".into());
    let error = locate(&flags, &machine).unwrap_err();
    assert_eq!(error.next_command(), "rekeyd --help");
    flags.state_dir = Some("/s".into());
    assert_eq!(places(&machine, &flags), ["-", "/p", "/s"]);
}

#[test]
fn the_real_file_system_is_told_apart() {
    let directory = tempfile::TempDir::new().unwrap();
    let at = |name: &str| directory.path().join(name);
    std::fs::write(at("a.toml"), "x").unwrap();
    std::os::unix::fs::symlink("loop", at("loop")).unwrap();
    assert_eq!(System.presence(&at("a.toml")), Presence::Present);
    assert_eq!(System.presence(directory.path()), Presence::Present);
    assert_eq!(System.presence(&at("none")), Presence::Absent);
    assert_eq!(System.presence(&at("a.toml/x")), Presence::Absent);
    assert!(matches!(System.presence(&at("loop")), Presence::Unclear(_)));
    assert_eq!(System.text(&at("a.toml")).as_deref(), Ok("x"));
    let findings = System.text(&at("none")).unwrap_err();
    assert_eq!(findings.as_slice()[0].code.to_string(), "settings/unreadable");
}

/// Where a command asks for a daemon.
fn asked(machine: &Machine, flags: &Flags) -> Vec<String> {
    let found = sockets(flags, machine).unwrap();
    found.paths.iter().map(|path| path.display().to_string()).collect()
}

#[test]
fn the_control_socket_is_in_the_runtime_directory_then_the_systems_then_beside_the_state() {
    let own = "/home/u/.local/state/rekeyd/control.sock";
    let system = "/run/rekeyd/control.sock";
    let state = "/var/lib/rekeyd/control.sock";
    let runtime = ("RUNTIME_DIRECTORY", "/run/a:/run/b");
    assert_eq!(asked(&Machine::with(&[HOME], &[]), &Flags::default()), [own]);
    assert_eq!(asked(&Machine::with(&[HOME], &[ETC]), &Flags::default()), [system, state]);
    assert_eq!(
        asked(&Machine::with(&[HOME, runtime], &[ETC]), &Flags::default()),
        ["/run/a/control.sock", system, state]
    );
    let elsewhere = Flags { state_dir: Some("/s".into()), ..Flags::default() };
    assert_eq!(asked(&Machine::with(&[HOME], &[]), &elsewhere), ["/s/control.sock"]);
    let states = Flags { state_dir: Some("/var/lib/rekeyd".into()), ..Flags::default() };
    assert_eq!(asked(&Machine::with(&[HOME], &[]), &states), [system, state]);
}

#[test]
fn who_may_not_read_the_state_can_still_ask_the_systems_daemon_and_only_that() {
    for denied in ["/etc/rekeyd", "/var/lib/rekeyd"] {
        let machine = Machine::with(&[HOME], &[ETC]).deny(denied);
        let found = sockets(&Flags::default(), &machine).unwrap();
        assert_eq!(found.paths, [Path::new("/run/rekeyd/control.sock")]);
        assert_eq!((found.places, found.state_dir), (None, "/var/lib/rekeyd".into()));
        // Whoever names a place means that place.
        let named = Flags { policies: Some("/p".into()), ..Flags::default() };
        assert!(matches!(sockets(&named, &machine), Err(LocateError::NoPermission { .. })));
    }
    let machine = Machine::with(&[HOME], &[]).deny("/home/u/.config/rekeyd");
    assert!(matches!(sockets(&Flags::default(), &machine), Err(LocateError::NoPermission { .. })));
}
