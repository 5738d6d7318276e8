//! Open questions: mutations whose reply is lost. Look for the effect; conclude only what is
//! certain; until then nothing else is sent (R1, R3, R13).

mod of_keys;

use std::collections::BTreeSet;

use super::attribution::{candidates, is_attributable};
use super::goes_on;
use super::step::{Step, WaitFor};
use super::view::{Found, View};
use crate::domain::claim::Claim;
use crate::domain::class::Class;
use crate::domain::clocks::remaining_ms;
use crate::domain::facts::{Actor, Holding, KeyProof};
use crate::domain::ids::{KeyId, OperationId, VersionId};
use crate::domain::state::{Effect, Event, Outcome, Question};

/// What stands open after everything that could be concluded was.
pub(super) enum Open {
    Nothing,
    /// Nothing may be sent before this wait is over, except the kill of an untouched key.
    Waiting(Step),
}

/// While a question is open its effect is looked for this often.
pub(super) const RECHECK_MS: i64 = 15_000;

/// Concludes what can be concluded (as `Err(step)`), or says what stands open.
pub(super) fn open(v: &View<'_>) -> Found<Open> {
    let mut wait: Option<i64> = None;
    let mut trouble = None;
    let only_creates = v.state.open_creates() == v.state.questions.len();
    for (operation, question) in &v.state.questions {
        match conclude(v, *operation, question) {
            Ok(Some(step)) => return Err(step),
            Err(step) if goes_on(&step) || matches!(step, Step::Look(_)) => return Err(step),
            Ok(None) => {
                let left = remaining_ms(&question.asked, &v.now, v.rules.certain_ms());
                let left = if left > 0 { left } else { RECHECK_MS };
                wait = Some(wait.map_or(left, |known| known.min(left)));
            }
            Err(step) => trouble = Some(step),
        }
    }
    let replacing = v.state.requests.leak.is_some() && v.state.rotation.is_some();
    if v.state.questions.is_empty() || (replacing && only_creates) {
        return Ok(Open::Nothing);
    }
    let ms = wait.unwrap_or(RECHECK_MS).min(RECHECK_MS);
    Ok(Open::Waiting(trouble.unwrap_or(Step::Wait { reason: WaitFor::Quiesce, ms })))
}

fn conclude(v: &View<'_>, operation: OperationId, question: &Question) -> Found<Option<Step>> {
    let case = Case {
        v,
        operation,
        question,
        over: v.passed(&question.asked, v.rules.quiesce_ms),
        certain: v.passed(&question.asked, v.rules.certain_ms()),
    };
    match &question.effect {
        Effect::Claim { entry } => case.claim(entry),
        Effect::Issue { snapshot, .. } => case.issue(snapshot),
        Effect::Stage { token, proof, .. } => case.stage(token, proof),
        Effect::Install { token, .. } | Effect::Clear { token, .. } => case.install(token),
        Effect::Promote { from, to } => case.promote(from, to),
        Effect::Unstage { version } => case.label(version, true),
        Effect::DropPrevious { version } => case.label(version, false),
        Effect::Disable { key, etag, was_enabled, .. } => {
            case.disable(key, etag.as_ref(), *was_enabled)
        }
        Effect::ProbeEtag { .. } => Ok(case.probe_etag()),
        Effect::Enable { key, etag, .. } => case.enable(key, etag.as_ref()),
        Effect::Delete { actor: Actor::Key(own), key, .. } if own.key == *key => {
            case.own_delete(own)
        }
        Effect::Delete { key, .. } => case.delete(key),
    }
}

struct Case<'a> {
    v: &'a View<'a>,
    operation: OperationId,
    question: &'a Question,
    /// It can no longer land: what is seen of it stays.
    over: bool,
    /// Reads no longer lag behind it either: what is not seen did not happen.
    certain: bool,
}

