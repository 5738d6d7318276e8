//! How a person's word on an orphan ended: carried out and proven, stopped, or still open.

use super::Verdict;
use crate::cli::error::Exit;
use crate::domain::ids::KeyId;
use crate::domain::report::{RUN_ONCE, ruling_stopped, why_failed};
use crate::domain::state::{Progress, Ruling, RulingStop, State};
use crate::engine::Halt;

/// The end of `orphans disable` or `orphans delete`.
#[must_use]
pub fn sentenced(name: &str, state: &State, key: &KeyId, ruling: Ruling, halt: &Halt) -> Verdict {
    let Some(orphan) = state.orphans.get(key) else {
        let said = if ruling == Ruling::Delete {
            format!("key {key} is gone: a complete list no longer has it.")
        } else {
            format!("key {key} is gone already: a complete list no longer has it.")
        };
        return Verdict::new(name, Exit::Done, "gone", said);
    };
    match orphan.undone() {
        None => {
            let said = format!(
                "key {key} is disabled, by the list; its secret is not known here, so no exchange \
                 could prove it. It stays on the record."
            );
            Verdict::new(name, Exit::Done, "disabled", said)
        }
        Some((ruling, Progress::Stopped { why, .. })) => {
            Verdict::of(name, of_stop(why), "not_done", ruling_stopped(key, ruling, why))
        }
        Some(_) => still_open(name, state, key, halt),
    }
}

/// What stopped a ruling, for the caller.
pub(super) fn of_stop(why: &RulingStop) -> Exit {
    match why {
        RulingStop::Failed { class, .. } => Exit::of_class(*class),
        _ => Exit::Operator,
    }
}

fn still_open(name: &str, state: &State, key: &KeyId, halt: &Halt) -> Verdict {
    let (exit, why) = match (halt, &state.trouble) {
        (_, Some(trouble)) => {
            (Exit::of_class(trouble.class), why_failed(trouble.class, trouble.said.as_deref()))
        }
        (Halt::Troubled { class, .. }, None) => (Exit::of_class(*class), why_failed(*class, None)),
        _ if !state.questions.is_empty() => {
            (Exit::Unreachable, "a request whose reply was lost may still land")
        }
        _ => (Exit::Unreachable, "time ran out"),
    };
    let said = format!("the ruling on key {key} is not carried out yet: {why}. It stays open.");
    Verdict::new(name, exit, "open", said).next(RUN_ONCE)
}

/// Rulings that are not carried out are said wherever a command ends; one that stopped needs a
/// person.
pub(super) fn with_rulings(mut verdict: Verdict, state: &State) -> Verdict {
    for (key, orphan) in &state.orphans {
        match orphan.undone() {
            Some((ruling, Progress::Stopped { why, .. })) => {
                let problem = ruling_stopped(key, ruling, why);
                let (message, code) = (&problem.message, &problem.code);
                verdict.message.push_str(&format!(" Not done: {message} [{code}]"));
                verdict.exit = verdict.exit.worse(of_stop(why));
                verdict.exit_code = verdict.exit.code();
                verdict.next_command.get_or_insert(problem.next_command);
            }
            Some(_) => {
                verdict.message.push_str(&format!(" The ruling on key {key} stays open."));
                verdict.next_command.get_or_insert(RUN_ONCE.to_owned());
            }
            None => {}
        }
    }
    verdict
}
