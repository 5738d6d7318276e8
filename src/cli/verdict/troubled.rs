//! The end of a command whose calls keep failing: why, whether what was asked is kept, and which keys
//! live meanwhile. Must never sound as if a recorded wish were lost.

use super::{Exit, Verdict, left};
use crate::domain::class::Class;
use crate::domain::clocks::Stamp;
use crate::domain::report::{RUN_ONCE, Subject, why_failed};
use crate::domain::state::Requests;

pub(super) fn troubled(subject: &Subject<'_>, class: Class, step: &str, now: &Stamp) -> Verdict {
    let (name, state) = (subject.name, subject.state);
    let heard = state.trouble.as_ref().filter(|trouble| trouble.step == step);
    let why = why_failed(class, heard.and_then(|trouble| trouble.said.as_deref()));
    let wishes = kept(&state.requests);
    let asked = if wishes.is_empty() {
        String::new()
    } else {
        let wishes = wishes.join(" and ");
        format!(
            " What was asked ({wishes}) is recorded, and the next run that gets through takes it up."
        )
    };
    let open = match left(subject, now) {
        Some(left) => format!(" What was begun stays open: {left}"),
        None if state.requests.rotate.is_some() => " What was begun stays open.".to_owned(),
        None => " Nothing was begun.".to_owned(),
    };
    let message = format!("step `{step}` keeps failing: {why}.{asked}{open}");
    Verdict::new(name, Exit::of_class(class), "failed", message).next(RUN_ONCE)
}

/// Wishes that are in the journal and not weighed yet, in the words of the commands.
fn kept(requests: &Requests) -> Vec<&'static str> {
    let waiting = [
        (requests.abort, "abort"),
        (requests.resume, "resume"),
        (requests.adopt, "adopt"),
        (requests.decommission.is_some(), "decommission"),
        (requests.rotate.is_some(), "rotate"),
    ];
    waiting.into_iter().filter_map(|(is_open, word)| is_open.then_some(word)).collect()
}
