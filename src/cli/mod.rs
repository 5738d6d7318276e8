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
mod drive;
mod error;
mod explain;
mod forget;
mod guard;
mod history;
mod man;
mod orphans;
mod plan;
mod rotate;
mod run;
#[cfg(feature = "sandbox")]
mod sandbox;
mod schema;
mod status;
mod typed;
mod verdict;
mod view;
mod wish;

use std::process::ExitCode;

use clap::Parser;

use self::args::{Cli, Command, RotateArgs, RotateFlags};
use self::context::Context;
use self::error::{CliError, Exit};
use self::view::out::output_is_whole;
use crate::domain::code::Own;

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
    let context = Context::new(&cli.global);
    let end = match command_of(cli) {
        Ok(command) => match tokio::runtime::Runtime::new() {
            Ok(runtime) => {
                let end = runtime.block_on(dispatch(&context, command));
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
    let exit = match output_is_whole() {
        Ok(()) => exit,
        Err(lost) => {
            context.out.error(&lost);
            exit.worse(lost.exit)
        }
    };
    exit.into()
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
    match command {
        Command::Run(args) => run::run(context, &args).await,
        Command::Rotate(args) if args.flags.dry_run => plan::dry_run(context, &args).await,
        Command::Rotate(args) => rotate::rotate(context, &args).await,
        Command::Check(args) => check::check(context, &args).await,
        Command::Plan(args) => plan::plan(context, args.name).await,
        Command::Status(args) => status::status(context, args.name.as_deref()).await,
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
