//! rekeyd rotates machine-to-machine API keys so that nobody notices, and kills a leaked one in
//! seconds.

pub mod domain;
pub mod issuer;
pub mod port;
pub mod system;
