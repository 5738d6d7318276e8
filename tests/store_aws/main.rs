//! AWS Secrets Manager when it fails: what a failure lets us conclude, and what was sent. Asserts
//! on the requests that a scripted server on loopback received.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod chain;
mod failures;
mod requests;
mod server;
