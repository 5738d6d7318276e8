//! The lines about the account: as whom keys act, what they may do, and what the list tells.

use super::Case;
use super::issuer::of_exchange;
use super::line::{Blame, Checked, Line, Outcome};
use super::looked::{Failed, Look, Named};
use super::store;
use crate::domain::class::Class;
use crate::domain::code::{Call, Check};
use crate::domain::facts::{Exchange, Identity, Listing, Right, Rights};
use crate::domain::policy::ActorSource;
use crate::domain::state::{Etags, Refusal};
use crate::domain::words::count_of;

pub(super) fn lines(case: &Case<'_>) -> Vec<Line> {
    let mut lines = vec![identity(case, Checked::Identity, "the key", &case.looked.identity)];
    if let Some(named) = &case.looked.named {
        lines.push(actor(case, named));
        let who = "the named actor";
        lines.push(identity(case, Checked::ActorIdentity, who, &named.identity));
    }
    lines.push(rights(case));
    lines.extend(keys(case));
    lines
}

fn call(case: &Case<'_>, check: Checked, failed: &Failed) -> Line {
    Line::failed(check, failed, Call::from(failed.class), "", case.again())
}

/// A new key takes its creator's account, so it must be the declared one, or the adopted one (R17).
fn identity(case: &Case<'_>, check: Checked, who: &str, look: &Look<Option<Identity>>) -> Line {
    let identity = match look {
        Look::Skipped(because) => return Line::skipped(check, because),
        Look::Failed(failed) => return call(case, check, failed),
        Look::Seen(None) => {
            let said = format!("the API does not tell as whom {who} acts");
            return match case.policy.issuer.identity {
                Some(_) => {
                    let found = "nobody it would name".to_owned();
                    Line::refused(check, case.name(), Refusal::OtherIdentity { found })
                }
                None => Line::warn(check, Check::IdentityUntold, said + ".", case.again()),
            };
        }
        Look::Seen(Some(identity)) => identity,
    };
    let declared = case.policy.issuer.identity.as_deref();
    let adopted = case.state.baseline.as_ref().and_then(|baseline| baseline.identity.as_ref());
    let right = adopted == Some(identity)
        || declared.is_some_and(|declared| identity.is(declared))
        || declared.is_none() && adopted.is_none();
    if !right {
        let found = identity.name();
        return Line::refused(check, case.name(), Refusal::OtherIdentity { found });
    }
    let organization = identity.organization_id.as_ref();
    let organization = organization.map(|id| format!(" in organisation {id}")).unwrap_or_default();
    let declared = if declared.is_some() { "" } else { "; the policy declares no `identity`" };
    Line::ok(check, format!("{who} acts as {}{organization}{declared}", identity.name()))
}

fn actor(case: &Case<'_>, named: &Named) -> Line {
    let check = Checked::Actor;
    let key = match &named.key {
        Look::Skipped(because) => return Line::skipped(check, because),
        Look::Failed(failed) => {
            // It may be a secret of the same store as the policy's own.
            let line = match case.policy.issuer.actor {
                ActorSource::SecretId(_) => store::failure(case, check, failed),
                _ => call(case, check, failed),
            };
            return Line { code: Some(Check::Actor.into()), ..line };
        }
        Look::Seen(key) => key,
    };
    match &named.exchange {
        Look::Skipped(because) => Line::skipped(check, because),
        Look::Failed(failed) => call(case, check, failed),
        Look::Seen(Exchange::Alive { .. }) => {
            Line::ok(check, format!("the named actor is key {key}, and authenticates"))
        }
        Look::Seen(Exchange::Rejected) => {
            let said = format!("the named actor, key {key}, does not authenticate.");
            let blame = Blame::Class(Class::Rejected);
            Line::fail(check, blame, Check::Actor, said, case.again())
        }
        Look::Seen(other) => of_exchange(case, check, *other),
    }
}

