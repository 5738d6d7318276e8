//! The command line from outside: what it prints, how it ends, and what it does to a sandbox.
#![cfg(feature = "sandbox")]
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]
#![expect(clippy::indexing_slicing, reason = "a test that finds another shape fails")]

mod adopting;
mod auditing;
mod daemon;
mod decommission;
mod demo;
mod departing;
mod errors;
mod explaining;
mod first_key;
mod first_look;
mod forgetting;
mod handed_over;
mod help;
mod idle;
mod leaking;
mod left_out;
mod lockout;
mod named_actor;
mod neighbours;
mod online;
mod online_aws;
mod others_stores;
mod pacing;
mod rewriting;
mod rotating;
mod ruling;
mod serving;
mod stage;
mod telling;
mod terminal;
mod watching;
