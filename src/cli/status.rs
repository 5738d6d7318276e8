//! `status`: where every policy stands, from the journal alone. Takes no lock and calls nobody.

use super::context::Context;
use super::error::{CliError, Exit};
use super::view;
use crate::domain::report::{self, Status};

pub async fn status(context: &Context, name: Option<&str>) -> Result<Exit, CliError> {
    let app = context.app_for(&[])?;
    let journal = app.look()?;
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
    view::status::print(&context.out, &status);
    Ok(Exit::Done)
}
