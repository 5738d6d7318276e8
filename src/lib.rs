//! rekeyd rotates machine-to-machine API keys so that nobody notices, and kills a leaked one in
//! seconds.

pub mod app;
pub mod cli;
pub mod domain;
pub mod engine;
pub mod issuer;
pub mod journal;
pub mod port;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod settings;
pub mod store;
pub mod system;
pub mod telemetry;
