//! How many calls a host gets.

use async_trait::async_trait;

/// Spreads calls, so that many policies together stay inside what a host allows.
///
/// `turn` MUST return at once for urgent work ([`super::is_urgent`]), and otherwise within a bounded
/// time.
#[async_trait]
pub trait Pace: Send + Sync {
    /// Waits until a call to `host` may be sent.
    async fn turn(&self, host: &str, call: CallKind);
}

/// Hosts that limit writes limit them more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallKind {
    Read,
    Write,
}

/// Nobody waits.
#[async_trait]
impl Pace for () {
    async fn turn(&self, _host: &str, _call: CallKind) {}
}
