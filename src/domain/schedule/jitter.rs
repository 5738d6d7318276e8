//! Numbers that depend on a policy's name alone, so that they are the same whenever they are asked:
//! they spread what would otherwise happen at once.

use sha2::{Digest, Sha256};

/// Less than `bound_ms`, by the policy's name and the occurrence. Zero where the bound is.
pub(super) fn jitter_ms(name: &str, occurrence_ms: i64, bound_ms: i64) -> i64 {
    drawn_ms(b"rekeyd/jitter/1", occurrence_ms, name, bound_ms)
}

/// Less than `bound_ms`, by the policy's name alone.
pub(super) fn place_ms(name: &str, bound_ms: i64) -> i64 {
    drawn_ms(b"rekeyd/catch-up/1", 0, name, bound_ms)
}

fn drawn_ms(purpose: &[u8], number: i64, name: &str, bound_ms: i64) -> i64 {
    let Some(bound) = u64::try_from(bound_ms).ok().filter(|bound| *bound > 0) else {
        return 0;
    };
    let mut hash = Sha256::new();
    hash.update(purpose);
    hash.update(number.to_be_bytes());
    hash.update(name.as_bytes());
    let number = hash.finalize().iter().take(8).fold(0, |n: u64, byte| n << 8 | u64::from(*byte));
    i64::try_from(number % bound).unwrap_or(0)
}
