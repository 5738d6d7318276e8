//! Seeded randomness, so that a seed gives the same ids and secrets again. For make-believe
//! credentials only: nothing outside the sandbox may rely on it being hard to guess.

use uuid::Uuid;

const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// SplitMix64 (Steele, Lea, Flood 2014).
pub(super) struct Dice {
    state: u64,
}

impl Dice {
    /// Without a seed, each sandbox differs.
    pub(super) fn new(seed: Option<u64>) -> Self {
        Self { state: seed.unwrap_or_else(|| Uuid::new_v4().as_u64_pair().0) }
    }

    pub(super) fn uuid(&mut self) -> String {
        let bits = u128::from(self.next()) << 64 | u128::from(self.next());
        uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid().to_string()
    }

    /// Letters and digits, as in Keycloak's client secrets (which have 32).
    pub(super) fn text(&mut self, length: usize) -> String {
        (0..length).map(|_| self.letter()).collect()
    }

    fn letter(&mut self) -> char {
        let index = usize::try_from(self.next() % 62).unwrap_or(0);
        char::from(ALPHABET.get(index).copied().unwrap_or(b'x'))
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
