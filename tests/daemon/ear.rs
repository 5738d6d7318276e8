//! What systemd would hear: a notify socket that remembers.

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

pub struct Ear {
    socket: UnixDatagram,
    pub path: PathBuf,
    heard: Vec<String>,
}

impl Ear {
    pub fn at(path: &Path) -> Self {
        drop(std::fs::remove_file(path));
        let socket = UnixDatagram::bind(path).unwrap();
        socket.set_nonblocking(true).unwrap();
        Self { socket, path: path.to_owned(), heard: Vec::new() }
    }

    /// Every message so far, each with its lines.
    pub fn heard(&mut self) -> &[String] {
        let mut buffer = [0_u8; 4096];
        while let Ok(length) = self.socket.recv(&mut buffer) {
            self.heard.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
        }
        &self.heard
    }

    /// Lines that begin so, so far.
    pub fn count(&mut self, start: &str) -> usize {
        self.heard()
            .iter()
            .flat_map(|message| message.lines())
            .filter(|l| l.starts_with(start))
            .count()
    }

    pub fn has(&mut self, start: &str) -> bool {
        self.count(start) > 0
    }
}
