//! The control socket: commands that are typed on the same machine reach the running daemon here.
//! Knows who may speak, for how long, and how much; what a command does is its clerk's business.
//! Nothing that a client does, or leaves out, delays the daemon or another client.

mod bind;
mod connection;
mod peer;
mod visit;

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

pub use self::bind::{BindError, bind, unbind};
pub use self::connection::{Connection, Left};
pub use self::peer::{Peer, Rule};
use self::visit::visit;
use crate::domain::code::Control;
use crate::engine::Stop;
use crate::wire::{About, Answer, Hello, Refused, VERSION, encode};

/// What one client may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time. A command whose client left counts until it is over.
    pub connections: usize,
    /// Until the first line is there.
    pub hello: Duration,
    /// Until a line that is written is taken.
    pub slow: Duration,
    /// Bytes that wait for a slow reader.
    pub backlog: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 64,
            hello: Duration::from_secs(5),
            slow: Duration::from_secs(10),
            backlog: 1024 * 1024,
        }
    }
}

/// Does what is asked for.
#[async_trait]
pub trait Clerk: Send + Sync {
    /// What the daemon says about itself.
    async fn about(&self) -> About;

    /// Runs a command line; its exit code. What it prints goes to the connection. Implementations
    /// MUST go on when the client has left, and MUST end soon after the daemon's own stop.
    ///
    /// # Errors
    /// When nothing was done.
    async fn serve(
        &self,
        arguments: Vec<String>,
        hello: Hello,
        peer: Peer,
        connection: Connection,
    ) -> Result<u8, Refused>;
}

/// What a client is told that gets nothing.
#[must_use]
pub fn refused(exit: u8, code: Control, message: impl Into<String>, next: &str) -> Refused {
    let (message, code) = (message.into(), code.name().to_owned());
    Refused { version: VERSION, exit, code, message, next: Some(next.to_owned()) }
}

/// Exit codes of refusals: a matter of configuration, and one of load.
pub(crate) const CONFIGURATION: u8 = 3;
const THROTTLED: u8 = 5;
/// Between two tries when the system lets us accept nothing.
const ACCEPT_AGAIN: Duration = Duration::from_millis(200);

/// Serves until the stop, and then until every command that was begun is over. Dropping this cuts
/// them off.
pub async fn serve(
    listener: UnixListener,
    rule: Rule,
    clerk: Arc<dyn Clerk>,
    limits: Limits,
    mut stop: Stop,
) {
    let places = Arc::new(Semaphore::new(limits.connections));
    let mut visits = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = stop.asked() => break,
            accepted = listener.accept() => accepted,
            Some(_over) = visits.join_next() => continue,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "the control socket accepts nobody");
                tokio::time::sleep(ACCEPT_AGAIN).await;
                continue;
            }
        };
        let Ok(place) = places.clone().try_acquire_owned() else {
            turn_away(stream, limits.connections);
            continue;
        };
        let (clerk, rule) = (clerk.clone(), rule.clone());
        visits.spawn(async move {
            visit(stream, &rule, clerk.as_ref(), limits).await;
            drop(place);
        });
    }
    drop(listener);
    while visits.join_next().await.is_some() {}
}

/// Without a place: one line, if the socket takes it at once.
fn turn_away(stream: UnixStream, places: usize) {
    let said = format!("{places} commands are at the daemon already. Nothing was done");
    let answer = Answer::Refused(refused(THROTTLED, Control::Busy, said, "rekeyd status"));
    // The runtime does not know yet that a new socket can be written to; the system does.
    if let (Some(line), Ok(mut stream)) = (encode(&answer), stream.into_std()) {
        // Whoever does not take it sees the connection end.
        drop(stream.write(&line));
    }
}
