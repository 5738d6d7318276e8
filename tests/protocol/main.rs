//! The protocol on virtual time, against the sandbox's tenant and a store by AWS's rules.

#![cfg(feature = "sandbox")]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests"
)]

mod acks;
mod actor;
mod answered_for_another;
mod claims;
mod clocks;
mod decommission;
mod etags;
mod faults;
mod first_key;
mod groups;
mod healing;
mod hidden_previous;
mod kill_first;
mod lacking;
mod lagging;
mod late_creates;
mod leaks;
mod lockout;
mod matrix;
mod matrix_of_aws;
mod migration;
mod moved_back;
mod neighbours;
mod orphans;
mod people;
mod preflight;
mod public_failures;
mod put_back;
mod refused_claims;
mod refused_creates;
mod reports;
mod retired;
mod rotation;
mod rulings;
mod stopped_rulings;
mod storm;
mod upgrade;
mod walk;
mod windows;
mod world;
