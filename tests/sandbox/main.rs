//! The sandbox seen from outside, over HTTP: it has to be right for any other test to mean
//! something.

#![cfg(feature = "sandbox")]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails, and JSON reads best by index"
)]

mod auth;
mod bench;
mod faults;
mod graphql;
mod people;
mod secrets_manager;
mod server;
