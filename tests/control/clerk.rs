//! A clerk that plays, behind a real socket.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use rekeyd::daemon::control::{Clerk, Connection, Limits, Peer, Rule, bind, serve};
use rekeyd::engine::Stop;
use rekeyd::wire::{About, Answer, Hello, Places, Reader, Refused, Request, Stream, VERSION, Wish};
use rekeyd::wire::{Terminal, encode};
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Semaphore, watch};

/// Plays what the first word says.
pub(crate) struct Player {
    /// A command that holds ends when there is a permit.
    pub(crate) release: Semaphore,
    pub(crate) begun: AtomicUsize,
    pub(crate) ended: AtomicUsize,
    pub(crate) peers: Mutex<Vec<Peer>>,
}

#[async_trait]
impl Clerk for Player {
    async fn about(&self) -> About {
        About { pid: 7, reload_error: Some("why".into()), ..About::default() }
    }

    async fn serve(
        &self,
        arguments: Vec<String>,
        _hello: Hello,
        peer: Peer,
        connection: Connection,
    ) -> Result<u8, Refused> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        self.peers.lock().unwrap().push(peer);
        let exit = match arguments[0].as_str() {
            "hold" => {
                self.release.acquire().await.unwrap().forget();
                connection.show(Stream::Stdout, "held\n");
                0
            }
            "flood" => {
                for _ in 0..64 {
                    connection.show(Stream::Stdout, &"x".repeat(64 * 1024));
                    tokio::task::yield_now().await;
                }
                1
            }
            "input" => {
                let mut length = 0;
                while let Some(piece) = connection.input().await {
                    length += piece.bytes.0.len();
                    if piece.last {
                        break;
                    }
                }
                connection.show(Stream::Stdout, &format!("{length} bytes\n"));
                2
            }
            "refuse" => return Err(Refused { exit: 9, code: "c".into(), ..Refused::default() }),
            _ => {
                connection.show(Stream::Stdout, &format!("{}\n", arguments.join(" ")));
                connection.show(Stream::Stderr, "beside\n");
                3
            }
        };
        self.ended.fetch_add(1, Ordering::SeqCst);
        Ok(exit)
    }
}

/// A socket that serves until the test ends.
pub(crate) struct Counter {
    pub(crate) player: Arc<Player>,
    pub(crate) dir: tempfile::TempDir,
    switch: Arc<watch::Sender<bool>>,
    serving: tokio::task::JoinHandle<()>,
}

impl Counter {
    pub(crate) fn open(rule: Rule, limits: Limits) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let listener = bind(&dir.path().join("control.sock"), None).unwrap();
        let player = Arc::new(Player {
            release: Semaphore::new(0),
            begun: AtomicUsize::new(0),
            ended: AtomicUsize::new(0),
            peers: Mutex::new(Vec::new()),
        });
        let (switch, stop) = Stop::new();
        let serving = tokio::spawn(serve(listener, rule, player.clone(), limits, stop));
        Self { player, dir, switch, serving }
    }

    pub(crate) fn usual() -> Self {
        Self::open(Rule::own(None), Limits::default())
    }

    pub(crate) async fn call(&self) -> Client {
        let stream = UnixStream::connect(self.dir.path().join("control.sock")).await.unwrap();
        let (from, to) = stream.into_split();
        Client { from: Reader::new(from), to }
    }

    /// Asks the daemon to end, and waits until it has.
    pub(crate) async fn close(self) {
        self.switch.send_replace(true);
        self.serving.await.unwrap();
    }

    /// Whether the last of the tests' commands is over by now.
    pub(crate) fn ended(&self) -> usize {
        self.player.ended.load(Ordering::SeqCst)
    }

    pub(crate) fn begun(&self) -> usize {
        self.player.begun.load(Ordering::SeqCst)
    }
}

pub(crate) struct Client {
    pub(crate) from: Reader<OwnedReadHalf>,
    pub(crate) to: OwnedWriteHalf,
}

pub(crate) fn hello(wish: Wish) -> Request {
    let (places, terminal) = (Places::default(), Terminal::default());
    Request::Hello(Hello { version: VERSION, wish, places, terminal })
}

pub(crate) fn command(words: &[&str]) -> Request {
    let arguments = words.iter().map(|word| (*word).to_owned()).collect();
    hello(Wish::Command { arguments })
}

impl Client {
    pub(crate) async fn say(&mut self, request: &Request) {
        self.raw(&encode(request).unwrap()).await;
    }

    /// Bytes as they are; a server that went away is seen by what is heard.
    pub(crate) async fn raw(&mut self, bytes: &[u8]) {
        drop(self.to.write_all(bytes).await);
    }

    /// The next answer; `None` at the end of the connection.
    pub(crate) async fn hear(&mut self) -> Option<Answer> {
        let line = self.from.next().await.ok()??;
        Some(serde_json::from_slice(&line).unwrap())
    }

    pub(crate) async fn refusal(&mut self) -> Refused {
        match self.hear().await {
            Some(Answer::Refused(refused)) => refused,
            other => panic!("no refusal: {other:?}"),
        }
    }
}

/// Waits until something holds; half a minute at most.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(30), "it never came: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
