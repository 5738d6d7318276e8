//! What an effect does, what it has left, and what a proof rests on, as sentences.

use crate::domain::ids::{KeyId, VersionId};
use crate::domain::report::class_text;
use crate::domain::state::{Effect, Evidence, Outcome, Question, State};

/// What an effect does, as the end of "about to …".
#[must_use]
pub fn intent(effect: &Effect) -> String {
    match effect {
        Effect::Claim { entry } if entry.ended => "give up the claim".into(),
        Effect::Claim { entry } => format!("claim the secret (claim {})", entry.generation),
        Effect::Issue { .. } => "create a key".into(),
        Effect::Stage { proof, .. } => format!("stage key {} as pending", proof.key),
        Effect::Promote { .. } => "move current to another version".into(),
        Effect::Unstage { .. } => "clear the pending label".into(),
        Effect::DropPrevious { .. } => "clear the previous label".into(),
        Effect::Disable { key, .. } => format!("disable key {key}"),
        Effect::ProbeEtag { key, .. } => format!("try key {key} with another key's etag"),
        Effect::Enable { key, .. } => format!("enable key {key} again"),
        Effect::Install { proof, .. } => format!("write key {} as current", proof.key),
        Effect::Delete { key, .. } => format!("delete key {key}"),
        Effect::Clear { .. } => "replace the secret's value by {}".into(),
    }
}

pub(super) fn settled(before: &State, question: Option<&Question>, outcome: &Outcome) -> String {
    let what = question.map_or_else(|| "the request".into(), |q| q.effect.name().replace('_', " "));
    match outcome {
        Outcome::Minted { key, proof: Some(_) } => format!("key {key} was created"),
        Outcome::Minted { key, proof: None } => {
            format!("key {key} was created, but the answer lost its secret")
        }
        Outcome::Attributed { key } => {
            format!("the lost reply had created key {key}; its secret is lost")
        }
        Outcome::PossiblyMinted { keys } => {
            let keys: Vec<&str> = keys.iter().map(KeyId::as_str).collect();
            format!("a lost reply may have created {}", keys.join(" or "))
        }
        Outcome::Done { .. } => done(before, question),
        Outcome::Gone => format!("{what}: the key is gone"),
        Outcome::Overtaken => format!("{what}: somebody moved the label again"),
        Outcome::EtagRefused => "etags are enforced: a change with another etag is refused".into(),
        Outcome::NoEffect { class } => {
            format!("{what}: no effect, {}", class_text(*class))
        }
        Outcome::Refused { class } => format!(
            "{what}: refused, {}; what it made all the same is looked for",
            class_text(*class)
        ),
    }
}

/// The key that a version of the open rotation holds.
fn key_of<'a>(state: &'a State, version: &VersionId) -> Option<&'a KeyId> {
    if let Some(open) = &state.put_back {
        return open.proof_in(version).map(|proof| &proof.key);
    }
    let open = state.rotation.as_ref()?;
    let staged = open.staged.iter().find(|staged| staged.version == *version);
    let old = (open.old.version == *version).then_some(&open.old.proof.key);
    staged.map(|staged| &staged.proof.key).or(old)
}

/// What an effect has left, once it is known to have happened.
fn done(before: &State, question: Option<&Question>) -> String {
    match question.map(|question| &question.effect) {
        Some(Effect::Claim { entry }) if entry.ended => "the claim is given up".into(),
        Some(Effect::Claim { entry }) => {
            format!("the secret is claimed for this journal (claim {})", entry.generation)
        }
        Some(Effect::Stage { proof, .. }) => format!("key {} is staged as pending", proof.key),
        Some(Effect::Promote { to, .. }) => match key_of(before, to) {
            Some(key) => format!("current names key {key}"),
            None => "current is moved".into(),
        },
        Some(Effect::Unstage { .. }) => "the pending label is cleared".into(),
        Some(Effect::DropPrevious { .. }) => "the previous label is cleared".into(),
        Some(Effect::Disable { key, .. }) => format!("key {key} is disabled"),
        Some(Effect::ProbeEtag { .. }) => {
            "etags are not enforced: only disable and soak protect a delete".into()
        }
        Some(Effect::Enable { key, .. }) => format!("key {key} is enabled again"),
        Some(Effect::Install { proof, .. }) => format!("key {} is written as current", proof.key),
        Some(Effect::Delete { key, .. }) => format!("key {key} is deleted"),
        Some(Effect::Clear { .. }) => "the secret's value is {} now".into(),
        Some(Effect::Issue { .. }) | None => "done".into(),
    }
}

pub(super) fn proof(key: &str, evidence: &Evidence) -> String {
    match evidence {
        Evidence::Rejected { control } => {
            format!("key {key} is proven dead: rejected while {} was accepted", control.key)
        }
        Evidence::ListedDisabled { control } => format!(
            "key {key} is disabled, by the list that holds {control}; its secret is not known \
             here, so no exchange could prove it"
        ),
        Evidence::Absent { control } => {
            format!("key {key} is proven gone: absent from the list that holds {control}")
        }
    }
}