fn rights(case: &Case<'_>) -> Line {
    let check = Checked::Rights;
    let rights = match &case.looked.rights {
        Look::Skipped(because) => return Line::skipped(check, because),
        Look::Failed(failed) => return call(case, check, failed),
        Look::Seen(rights) => *rights,
    };
    let named = case.looked.named.is_some();
    let who = if named { "the named actor" } else { "the current key" };
    if rights.any_denied() {
        let what = format!("{who} may not {} keys", rights.denied().join(", "));
        let line = Line::refused(check, case.name(), Refusal::Rights { what });
        return Line { next_command: Some(case.again()), ..line };
    }
    let unclear = unclear(rights);
    if !unclear.is_empty() {
        let said = format!(
            "whether {who} may {} keys could not be told from the answers; nothing says that it \
             may not.",
            unclear.join(", ")
        );
        return Line::warn(check, Check::RightsUnclear, said, case.again());
    }
    let said =
        format!("{who} may list, update, and delete keys; that it may create shows when it does");
    Line::ok(check, said)
}

fn unclear(rights: Rights) -> Vec<&'static str> {
    let all = [("list", rights.list), ("update", rights.update), ("delete", rights.delete)];
    all.into_iter().filter(|(_, right)| *right == Right::Unclear).map(|(name, _)| name).collect()
}

/// The list is what deletes are proven by, and what tells etags.
fn keys(case: &Case<'_>) -> Vec<Line> {
    let both = |line: Line, because: &str| vec![line, Line::skipped(Checked::Etags, because)];
    let listing = match &case.looked.keys {
        Look::Skipped(because) => return both(Line::skipped(Checked::Keys, because), because),
        Look::Failed(failed) => {
            return both(call(case, Checked::Keys, failed), "the keys could not be listed");
        }
        Look::Seen(listing) => listing,
    };
    vec![listed(case, listing), etags(case, listing)]
}

fn listed(case: &Case<'_>, listing: &Listing) -> Line {
    let count = count_of(listing.keys.len(), "key", "keys");
    let warn = |said: String| Line::warn(Checked::Keys, Check::ListIncomplete, said, case.again());
    if !listing.complete {
        return warn(format!(
            "{count} are listed, and the list is not whole, or not well formed: no key can be \
             proven gone by it."
        ));
    }
    let live = case.looked.key.seen().is_some_and(|exchange| exchange.is_alive());
    let current = case.looked.current_key().filter(|_| live);
    if current.is_some_and(|key| listing.keys.iter().all(|listed| listed.key != *key)) {
        return warn(format!(
            "{count} are listed, and the current key, which works, is not among them: no key can \
             be proven gone by that list."
        ));
    }
    Line::ok(Checked::Keys, format!("the list of keys is whole: {count}"))
}

fn etags(case: &Case<'_>, listing: &Listing) -> Line {
    let without = listing.keys.iter().filter(|listed| listed.etag.is_none()).count();
    if without > 0 {
        let said = format!(
            "{without} of {} come without an etag: a delete is then protected by disable and soak \
             alone.",
            count_of(listing.keys.len(), "listed key", "listed keys")
        );
        return Line::warn(Checked::Etags, Check::EtagsMissing, said, case.again());
    }
    let known = match case.state.etags {
        Etags::Unknown => "returned; whether they are enforced, the first rotation finds out",
        Etags::Enforced => "returned, and enforced when a rotation last tried",
        Etags::Ignored => {
            "returned, and not enforced when a rotation last tried: disable and soak protect a \
             delete"
        }
    };
    let line = Line::ok(Checked::Etags, known);
    match case.state.etags {
        Etags::Ignored => Line {
            outcome: Outcome::Warn,
            code: Some(Check::EtagsMissing.into()),
            next_command: Some(format!("rekeyd history {}", case.name())),
            ..line
        },
        Etags::Unknown | Etags::Enforced => line,
    }
}
