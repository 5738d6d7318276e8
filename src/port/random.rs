//! Randomness, so that a seed replays a run.

use uuid::Uuid;

/// MUST be unpredictable in production: request tokens are derived from it (R2).
pub trait Random: Send + Sync {
    fn uuid(&self) -> Uuid;
    /// A number in `0..bound` (0 when `bound` is 0), for jitter.
    fn below(&self, bound: u64) -> u64;
}
