//! rekeyd rotates machine-to-machine API keys so that nobody notices, and kills a leaked one in
//! seconds. This is the map.
//!
//! ```text
//!            a person, a timer
//!                   │
//!                  cli            words of the command line, and what is printed
//!                   │
//!                  app            settings → ports → engine
//!                   │
//!                daemon           heartbeat, agenda, slices of work; lends engines to commands
//!                   │
//!                engine           observe → plan → intent → effect → outcome → check
//!                   │
//!                 port            what is asked of the outside, in MUST words
//!            ┌──────┼───────┬──────────┐
//!         issuer  store  journal    system      ION; AWS, file; SQLite; clocks, chance
//!            └──────┴───┬───┴──────────┘
//!                     domain      pure: policy, state, plan, report
//! ```
//!
//! A policy says which key of an issuer rotates, and in which store consumers read it. A rotation
//! mints a new key, stages it as *pending*, verifies it, promotes it to *current*, lets consumers
//! move (drain), and retires the old key: disable, prove dead, soak, delete by the pin.
//! [`domain::state`] is the fold of what the journal knows of one secret, [`domain::plan`] answers
//! what to do next, [`engine`] does it.
//!
//! What must hold, always: every mutation has an earlier durable intent; no secret outside memory
//! and the store; a promote follows a successful exchange of exactly that version; an unsuspected key
//! is retired only while *current* works, nothing names it, and its drain is over by two witnesses;
//! nothing enables or promotes a suspect; what is not provably ours is never deleted.

pub mod cli;

pub mod app;

pub mod daemon;

pub mod engine;

pub mod port;

pub mod issuer;
pub mod journal;
pub mod store;
pub mod system;

pub mod domain;

pub mod settings;
pub mod telemetry;
pub mod wire;

#[cfg(feature = "sandbox")]
pub mod sandbox;
