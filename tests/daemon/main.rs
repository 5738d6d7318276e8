//! The daemon as the real binary, against a sandbox on loopback: how it lives and dies, keeps time,
//! takes in policies, and obeys while it works. Judged from the sandbox's ledger, `status`, exit
//! codes, and what systemd would hear.
#![cfg(feature = "sandbox")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stderr, reason = "tests")]

#[path = "../binary/consumers.rs"]
mod consumers;

mod clock;
mod commands;
mod crowd;
mod daemon;
mod dead_key;
mod deaths;
mod ear;
mod life;
mod others;
mod reload;
mod schedule;
mod soak;
mod stage;
