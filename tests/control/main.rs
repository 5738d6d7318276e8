//! The daemon's control socket from outside, with a clerk that only plays: who is let in, and that
//! no client costs more than it may.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]
#![expect(clippy::indexing_slicing, reason = "a test that finds another shape fails")]
#![expect(clippy::panic, reason = "a test that hears something else fails")]

mod bounds;
mod clerk;
mod file;
mod peers;
mod talk;
