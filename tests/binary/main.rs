//! The real binary against a sandbox on loopback: killed at each append and mutation, suspended, on
//! clocks that step, searched for secrets, judged from the sandbox's ledger, the store, and exit
//! codes.
#![cfg(feature = "sandbox")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stderr, reason = "tests")]

mod aws;
mod clocks;
mod consumers;
mod copies;
mod crash;
mod injected;
mod secrets;
mod signals;
mod stage;
mod suspended;
