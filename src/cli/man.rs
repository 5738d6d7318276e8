//! `man`: the manual. The main page on stdout, or one page a command into a directory.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use super::args::Cli;
use super::context::Context;
use super::error::{CliError, Exit};
use crate::domain::code::Own;
use crate::settings::for_shell;

pub fn man(context: &Context, dir: Option<&Path>) -> Result<Exit, CliError> {
    let Some(dir) = dir else {
        let (_, page) = page(Cli::command()).map_err(|why| failed(Path::new("memory"), &why))?;
        context.out.raw(page.as_bytes());
        return Ok(Exit::Done);
    };
    let mut command = Cli::command();
    command.build();
    let pages = write_all(&command, dir).map_err(|why| {
        failed(dir, &why).next(format!("mkdir -p {0} && rekeyd man --dir {0}", for_shell(dir)))
    })?;
    context.out.note(&format!("{pages} pages, one a command, are in {}", dir.display()));
    Ok(Exit::Done)
}

fn failed(place: &Path, why: &io::Error) -> CliError {
    let said = format!("the manual cannot be written to {}: {why}", place.display());
    CliError::new(Exit::Configuration, Own::ManUnwritable, said)
}

/// Writes a command's page and those of its subcommands; returns how many.
fn write_all(command: &Command, dir: &Path) -> io::Result<usize> {
    let (name, page) = page(command.clone())?;
    std::fs::write(dir.join(name), page)?;
    let mut pages = 1;
    for subcommand in command.get_subcommands().filter(|one| !one.is_hide_set()) {
        pages += write_all(subcommand, dir)?;
    }
    Ok(pages)
}

/// A page with its file's name.
fn page(command: Command) -> io::Result<(String, String)> {
    let man = Man::new(command);
    let mut page = Vec::new();
    man.render(&mut page)?;
    Ok((man.get_filename(), plain(&String::from_utf8_lossy(&page))))
}

/// Every formatter reads ASCII; what is more is named as roff names it.
fn plain(page: &str) -> String {
    let mut plain = String::with_capacity(page.len());
    for c in page.chars() {
        if c.is_ascii() {
            plain.push(c);
        } else {
            // Writing to a text cannot fail.
            write!(plain, "\\[u{:04X}]", u32::from(c)).ok();
        }
    }
    plain
}
