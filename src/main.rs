//! The command. Everything is in the library, so that tests and the daemon use the same rooms.

use std::process::ExitCode;

fn main() -> ExitCode {
    rekeyd::cli::main()
}
