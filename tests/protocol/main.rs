//! The protocol on virtual time, against the sandbox's tenant and a store by AWS's rules.

#![cfg(feature = "sandbox")]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests"
)]

mod faults;
mod leaks;
mod orphans;
mod people;
mod rotation;
mod stranger;
mod walk;
mod world;
