//! A first key for a secret that holds none (R31): the named actor mints it on an operator's word,
//! and it is written as *current*. One create a word; what cannot be written is removed again.

use super::account;
use super::doubt;
use super::guards::pending_is_foreign;
use super::preflight::{other_account, too_many_orphans, trouble};
use super::retire::{Purpose, retire};
use super::step::Step;
use super::view::{Found, View};
use crate::domain::class::Class;
use crate::domain::facts::{Actor, Exchange, Fact, Holding, KeyProof, Read};
use crate::domain::ids::{KeyId, VersionId};
use crate::domain::state::{
    Effect, Event, FirstKey, Origin, ReadOnlyReason, Refusal, RequestKind, Trouble, first_token,
};

/// Writes of a key that only memory holds.
const MAX_INSTALLS: u32 = 3;

/// The next step of a first key; `None` where *current* is to be looked at as ever.
pub(super) fn first_key(v: &View<'_>) -> Found<Option<Step>> {
    match &v.state.first {
        None => Ok(None),
        Some(FirstKey::Wanted) => match mint(v) {
            // The person who asked gets an answer; nothing is begun later behind their back.
            Err(Step::Trouble { class, step }) if v.trouble_is_chronic() => {
                Ok(Some(refuse(trouble(v, class, step))))
            }
            other => other,
        },
        Some(FirstKey::Failed { class }) => {
            doubt::first_compared(v)?;
            Ok(Some(refuse(trouble(v, *class, "issue".to_owned()))))
        }
        Some(FirstKey::Minted { key, proof, installs }) => {
            install(v, key, proof.as_ref(), *installs)
        }
    }
}

fn refuse(why: Refusal) -> Step {
    Step::record(Event::Answered { request: RequestKind::Adopt, refused: Some(why) })
}

/// *Current* as far as a first key may replace it: its version, if it has one.
enum Place<'a> {
    Free(Option<&'a VersionId>),
    Taken(&'a KeyProof),
}

fn place<'a>(v: &View<'a>) -> Found<Place<'a>> {
    let Some(version) = &v.store()?.current else { return Ok(Place::Free(None)) };
    Ok(match v.holding(version)? {
        Holding::Key { proof, .. } => Place::Taken(proof),
        Holding::Malformed | Holding::Absent => Place::Free(Some(version)),
    })
}

fn mint(v: &View<'_>) -> Found<Option<Step>> {
    if !v.rules.named_actor {
        return Ok(Some(refuse(Refusal::NoNamedActor)));
    }
    if let Place::Taken(_) = place(v)? {
        // Nothing to mint for: what is there is adopted, or refused, as with any other word.
        return Ok(None);
    }
    if let Some(why) = unfit_store(v)? {
        return Ok(Some(refuse(why)));
    }
    if let Some(why) = unfit_actor(v)? {
        return Ok(Some(refuse(why)));
    }
    if too_many_orphans(v)? {
        return Ok(Some(refuse(Refusal::Orphans)));
    }
    if !v.journal_has_room()? {
        return Err(v.trouble(Class::Retryable, "journal_room"));
    }
    let actor = Actor::Named;
    let snapshot = account::ids(v.complete_keys(&actor)?);
    Ok(Some(Step::Do(Effect::Issue { actor, snapshot })))
}

fn unfit_store(v: &View<'_>) -> Found<Option<Refusal>> {
    if let Some(problem) = v.store()?.problems.first() {
        return Ok(Some(Refusal::Store { problem: *problem }));
    }
    Ok(pending_is_foreign(v)?.then_some(Refusal::ForeignPending))
}

fn unfit_actor(v: &View<'_>) -> Found<Option<Refusal>> {
    match &v.seen.named_actor {
        Fact::Unread => return Err(Step::look(Read::NamedActor)),
        Fact::Known(Exchange::Alive { .. }) => {}
        Fact::Known(Exchange::Rejected) => {
            let what = "the named actor does not authenticate".to_owned();
            return Ok(Some(Refusal::Rights { what }));
        }
        Fact::Known(Exchange::Misconfigured) => return Ok(Some(Refusal::Misconfigured)),
        Fact::Known(Exchange::Unreachable(_)) => {
            return Err(v.trouble(Class::Retryable, "named_actor"));
        }
        Fact::Known(Exchange::Unknown) => return Err(v.trouble(Class::Unknown, "named_actor")),
        Fact::Unclear(class) => return Err(v.trouble(*class, "named_actor")),
    }
    let profile = v.named_profile()?;
    if profile.rights.any_denied() {
        let what = format!("the named actor may not {} keys", profile.rights.denied().join(", "));
        return Ok(Some(Refusal::Rights { what }));
    }
    Ok(other_account(v, profile).map(|found| Refusal::OtherIdentity { found }))
}

