//! The client of the daemon: a command that changes something is sent to the daemon that runs on
//! its places, and what the daemon shows is shown here. Ending this process ends no rotation.

mod call;
mod reach;

use self::call::{Call, Heard};
use self::reach::reach;
use super::adopt;
use super::args::{AdoptArgs, Command, RotateArgs};
use super::context::{Context, Signals};
use super::error::{CliError, Exit};
use crate::domain::code::{Code, Control};
use crate::domain::policy::diagnostic::escaped;
use crate::wire::{About, Answer, Refused, Request, Stop, Stream, Wish};

/// Lets a running daemon do it; `None` where none runs, and this process is to do it itself.
///
/// # Errors
/// When a daemon may be there and cannot be asked.
pub async fn hand_over(context: &Context, command: &Command) -> Result<Option<Exit>, CliError> {
    let Some(found) = reach(context).await? else { return Ok(None) };
    // Before the connection is used: the daemon does not wait for slow input.
    let input = match command {
        Command::Adopt(AdoptArgs { from_stdin: true, name, .. }) => {
            Some(adopt::standard_input(name).await?)
        }
        _ => None,
    };
    let arguments = arguments()?;
    // It may have been a while.
    let Some(found) = (if input.is_some() { reach(context).await? } else { Some(found) }) else {
        if let Some(bytes) = input {
            context.keep_input(bytes);
        }
        return Ok(None);
    };
    // From the first word on an interrupt ends only the following, and says so.
    let signals = Signals::listen()?;
    let wish = Wish::Command { arguments };
    let mut call = Call::new(found.stream);
    call.hello(context, found.places, wish).await?;
    if let Some(bytes) = input {
        call.input(&bytes).await;
    }
    follow(context, &mut call, command, &signals).await.map(Some)
}

/// What the daemon says about itself; `None` where none runs or it does not answer.
pub async fn about(context: &Context) -> Option<About> {
    let found = reach(context).await.ok()??;
    let mut call = Call::new(found.stream);
    call.hello(context, found.places, Wish::About).await.ok()?;
    match call.heard_soon().await {
        Heard::Answer(Answer::About(about)) => Some(about),
        _ => None,
    }
}

/// A run that finds the lock taken: where a daemon has it, everything is done already.
pub async fn done_by_daemon(context: &Context, held: CliError) -> CliError {
    let Some(about) = about(context).await else { return held };
    let since = escaped(&about.since);
    let said = format!(
        "the daemon (process {}, since {since}) works on this state directory, and does by itself \
         what is open or due. Nothing needs to be done",
        about.pid
    );
    CliError { message: said, ..held }.next("rekeyd status")
}

/// Shows what comes until the command is over, or this process is to end.
async fn follow(
    context: &Context,
    call: &mut Call,
    command: &Command,
    signals: &Signals,
) -> Result<Exit, CliError> {
    let mut stop = signals.stop.clone();
    loop {
        let heard = tokio::select! {
            heard = call.heard() => heard,
            () = stop.asked() => {
                call.say(&Request::Stop(Stop {})).await;
                left(context, command);
                return Ok(signals.exit());
            }
        };
        match heard {
            Heard::Answer(Answer::Text(text)) => match text.stream {
                Stream::Stdout => context.out.show(&text.text),
                Stream::Stderr => context.out.show_note(&text.text),
            },
            Heard::Answer(Answer::End(end)) => return Ok(Exit::of_code(end.exit)),
            Heard::Answer(Answer::Refused(refused)) => return Err(of_refusal(refused)),
            Heard::Answer(Answer::About(_)) | Heard::Nothing => return Err(broken(command)),
        }
    }
}

fn left(context: &Context, command: &Command) {
    let look = look(command);
    let said = "no longer followed; the daemon goes on with what it was asked";
    context.out.notice(said, &look);
}

/// The connection ended without an end of the command.
fn broken(command: &Command) -> CliError {
    let said = "the connection to the daemon broke before the command was over. What was asked for \
                may be recorded, and then goes on: in the daemon, or when it starts again. Look \
                before you ask again";
    CliError::new(Exit::Unreachable, Control::Broken, said).next(look(command))
}

/// Where to see what became of it.
fn look(command: &Command) -> String {
    let name = match command {
        Command::Rotate(RotateArgs { names, .. }) => match names.as_slice() {
            [name] => Some(name),
            _ => None,
        },
        Command::Resume(args) | Command::Abort(args) => Some(&args.name),
        Command::Adopt(args) => Some(&args.name),
        Command::Decommission(args) => Some(&args.name),
        Command::Orphans(_) => return "rekeyd orphans list".to_owned(),
        _ => None,
    };
    name.map_or_else(|| "rekeyd status".to_owned(), |name| format!("rekeyd status {name}"))
}

fn of_refusal(refused: Refused) -> CliError {
    let code = Code::all().find(|code| code.to_string() == refused.code);
    let exit = Exit::of_code(refused.exit);
    let error = CliError::new(exit, code.unwrap_or(Control::Garbled.into()), refused.message);
    match refused.next {
        Some(next) => error.next(next),
        None => error,
    }
}

/// The words of this process's command line.
fn arguments() -> Result<Vec<String>, CliError> {
    let words = std::env::args_os().skip(1).map(std::ffi::OsString::into_string);
    words.collect::<Result<_, _>>().map_err(|_| {
        let said = "the command line holds bytes that are no text, and cannot be sent to the \
                    daemon. Nothing was done";
        CliError::new(Exit::Usage, Control::TooLong, said).next("rekeyd --help")
    })
}
