//! What was seen of the outside for one policy, as values without secrets.

use crate::domain::cause::Cause;
use crate::domain::class::Class;
use crate::domain::clocks::DateSource;
use crate::domain::facts::{
    Elsewhere, Exchange, Holding, Identity, Listing, Rights, StoreView, Survey,
};
use crate::domain::ids::{KeyId, VersionId};

/// One thing that was to be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look<T> {
    /// It was not tried, and why: the end of "not looked at: …".
    Skipped(&'static str),
    Failed(Failed),
    Seen(T),
}

impl<T> Look<T> {
    pub fn seen(&self) -> Option<&T> {
        match self {
            Self::Seen(value) => Some(value),
            Self::Skipped(_) | Self::Failed(_) => None,
        }
    }
}

/// A call that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    pub class: Class,
    pub cause: Option<Cause>,
    /// What the call said; no full stop at its end.
    pub said: String,
}

/// The current version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Current {
    pub version: VersionId,
    pub holding: Holding,
}

/// What was seen of a policy's named actor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Its key, as it was read.
    pub key: Look<KeyId>,
    pub exchange: Look<Exchange>,
    pub identity: Look<Option<Identity>>,
}

/// A server's `Date`, beside this machine's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Witness {
    pub source: DateSource,
    /// This machine's clock less the server's, in milliseconds; a `Date` has whole seconds.
    pub ahead_ms: i64,
}

/// Everything about one policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    pub store_place: String,
    pub auth_place: String,
    pub api_place: String,
    pub store: Look<StoreView>,
    pub current: Look<Option<Current>>,
    /// What *pending* holds, where it is on another version than *current*.
    pub pending: Look<Option<Holding>>,
    /// An exchange with whatever credential was at hand, even one that nobody has: whether the auth
    /// server answers.
    pub auth: Look<Exchange>,
    /// The exchange of *current*'s key.
    pub key: Look<Exchange>,
    /// Whether the API answered the first call.
    pub api: Look<()>,
    /// As whom *current*'s key acts.
    pub identity: Look<Option<Identity>>,
    /// Of a policy that names an actor.
    pub named: Option<Named>,
    /// Of the credential that would call the issuer: the named actor, else *current*'s key.
    pub rights: Look<Rights>,
    pub keys: Look<Listing>,
    pub survey: Look<Survey>,
    /// One a canary, in the policy's order.
    pub canaries: Vec<Look<()>>,
    pub elsewhere: Look<Elsewhere>,
    /// None, one, or two: of the issuer and of the store.
    pub witnesses: Vec<Witness>,
}

impl Looked {
    /// The key that *current* was seen to hold.
    #[must_use]
    pub fn current_key(&self) -> Option<&KeyId> {
        let current = self.current.seen()?.as_ref()?;
        Some(&current.holding.proof()?.key)
    }
}
