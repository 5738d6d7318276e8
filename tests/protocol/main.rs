//! The protocol on virtual time, against the sandbox's tenant and a store by AWS's rules.

#![cfg(feature = "sandbox")]
#![expect(clippy::unwrap_used, reason = "tests")]

mod faults;
mod leaks;
mod people;
mod rotation;
mod world;
