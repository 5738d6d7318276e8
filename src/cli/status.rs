//! `status`: where every policy stands, from the journal alone, and what a running daemon says about
//! itself. Takes no lock and calls nobody outside this machine.

use std::io::{IsTerminal, stdout};
use std::sync::Arc;
use std::time::Duration;

use super::args::StatusArgs;
use super::context::Context;
use super::error::{CliError, Exit};
use super::remote;
use super::view::out::Out;
use super::view::sink::Memory;
use super::view::{self, daemon};
use crate::app::App;
use crate::domain::report::{self, Status};

/// Between two looks.
const EVERY: Duration = Duration::from_secs(1);
/// Cursor home; then what is left of the screen is wiped.
const HOME: &str = "\x1b[H";
const WIPE: &str = "\x1b[J";
/// What is left of a line that was longer.
const WIPE_LINE: &str = "\x1b[K\n";

pub async fn status(context: &Context, args: &StatusArgs) -> Result<Exit, CliError> {
    if args.watch {
        return watch(context, args).await;
    }
    let app = context.app_for(&[])?;
    look(context, &app, &context.out, args).await?;
    Ok(Exit::Done)
}

/// One look, printed.
async fn look(context: &Context, app: &App, out: &Out, args: &StatusArgs) -> Result<(), CliError> {
    let name = args.name.as_deref();
    let journal = context.look(app)?;
    let now = app.clock.stamp();
    let mut known = app.known(journal.as_ref()).await?;
    known.retain(|one| !one.is_over());
    if let Some(name) = name {
        if !known.iter().any(|one| one.name == name) {
            app.policy(name)?;
        }
        known.retain(|one| one.name == name);
    }
    let mut status = Status { policies: Vec::new(), orphans: Vec::new(), unwatched: Vec::new() };
    for one in &known {
        match one.unwatched(app.certain_ms(), &now) {
            Some(unwatched) => status.unwatched.push(unwatched),
            None => status.policies.push(one.report(app.certain_ms(), &now)),
        }
        let orphans = report::orphans(&one.name, &one.state);
        status.orphans.extend(orphans.into_iter().filter(|orphan| !orphan.kept));
    }
    let about = remote::about(context).await;
    if out.is_json() {
        out.json(&daemon::WithDaemon { status: &status, daemon: about.as_ref() });
        return Ok(());
    }
    view::status::print(out, &status);
    if let Some(about) = &about {
        daemon::print(out, about);
    }
    Ok(())
}

/// Looks again every second: on a terminal the picture is drawn anew, in a pipe follow the lines
/// that were not there a second before. Ends by a signal, or when nobody reads any more.
async fn watch(context: &Context, args: &StatusArgs) -> Result<Exit, CliError> {
    let signals = context.signals()?;
    let mut stop = signals.stop.clone();
    let redraws = stdout().is_terminal() && !context.out.is_json();
    let mut before = String::new();
    while !context.out.is_closed() {
        let memory = Arc::new(Memory::default());
        // What is wrong with other policies' files was said once.
        let app = if before.is_empty() { context.app_for(&[])? } else { context.loaded()? };
        look(context, &app, &context.out.aside(memory.clone()), args).await?;
        let now = memory.take();
        if redraws {
            let wipe = if before.is_empty() { "\x1b[2J" } else { "" };
            let drawn = drawn(context, &now);
            context.out.raw(format!("{wipe}{HOME}{drawn}{WIPE}").as_bytes());
        } else if now != before {
            // A JSON document makes sense only as a whole.
            let is_new = |line: &&str| context.out.is_json() || !before.lines().any(|b| b == *line);
            now.lines().filter(is_new).for_each(|line| context.out.data(line));
        }
        before = now;
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = stop.asked() => return Ok(signals.exit()),
        }
    }
    Ok(Exit::Done)
}

/// As many lines as the screen has. Styles go by the terminal's wish as everywhere.
fn drawn(context: &Context, text: &str) -> String {
    let rows = rustix::termios::tcgetwinsize(stdout()).map_or(0, |size| size.ws_row);
    let rows = if rows == 0 { usize::MAX } else { usize::from(rows).saturating_sub(1) };
    let has_colour = context.out.has_colour();
    let styled = |line: &str| {
        let plain = anstream::adapter::strip_str(line);
        if has_colour { line.to_owned() } else { plain.to_string() }
    };
    text.lines().take(rows).map(|line| styled(line) + WIPE_LINE).collect()
}
