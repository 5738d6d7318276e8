//! The lines about the store: is it reached, healthy, ours to change, and what is current in it.

use std::collections::BTreeMap;

use super::Case;
use super::line::{Blame, Checked, Line};
use super::looked::{Current, Failed, Look};
use crate::domain::cause::Cause;
use crate::domain::class::Class;
use crate::domain::code::{Call, Check, Code, Parked, Refused};
use crate::domain::facts::{Holding, StoreView, Unreached};
use crate::domain::ids::KeyId;
use crate::domain::plan::{Head, MAX_VALUE_BYTES, head_of};
use crate::domain::policy::Store;
use crate::domain::state::{Adoption, Refusal};
use crate::domain::words::count_of;

pub(super) fn lines(case: &Case<'_>) -> Vec<Line> {
    let mut lines = vec![reached(case)];
    match &case.looked.store {
        Look::Seen(view) => {
            lines.extend(health(case, view));
            lines.push(pending(case, view));
            lines.push(claim(case, view));
        }
        Look::Skipped(_) | Look::Failed(_) => {
            let because = "the store could not be read";
            for check in [Checked::Health, Checked::Pending, Checked::Claim] {
                lines.push(Line::skipped(check, because));
            }
        }
    }
    lines.push(current(case));
    lines
}

fn reached(case: &Case<'_>) -> Line {
    match &case.looked.store {
        Look::Skipped(because) => Line::skipped(Checked::Store, because),
        Look::Failed(failed) => failure(case, Checked::Store, failed),
        Look::Seen(view) => {
            let versions = count_of(view.versions.try_into().unwrap_or(0), "version", "versions");
            Line::ok(Checked::Store, format!("{}: {versions}", case.looked.store_place))
        }
    }
}

/// A failed call to the store, told by what has to be mended.
pub(super) fn failure(case: &Case<'_>, check: Checked, failed: &Failed) -> Line {
    let aws = matches!(case.policy.store, Store::AwsSecretsManager { .. });
    let place = &case.looked.store_place;
    let (code, advice): (Code, String) = match failed.cause {
        Some(Cause::Unreached(Unreached::Name)) if aws => (
            Check::Region.into(),
            format!("{place}: no host of that region is known. Is the region right?"),
        ),
        Some(Cause::Unreached(why)) => {
            (Check::StoreUnreachable.into(), format!("{place} was not reached: {}.", why.words()))
        }
        Some(Cause::NoRegion) => (
            Check::Region.into(),
            "Name the region: `region` in the policy, or AWS_REGION.".to_owned(),
        ),
        Some(Cause::NoCredentials) => (
            Check::Credentials.into(),
            "AWS's chain (environment, profile, role) gives this process none that can be used."
                .to_owned(),
        ),
        Some(Cause::CredentialsRefused) => (
            Check::Credentials.into(),
            "AWS knows these credentials no more, or not in this region and partition.".to_owned(),
        ),
        Some(Cause::Clock) => (
            Refused::ClockSkew.into(),
            "AWS takes no request whose time is more than five minutes off: set this machine's \
             clock."
                .to_owned(),
        ),
        Some(Cause::Denied { action }) => (
            Check::StoreDenied.into(),
            format!("This machine's role lacks secretsmanager:{action} on the secret."),
        ),
        Some(Cause::EncryptionKey) => (
            Check::KmsDenied.into(),
            "This machine's role lacks kms:Decrypt (and kms:GenerateDataKey) on the key that the \
             secret is encrypted with, or that key is disabled."
                .to_owned(),
        ),
        Some(Cause::NoSecret) => (
            Check::SecretMissing.into(),
            format!("There is no {place}. Is it another name, another region, another account?"),
        ),
        None => (Call::from(failed.class).into(), String::new()),
    };
    let next = match failed.cause {
        Some(Cause::Denied { .. } | Cause::EncryptionKey) => {
            format!("rekeyd check --print-iam {}", case.name())
        }
        Some(Cause::Clock) => "timedatectl status".to_owned(),
        _ => case.again(),
    };
    Line::failed(check, failed, code, &advice, next)
}

fn health(case: &Case<'_>, view: &StoreView) -> Vec<Line> {
    let problems = view.problems.iter();
    let lines: Vec<Line> = problems
        .map(|problem| {
            let refusal = Refusal::Store { problem: *problem };
            Line { next_command: Some(case.again()), ..refused(case, Checked::Health, refusal) }
        })
        .collect();
    if lines.is_empty() {
        return vec![Line::ok(Checked::Health, "nothing in the store forbids a rotation")];
    }
    lines
}