/// Why what *current* holds cannot be adopted again, as an answer to the person who asked.
pub(super) fn why_not(reason: &ReadOnlyReason) -> Refusal {
    match reason {
        ReadOnlyReason::NoValue => Refusal::NoCurrent,
        ReadOnlyReason::Malformed => Refusal::CurrentMalformed,
        ReadOnlyReason::PendingPresent => Refusal::ForeignPending,
        ReadOnlyReason::CurrentRejected => Refusal::CurrentDead,
        ReadOnlyReason::OtherIdentity { found } => Refusal::OtherIdentity { found: found.clone() },
        ReadOnlyReason::Claimed { ended } => Refusal::Claimed { ended: *ended },
        ReadOnlyReason::NamedElsewhere { policy } => {
            Refusal::NamedElsewhere { policy: policy.clone() }
        }
    }
}

/// Writes what memory holds; a key that can no longer be written is given up.
fn install(
    v: &View<'_>,
    key: &KeyId,
    proof: Option<&KeyProof>,
    installs: u32,
) -> Found<Option<Step>> {
    let give_up = |because: &str, class| {
        let because = because.to_owned();
        let refused = Some(trouble(v, class, "install".to_owned()));
        Ok(Some(Step::Record(vec![
            Event::Abandoned { key: key.clone(), because },
            Event::Answered { request: RequestKind::Adopt, refused },
        ])))
    };
    if v.state.is_suspect(key) {
        return give_up("it was reported leaked", Class::Rejected);
    }
    let Some(proof) = proof else {
        return give_up("the issuer's reply held no secret", Class::Unknown);
    };
    let replaces = match place(v)? {
        Place::Taken(held) if held == proof => return Ok(None),
        Place::Taken(_) => {
            // Whether that one is adopted is the next look's business.
            let because = "somebody else put a credential into the secret".to_owned();
            return Ok(Some(Step::record(Event::Abandoned { key: key.clone(), because })));
        }
        Place::Free(version) => version,
    };
    if v.seen.in_memory.as_ref() != Some(proof) {
        return give_up("its secret was lost before the store held it", Class::Unknown);
    }
    if let Some(class) = refused_for(v, installs) {
        return give_up("the store did not take it", class);
    }
    let token = first_token(v.seen.next_rotation);
    let (proof, replaces) = (proof.clone(), replaces.cloned());
    Ok(Some(Step::Do(Effect::Install { token, proof, replaces })))
}

/// The store said no to it, or failed too often.
fn refused_for(v: &View<'_>, installs: u32) -> Option<Class> {
    let failed = v.state.trouble.as_ref().filter(|trouble| trouble.step == "install");
    let for_good = |trouble: &&Trouble| {
        matches!(trouble.class, Class::Rejected | Class::Misconfigured) || installs >= MAX_INSTALLS
    };
    let class = failed.filter(for_good).map(|trouble| trouble.class);
    class.or((installs >= MAX_INSTALLS).then_some(Class::Unknown))
}

/// Removes keys that were minted here and given up, while the named actor can.
pub(super) fn leftovers(v: &View<'_>) -> Found<()> {
    let given_up = v.state.keys.iter().filter(|(_, managed)| {
        let ours = matches!(managed.origin, Origin::Minted | Origin::Attributed);
        ours && managed.fingerprint.is_none() && !managed.is_gone()
    });
    for (key, _) in given_up {
        match &v.seen.named_actor {
            Fact::Unread if v.rules.named_actor => return Err(Step::look(Read::NamedActor)),
            Fact::Known(Exchange::Alive { .. }) => {}
            _ => return Ok(()),
        }
        if let Some(step) = retire(v, key, Purpose::Leftover)? {
            return Err(step);
        }
    }
    Ok(())
}
