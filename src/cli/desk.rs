//! A command inside the daemon: it was typed elsewhere on this machine, and works on what the daemon
//! lends it: its policies, its journal, its engines. It takes no lock and makes no engine of its own.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use clap::Parser;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::adopt::MAX_INPUT_BYTES;
use super::args::Cli;
use super::context::{Context, flags_of};
use super::error::{CliError, Exit};
use super::typed::Typed;
use super::view::out::Out;
use super::view::sink::Sink;
use super::{command_of, conclude, is_served};
use crate::app::{App, Home};
use crate::daemon::control::{Clerk, Connection, Peer, refused};
use crate::domain::code::Control;
use crate::domain::report::Problem;
use crate::engine::Stop;
use crate::port::Journal;
use crate::settings::for_shell;
use crate::wire::{About, Hello, Places, Refused, Stream};

/// What the daemon lends to a command.
#[derive(Clone)]
pub struct Desk {
    /// The daemon's settings and its current set of policies.
    pub app: Arc<App>,
    /// The daemon holds its lock.
    pub journal: Arc<dyn Journal>,
    pub home: Arc<dyn Home>,
}

/// The daemon, as its commands need it.
#[async_trait]
pub trait Office: Send + Sync {
    /// What a command that comes now works on.
    fn desk(&self) -> Desk;

    /// What the daemon says about itself.
    fn about(&self) -> About;

    /// Reads settings and policies anew; how many policies there are now.
    ///
    /// # Errors
    /// When they cannot be used. Then everything MUST go on as before.
    async fn reload(&self) -> Result<usize, Problem>;
}

/// One command's place in the daemon.
pub struct Seat {
    pub desk: Desk,
    pub office: Arc<dyn Office>,
    /// The account that asks.
    pub who: String,
    /// The daemon ends.
    pub stop: Stop,
    pub connection: Connection,
}

/// Between two pieces of input.
const INPUT_WAIT: Duration = Duration::from_secs(10);

impl Seat {
    /// What the command was given beside its words.
    ///
    /// # Errors
    /// When it does not come.
    pub async fn standard_input(&self) -> Result<Zeroizing<Vec<u8>>, CliError> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(2 * MAX_INPUT_BYTES));
        loop {
            let Ok(Some(piece)) = timeout(INPUT_WAIT, self.connection.input()).await else {
                return Err(CliError::usage("standard input did not come"));
            };
            bytes.extend_from_slice(&piece.bytes.0);
            // Whoever reads it says that it is too long.
            if piece.last || bytes.len() > MAX_INPUT_BYTES {
                return Ok(bytes);
            }
        }
    }
}

/// Runs commands for the daemon's control socket.
pub struct DeskClerk {
    office: Arc<dyn Office>,
    stop: Stop,
}

impl DeskClerk {
    /// `stop`: the daemon ends, and its commands with it.
    #[must_use]
    pub fn new(office: Arc<dyn Office>, stop: Stop) -> Self {
        Self { office, stop }
    }
}

#[async_trait]
impl Clerk for DeskClerk {
    async fn about(&self) -> About {
        self.office.about()
    }

    async fn serve(
        &self,
        arguments: Vec<String>,
        hello: Hello,
        peer: Peer,
        connection: Connection,
    ) -> Result<u8, Refused> {
        let words = std::iter::once("rekeyd".to_owned()).chain(arguments.iter().cloned());
        // Kinds and places of a mistake can hold what was typed, so only its kind is told.
        let cli = Cli::try_parse_from(words).map_err(|error| unparsed(&error))?;
        let global = cli.global.clone();
        let command = command_of(cli).map_err(|error| of_error(&error))?;
        if !is_served(&command) {
            let said = "the daemon runs only commands that change something. Nothing was done";
            let exit = Exit::Usage.code();
            return Err(refused(exit, Control::NotServed, said, "rekeyd --help"));
        }
        tracing::info!(by = peer.name(), pid = peer.pid, "a command over the control socket");
        let desk = self.office.desk();
        same_places(&hello.places, &desk.app)?;
        let typed = Typed::new(&flags_of(&global), arguments);
        let has_person = hello.terminal.has_person;
        let sink = Arc::new(Far { connection: connection.clone(), has_person });
        let out = Out::to(sink, global.output, hello.terminal.width, typed);
        let (office, stop) = (self.office.clone(), self.stop.clone());
        let seat = Seat { desk, office, who: peer.name(), stop, connection };
        let context = Context::seated(&global, out, seat);
        Ok(conclude(&context, command).await.code())
    }
}

