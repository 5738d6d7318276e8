//! A decommission: from an operator's word until the policy is retired (R30). No rotation is open
//! meanwhile.

use super::rotation::Held;
use crate::domain::clocks::Moment;
use crate::domain::ids::KeyId;

/// *Current*'s key on its way out, with nothing that replaces it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Decommission {
    /// The drain counts from here: consumers must stop using the key.
    pub since: Moment,
    /// What *current* held at the word.
    pub held: Held,
    /// The value is replaced by `{}` at the end.
    pub clear_store: bool,
    /// How long an access token lives, as an exchange said.
    pub token_life_ms: Option<i64>,
}

/// How a policy was retired.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Retired {
    pub key: KeyId,
    pub since: Moment,
    /// A live key vouched for its absence (R20). Otherwise it was deleted with its own last token,
    /// and nobody was left to ask.
    pub proven: bool,
}
