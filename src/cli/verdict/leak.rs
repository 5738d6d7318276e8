//! How a leak report ended, or why it has not: only a proven death is called one.

use super::{Asked, Verdict};
use crate::cli::error::Exit;
use crate::domain::ids::KeyId;
use crate::domain::report::{ORPHANS, Problem, RUN_ONCE, parked, refused, why_failed};
use crate::domain::state::{Adoption, Life, Refusal, State};
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
    let retired = matches!(state.adoption, Adoption::Retired(_));
    if retired || asked != Asked::Leak && state.requests.leak.is_none() {
        return None;
    }
    let alive: Vec<&str> = state.suspects_alive().map(KeyId::as_str).collect();
    let awaiting = state.orphans_unruled().count();
    let open = state.requests.leak.is_some();
    if !alive.is_empty() || open {
        return Some(not_done(name, state, halt, &alive));
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

/// A suspect lives, or the last check is missing: why, and what to type.
fn not_done(name: &str, state: &State, halt: &Halt, alive: &[&str]) -> Verdict {
    let who = if alive.is_empty() {
        "the last check after the leak is".into()
    } else {
        format!("the kill of {} is", alive.join(", "))
    };
    let (exit, why, next) = match (&state.parked, parked(name, state)) {
        (Some(park), Some(problem)) => {
            let why = format!("{} [{}]", problem.message, problem.code);
            (of_leak(Exit::of_park(&park.reason)), why, problem.next_command)
        }
        _ => {
            let (exit, why) = unparked(state, halt);
            (exit, format!("{why}. The report stays open."), RUN_ONCE.to_owned())
        }
    };
    let message = format!("{who} not done: {why}");
    match locked_out(name, state) {
        Some(problem) => {
            let message = format!("{message} {} [{}]", problem.message, problem.code);
            Verdict::new(name, Exit::Operator, "suspect_alive", message).next(problem.next_command)
        }
        None => Verdict::new(name, exit, "suspect_alive", message).next(next),
    }
}

/// Why it goes no further by itself now.
fn unparked<'a>(state: &'a State, halt: &Halt) -> (Exit, &'a str) {
    match (halt, &state.trouble) {
        (_, Some(trouble)) => {
            let why = why_failed(trouble.class, trouble.said.as_deref());
            (of_leak(Exit::of_class(trouble.class)), why)
        }
        (Halt::Troubled { class, .. }, None) => {
            (of_leak(Exit::of_class(*class)), why_failed(*class, None))
        }
        _ => (Exit::Operator, "time ran out"),
    }
}

/// `--kill-first` was asked for, and a key that it would kill is the last one that serves (R18).
fn locked_out(name: &str, state: &State) -> Option<Problem> {
    let (kind, why) = state.refused.as_ref()?;
    let Refusal::KillFirstLocksOut { keys } = why else { return None };
    let lives = |key: &KeyId| state.keys.get(key).is_none_or(|k| k.life == Life::Live);
    keys.iter().any(lives).then(|| refused(name, *kind, why))
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
