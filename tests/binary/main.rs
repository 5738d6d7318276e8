//! The real binary against a sandbox on loopback: killed at each append and mutation, searched for
//! secrets, judged from the sandbox's ledger, the store's file, and exit codes.
#![cfg(feature = "sandbox")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stderr, reason = "tests")]

mod consumers;
mod crash;
mod injected;
mod secrets;
mod signals;
mod stage;
