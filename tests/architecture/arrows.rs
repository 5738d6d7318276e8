//! Which room may use which.

use crate::paths::{module_of, written};
use crate::tree::File;

/// A room of `src`, and the rooms that it may use besides itself.
const MAP: &[(&str, &[&str])] = &[
    (
        "cli",
        &[
            "app",
            "daemon",
            "engine",
            "settings",
            "telemetry",
            "wire",
            "sandbox",
            "issuer",
            "store",
            "journal",
            "system",
            "port",
            "domain",
        ],
    ),
    (
        "app",
        &[
            "daemon",
            "engine",
            "settings",
            "telemetry",
            "wire",
            "sandbox",
            "issuer",
            "store",
            "journal",
            "system",
            "port",
            "domain",
        ],
    ),
    ("daemon", &["engine", "settings", "telemetry", "wire", "port", "domain"]),
    ("engine", &["port", "domain"]),
    ("issuer", &["port", "domain"]),
    ("store", &["port", "domain"]),
    ("journal", &["port", "domain"]),
    ("system", &["port", "domain"]),
    ("telemetry", &["port", "domain"]),
    ("wire", &["port", "domain"]),
    ("settings", &["domain"]),
    ("port", &["domain"]),
    ("domain", &[]),
    // It can catch the product out only because it shares nothing with it.
    ("sandbox", &[]),
];

fn may_use(room: &str) -> Option<&'static [&'static str]> {
    MAP.iter().find(|(name, _)| *name == room).map(|(_, below)| *below)
}

/// One finding for each path that points up or sideways.
pub fn check(file: &File) -> Vec<String> {
    let module = module_of(&file.path);
    // The root declares every room, and `main` calls the topmost.
    let Some(room) = module.first() else { return Vec::new() };
    let below = may_use(room).unwrap_or_default();
    let allowed = |to: &str| to == room || below.contains(&to);
    let wrong = written(&module, &file.text).into_iter().filter_map(|path| {
        let [root, to, ..] = &path.names[..] else { return None };
        (root == "crate" && !allowed(to)).then(|| {
            let (file, line, path) = (&file.path, path.line, path.names.join("::"));
            format!("{file}:{line}: {room} → {to} ({path}); {room} may use {below:?}")
        })
    });
    wrong.collect()
}

/// A finding when the file's room has no row in the map.
pub fn off_the_map(file: &File) -> Option<String> {
    let module = module_of(&file.path);
    let room = module.first()?;
    may_use(room).is_none().then(|| format!("{}: no room of the map: {room}", file.path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.to_owned(), text: text.to_owned() }
    }

    /// The wrong arrows alone.
    fn arrows(path: &str, text: &str) -> Vec<String> {
        let arrow = |finding: String| finding.split(" (").next().unwrap().to_owned();
        check(&file(path, text)).into_iter().map(arrow).collect()
    }

    #[test]
    fn an_arrow_that_points_up_is_named_with_file_and_line() {
        let found = check(&file("src/port/clock.rs", "//! Time.\nuse crate::engine::Engine;\n"));
        let wanted = "src/port/clock.rs:2: port → engine (crate::engine::Engine); \
                      port may use [\"domain\"]";
        assert_eq!(found, [wanted]);
    }

    #[test]
    fn each_wrong_arrow_of_the_map_is_found() {
        for (path, text, arrow) in [
            ("src/domain/ids.rs", "use crate::port::Clock;", "port"),
            ("src/domain/state/mod.rs", "use super::super::journal::Memory;", "journal"),
            ("src/domain/mod.rs", "pub use super::settings;", "settings"),
            ("src/port/mod.rs", "fn f(_: crate::store::FileStore) {}", "store"),
            ("src/engine/mod.rs", "use crate::{domain, port, issuer::ion};", "issuer"),
            ("src/engine/run.rs", "mod tests { use crate::sandbox::Sandbox; }", "sandbox"),
            ("src/store/mod.rs", "use crate::engine::Vault;", "engine"),
            ("src/issuer/ion/mod.rs", "use crate::store::Document;", "store"),
            ("src/journal/sqlite/mod.rs", "type A = crate::app::App;", "app"),
            ("src/system/clock.rs", "use crate::cli;", "cli"),
            ("src/settings/mod.rs", "use crate::port::Clock;", "port"),
            ("src/sandbox/http/mod.rs", "use crate::domain::KeyId;", "domain"),
            ("src/sandbox/mod.rs", "use rekeyd::port::Clock;", "port"),
            ("src/app.rs", "use crate::cli::view;", "cli"),
            ("src/daemon/mod.rs", "use crate::app::App;", "app"),
            ("src/domain/ids.rs", "use crate::*;", "*"),
            ("src/nowhere/mod.rs", "use crate::domain::KeyId;", "domain"),
        ] {
            let room = path.split(['/', '.']).nth(1).unwrap();
            let line = path.to_owned() + ":1: " + room + " → " + arrow;
            assert_eq!(arrows(path, text), [line], "{text}");
        }
    }

    #[test]
    fn arrows_that_point_down_are_right() {
        for (path, text) in [
            ("src/lib.rs", "pub mod cli; pub use crate::engine::Engine;"),
            ("src/main.rs", "use rekeyd::cli;"),
            ("src/cli/rotate.rs", "use crate::app::App; use super::view; use std::io;"),
            ("src/app.rs", "use crate::engine::Engine; use crate::store::FileStore;"),
            ("src/engine/mod.rs", "use crate::{domain::KeyId, port::Issuer}; use tokio::sync;"),
            ("src/store/file/mod.rs", "use super::document::Document; use crate::port::Clock;"),
            ("src/sandbox/http/mod.rs", "pub(in super::super) use super::tenant::Tenant;"),
            ("src/domain/plan/heal.rs", "pub(crate) fn f() { self.go(); super::guards::g(); }"),
        ] {
            assert_eq!(arrows(path, text), [""; 0], "{text}");
        }
    }

    #[test]
    fn a_room_without_a_row_is_found() {
        assert!(off_the_map(&file("src/nowhere/mod.rs", "")).is_some());
        assert_eq!(off_the_map(&file("src/store/mod.rs", "")), None);
        assert_eq!(off_the_map(&file("src/lib.rs", "")), None);
    }

    #[test]
    fn the_map_has_no_circle() {
        for (row, (room, below)) in MAP.iter().enumerate() {
            for to in *below {
                let found = MAP.iter().position(|(name, _)| name == to);
                assert!(found.is_some_and(|found| found > row), "{room} → {to}");
            }
        }
    }
}
