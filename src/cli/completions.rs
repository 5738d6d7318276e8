//! `completions`: what a shell needs to complete rekeyd's commands and flags. Data on stdout.

use clap::CommandFactory;
use clap_complete::Shell;

use super::args::Cli;
use super::context::Context;
use super::error::Exit;

pub fn completions(context: &Context, shell: Shell) -> Exit {
    // Into memory first: the generator panics when a reader goes away.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "rekeyd", &mut script);
    context.out.raw(&script);
    Exit::Done
}
