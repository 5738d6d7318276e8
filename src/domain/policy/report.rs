//! Collects the findings of one file and gives each its place. Must never show what may be a
//! secret: of a line it quotes only what stands before and in the place it speaks of, and masks
//! other quoted text.

use std::ops::Range;

use super::diagnostic::{Finding, Findings, Place, Problem, Span, escaped};
use crate::domain::code::{Code, Room};
use crate::domain::words::count_of;

/// So many findings are kept for one file; one more says how many were left out.
pub const MAX_FINDINGS_PER_FILE: usize = 100;

/// Longest excerpt that is shown, in characters.
const MAX_EXCERPT_CHARS: usize = 160;

/// Collects the findings of one file.
#[derive(Debug)]
pub struct Report<'t> {
    room: Room,
    file: &'t str,
    text: &'t str,
    line_starts: Vec<usize>,
    findings: Vec<Finding>,
    left_out: usize,
}

impl<'t> Report<'t> {
    #[must_use]
    pub fn new(room: Room, file: &'t str, text: &'t str) -> Self {
        let line_starts =
            std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { room, file, text, line_starts, findings: Vec::new(), left_out: 0 }
    }

    /// Line, column, and excerpt of a piece of the text.
    #[must_use]
    pub fn place(&self, span: &Range<usize>) -> Place {
        let start = span.start.min(self.text.len());
        let line = self.line_starts.partition_point(|&begin| begin <= start).max(1);
        let line_start = self.line_starts.get(line - 1).copied().unwrap_or(0);
        let line_end = self.line_starts.get(line).map_or(self.text.len(), |&next| next - 1);
        let before = self.text.get(line_start..start).unwrap_or("");
        let within = self.text.get(start..span.end.min(line_end)).unwrap_or("");
        let mut excerpt = masked(before);
        excerpt.extend(within.trim_end().chars().map(printable));
        let too_long = excerpt.chars().count() > MAX_EXCERPT_CHARS;
        Place {
            line,
            column: before.chars().count() + 1,
            span: Some(Span {
                offset_bytes: span.start,
                length_bytes: span.end.saturating_sub(span.start),
            }),
            excerpt: (!too_long && !within.is_empty()).then_some(excerpt),
        }
    }

    /// Adds a finding about a piece of the text.
    pub fn add(
        &mut self,
        problem: Problem,
        span: &Range<usize>,
        message: impl Into<String>,
        help: Option<String>,
    ) {
        let mut finding = Finding::new(self.room, problem, self.file, self.place(span), message);
        finding.help = help.map(|help| escaped(&help));
        if problem == Problem::Syntax {
            // Where the syntax is broken nobody knows what is a value.
            finding.place.excerpt = None;
        }
        self.push(finding);
    }

    /// Adds a finding about the file as a whole.
    pub fn add_whole(&mut self, problem: Problem, message: impl Into<String>) {
        self.push(Finding::new(self.room, problem, self.file, Place::whole_file(), message));
    }

    fn push(&mut self, finding: Finding) {
        if self.findings.len() < MAX_FINDINGS_PER_FILE {
            self.findings.push(finding);
        } else {
            self.left_out += 1;
        }
    }

    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    /// All findings, sorted. Where the syntax is broken, only that is said of the line.
    #[must_use]
    pub fn finish(mut self) -> Vec<Finding> {
        let is_syntax = |f: &Finding| matches!(f.code, Code::Finding(_, Problem::Syntax));
        let broken: Vec<usize> =
            self.findings.iter().filter(|f| is_syntax(f)).map(|f| f.place.line).collect();
        self.findings.retain(|f| is_syntax(f) || !broken.contains(&f.place.line));
        if self.left_out > 0 {
            let last = Place::bare(self.line_starts.len(), 1);
            let more = count_of(self.left_out, "more finding is", "more findings are");
            let message = format!("{more} left out");
            self.findings.push(Finding::new(self.room, Problem::TooMany, self.file, last, message));
        }
        Findings::new(self.findings).into_vec()
    }
}

/// Text before a span: what stands in quotes there is another field's value.
fn masked(text: &str) -> String {
    let mut quote = None;
    text.chars()
        .map(|c| match quote {
            Some(open) if c == open => {
                quote = None;
                c
            }
            Some(_) => '…',
            None => {
                if matches!(c, '"' | '\'') {
                    quote = Some(c);
                }
                printable(c)
            }
        })
        .collect()
}

fn printable(c: char) -> char {
    if c.is_control() { ' ' } else { c }
}