fn refused(case: &Case<'_>, check: Checked, why: Refusal) -> Line {
    Line::refused(check, case.name(), why)
}

fn pending(case: &Case<'_>, view: &StoreView) -> Line {
    let Some(version) = view.pending.as_ref().filter(|p| Some(*p) != view.current.as_ref()) else {
        return Line::ok(Checked::Pending, "no version is pending");
    };
    let open = case.state.rotation.as_ref().is_some_and(|open| open.put(version));
    let ours = |holding: &Option<Holding>| {
        let key = holding.as_ref().and_then(Holding::proof).map(|proof| &proof.key);
        key.is_some_and(|key| case.state.keys.contains_key(key))
    };
    match &case.looked.pending {
        _ if open => Line::ok(Checked::Pending, "what is pending is of the open rotation"),
        Look::Skipped(because) => Line::skipped(Checked::Pending, because),
        Look::Failed(failed) => failure(case, Checked::Pending, failed),
        Look::Seen(holding) if ours(holding) => {
            Line::ok(Checked::Pending, "what is pending holds a key that is managed here")
        }
        Look::Seen(_) => {
            let next = case.again();
            Line {
                next_command: Some(next),
                ..refused(case, Checked::Pending, Refusal::ForeignPending)
            }
        }
    }
}

fn claim(case: &Case<'_>, view: &StoreView) -> Line {
    match head_of(case.state, view.claim) {
        Head::Ours => Line::ok(Checked::Claim, "this journal holds the claim"),
        Head::Free => Line::ok(Checked::Claim, "no other journal has claimed the secret"),
        Head::Foreign { ended } => refused(case, Checked::Claim, Refusal::Claimed { ended }),
    }
}

fn current(case: &Case<'_>) -> Line {
    let seen = match &case.looked.current {
        Look::Skipped(because) => return Line::skipped(Checked::Current, because),
        Look::Failed(failed) => return failure(case, Checked::Current, failed),
        Look::Seen(seen) => seen,
    };
    let refusal = |why| refused(case, Checked::Current, why);
    let Some(Current { version, holding }) = seen else { return refusal(Refusal::NoCurrent) };
    let Holding::Key { proof, size_bytes, .. } = holding else {
        return refusal(Refusal::CurrentMalformed);
    };
    if *size_bytes > MAX_VALUE_BYTES {
        return refusal(Refusal::TooLarge);
    }
    if is_changed(case, holding) {
        return refusal(Refusal::CurrentChanged);
    }
    Line::ok(Checked::Current, format!("version {version} holds key {}", proof.key))
}

/// While a rotation is open the protocol itself weighs what is current.
fn is_changed(case: &Case<'_>, holding: &Holding) -> bool {
    let adopted = case.state.adoption == Adoption::Adopted && case.state.rotation.is_none();
    let settled = case.state.settled.as_ref().map(|settled| &settled.held.proof);
    adopted && settled.is_some() && settled != holding.proof()
}

/// Whether another policy names the key (R22).
pub(super) fn neighbours(case: &Case<'_>, holders: &BTreeMap<KeyId, Vec<String>>) -> Line {
    let check = Checked::Neighbours;
    let Some(key) = case.looked.current_key() else {
        return Line::skipped(check, "the current key is not known");
    };
    let ruled = case.state.owned.contains_key(key);
    let now = holders.get(key).into_iter().flatten().find(|name| *name != case.name());
    let elsewhere = match &case.looked.elsewhere {
        Look::Seen(elsewhere) => elsewhere,
        Look::Skipped(because) => return Line::skipped(check, because),
        Look::Failed(failed) => {
            let blame = Blame::Class(Class::Retryable);
            let code = Call::from(failed.class);
            return Line::fail(check, blame, code, failed.said.clone(), "rekeyd check");
        }
    };
    let journaled = elsewhere.keys.get(key).filter(|other| other.adopted);
    let other = now.or(journaled.map(|other| &other.policy));
    if let Some(policy) = other.filter(|_| !ruled) {
        return refused(case, check, Refusal::NamedElsewhere { policy: policy.clone() });
    }
    if let Some(secret) = elsewhere.unreadable.first() {
        let said = format!(
            "the journal of {secret} does not replay, so nobody can tell whether it names this key"
        );
        return Line::warn(check, Parked::ElsewhereUnreadable, said, "rekeyd check");
    }
    Line::ok(check, "no other policy names this key")
}
