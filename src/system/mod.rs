//! The machine's own clock and randomness, behind the ports. The only place that reads either.

mod clock;
mod random;

pub use clock::SystemClock;
pub use random::SystemRandom;