fn unparsed(error: &clap::Error) -> Refused {
    let said = format!(
        "the daemon does not know that command line ({}); it may be of another version. Nothing \
         was done",
        error.kind()
    );
    refused(Exit::Usage.code(), Control::Garbled, said, "rekeyd --version")
}

fn of_error(error: &CliError) -> Refused {
    let next = error.next_command.as_deref().unwrap_or("rekeyd --help");
    let answer = refused(error.exit_code, Control::Garbled, error.message.as_str(), next);
    Refused { code: error.code.to_string(), ..answer }
}

/// A command that looks elsewhere is meant for another daemon, or for none.
fn same_places(named: &Places, app: &App) -> Result<(), Refused> {
    let own = [
        ("state directory", "--state-dir", &named.state_dir, &app.state_dir),
        ("policies directory", "--policies", &named.policies_dir, &app.policies_dir),
    ];
    for (what, flag, named, own) in own {
        let Some(named) = named else { continue };
        let own = whole(own);
        if *named != own {
            let said = format!(
                "the {what} that the command names or finds is {named}, and that of the daemon \
                 (process {}) is {own}. Nothing was done",
                std::process::id()
            );
            let next = format!("rekeyd {flag} {} status", for_shell(Path::new(&own)));
            return Err(refused(Exit::Configuration.code(), Control::OtherPlaces, said, &next));
        }
    }
    Ok(())
}

/// A path from the root and without links, as both sides must name it.
#[must_use]
pub fn whole(path: &Path) -> String {
    let whole = path.canonicalize().or_else(|_| std::path::absolute(path));
    whole.unwrap_or_else(|_| path.to_owned()).display().to_string()
}

/// `reload`.
///
/// # Errors
/// When no daemon runs, or the files cannot be used.
pub async fn reload(context: &Context) -> Result<Exit, CliError> {
    let Some(seat) = context.seat() else {
        let said = "no daemon runs on this state directory, so nothing is to be read anew: each \
                    command reads the files itself";
        let error = CliError::new(Exit::Configuration, Control::NoDaemon, said);
        return Err(error.next("rekeyd check"));
    };
    let policies = seat.office.reload().await.map_err(|error| {
        let mut error = CliError::of_problem(Exit::Configuration, error);
        error.message.push_str("\nThe daemon goes on with the policies that it had");
        error
    })?;
    if context.out.is_json() {
        context.out.json(&serde_json::json!({ "policies": policies }));
    } else {
        let policies = crate::domain::words::count_of(policies, "policy", "policies");
        context.out.data(&format!("the daemon has read its files anew: {policies}"));
    }
    Ok(Exit::Done)
}

/// Shows to a client. It strips what its own terminal does not want.
struct Far {
    connection: Connection,
    has_person: bool,
}

impl Sink for Far {
    fn data(&self, text: &str) {
        self.connection.show(Stream::Stdout, text);
    }

    fn note(&self, text: &str) {
        self.connection.show(Stream::Stderr, text);
    }

    fn raw(&self, bytes: &[u8]) {
        self.data(&String::from_utf8_lossy(bytes));
    }

    fn has_person(&self) -> bool {
        self.has_person
    }

    fn is_closed(&self) -> bool {
        self.connection.left().is_so()
    }

    /// What the client's own output lost, the client says.
    fn is_whole(&self) -> bool {
        true
    }
}
