//! The command. Everything is in the library, so that tests and the daemon use the same rooms.

fn main() {}
