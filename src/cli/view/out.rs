//! Where lines go. A reader that went away is no error; colours only where a person looks.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicU8, Ordering};

use anstream::ColorChoice;
use serde::Serialize;
use serde_json::json;

use super::super::args::Output;
use super::super::error::{CliError, Exit};
use super::super::typed;
use crate::domain::code::{Code, Own};
use crate::domain::policy::diagnostic::escaped;

/// Lines are no longer than this, and no longer than the terminal.
const MAX_WIDTH: usize = 80;
/// What is shown on something narrower is broken by it, not by us.
const MIN_WIDTH: usize = 20;
/// So many codes are pointed at.
const MAX_HINTS: usize = 3;

/// What became of standard output, which this process has once.
static STDOUT: AtomicU8 = AtomicU8::new(TAKEN);
const TAKEN: u8 = 0;
/// The reader went away: `rekeyd status | head`. That is its right.
const CLOSED: u8 = 1;
/// Something was not written that a reader waits for: a full disk.
const LOST: u8 = 2;

/// Prints for one command.
#[derive(Debug, Clone, Copy)]
pub struct Out {
    pub output: Output,
    /// Columns that a line may take.
    pub width: usize,
}

impl Out {
    #[must_use]
    pub fn new(output: Output, no_color: bool) -> Self {
        if no_color {
            ColorChoice::Never.write_global();
        }
        Self { output, width: width() }
    }

    #[must_use]
    pub fn is_json(self) -> bool {
        self.output == Output::Json
    }

    /// A line of data.
    pub fn data(self, line: &str) {
        if !self.is_closed() {
            let mut stdout = anstream::stdout().lock();
            remember(writeln!(stdout, "{line}").and_then(|()| stdout.flush()));
        }
    }

    /// Data as it is, colours and all.
    pub fn raw(self, bytes: &[u8]) {
        if !self.is_closed() {
            let mut stdout = io::stdout().lock();
            remember(stdout.write_all(bytes).and_then(|()| stdout.flush()));
        }
    }

    /// The command to type next, as a line of data.
    pub fn next(self, indent: &str, command: &str) {
        self.data(&format!("{indent}next: {}", typed::command(command)));
    }

    /// A value as one JSON document.
    pub fn json<T: Serialize>(self, value: &T) {
        match serde_json::to_string_pretty(value) {
            Ok(text) => self.data(&typed::in_json(&text)),
            Err(error) => self.note(&format!("cannot be written as JSON: {error}")),
        }
    }

    /// Whether nobody reads the data any more, or it cannot be written.
    #[must_use]
    pub fn is_closed(self) -> bool {
        STDOUT.load(Ordering::SeqCst) != TAKEN
    }

    /// A line about what goes on.
    pub fn note(self, line: &str) {
        let mut stderr = anstream::stderr().lock();
        drop(writeln!(stderr, "{line}"));
    }

    /// What does not stop the command, in one line or as a JSON line.
    pub fn warning(self, code: Code, message: &str, next: &str) {
        if self.is_json() {
            let warning = json!({ "code": code, "message": message, "next_command": next });
            self.note(&typed::in_json(&json!({ "warning": warning }).to_string()));
            return;
        }
        let (message, next) = (escaped(message), typed::command(next));
        self.note(&format!("{YELLOW}warning{YELLOW:#}[{code}]: {message}; next: {next}"));
    }

    /// An error, as text or as a JSON line.
    pub fn error(self, error: &CliError) {
        if self.is_json() {
            let line = serde_json::to_string(&json!({ "error": error }));
            self.note(&typed::in_json(&line.unwrap_or_default()));
            return;
        }
        let message: Vec<String> = error.message.lines().map(escaped).collect();
        self.note(&format!("{RED}error{RED:#}[{}]: {}", error.code, message.join("\n")));
        if let Some(next) = &error.next_command {
            self.note(&format!("{DIM}next:{DIM:#} {}", typed::command(next)));
        }
        self.hint([error.code]);
    }

    /// Points a person at the pages of codes that were just shown. Machines and logs need none, and
    /// a slip of the keyboard needs no page.
    pub fn hint(self, codes: impl IntoIterator<Item = Code>) {
        if self.is_json() || !io::stderr().is_terminal() {
            return;
        }
        let mut shown: Vec<Code> = Vec::new();
        for code in codes {
            if code != Own::Usage.into() && !shown.contains(&code) && shown.len() < MAX_HINTS {
                self.note(&format!("{DIM}more:{DIM:#} rekeyd explain {code}"));
                shown.push(code);
            }
        }
    }
}

/// The end of a command, seen from its output: what did its work and could not print it all does
/// not end with 0.
///
/// # Errors
/// When standard output refused something, for another reason than a reader that went away.
pub fn output_is_whole() -> Result<(), CliError> {
    if STDOUT.load(Ordering::SeqCst) != LOST {
        return Ok(());
    }
    let said = "standard output took not all that was to be printed; what was done is done";
    Err(CliError::new(Exit::Configuration, Own::OutputLost, said).next("df -h"))
}

fn remember(written: io::Result<()>) {
    if let Err(error) = written {
        let what = if error.kind() == io::ErrorKind::BrokenPipe { CLOSED } else { LOST };
        STDOUT.store(what, Ordering::SeqCst);
    }
}

/// A pipe takes lines of any length, and gets them as on a wide terminal.
fn width() -> usize {
    let stdout = io::stdout();
    if !stdout.is_terminal() {
        return MAX_WIDTH;
    }
    let columns = rustix::termios::tcgetwinsize(&stdout).map_or(0, |size| size.ws_col);
    if columns == 0 { MAX_WIDTH } else { usize::from(columns).clamp(MIN_WIDTH, MAX_WIDTH) }
}

pub const RED: anstyle::Style = anstyle::AnsiColor::Red.on_default().bold();
pub const GREEN: anstyle::Style = anstyle::AnsiColor::Green.on_default();
pub const YELLOW: anstyle::Style = anstyle::AnsiColor::Yellow.on_default();
pub const BOLD: anstyle::Style = anstyle::Style::new().bold();
pub const DIM: anstyle::Style = anstyle::Style::new().dimmed();
