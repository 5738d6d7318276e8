//! One conversation with the daemon.

use std::time::Duration;

use serde::Serialize;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;

use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::domain::code::Control;
use crate::wire::{
    Answer, Bytes, Hello, Input, MAX_INPUT_BYTES, Places, Reader, Request, Terminal, VERSION, Wish,
    encode,
};

/// For what a daemon answers at once, and for what it takes at once.
const SOON: Duration = Duration::from_secs(5);

pub struct Call {
    from: Reader<OwnedReadHalf>,
    to: OwnedWriteHalf,
}

/// What came.
pub enum Heard {
    Answer(Answer),
    /// Nothing more will come that can be understood.
    Nothing,
}

impl Call {
    #[must_use]
    pub fn new(stream: UnixStream) -> Self {
        let (from, to) = stream.into_split();
        Self { from: Reader::new(from), to }
    }

    /// The first words.
    ///
    /// # Errors
    /// When the command line is too long to be sent.
    pub async fn hello(
        &mut self,
        context: &Context,
        places: Places,
        wish: Wish,
    ) -> Result<(), CliError> {
        let (width, has_person) = (context.out.width, context.out.has_person());
        let terminal = Terminal { width, has_person };
        let hello = Request::Hello(Hello { version: VERSION, wish, places, terminal });
        if encode(&hello).is_none() {
            let said = "the command line is too long to be sent to the daemon. Nothing was done";
            let error = CliError::new(Exit::Usage, Control::TooLong, said);
            return Err(error.next("rekeyd rotate --help"));
        }
        self.say(&hello).await;
        Ok(())
    }

    /// Standard input, in pieces.
    pub async fn input(&mut self, bytes: &[u8]) {
        let mut pieces = bytes.chunks(MAX_INPUT_BYTES).peekable();
        if pieces.peek().is_none() {
            self.say(&Request::Input(Input { last: true, ..Input::default() })).await;
        }
        while let Some(piece) = pieces.next() {
            let bytes = Bytes(piece.to_vec().into());
            let last = pieces.peek().is_none();
            self.say(&Request::Input(Input { bytes, last })).await;
        }
    }

    /// What cannot be said is seen by what is heard: a refusal may be waiting there.
    pub async fn say<T: Serialize>(&mut self, message: &T) {
        let Some(line) = encode(message) else { return };
        drop(timeout(SOON, self.to.write_all(&line)).await);
    }

    pub async fn heard(&mut self) -> Heard {
        let Ok(Some(line)) = self.from.next().await else { return Heard::Nothing };
        serde_json::from_slice(&line).map_or(Heard::Nothing, Heard::Answer)
    }

    /// The same, where an answer takes no work.
    pub async fn heard_soon(&mut self) -> Heard {
        timeout(SOON, self.heard()).await.unwrap_or(Heard::Nothing)
    }
}
