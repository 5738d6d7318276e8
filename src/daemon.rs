//! The daemon: what goes on while nobody types.

pub mod control;
