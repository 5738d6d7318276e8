//! `schema`: the formats of policy files and settings, for editors.

use super::args::What;
use super::context::Context;
use super::error::Exit;
use crate::domain::policy;
use crate::settings;

pub fn schema(context: &Context, what: What) -> Exit {
    let schema = match what {
        What::Policy => policy::json_schema(),
        What::Settings => settings::json_schema(),
    };
    context.out.json(&schema);
    Exit::Done
}