impl Case<'_> {
    fn settle(&self, outcome: Outcome) -> Step {
        let operation = self.operation;
        let mut events = Vec::new();
        if !self.over && !self.question.seen {
            events.push(Event::Seen { operation });
        }
        let came_to_nothing = matches!(outcome, Outcome::NoEffect { class: Class::Unknown });
        events.push(Event::Settled { operation, outcome });
        if came_to_nothing {
            // Counted, so that what is never answered is not sent for ever.
            let step = self.question.effect.name().to_owned();
            events.push(Event::Troubled { class: Class::Unknown, step, said: None });
        }
        Step::Record(events)
    }

    fn no_effect(&self) -> Step {
        self.settle(Outcome::NoEffect { class: Class::Unknown })
    }

    /// Create-once: what is seen is there, and sending the same entry again changes nothing.
    fn claim(&self, entry: &Claim) -> Found<Option<Step>> {
        if self.v.state.chain >= entry.generation {
            // Sent twice, and the other one was answered.
            return Ok(Some(self.settle(Outcome::Done { etag: None, ours: true })));
        }
        let again = Step::Do(Effect::Claim { entry: *entry });
        Ok(match self.v.store()?.claim {
            Some(head) if head == *entry => {
                Some(self.settle(Outcome::Done { etag: None, ours: true }))
            }
            // Nobody follows a claim that is not ended: ours did not become one.
            Some(head) if head.generation >= entry.generation && !entry.ended => {
                Some(self.settle(Outcome::NoEffect { class: Class::Conflict }))
            }
            Some(head) if head.generation >= entry.generation => {
                Some(self.settle(Outcome::Done { etag: None, ours: true }))
            }
            _ if self.certain => Some(self.no_effect()),
            _ if self.may_be_sent_again() => Some(again),
            _ => None,
        })
    }

    fn may_be_sent_again(&self) -> bool {
        const PAUSE_MS: i64 = 5_000;
        const TIMES: usize = 4;
        let open = &self.v.state.questions;
        let alone = open.values().all(|question| question.effect == self.question.effect);
        let last = open.values().next_back().map(|question| &question.asked);
        alone && open.len() < TIMES && last.is_some_and(|asked| self.v.passed(asked, PAUSE_MS))
    }

    /// Judged only when everything that can land has landed and shows: a key that is seen before
    /// may be somebody else's, and ours the next one (R3).
    fn issue(&self, snapshot: &BTreeSet<KeyId>) -> Found<Option<Step>> {
        if !self.certain {
            return Ok(None);
        }
        let index = self.v.complete_keys(&self.v.actor(None)?)?;
        let candidates = candidates(self.v, snapshot, index);
        if let [only] = candidates.as_slice()
            && is_attributable(self.v, self.question, index, only)
            && self.v.state.open_creates() == 1
        {
            return Ok(Some(self.settle(Outcome::Attributed { key: only.key.clone() })));
        }
        if candidates.is_empty() {
            return Ok(Some(self.no_effect()));
        }
        let keys = candidates.into_iter().map(|listed| listed.key.clone()).collect();
        Ok(Some(self.settle(Outcome::PossiblyMinted { keys })))
    }

    fn stage(&self, token: &VersionId, proof: &KeyProof) -> Found<Option<Step>> {
        Ok(match self.v.holding(token)? {
            Holding::Key { proof: found, .. } if found == proof => {
                Some(self.settle(Outcome::Done { etag: None, ours: true }))
            }
            Holding::Absent if self.certain => Some(self.no_effect()),
            Holding::Absent => None,
            Holding::Key { .. } | Holding::Malformed => {
                Some(self.settle(Outcome::NoEffect { class: Class::Conflict }))
            }
        })
    }

    fn install(&self, token: &VersionId) -> Found<Option<Step>> {
        if !self.over {
            return Ok(None);
        }
        let done = self.v.store()?.current.as_ref() == Some(token);
        Ok(if done {
            Some(self.settle(Outcome::Done { etag: None, ours: true }))
        } else {
            self.certain.then(|| self.no_effect())
        })
    }

    fn promote(&self, from: &VersionId, to: &VersionId) -> Found<Option<Step>> {
        if !self.over {
            return Ok(None);
        }
        let current = self.v.store()?.current.as_ref();
        Ok(if current == Some(to) {
            Some(self.settle(Outcome::Done { etag: None, ours: true }))
        } else if !self.certain {
            None
        } else if current == Some(from) {
            Some(self.no_effect())
        } else {
            Some(self.settle(Outcome::Overtaken))
        })
    }

    fn label(&self, version: &VersionId, pending: bool) -> Found<Option<Step>> {
        if !self.over {
            return Ok(None);
        }
        let store = self.v.store()?;
        let label = if pending { &store.pending } else { &store.previous };
        Ok(if label.as_ref() == Some(version) {
            self.certain.then(|| self.no_effect())
        } else {
            Some(self.settle(Outcome::Done { etag: None, ours: true }))
        })
    }
}
