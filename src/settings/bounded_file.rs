//! Reads a text file of bounded size, and says where it is not text.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::domain::policy::diagnostic::{Place, Problem};
use crate::domain::policy::document::MAX_FILE_BYTES;

/// Why a file was not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) problem: Problem,
    pub(super) place: Place,
    pub(super) message: String,
}

impl Refusal {
    fn whole(problem: Problem, message: impl Into<String>) -> Self {
        Self { problem, place: Place::whole_file(), message: message.into() }
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::whole(Problem::Unreadable, format!("cannot be read: {}", error.kind()))
    }
}

/// Reads at most [`MAX_FILE_BYTES`] of a regular file as UTF-8. A pipe is refused, not waited for.
pub(super) fn read(path: &Path) -> Result<String, Refusal> {
    let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::CLOEXEC;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(Refusal::whole(Problem::Unreadable, "is not a regular file"));
    }
    let limit = u64::try_from(MAX_FILE_BYTES).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    text(bytes)
}

fn text(bytes: Vec<u8>) -> Result<String, Refusal> {
    if bytes.len() > MAX_FILE_BYTES {
        return Err(Refusal::whole(Problem::TooLarge, "the file is larger than 1 MiB"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        let valid = String::from_utf8_lossy(valid);
        let last_line = valid.rsplit('\n').next().unwrap_or_default();
        Refusal {
            problem: Problem::NotUtf8,
            place: Place::bare(valid.split('\n').count(), last_line.chars().count() + 1),
            message: "the file is not UTF-8 text".to_owned(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_that_is_not_utf8_has_a_line_and_a_column() {
        let refusal = text(b"a\n\xc3\xa9 \xff".to_vec()).unwrap_err();
        assert_eq!(refusal.problem, Problem::NotUtf8);
        assert_eq!((refusal.place.line, refusal.place.column), (2, 3));
    }

    #[test]
    fn one_byte_too_many_is_refused() {
        assert!(text(vec![b' '; MAX_FILE_BYTES]).is_ok());
        let refusal = text(vec![b' '; MAX_FILE_BYTES + 1]).unwrap_err();
        assert_eq!(refusal.problem, Problem::TooLarge);
    }
}
