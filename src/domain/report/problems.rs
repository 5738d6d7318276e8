//! Everything about one secret that needs a person, the most urgent first.

use super::problem::{Problem, RUN_ONCE};
use super::{
    Subject, acks, due_ms, issued_ms, mends, not_proven, parked, read_only, refused, rfc3339,
    ruling, suspects,
};
use crate::domain::clocks::Stamp;
use crate::domain::code::Concern;
use crate::domain::policy::duration::format_ms;
use crate::domain::state::{Adoption, Life, ManagedKey, Origin, RequestKind, State};

/// This many failures in a row are shown.
const TROUBLE_SHOWN: u32 = 3;

/// A secret whose policy cannot be read as one: it is still remembered.
#[must_use]
pub fn wrong_file(policy: &str) -> Problem {
    let said = format!(
        "the file of policy {policy} has findings, so nothing is done for this secret: its keys are \
         left as they are."
    );
    Problem::new(Concern::PolicyFile, said, "rekeyd check")
}

pub(super) fn problems(subject: &Subject<'_>, now: &Stamp) -> Vec<Problem> {
    let (name, state) = (subject.name, subject.state);
    let mut found = Vec::new();
    // What leads out stands before what waits for it.
    let mut park = parked(name, state);
    if let (None, Some(problem)) = (subject.policy, park.as_mut()) {
        // No command that names the policy can work.
        problem.next_command = "rekeyd check".to_owned();
    }
    let goes_on = park.as_ref().map_or(RUN_ONCE, |problem| &problem.next_command).to_owned();
    found.extend(park);
    for key in state.suspects_alive() {
        let but = if suspects::is_off(state, key) { "off, but it is" } else { "is" };
        let said = format!("key {key} is reported leaked and {but} not proven dead.");
        found.push(Problem::new(Concern::SuspectAlive, said, goes_on.clone()));
    }
    if let (Some(_), Some((RequestKind::Leak, why))) = (&state.requests.leak, &state.refused) {
        found.push(refused(name, RequestKind::Leak, why));
    }
    found.extend(not_proven(name, state));
    found.extend(ruling::problems(state));
    if subject.policy.is_none() {
        found.push(no_policy(name));
        return found;
    }
    if let Adoption::ReadOnly(reason) = &state.adoption {
        found.push(read_only(name, reason));
    }
    found.extend(left_over(name, state));
    found.extend(trouble(subject));
    if let (Adoption::Adopted, Some((RequestKind::Rotate, why))) = (&state.adoption, &state.refused)
    {
        found.push(refused(name, RequestKind::Rotate, why));
    }
    found.extend(acks::reminder(subject, now));
    found.extend(too_old(subject, now));
    found.extend(overdue(subject, now));
    found
}

fn no_policy(name: &str) -> Problem {
    let said = format!(
        "no policy names this secret any more: the file {name}.toml is gone, or names another \
         secret. Its keys are left as they are. To go on, put the file back."
    );
    Problem::new(Concern::NoPolicy, said, "rekeyd check")
}

/// Keys of ours that are neither served nor part of an open rotation: an adoption left them. Every
/// rotation deletes such keys before it ends.
#[must_use]
pub fn left_over(policy: &str, state: &State) -> Option<Problem> {
    if state.rotation.is_some()
        || state.decommission.is_some()
        || matches!(state.adoption, Adoption::Retired(_))
    {
        return None;
    }
    let settled = state.settled.as_ref().map(|settled| &settled.held.proof.key);
    let mut keys: Vec<String> = Vec::new();
    let mut dying = true;
    let is_left = |managed: &ManagedKey| managed.origin != Origin::Foreign && !managed.is_gone();
    for (key, managed) in &state.keys {
        if !is_left(managed) || Some(key) == settled {
            continue;
        }
        // The kill of a suspect goes on by itself, rotation or not.
        dying &= state.is_suspect(key);
        keys.push(match managed.life {
            Life::Live => format!("key {key} (alive)"),
            Life::Disabled { .. } => format!("key {key} (disabled, not deleted yet)"),
            Life::Deleted { .. } => {
                format!("key {key} (deleted, that it is gone is not proven yet)")
            }
        });
    }
    if keys.is_empty() {
        return None;
    }
    let (how, next) = if dying {
        ("The next run deletes and proves what was reported leaked.", RUN_ONCE.to_owned())
    } else {
        ("The next rotation deletes what is left over.", format!("rekeyd --rotate-now {policy}"))
    };
    let said = format!("no longer served: {}. {how}", keys.join(", "));
    Some(Problem::new(Concern::LeftOver, said, next))
}

fn trouble(subject: &Subject<'_>) -> Option<Problem> {
    let trouble = subject.state.trouble.as_ref()?;
    if trouble.count < TROUBLE_SHOWN || subject.state.parked.is_some() {
        return None;
    }
    let said = format!(
        "step `{}` failed {} times since {}: {}.",
        trouble.step,
        trouble.count,
        rfc3339(trouble.since.wall_ms),
        super::why_failed(trouble.class, trouble.said.as_deref())
    );
    Some(Problem::new(Concern::Trouble, said, mends(trouble.class)))
}

fn too_old(subject: &Subject<'_>, now: &Stamp) -> Option<Problem> {
    let max_ms = subject.policy?.schedule.max_age_ms?;
    let age_ms = now.wall_ms.saturating_sub(issued_ms(subject.state)?);
    if age_ms <= max_ms {
        return None;
    }
    let said =
        format!("the key is {} old; the policy allows {}.", format_ms(age_ms), format_ms(max_ms));
    Some(Problem::new(Concern::MaxAge, said, format!("rekeyd --rotate-now {}", subject.name)))
}

fn overdue(subject: &Subject<'_>, now: &Stamp) -> Option<Problem> {
    let due_ms = due_ms(subject)?;
    if due_ms > now.wall_ms || subject.state.rotation.is_some() {
        return None;
    }
    let said = format!("a rotation has been due since {}.", rfc3339(due_ms));
    Some(Problem::new(Concern::Overdue, said, RUN_ONCE))
}
