//! The commands, one file each; `view` prints what they show. Parses, dispatches, and turns every
//! end into an exit code. Decides nothing about keys: that is the planner's business.

mod ack;
mod adopt;
mod args;
mod audit;
mod check;
mod completions;
mod context;
mod decommission;
#[cfg(feature = "sandbox")]
mod demo;
mod departed;
pub mod desk;
mod drive;
mod error;
mod explain;
mod forget;
mod guard;
mod history;
mod man;
mod orphans;
mod plan;
mod remote;
mod rotate;
mod run;
#[cfg(feature = "sandbox")]
mod sandbox;
mod schema;
mod serve;
mod status;
mod typed;
mod verdict;
mod view;
mod wish;

use std::process::ExitCode;

use clap::Parser;

use self::args::{Cli, Command, RotateArgs, RotateFlags, Ruling};
use self::context::Context;
use self::error::{CliError, Exit};
use crate::domain::code::{Journal, Own};
use crate::telemetry::Level;

/// Runs the command that this process was started with.
#[must_use]
pub fn main() -> ExitCode {
    guard::harden();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers, not errors; a reader that went away is neither.
            drop(error.print());
            return ExitCode::from(if error.use_stderr() { Exit::Usage } else { Exit::Done });
        }
    };
    let is_daemon = matches!(&cli.command, Some(Command::Run(args)) if !args.once);
    let usual = if is_daemon { Level::Info } else { Level::Warn };
    let context = Context::new(&cli.global, usual);
    let end = match command_of(cli) {
        Ok(command) => match tokio::runtime::Runtime::new() {
            Ok(runtime) => {
                let end = Ok(runtime.block_on(conclude(&context, command)));
                // A blocking read of standard input must not keep a stopped process alive.
                runtime.shutdown_background();
                end
            }
            Err(why) => Err(CliError::new(Exit::Bug, Own::Runtime, format!("cannot start: {why}"))),
        },
        Err(error) => Err(error),
    };
    let exit = end.unwrap_or_else(|error| {
        context.out.error(&error);
        error.exit
    });
    let exit = match context.out.is_whole() {
        Ok(()) => exit,
        Err(lost) => {
            context.out.error(&lost);
            exit.worse(lost.exit)
        }
    };
    exit.into()
}

/// Runs a command and says what went wrong.
async fn conclude(context: &Context, command: Command) -> Exit {
    dispatch(context, command).await.unwrap_or_else(|error| {
        context.out.error(&error);
        error.exit
    })
}

/// Whether a running daemon does it: it changes something, or is about the daemon.
fn is_served(command: &Command) -> bool {
    match command {
        Command::Rotate(args) => !args.flags.dry_run,
        Command::Decommission(args) => args.yes,
        Command::Orphans(args) => match &args.ruling {
            None | Some(Ruling::List) => false,
            Some(Ruling::Delete { yes, .. }) => *yes,
            Some(_) => true,
        },
        Command::Resume(_)
        | Command::Abort(_)
        | Command::Ack(_)
        | Command::Adopt(_)
        | Command::Forget(_)
        | Command::Reload => true,
        _ => false,
    }
}

/// `--rotate-now NAME…` is `rotate NAME…`.
fn command_of(cli: Cli) -> Result<Command, CliError> {
    let flagged = cli.rotate != RotateFlags::default();
    match (cli.rotate_now, cli.command) {
        (Some(names), None) => Ok(Command::Rotate(RotateArgs { names, flags: cli.rotate })),
        (Some(_), Some(_)) => {
            Err(CliError::usage("--rotate-now is a command of its own; name no other")
                .next("rekeyd --help"))
        }
        (None, Some(_) | None) if flagged => {
            Err(CliError::usage("those flags go with --rotate-now NAME")
                .next("rekeyd rotate --help"))
        }
        (None, Some(command)) => Ok(command),
        (None, None) => Err(CliError::usage("no command was given").next("rekeyd --help")),
    }
}

async fn dispatch(context: &Context, command: Command) -> Result<Exit, CliError> {
    if context.seat().is_none()
        && is_served(&command)
        && let Some(exit) = remote::hand_over(context, &command).await?
    {
        return Ok(exit);
    }
    match command {
        Command::Run(args) => match run::run(context, &args).await {
            Err(error) if error.code == Journal::LockHeld.into() => {
                Err(remote::done_by_daemon(context, error).await)
            }
            ended => ended,
        },
        Command::Rotate(args) if args.flags.dry_run => plan::dry_run(context, &args).await,
        Command::Rotate(args) => rotate::rotate(context, &args).await,
        Command::Check(args) => check::check(context, &args).await,
        Command::Plan(args) => plan::plan(context, args.name).await,
        Command::Status(args) => status::status(context, &args).await,
        Command::Reload => desk::reload(context).await,
        Command::History(args) => history::history(context, &args).await,
        Command::Resume(args) => wish::resume(context, &args.name).await,
        Command::Abort(args) => wish::abort(context, &args.name).await,
        Command::Ack(args) => ack::ack(context, &args).await,
        Command::Adopt(args) => adopt::adopt(context, &args).await,
        Command::Forget(args) => forget::forget(context, &args).await,
        Command::Decommission(args) => decommission::decommission(context, &args).await,
        Command::Orphans(args) => orphans::orphans(context, args.ruling).await,
        Command::Audit(args) => audit::audit(context, &args.command).await,
        Command::Explain(args) => explain::explain(context, args.code.as_deref()),
        Command::Schema(args) => Ok(schema::schema(context, args.what)),
        Command::Completions(args) => Ok(completions::completions(context, args.shell)),
        Command::Man(args) => man::man(context, args.dir.as_deref()),
        #[cfg(feature = "sandbox")]
        Command::Sandbox(args) => sandbox::sandbox(context, &args).await,
        #[cfg(feature = "sandbox")]
        Command::Demo(args) => demo::demo(context, args.store).await,
    }
}
