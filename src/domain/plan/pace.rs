//! What makes a rotation wait although it could go on: the policy's windows (R29), and the other
//! policies of its group (F19), and the consumers that must have moved (F14). Never asked by
//! heal, revert, or kill, and for nothing of a leak.

use std::collections::BTreeSet;

use super::step::{Step, WaitFor};
use super::view::{Found, View};
use crate::domain::facts::{Fellow, KeyProof};
use crate::domain::policy::Group;
use crate::domain::policy::duration::{DAY_MS, MINUTE_MS};
use crate::domain::state::{Event, ParkReason, Rotation, Trigger, Withheld};

/// Another policy's open rotation is looked at again this often, at most; a claim older than this
/// is no start.
const RECHECK_MS: i64 = 15 * MINUTE_MS;

/// A schedule that the journal does not know yet (F7).
pub(super) fn news(v: &View<'_>) -> Option<Step> {
    let schedule = v.rules.pace.schedule?;
    let known = v.state.scheduled.is_some_and(|known| known.digest == schedule);
    (!known).then(|| Step::record(Event::Scheduled { schedule }))
}

/// Before a start. A person who asks for one does not wait for a window, but for the group: what
/// two rotations at once would break does not ask who began them.
pub(super) fn start(v: &View<'_>, trigger: Trigger) -> Found<()> {
    match trigger {
        Trigger::Leak => Ok(()),
        Trigger::Person => group(v),
        Trigger::Schedule => {
            window(v)?;
            group(v)
        }
    }
}

/// Before the promote. Consumers whose key is dead do not wait.
pub(super) fn promote(v: &View<'_>, rotation: &Rotation, old: &KeyProof) -> Found<()> {
    if rotation.trigger != Trigger::Schedule || is_leaked(v, rotation) || is_open(v) {
        return Ok(());
    }
    if v.works_if_clear(old)? == Some(false) { Ok(()) } else { window(v) }
}

/// Before the old key is disabled, whoever asked for the rotation.
pub(super) fn disable(v: &View<'_>, rotation: &Rotation) -> Found<()> {
    if is_leaked(v, rotation) { Ok(()) } else { window(v) }
}

/// Before the drain counts as over: every consumer that the policy names has said that it uses the
/// new key of this rotation. Looked at again when a reminder is due.
pub(super) fn acks(v: &View<'_>, rotation: &Rotation) -> Found<()> {
    let pace = &v.rules.pace;
    let consumers: BTreeSet<_> = pace.acks.difference(&rotation.acked).cloned().collect();
    if consumers.is_empty() {
        return Ok(());
    }
    let whole_ms = pace.ack_deadline_ms;
    for part_ms in [whole_ms / 2, whole_ms - whole_ms / 10, whole_ms] {
        v.wait_until(&rotation.entered, part_ms, WaitFor::Acks)?;
    }
    Err(v.park(ParkReason::AckMissing { consumers }))
}

fn is_leaked(v: &View<'_>, rotation: &Rotation) -> bool {
    rotation.trigger == Trigger::Leak
        || v.state.requests.leak.is_some()
        || v.state.is_suspect(&rotation.old.proof.key)
}

fn is_open(v: &View<'_>) -> bool {
    v.rules.pace.openings.is_open(v.stamp.wall_ms)
}

fn window(v: &View<'_>) -> Found<()> {
    if is_open(v) {
        return Ok(());
    }
    let now_ms = v.stamp.wall_ms;
    let until_ms = v.rules.pace.openings.next_open_ms(now_ms);
    let ms = until_ms.map_or(DAY_MS, |until_ms| until_ms.saturating_sub(now_ms));
    Err(withhold(v, Withheld::Window { until_ms }, WaitFor::Window, ms))
}

/// One policy of a group at a time. A rotation that is open goes before any start, and of two that
/// are about to start, the one that took its claim first: each looks again after its own claim, so
/// the later one sees the earlier one's, and neither waits for the other.
fn group(v: &View<'_>) -> Found<()> {
    let Some(group) = &v.rules.pace.group else { return Ok(()) };
    let fellows = &v.elsewhere()?.fellows;
    if let Some(first) = fellows.iter().find(|one| one.is_open || goes_first(v, one)) {
        let ms = group.spacing_ms.clamp(MINUTE_MS, RECHECK_MS);
        return Err(behind(v, group, first, None, ms));
    }
    let now_ms = v.stamp.wall_ms;
    // A clock that was set back makes nobody wait for longer than the spacing.
    let is_near =
        |at_ms: i64| now_ms.abs_diff(at_ms) < u64::try_from(group.spacing_ms).unwrap_or(0);
    let near = fellows.iter().filter_map(|one| Some((one.last_ms.filter(|ms| is_near(*ms))?, one)));
    let Some((last_ms, latest)) = near.max() else { return Ok(()) };
    let until_ms = last_ms.saturating_add(group.spacing_ms);
    let ms = until_ms.saturating_sub(now_ms).clamp(1, group.spacing_ms);
    Err(behind(v, group, latest, Some(until_ms), ms))
}

/// Another one that is about to start. A claim that nothing came of for long is no start.
fn goes_first(v: &View<'_>, other: &Fellow) -> bool {
    let Some(theirs_ms) = other.claimed_ms else { return false };
    if !(0..RECHECK_MS).contains(&v.stamp.wall_ms.saturating_sub(theirs_ms)) {
        return false;
    }
    let ours_ms = v.state.claimed_ms.filter(|_| v.state.claim.is_some());
    let ours = (ours_ms.unwrap_or(i64::MAX), v.rules.policy.as_str());
    (theirs_ms, other.policy.as_str()) < ours
}

fn behind(v: &View<'_>, group: &Group, other: &Fellow, until_ms: Option<i64>, ms: i64) -> Step {
    let (group, policy) = (group.name.clone(), other.policy.clone());
    withhold(v, Withheld::Group { group, policy, until_ms }, WaitFor::Group, ms)
}

/// Journaled once, so that everybody can be told what it waits for.
fn withhold(v: &View<'_>, why: Withheld, reason: WaitFor, ms: i64) -> Step {
    if v.state.withheld.as_ref() == Some(&why) {
        return Step::Wait { reason, ms };
    }
    Step::record(Event::Withheld { why })
}
