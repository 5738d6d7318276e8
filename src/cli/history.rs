//! `history`: what happened to a policy's key, as a story or as the events themselves.

use serde_json::{Value, json};

use super::args::HistoryArgs;
use super::context::Context;
use super::error::{CliError, Exit};
use super::view::out::DIM;
use super::view::prints::Prints;
use crate::domain::report::{rfc3339, tell};
use crate::domain::state::{State, apply};
use crate::engine::EngineError;
use crate::port::Recorded;

pub async fn history(context: &Context, args: &HistoryArgs) -> Result<Exit, CliError> {
    let app = context.app_for(&[])?;
    let journal = context.look(&app)?;
    let known = app.known(journal.as_ref()).await?;
    // A policy's own secret before those that it left.
    let named = || known.iter().filter(|one| one.name == args.name);
    let Some(one) = named().find(|one| !one.is_departed()).or_else(|| named().next()) else {
        return Err(app.policy(&args.name).map_or_else(CliError::from, |_| {
            CliError::usage("the policy's secret has no history yet")
        }));
    };
    let rows = journal.replay(&one.stream).await.map_err(EngineError::from)?;
    let mut state = State::default();
    let mut prints = Prints::default();
    let mut story = Vec::new();
    for row in &rows {
        let before = state;
        state = apply(before.clone(), &row.at, &row.event).map_err(EngineError::Replay)?;
        if args.decisions {
            context.out.data(&decision(row, &before, &state, &mut prints).to_string());
        } else if let Some(text) = tell(&before, &row.event, &one.name) {
            if context.out.is_json() {
                story.push(json!({ "at": rfc3339(row.at.wall_ms), "sequence": row.sequence, "text": text }));
            } else {
                let at = rfc3339(row.at.wall_ms);
                context.out.data(&format!("{DIM}{at}{DIM:#}  {text}"));
            }
        }
    }
    if context.out.is_json() && !args.decisions {
        context.out.json(&json!({ "policy": one.name, "history": story }));
    } else if rows.is_empty() && !args.decisions {
        context.out.data("nothing has happened yet");
    }
    context.remind(&app, journal.as_ref(), &[]).await?;
    Ok(Exit::Done)
}

/// One event with its stamp, and the state in which it was decided.
fn decision(row: &Recorded, before: &State, after: &State, prints: &mut Prints) -> Value {
    let phase = |state: &State| state.rotation.as_ref().map(|open| open.phase.name());
    let mut event = serde_json::to_value(&row.event).unwrap_or(Value::Null);
    prints.mask(&mut event);
    json!({
        "sequence": row.sequence,
        "position": row.position,
        "at": row.at,
        "step": row.event.name(),
        "phase_before": phase(before),
        "phase_after": phase(after),
        "open_questions": before.questions.keys().map(ToString::to_string).collect::<Vec<_>>(),
        "parked": before.parked.as_ref().map(|park| park.reason.code()),
        "event": event,
    })
}
