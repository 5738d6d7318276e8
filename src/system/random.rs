//! The operating system's randomness. Never seeded, never reproducible.

use uuid::Uuid;

use crate::port::Random;

/// Draws from the kernel (getrandom(2)).
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn uuid(&self) -> Uuid {
        Uuid::new_v4()
    }

    fn below(&self, bound: u64) -> u64 {
        if bound == 0 {
            return 0;
        }
        // Without the kernel's source the jitter goes; nothing that must be secret is drawn here.
        let drawn = u128::from(getrandom::u64().unwrap_or(0));
        // Multiply and shift maps 64 bits onto the range with a bias below bound / 2^64.
        u64::try_from((drawn * u128::from(bound)) >> 64).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_stays_below_its_bound_and_reaches_both_ends() {
        let seen: std::collections::BTreeSet<u64> =
            (0..1000).map(|_| SystemRandom.below(4)).collect();
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [0, 1, 2, 3]);
        assert_eq!(SystemRandom.below(1), 0);
        assert_eq!(SystemRandom.below(0), 0);
    }

    #[test]
    fn two_uuids_differ() {
        assert_ne!(SystemRandom.uuid(), SystemRandom.uuid());
    }
}
