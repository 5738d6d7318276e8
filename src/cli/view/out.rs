//! Where lines go. A reader that went away is no error; colours only where a person looks.

use std::io::{self, IsTerminal};
use std::sync::Arc;

use anstream::ColorChoice;
use serde::Serialize;
use serde_json::json;

use super::super::args::Output;
use super::super::error::{CliError, Exit};
use super::super::typed::Typed;
use super::sink::{Process, Sink};
use crate::domain::code::{Code, Own};
use crate::domain::policy::diagnostic::escaped;

/// Lines are no longer than this, and no longer than the terminal.
const MAX_WIDTH: usize = 80;
/// What is shown on something narrower is broken by it, not by us.
const MIN_WIDTH: usize = 20;
/// So many codes are pointed at.
const MAX_HINTS: usize = 3;

/// Prints for one command. Cheap to clone.
#[derive(Clone)]
pub struct Out {
    pub output: Output,
    /// Columns that a line may take.
    pub width: usize,
    typed: Arc<Typed>,
    sink: Arc<dyn Sink>,
}

impl Out {
    /// For the streams of this process.
    #[must_use]
    pub fn new(output: Output, no_color: bool, typed: Typed) -> Self {
        if no_color {
            ColorChoice::Never.write_global();
        }
        let sink = Arc::new(Process::default());
        Self { output, width: width(), typed: Arc::new(typed), sink }
    }

    /// For somebody else's streams of `width` columns.
    #[must_use]
    pub fn to(sink: Arc<dyn Sink>, output: Output, width: usize, typed: Typed) -> Self {
        let width = width.clamp(MIN_WIDTH, MAX_WIDTH);
        Self { output, width, typed: Arc::new(typed), sink }
    }

    /// The same command's words to another place.
    #[must_use]
    pub fn aside(&self, sink: Arc<dyn Sink>) -> Self {
        Self { sink, ..self.clone() }
    }

    /// What the command was called with.
    #[must_use]
    pub fn typed(&self) -> &Typed {
        &self.typed
    }

    #[must_use]
    pub fn is_json(&self) -> bool {
        self.output == Output::Json
    }

    /// A line of data.
    pub fn data(&self, line: &str) {
        self.sink.data(&format!("{line}\n"));
    }

    /// Data as it is, colours and all.
    pub fn raw(&self, bytes: &[u8]) {
        self.sink.raw(bytes);
    }

    /// Data of another process, with its ends of lines and its styles.
    pub fn show(&self, text: &str) {
        self.sink.data(text);
    }

    /// What another process shows beside its data.
    pub fn show_note(&self, text: &str) {
        self.sink.note(text);
    }

    /// Whether a person looks at what is not data.
    #[must_use]
    pub fn has_person(&self) -> bool {
        self.sink.has_person()
    }

    /// Whether this process's standard output takes colours.
    #[must_use]
    pub fn has_colour(&self) -> bool {
        anstream::AutoStream::choice(&io::stdout()) != ColorChoice::Never
    }

    /// What became of a command that ends early, in one line or as a JSON line.
    pub fn notice(&self, message: &str, next: &str) {
        if self.is_json() {
            let notice = json!({ "message": message, "next_command": next });
            self.note(&self.typed.in_json(&json!({ "notice": notice }).to_string()));
        } else {
            self.note(&format!("{message}; next: {}", self.typed.command(next)));
        }
    }

    /// The command to type next, as a line of data.
    pub fn next(&self, indent: &str, command: &str) {
        self.data(&format!("{indent}next: {}", self.typed.command(command)));
    }

    /// A value as one JSON document.
    pub fn json<T: Serialize>(&self, value: &T) {
        match serde_json::to_string_pretty(value) {
            Ok(text) => self.data(&self.typed.in_json(&text)),
            Err(error) => self.note(&format!("cannot be written as JSON: {error}")),
        }
    }

    /// Whether nobody reads the data any more, or it cannot be written.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.sink.is_closed()
    }

    /// A line about what goes on.
    pub fn note(&self, line: &str) {
        self.sink.note(&format!("{line}\n"));
    }

    /// What does not stop the command, in one line or as a JSON line.
    pub fn warning(&self, code: Code, message: &str, next: &str) {
        if self.is_json() {
            let warning = json!({ "code": code, "message": message, "next_command": next });
            self.note(&self.typed.in_json(&json!({ "warning": warning }).to_string()));
            return;
        }
        let (message, next) = (escaped(message), self.typed.command(next));
        self.note(&format!("{YELLOW}warning{YELLOW:#}[{code}]: {message}; next: {next}"));
    }

    /// An error, as text or as a JSON line.
    pub fn error(&self, error: &CliError) {
        if self.is_json() {
            let line = serde_json::to_string(&json!({ "error": error }));
            self.note(&self.typed.in_json(&line.unwrap_or_default()));
            return;
        }
        let message: Vec<String> = error.message.lines().map(escaped).collect();
        self.note(&format!("{RED}error{RED:#}[{}]: {}", error.code, message.join("\n")));
        if let Some(next) = &error.next_command {
            self.note(&format!("{DIM}next:{DIM:#} {}", self.typed.command(next)));
        }
        self.hint([error.code]);
    }

    /// The end of a command, seen from its output: what did its work and could not print it all
    /// does not end with 0.
    ///
    /// # Errors
    /// When standard output refused something, for another reason than a reader that went away.
    pub fn is_whole(&self) -> Result<(), CliError> {
        if self.sink.is_whole() {
            return Ok(());
        }
        let said = "standard output took not all that was to be printed; what was done is done";
        Err(CliError::new(Exit::Configuration, Own::OutputLost, said).next("df -h"))
    }

    /// Points a person at the pages of codes that were just shown. Machines and logs need none, and
    /// a slip of the keyboard needs no page.
    pub fn hint(&self, codes: impl IntoIterator<Item = Code>) {
        if self.is_json() || !self.sink.has_person() {
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
