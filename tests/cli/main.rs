//! The command line from outside: what it prints, how it ends, and what it does to a sandbox.
#![cfg(feature = "sandbox")]
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]
#![expect(clippy::indexing_slicing, reason = "a test that finds another shape fails")]

mod adopting;
mod auditing;
mod demo;
mod errors;
mod explaining;
mod first_key;
mod help;
mod leaking;
mod left_out;
mod lockout;
mod named_actor;
mod neighbours;
mod online;
mod online_aws;
mod rotating;
mod serving;
mod stage;
mod terminal;
