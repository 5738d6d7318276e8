//! The protocol and its words. PURE: no async, no clock, no environment, no I/O, no unseeded
//! randomness. The same functions run in production, in the simulator, and in the model checker.

pub mod cause;
pub mod check;
pub mod claim;
pub mod class;
pub mod clocks;
pub mod code;
pub mod departed;
pub mod facts;
pub mod ids;
pub mod leak;
pub mod neighbours;
pub mod plan;
pub mod policy;
pub mod report;
pub mod schedule;
pub mod secret;
pub mod state;
pub mod words;
