//! Where lines go. A reader that went away is no error; colours only where a person looks.

use std::io::Write;

use anstream::ColorChoice;
use serde::Serialize;
use serde_json::json;

use super::super::args::Output;
use super::super::error::CliError;
use crate::domain::policy::diagnostic::escaped;

/// Prints for one command.
#[derive(Debug, Clone, Copy)]
pub struct Out {
    pub output: Output,
}

impl Out {
    #[must_use]
    pub fn new(output: Output, no_color: bool) -> Self {
        if no_color {
            ColorChoice::Never.write_global();
        }
        Self { output }
    }

    #[must_use]
    pub fn is_json(self) -> bool {
        self.output == Output::Json
    }

    /// A line of data.
    pub fn data(self, line: &str) {
        let mut stdout = anstream::stdout().lock();
        // `rekeyd status | head` ends early: that is the reader's right.
        drop(writeln!(stdout, "{line}").and_then(|()| stdout.flush()));
    }

    /// A value as one JSON document.
    pub fn json<T: Serialize>(self, value: &T) {
        match serde_json::to_string_pretty(value) {
            Ok(text) => self.data(&text),
            Err(error) => self.note(&format!("cannot be written as JSON: {error}")),
        }
    }

    /// A line about what goes on.
    pub fn note(self, line: &str) {
        let mut stderr = anstream::stderr().lock();
        drop(writeln!(stderr, "{line}"));
    }

    /// What does not stop the command, in one line or as a JSON line.
    pub fn warning(self, code: &str, message: &str, next: &str) {
        if self.is_json() {
            let warning = json!({ "code": code, "message": message, "next_command": next });
            self.note(&json!({ "warning": warning }).to_string());
            return;
        }
        let message = escaped(message);
        self.note(&format!("{YELLOW}warning{YELLOW:#}[{code}]: {message}; next: {next}"));
    }

    /// An error, as text or as a JSON line.
    pub fn error(self, error: &CliError) {
        if self.is_json() {
            let line = serde_json::to_string(&json!({ "error": error }));
            self.note(&line.unwrap_or_default());
            return;
        }
        let message: Vec<String> = error.message.lines().map(escaped).collect();
        self.note(&format!("{RED}error{RED:#}[{}]: {}", error.code, message.join("\n")));
        if let Some(next) = &error.next_command {
            self.note(&format!("{DIM}next:{DIM:#} {next}"));
        }
    }
}

pub const RED: anstyle::Style = anstyle::AnsiColor::Red.on_default().bold();
pub const GREEN: anstyle::Style = anstyle::AnsiColor::Green.on_default();
pub const YELLOW: anstyle::Style = anstyle::AnsiColor::Yellow.on_default();
pub const BOLD: anstyle::Style = anstyle::Style::new().bold();
pub const DIM: anstyle::Style = anstyle::Style::new().dimmed();
