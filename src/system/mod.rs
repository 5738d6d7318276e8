//! The machine's own clock and randomness, behind the ports: the only place that reads either. And
//! the pace of calls, which goes by its clock.

mod clock;
mod pacer;
mod random;

pub use clock::SystemClock;
pub use pacer::{Pacer, Rates};
pub use random::SystemRandom;
