//! How a leak report ended, or why it has not: only a proven death is called one.

use super::{Asked, Verdict};
use crate::cli::error::Exit;
use crate::domain::ids::KeyId;
use crate::domain::report::{ORPHANS, RUN_ONCE, parked, why_failed};
use crate::domain::state::State;
use crate::domain::words::count_of;
use crate::engine::Halt;

/// Under a leak only a proven death, with nothing left to rule on, is a good end.
pub(super) fn leaked(
    asked: Asked,
    name: &str,
    before: &State,
    state: &State,
    halt: &Halt,
) -> Option<Verdict> {
    if asked != Asked::Leak && state.requests.leak.is_none() {
        return None;
    }
    let alive: Vec<&str> = state.suspects_alive().map(KeyId::as_str).collect();
    let awaiting = state.orphans_unruled().count();
    let open = state.requests.leak.is_some();
    if !alive.is_empty() || open {
        let who = if alive.is_empty() {
            "the last check after the leak is".into()
        } else {
            format!("the kill of {} is", alive.join(", "))
        };
        if let (Some(park), Some(problem)) = (&state.parked, parked(name, state)) {
            let exit = of_leak(Exit::of_park(&park.reason));
            let message = format!("{who} not done: {} [{}]", problem.message, problem.code);
            return Some(
                Verdict::new(name, exit, "suspect_alive", message).next(problem.next_command),
            );
        }
        let (exit, why) = match (halt, &state.trouble) {
            (_, Some(trouble)) => {
                let why = why_failed(trouble.class, trouble.said.as_deref());
                (of_leak(Exit::of_class(trouble.class)), why)
            }
            (Halt::Troubled { class, .. }, None) => {
                (of_leak(Exit::of_class(*class)), why_failed(*class, None))
            }
            _ => (Exit::Operator, "time ran out"),
        };
        let message = format!("{who} not done: {why}. The report stays open.");
        return Some(Verdict::new(name, exit, "suspect_alive", message).next(RUN_ONCE));
    }
    let killed = Killed::of(before, state);
    if awaiting > 0 {
        let message = killed.but(awaiting);
        return Some(Verdict::new(name, Exit::Operator, "orphans", message).next(ORPHANS));
    }
    let outcome = if killed.by_list.is_empty() { "suspects_dead" } else { "suspects_disabled" };
    let verdict = Verdict::new(name, Exit::Done, outcome, killed.and_well());
    let more = state.rotation.is_some();
    Some(if more { verdict.next(RUN_ONCE) } else { verdict })
}

/// How this report's suspects ended.
struct Killed<'a> {
    /// Their secrets are not known here, so that only the list shows that they are disabled.
    by_list: Vec<&'a str>,
    any_proven: bool,
}

impl<'a> Killed<'a> {
    fn of(before: &State, state: &'a State) -> Self {
        let reported = |key: &KeyId| {
            before.requests.leak.as_ref().is_some_and(|leak| leak.suspects.contains(key))
                || before.suspects.get(key) != state.suspects.get(key)
        };
        let of_this = || state.suspects.iter().filter(|(key, _)| reported(key));
        let by_list = of_this().filter(|(_, one)| one.is_disabled_by_list());
        let by_list: Vec<&str> = by_list.map(|(key, _)| key.as_str()).collect();
        let any_proven = by_list.is_empty() || of_this().count() > by_list.len();
        Self { by_list, any_proven }
    }

    fn and_well(&self) -> String {
        let head = self.head();
        match self.proven() {
            Some(proven) => format!("{head}{proven}, and an unsuspected key is current."),
            None => format!("{head}An unsuspected key is current."),
        }
    }

    fn but(&self, awaiting: usize) -> String {
        let head = self.head();
        let but = self.proven().map_or_else(String::new, |proven| format!("{proven}, but "));
        let keys = count_of(awaiting, "key appeared", "keys appeared");
        let await_a_ruling = if awaiting == 1 { "awaits a ruling" } else { "await a ruling" };
        format!("{head}{but}{keys} around the leak and {await_a_ruling}.")
    }

    fn head(&self) -> String {
        match self.by_list.as_slice() {
            [] => String::new(),
            [key] => format!(
                "key {key} is disabled, by the list; its secret is not known here, so no exchange \
                 could prove it. "
            ),
            keys => format!(
                "keys {} are disabled, by the list; their secrets are not known here, so no \
                 exchange could prove it. ",
                keys.join(", ")
            ),
        }
    }

    fn proven(&self) -> Option<&'static str> {
        match (self.any_proven, self.by_list.is_empty()) {
            (true, true) => Some("every suspect is proven dead"),
            (true, false) => Some("Every other suspect is proven dead"),
            (false, _) => None,
        }
    }
}

/// A leak that is not over is either out of reach or an operator's.
fn of_leak(exit: Exit) -> Exit {
    if exit == Exit::Unreachable { exit } else { Exit::Operator }
}
