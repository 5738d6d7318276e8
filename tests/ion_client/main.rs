//! The ION client against small servers in this process: what it sends, and what it concludes.
//! Asserts on requests as they arrived and on answers of the ports, never on the client's logs.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod bounds;
mod dialect;
mod exchange;
mod fake;
mod keys;
mod listing;
mod survey;
mod verify;
