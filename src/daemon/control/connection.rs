//! One client that follows a command. What is shown waits in a bounded queue for a reader that is
//! slow; one that is too slow is dropped, and the command goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::AsyncWriteExt;
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::{Mutex, mpsc, watch};
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::Limits;
use crate::wire::{Answer, Input, Stream, Text, encode, pieces};

type Line = Zeroizing<Vec<u8>>;

/// Whether the client follows no more.
#[derive(Debug, Clone)]
pub struct Left(watch::Receiver<bool>);

impl Left {
    #[must_use]
    pub fn is_so(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until the client has left.
    pub async fn happens(&mut self) {
        // Whoever could say so is gone as well.
        drop(self.0.wait_for(|left| *left).await);
    }
}

/// The client's side, for the command that serves it. Cheap to clone.
#[derive(Clone)]
pub struct Connection {
    lines: mpsc::UnboundedSender<Line>,
    queue: Arc<Queue>,
    input: Arc<Mutex<mpsc::Receiver<Input>>>,
    left: Left,
}

/// What waits to be written, in bytes.
pub(super) struct Queue {
    bytes: AtomicUsize,
    most: usize,
    left: Arc<watch::Sender<bool>>,
}

/// The far ends of a connection.
pub(super) struct Ends {
    pub(super) lines: mpsc::UnboundedReceiver<Line>,
    pub(super) input: mpsc::Sender<Input>,
    pub(super) left: Arc<watch::Sender<bool>>,
    pub(super) queue: Arc<Queue>,
}

/// Pieces of input that wait for the command.
const INPUT_PIECES: usize = 8;

impl Connection {
    /// A connection whose lines may take so much memory, and its far ends.
    pub(super) fn new(limits: Limits) -> (Self, Ends) {
        let (lines, written) = mpsc::unbounded_channel();
        let (given, input) = mpsc::channel(INPUT_PIECES);
        let (left, has_left) = watch::channel(false);
        let left = Arc::new(left);
        let queue = Arc::new(Queue {
            bytes: AtomicUsize::new(0),
            most: limits.backlog,
            left: left.clone(),
        });
        let ends = Ends { lines: written, input: given, left, queue: queue.clone() };
        let input = Arc::new(Mutex::new(input));
        (Self { lines, queue, input, left: Left(has_left) }, ends)
    }

    /// Shows a text. Never waits; once the client has left, the text is dropped.
    pub fn show(&self, stream: Stream, text: &str) {
        for piece in pieces(text) {
            self.send(&Answer::Text(Text { stream, text: piece.to_owned() }));
        }
    }

    pub(super) fn send(&self, answer: &Answer) {
        let Some(line) = encode(answer).filter(|_| !self.left.is_so()) else { return };
        let waiting = self.queue.bytes.fetch_add(line.len(), Ordering::SeqCst) + line.len();
        if waiting > self.queue.most {
            tracing::warn!("a client of the control socket reads too slowly and is dropped");
            self.queue.left.send_replace(true);
        } else if self.lines.send(line).is_err() {
            self.queue.left.send_replace(true);
        }
    }

    /// The next piece of standard input; `None` where nothing comes any more.
    pub async fn input(&self) -> Option<Input> {
        self.input.lock().await.recv().await
    }

    #[must_use]
    pub fn left(&self) -> Left {
        self.left.clone()
    }
}

/// Writes what is shown until nothing follows, or the client does not take it.
pub(super) async fn write(
    mut to: OwnedWriteHalf,
    mut lines: mpsc::UnboundedReceiver<Line>,
    queue: Arc<Queue>,
    limits: Limits,
) {
    let mut left = Left(queue.left.subscribe());
    loop {
        let line = tokio::select! {
            line = lines.recv() => line,
            () = left.happens() => None,
        };
        let Some(line) = line else { return };
        let written = timeout(limits.slow, to.write_all(&line)).await;
        queue.bytes.fetch_sub(line.len(), Ordering::SeqCst);
        if !matches!(written, Ok(Ok(()))) {
            queue.left.send_replace(true);
            return;
        }
    }
}
