//! What of a policy and the settings the protocol decides by.

use std::collections::BTreeSet;

use crate::domain::ids::{ConsumerName, PolicyName};
use crate::domain::policy::{ActorSource, Group, KeptPolicy, Policy};
use crate::domain::schedule::{self, Openings};
use crate::domain::secret::Digest;

/// Durations in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Rules {
    pub policy: PolicyName,
    pub drain_ms: i64,
    pub cache_ttl_ms: i64,
    pub soak_ms: i64,
    /// After this a mutation with a lost reply can no longer land (R1).
    pub quiesce_ms: i64,
    /// How long a store's or an issuer's reads may lag behind an acknowledged change (R13).
    pub lag_ms: i64,
    /// The account that the key must act as: e-mail address or user id.
    pub identity: Option<String>,
    pub named_actor: bool,
    /// Digest of the canary queries, so that another set starts a new baseline.
    pub canaries: Digest,
    /// When it may act, beside what the protocol itself asks for.
    pub pace: Pace,
    /// What the journal keeps of the policy, so that a rotation can end by it (R28).
    pub kept: Option<KeptPolicy>,
}

/// What a policy makes a rotation wait for. By default nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Pace {
    /// When it may start, promote, and disable (R29).
    pub openings: Openings,
    /// The schedule by digest, so that another one counts from when it is first seen (F7).
    pub schedule: Option<Digest>,
    pub group: Option<Group>,
    /// Consumers that must say that they use the new key before the old one goes (F14).
    pub acks: BTreeSet<ConsumerName>,
    /// From the promote; then the rotation parks.
    pub ack_deadline_ms: i64,
}

impl Pace {
    fn of(policy: &Policy) -> Self {
        Self {
            openings: policy.schedule.openings.clone(),
            schedule: Some(schedule::digest(&policy.schedule)),
            group: policy.schedule.group.clone(),
            acks: policy.consumers.acks.iter().cloned().collect(),
            ack_deadline_ms: policy.consumers.ack_deadline_ms,
        }
    }
}

/// Reads that contradict our own acknowledged outcome count a minute after it (R13).
const LAG_MS: i64 = 60_000;

/// When reads would show whatever a request without a reply has done, in milliseconds from its
/// sending: only from then on nothing seen means nothing done (R1). It may land last of all, after
/// `quiesce_ms`, and reads may lag behind it (R13).
#[must_use]
pub fn certain_ms(quiesce_ms: i64) -> i64 {
    quiesce_ms.saturating_add(lag_ms(quiesce_ms))
}

/// Nothing that we wait for shorter than a minute can be lag.
fn lag_ms(quiesce_ms: i64) -> i64 {
    LAG_MS.min(quiesce_ms)
}

impl Rules {
    /// After this a mutation with a lost reply is settled, whatever reads show.
    #[must_use]
    pub fn certain_ms(&self) -> i64 {
        self.quiesce_ms.saturating_add(self.lag_ms)
    }

    /// `quiesce_ms`: token lifetime plus gateway time-out, both settings (R1).
    #[must_use]
    pub fn new(policy: &Policy, quiesce_ms: i64) -> Self {
        Self {
            policy: policy.name.clone(),
            drain_ms: policy.retire.drain_ms,
            cache_ttl_ms: policy.consumers.cache_ttl_ms,
            soak_ms: policy.retire.soak_ms,
            quiesce_ms,
            lag_ms: lag_ms(quiesce_ms),
            identity: policy.issuer.identity.clone(),
            named_actor: policy.issuer.actor != ActorSource::OwnKey,
            canaries: Digest::of("rekeyd/canaries/1", &policy.verify.canaries.join("\u{0}")),
            pace: Pace::of(policy),
            kept: policy.kept.clone(),
        }
    }
}
