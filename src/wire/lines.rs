//! Lines of bounded length over a stream of bytes. What is buffered is wiped when it is used.

use serde::Serialize;
use tokio::io::{AsyncRead, AsyncReadExt};
use zeroize::{Zeroize, Zeroizing};

use super::MAX_LINE_BYTES;

/// Why no line came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    #[error("a line is longer than 64 KiB")]
    TooLong,
    /// The other side went away within a line.
    #[error("the last line has no end")]
    Half,
    #[error("the connection broke: {0}")]
    Broken(std::io::ErrorKind),
}

/// Reads lines. Holds at most one line's length in memory.
pub struct Reader<R> {
    from: R,
    buffer: Zeroizing<Vec<u8>>,
    /// Bytes of the buffer that were read.
    filled: usize,
}

impl<R: AsyncRead + Unpin> Reader<R> {
    pub fn new(from: R) -> Self {
        Self { from, buffer: Zeroizing::new(vec![0; MAX_LINE_BYTES]), filled: 0 }
    }

    /// The next line without its end; `None` where the other side has said all. May be dropped
    /// while it waits: nothing is lost.
    ///
    /// # Errors
    /// A line that is too long or has no end, or a broken connection. Nothing can be read after.
    pub async fn next(&mut self) -> Result<Option<Zeroizing<Vec<u8>>>, ReadError> {
        loop {
            if let Some(line) = self.take() {
                return Ok(Some(line));
            }
            let free = self.buffer.get_mut(self.filled..).unwrap_or_default();
            if free.is_empty() {
                return Err(ReadError::TooLong);
            }
            match self.from.read(free).await {
                Ok(0) if self.filled == 0 => return Ok(None),
                Ok(0) => return Err(ReadError::Half),
                Ok(count) => self.filled += count,
                Err(error) => return Err(ReadError::Broken(error.kind())),
            }
        }
    }

    /// A whole line out of the buffer.
    fn take(&mut self) -> Option<Zeroizing<Vec<u8>>> {
        let read = self.buffer.get(..self.filled)?;
        let end = read.iter().position(|byte| *byte == b'\n')?;
        let line = Zeroizing::new(read.get(..end)?.to_vec());
        self.buffer.copy_within(end + 1..self.filled, 0);
        let left = self.filled - (end + 1);
        if let Some(used) = self.buffer.get_mut(left..self.filled) {
            used.zeroize();
        }
        self.filled = left;
        Some(line)
    }
}

/// A message as a line with its end; `None` where it is too long.
#[must_use]
pub fn encode<T: Serialize>(message: &T) -> Option<Zeroizing<Vec<u8>>> {
    // As large as it may become, so that no copy stays behind when it grows.
    let mut line = Zeroizing::new(Vec::with_capacity(MAX_LINE_BYTES));
    serde_json::to_writer(Limited(&mut line), message).ok()?;
    line.push(b'\n');
    Some(line)
}

/// Refuses what would not fit, so that the buffer never moves.
struct Limited<'a>(&'a mut Vec<u8>);

impl std::io::Write for Limited<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.len() + bytes.len() >= MAX_LINE_BYTES {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
