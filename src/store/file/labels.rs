//! Which version carries which label, as the record beside the secret says it, and what the main
//! file says about it. PURE: values in, values out.
//!
//! The main file is what consumers read, so it alone decides what is *current*; the record only
//! gives its content a name. Nothing of the record can contradict it for longer than one look.

use serde::{Deserialize, Serialize};

use crate::domain::claim::Claim;
use crate::domain::ids::VersionId;
use crate::domain::secret::Digest;

/// Unlabelled versions that stay readable by id.
pub(super) const UNLABELLED_KEPT: usize = 10;

/// The layout of the record that this code writes.
pub(super) const SCHEMA: u32 = 1;

/// The record: replaced as a whole, so every change of labels is one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Labels {
    pub(super) schema: u32,
    /// Tells versions of equal content apart; where the main file holds something else, it loses.
    pub(super) current: Option<VersionId>,
    pub(super) pending: Option<VersionId>,
    pub(super) previous: Option<VersionId>,
    /// A promote to this version has begun: when the main file holds it, the promote happened.
    pub(super) moving: Option<VersionId>,
    /// The head of the claim chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) claim: Option<Claim>,
    /// The versions that exist, oldest first.
    pub(super) versions: Vec<Version>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Version {
    pub(super) id: VersionId,
    /// Of the content: a version file that was changed by hand is no longer this version.
    pub(super) digest: Digest,
}

impl Default for Labels {
    fn default() -> Self {
        Self {
            schema: SCHEMA,
            current: None,
            pending: None,
            previous: None,
            moving: None,
            claim: None,
            versions: Vec::new(),
        }
    }
}

impl Labels {
    pub(super) fn version(&self, id: &VersionId) -> Option<&Version> {
        self.versions.iter().find(|version| version.id == *id)
    }

    /// Adds a version as the newest, once.
    pub(super) fn add(&mut self, id: &VersionId, digest: Digest) {
        if self.version(id).is_none() {
            self.versions.push(Version { id: id.clone(), digest });
        }
    }

    /// The labels as they are, given what the main file holds (`None`: there is no such file) and
    /// the id that its content has when no version holds the same. No promote is under way after.
    pub(super) fn settled(&self, main: Option<(Digest, VersionId)>) -> Self {
        let current = main.map(|(digest, unlisted)| self.named(digest).unwrap_or(unlisted));
        let mut settled = self.clone();
        let moved = self.moving.is_some() && current == self.moving && current != self.current;
        if moved && self.current.is_some() {
            settled.previous.clone_from(&self.current);
        }
        settled.moving = None;
        settled.current = current;
        settled
    }

    /// The version whose content has this digest; of several, the one most likely meant.
    fn named(&self, digest: Digest) -> Option<VersionId> {
        let holds =
            |id: &&VersionId| self.version(id).is_some_and(|version| version.digest == digest);
        [&self.current, &self.moving, &self.pending, &self.previous]
            .into_iter()
            .flatten()
            .find(holds)
            .or_else(|| self.versions.iter().rev().map(|version| &version.id).find(holds))
            .cloned()
    }

    /// Forgets the oldest versions without a label, beyond [`UNLABELLED_KEPT`].
    pub(super) fn prune(&mut self) {
        let labels = [&self.current, &self.moving, &self.pending, &self.previous];
        let labelled = |id: &VersionId| labels.into_iter().flatten().any(|label| label == id);
        let unlabelled = self.versions.iter().filter(|version| !labelled(&version.id)).count();
        let mut surplus = unlabelled.saturating_sub(UNLABELLED_KEPT);
        let kept = self
            .versions
            .iter()
            .filter(|version| {
                let goes = surplus > 0 && !labelled(&version.id);
                surplus -= usize::from(goes);
                !goes
            })
            .cloned()
            .collect();
        self.versions = kept;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> VersionId {
        VersionId::new(text).unwrap()
    }
    fn digest(of: &str) -> Digest {
        Digest::of("test", of)
    }
    fn record() -> Labels {
        let mut labels = Labels {
            current: Some(id("a")),
            pending: Some(id("b")),
            previous: Some(id("z")),
            ..Labels::default()
        };
        for name in ["z", "a", "b"] {
            labels.add(&id(name), digest(name));
        }
        labels
    }
    fn main_holds(what: &str) -> Option<(Digest, VersionId)> {
        Some((digest(what), id("by-hand")))
    }

    #[test]
    fn the_main_file_decides_what_is_current() {
        let labels = record();
        assert_eq!(labels.settled(main_holds("a")), labels);
        assert_eq!(labels.settled(main_holds("b")).current, Some(id("b")));
        assert_eq!(labels.settled(main_holds("typed")).current, Some(id("by-hand")));
        assert_eq!(labels.settled(None).current, None);
        assert_eq!(labels.settled(main_holds("b")).previous, Some(id("z")));
    }

    #[test]
    fn a_begun_promote_happened_only_if_the_main_file_holds_it() {
        let labels = Labels { moving: Some(id("b")), ..record() };
        let done = labels.settled(main_holds("b"));
        assert_eq!((done.current, done.previous), (Some(id("b")), Some(id("a"))));
        let undone = labels.settled(main_holds("a"));
        assert_eq!((undone.current, undone.previous), (Some(id("a")), Some(id("z"))));
        assert_eq!(undone.moving, None);
        let edited = labels.settled(main_holds("typed"));
        assert_eq!((edited.current, edited.previous), (Some(id("by-hand")), Some(id("z"))));
    }

    #[test]
    fn versions_of_equal_content_are_told_apart_by_the_record() {
        let mut labels = record();
        labels.add(&id("twin"), digest("a"));
        assert_eq!(labels.settled(main_holds("a")).current, Some(id("a")));
        labels.current = Some(id("twin"));
        assert_eq!(labels.settled(main_holds("a")).current, Some(id("twin")));
    }

    #[test]
    fn pruning_spares_labelled_versions_and_the_ten_newest() {
        let mut labels = record();
        for n in 0..12 {
            let name = format!("n{n}");
            labels.add(&id(&name), digest(&name));
        }
        labels.prune();
        let left: Vec<_> = labels.versions.iter().map(|v| v.id.as_str()).collect();
        let expected =
            ["z", "a", "b", "n2", "n3", "n4", "n5", "n6", "n7", "n8", "n9", "n10", "n11"];
        assert_eq!(left, expected);
    }
}
