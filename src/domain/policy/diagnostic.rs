//! What is wrong with a file, and where. A finding names file, line, and column, and how to mend
//! it. Must never be told a text that may be a secret.

use std::fmt;

use serde::Serialize;

use crate::domain::code::{Code, Room, named};
use crate::domain::words::count_of;

/// Longest piece of a file that a message quotes, in characters.
const MAX_QUOTED_CHARS: usize = 60;

named! {
    /// The kinds of findings: the second half of a finding's code.
    pub enum Problem {
        Syntax = "syntax",
        UnknownField = "unknown-field",
        UnknownValue = "unknown-value",
        WrongType = "wrong-type",
        MissingField = "missing-field",
        Conflict = "conflict",
        BadText = "bad-text",
        BadDuration = "bad-duration",
        OutOfBounds = "out-of-bounds",
        BadCron = "bad-cron",
        BadTimezone = "bad-timezone",
        BadWindow = "bad-window",
        BadBlackout = "bad-blackout",
        BadUrl = "bad-url",
        BadSecretId = "bad-secret-id",
        BadPath = "bad-path",
        BadCanary = "bad-canary",
        DrainTooShort = "drain-too-short",
        UnsafeName = "unsafe-name",
        SameName = "same-name",
        SameSecret = "same-secret",
        NotUtf8 = "not-utf8",
        TooLarge = "too-large",
        TooMany = "too-many",
        OutsideDirectory = "outside-directory",
        Unreadable = "unreadable",
    }
}

impl Problem {
    /// Whether a finding of the settings can be of this kind. The others are about policies alone.
    #[must_use]
    pub fn in_settings(self) -> bool {
        matches!(
            self,
            Self::Syntax
                | Self::UnknownField
                | Self::WrongType
                | Self::BadText
                | Self::BadDuration
                | Self::OutOfBounds
                | Self::NotUtf8
                | Self::TooLarge
                | Self::TooMany
                | Self::Unreadable
        )
    }
}

/// Where in a file. A finding about a whole file stands at 1:1 and has no span.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// In bytes from the beginning of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub span: Option<Span>,
    /// The line up to the end of the span; other quoted text is masked.
    #[serde(skip)]
    pub(super) excerpt: Option<String>,
}

/// A piece of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Span {
    pub offset_bytes: usize,
    pub length_bytes: usize,
}

impl Place {
    /// For findings about a file as a whole.
    #[must_use]
    pub fn whole_file() -> Self {
        Self::bare(1, 1)
    }

    /// A position without an excerpt.
    #[must_use]
    pub fn bare(line: usize, column: usize) -> Self {
        Self { line, column, span: None, excerpt: None }
    }
}

/// One thing that is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable: `policy/unknown-field`, `settings/bad-duration`, …
    pub code: Code,
    pub file: String,
    #[serde(flatten)]
    pub place: Place,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl Finding {
    /// `room` is the kind of file, and the first half of the code.
    #[must_use]
    pub fn new(
        room: Room,
        problem: Problem,
        file: &str,
        place: Place,
        message: impl Into<String>,
    ) -> Self {
        Self {
            code: Code::Finding(room, problem),
            file: escaped(file),
            place,
            message: escaped(&message.into()),
            help: None,
        }
    }

    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(escaped(&help.into()));
        self
    }
}

/// `FILE:LINE:COLUMN: MESSAGE [CODE]`, then the excerpt with its caret, then the help.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { line, column, excerpt, .. } = &self.place;
        write!(f, "{}:{line}:{column}: {} [{}]", self.file, self.message, self.code)?;
        if let Some(excerpt) = excerpt {
            let gutter = line.to_string();
            let blank = " ".repeat(gutter.len());
            let before = column.saturating_sub(1);
            let carets = excerpt.chars().count().saturating_sub(before).max(1);
            write!(f, "\n  {gutter} | {excerpt}")?;
            write!(f, "\n  {blank} | {}{}", " ".repeat(before), "^".repeat(carets))?;
        }
        if let Some(help) = &self.help {
            write!(f, "\n  help: {help}")?;
        }
        Ok(())
    }
}

/// Everything that is wrong with one or more files, sorted by file, line, and column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Findings(Vec<Finding>);

impl Findings {
    #[must_use]
    pub fn new(mut findings: Vec<Finding>) -> Self {
        findings.sort_by(|a, b| {
            (&a.file, &a.place, &a.code, &a.message).cmp(&(&b.file, &b.place, &b.code, &b.message))
        });
        Self(findings)
    }

    #[must_use]
    pub fn into_vec(self) -> Vec<Finding> {
        self.0
    }

    #[must_use]
    pub fn as_slice(&self) -> &[Finding] {
        &self.0
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.0 {
            writeln!(f, "{finding}")?;
        }
        f.write_str(&count_of(self.0.len(), "finding", "findings"))
    }
}

impl std::error::Error for Findings {}

/// A piece of a file, fit for a message: escaped, bounded, in backquotes.
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut short: String = text.chars().take(MAX_QUOTED_CHARS).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("`{}`", escaped(&short))
}

/// The known name that a person most likely meant.
#[must_use]
pub fn nearest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let wanted = name.to_lowercase();
    if wanted.chars().count() > MAX_QUOTED_CHARS {
        return None;
    }
    known
        .into_iter()
        .map(|candidate| {
            (strsim::damerau_levenshtein(&wanted, &candidate.to_lowercase()), candidate)
        })
        .filter(|(distance, candidate)| *distance <= candidate.chars().count().div_ceil(3))
        .min()
        .map(|(_, candidate)| candidate)
}

/// Help for a name that is not known: the nearest one, else all of them.
#[must_use]
pub fn help_for(name: &str, what: &str, known: &[&str]) -> String {
    nearest(name, known.iter().copied()).map_or_else(
        || format!("known {what}: {}", known.join(", ")),
        |known| format!("did you mean `{known}`?"),
    )
}

/// Control characters written out, so that no file can speak to a terminal.
#[must_use]
pub fn escaped(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let escape = c.is_control().then(|| c.escape_default());
            let plain = escape.is_none().then_some(c);
            escape.into_iter().flatten().chain(plain)
        })
        .collect()
}
