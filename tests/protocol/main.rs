//! The protocol on virtual time, against the sandbox's tenant and a store by AWS's rules.

#![cfg(feature = "sandbox")]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests"
)]

mod actor;
mod faults;
mod first_key;
mod leaks;
mod lockout;
mod neighbours;
mod people;
mod preflight;
mod rotation;
mod stranger;
mod walk;
mod world;
