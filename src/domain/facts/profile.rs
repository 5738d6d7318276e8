//! What a key shows of itself: as whom it acts, and what it may do with keys. Holds no secret.

use serde::{Deserialize, Serialize};

use crate::domain::secret::Digest;

/// As whom a key acts. Journaled as part of the baseline; none of it is secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Identity {
    pub user_id: String,
    pub email: Option<String>,
    pub organization_id: Option<String>,
}

impl Identity {
    /// Whether `declared`, an e-mail address or a user id, means this identity.
    #[must_use]
    pub fn is(&self, declared: &str) -> bool {
        let email = self.email.as_deref();
        self.user_id == declared || email.is_some_and(|email| email.eq_ignore_ascii_case(declared))
    }

    /// As people know it.
    #[must_use]
    pub fn name(&self) -> String {
        self.email.as_ref().unwrap_or(&self.user_id).clone()
    }
}

/// One permission, as it was probed without changing anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    Allowed,
    Denied,
    /// The probe's answer could not be told apart from other failures.
    Unclear,
}

/// What a key may do with keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Rights {
    pub list: Right,
    pub update: Right,
    pub delete: Right,
}

impl Rights {
    #[must_use]
    pub fn any_denied(self) -> bool {
        !self.denied().is_empty()
    }

    /// The names of what it may not do.
    #[must_use]
    pub fn denied(self) -> Vec<&'static str> {
        let rights = [("list", self.list), ("update", self.update), ("delete", self.delete)];
        rights.into_iter().filter(|(_, right)| *right == Right::Denied).map(|(n, _)| n).collect()
    }
}

/// What a key showed of itself beyond that it authenticates (R17, R23).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Profile {
    pub identity: Option<Identity>,
    /// One digest a canary, in the policy's order; none of a named actor.
    pub canaries: Vec<Digest>,
    pub rights: Rights,
}
