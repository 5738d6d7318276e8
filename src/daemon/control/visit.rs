//! One connection from its first byte to its last.

use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;

use super::connection::{Connection, Ends, write};
use super::{CONFIGURATION, Clerk, Limits, Peer, Rule, refused};
use crate::domain::code::Control;
use crate::wire::{
    Answer, End, Hello, ReadError, Reader, Refused, Request, VERSION, Wish, encode, version_of,
};

pub(super) async fn visit(stream: UnixStream, rule: &Rule, clerk: &dyn Clerk, limits: Limits) {
    let Ok(peer) = Peer::of(&stream) else { return };
    let (from, to) = stream.into_split();
    let mut from = Reader::new(from);
    let hello = match rule.admit(&peer) {
        Ok(()) => first(&mut from, limits).await,
        Err(refused) => Err(Some(refused)),
    };
    match hello {
        Ok(Hello { wish: Wish::About, .. }) => {
            let answer = Answer::About(clerk.about().await);
            last_word(to, &answer, limits).await;
        }
        Ok(hello) => command(from, to, hello, peer, clerk, limits).await,
        Err(Some(refused)) => last_word(to, &Answer::Refused(refused), limits).await,
        Err(None) => {}
    }
}

/// Who asks for what; without a refusal where nobody waits for one.
async fn first(from: &mut Reader<OwnedReadHalf>, limits: Limits) -> Result<Hello, Option<Refused>> {
    let line = match timeout(limits.hello, from.next()).await {
        Ok(Ok(Some(line))) => line,
        Ok(Err(ReadError::TooLong)) => return Err(Some(garbled())),
        // It said nothing, or went away.
        Err(_) | Ok(Ok(None) | Err(_)) => return Err(None),
    };
    match version_of(&line) {
        None => Err(Some(garbled())),
        Some(VERSION) => match serde_json::from_slice(&line) {
            Ok(Request::Hello(hello)) => Ok(hello),
            _ => Err(Some(garbled())),
        },
        Some(other) => {
            let said = format!(
                "the command speaks version {other} of the control socket's words, and the daemon \
                 (rekeyd {}) version {VERSION}. Nothing was done; restart the daemon after an \
                 update, or call the command that belongs to it",
                env!("CARGO_PKG_VERSION")
            );
            Err(Some(refused(CONFIGURATION, Control::Version, said, "rekeyd --version")))
        }
    }
}

fn garbled() -> Refused {
    let said = "the daemon does not understand what it was sent. Nothing was done";
    refused(CONFIGURATION, Control::Garbled, said, "rekeyd --version")
}

async fn last_word(mut to: OwnedWriteHalf, answer: &Answer, limits: Limits) {
    let Some(line) = encode(answer) else { return };
    // Whoever does not take it in time does not want it.
    drop(timeout(limits.slow, to.write_all(&line)).await);
}

/// Runs the command to its end, whether or not somebody follows.
async fn command(
    from: Reader<OwnedReadHalf>,
    to: OwnedWriteHalf,
    hello: Hello,
    peer: Peer,
    clerk: &dyn Clerk,
    limits: Limits,
) {
    let Wish::Command { arguments } = hello.wish.clone() else { return };
    let (connection, ends) = Connection::new(limits);
    let Ends { lines, input, left, queue } = ends;
    let writer = tokio::spawn(write(to, lines, queue, limits));
    let reader = tokio::spawn(read(from, input, left));
    let served = clerk.serve(arguments, hello, peer, connection.clone()).await;
    connection.send(&match served {
        Ok(exit) => Answer::End(End { exit }),
        Err(refused) => Answer::Refused(refused),
    });
    drop(connection);
    // The writer ends when it has written all; a slow reader's rest is not waited for longer.
    let cut = writer.abort_handle();
    if timeout(limits.slow, writer).await.is_err() {
        cut.abort();
    }
    reader.abort();
}

/// Takes what the client says beside; its silence is no matter, its end is.
async fn read(
    mut from: Reader<OwnedReadHalf>,
    input: tokio::sync::mpsc::Sender<crate::wire::Input>,
    left: std::sync::Arc<tokio::sync::watch::Sender<bool>>,
) {
    while let Ok(Some(line)) = from.next().await {
        let Ok(Request::Input(piece)) = serde_json::from_slice(&line) else { break };
        if input.try_send(piece).is_err() {
            break;
        }
    }
    left.send_replace(true);
}
