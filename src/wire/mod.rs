//! The words between a command and the daemon on one machine: JSON objects, one a line, each of at
//! most [`MAX_LINE_BYTES`]. Fields that are not known are ignored, so that both sides can grow.
//! Knows no command and opens no socket.

mod bytes;
mod lines;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use self::bytes::Bytes;
pub use self::lines::{ReadError, Reader, encode};

/// What this program speaks. Another version is refused: a command must not be half understood.
pub const VERSION: u32 = 1;
/// The longest line, with its end.
pub const MAX_LINE_BYTES: usize = 64 * 1024;
/// The longest piece of text in one [`Answer::Text`]: each byte may take six in JSON.
pub const MAX_TEXT_BYTES: usize = 8 * 1024;
/// The most bytes in one [`Request::Input`]: each takes two.
pub const MAX_INPUT_BYTES: usize = 16 * 1024;

/// What a command says to the daemon. The first is `Hello`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    Hello(Hello),
    /// A piece of the command's standard input.
    Input(Input),
    /// Nobody follows any more. What was begun goes on.
    Stop(Stop),
}

/// Who asks for what.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hello {
    pub version: u32,
    pub wish: Wish,
    /// Where the command looks, so that it does not act on another daemon than is meant.
    pub places: Places,
    pub terminal: Terminal,
}

/// What is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// What the daemon says about itself.
    #[default]
    About,
    /// A command line, without the program's name.
    Command { arguments: Vec<String> },
}

/// Directories as the command found them, whole and without links. `None` where it may not look,
/// or where it takes whatever the daemon uses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Places {
    pub state_dir: Option<String>,
    pub policies_dir: Option<String>,
}

/// What the command's output goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Terminal {
    /// Columns.
    pub width: usize,
    /// A person looks at stderr.
    pub has_person: bool,
}

impl Default for Terminal {
    fn default() -> Self {
        Self { width: 80, has_person: false }
    }
}

/// A piece of standard input, which may be a secret.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Input {
    pub bytes: Bytes,
    /// Nothing follows.
    pub last: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {}

/// What the daemon says to a command. The last is `End`, `About`, or `Refused`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    Text(Text),
    End(End),
    About(About),
    Refused(Refused),
}

/// A piece of output, with its ends of lines and its styles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    pub stream: Stream,
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    Stdout,
    Stderr,
}

/// The command is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// The exit code.
    pub exit: u8,
}

/// A daemon about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct About {
    /// The program's version.
    pub version: String,
    pub pid: u32,
    /// RFC 3339 in UTC.
    pub since: String,
    /// How many policies are loaded.
    pub policies: usize,
    /// When the files were last read with success. RFC 3339 in UTC.
    pub loaded_at: Option<String>,
    /// Why the last reading of the files changed nothing; the policies before it go on.
    pub reload_error: Option<String>,
    /// Secrets with something open.
    pub open: usize,
    /// What looking between rotations found.
    pub findings: Vec<Finding>,
}

/// One thing that the daemon saw and the journal does not tell.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Finding {
    pub policy: String,
    pub code: String,
    pub message: String,
    pub next_command: String,
}

/// Nothing was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Refused {
    /// What the daemon speaks.
    pub version: u32,
    pub exit: u8,
    /// A name for `rekeyd explain`.
    pub code: String,
    pub message: String,
    /// The command to type next.
    pub next: Option<String>,
}

/// The version that a first line names, whatever else it holds: what a later version means by the
/// rest is not known here. `None` where it is no first line.
#[must_use]
pub fn version_of(line: &[u8]) -> Option<u32> {
    #[derive(Deserialize)]
    struct First {
        hello: Named,
    }
    #[derive(Deserialize)]
    struct Named {
        version: u32,
    }
    serde_json::from_slice::<First>(line).ok().map(|first| first.hello.version)
}

/// Cuts a text into pieces that each fit an answer.
pub fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (piece, after) = rest.split_at(cut(rest));
        rest = after;
        Some(piece)
    })
}

/// Behind the last whole line that fits, else behind the last character that does.
fn cut(text: &str) -> usize {
    if text.len() <= MAX_TEXT_BYTES {
        return text.len();
    }
    let at = text.floor_char_boundary(MAX_TEXT_BYTES);
    text.get(..at).and_then(|head| head.rfind('\n')).map_or(at, |end| end + 1)
}
