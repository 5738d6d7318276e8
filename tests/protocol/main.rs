//! The protocol on virtual time, against the sandbox's tenant and a store by AWS's rules.

#![cfg(feature = "sandbox")]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests"
)]

mod clocks;
mod faults;
mod healing;
mod kill_first;
mod lacking;
mod late_creates;
mod leaks;
mod moved_back;
mod orphans;
mod people;
mod rotation;
mod storm;
mod walk;
mod world;
