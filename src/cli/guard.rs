//! First things first: no core dump and no debugger may show memory that holds a secret, and a
//! panic says nothing of what it held.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

use crate::telemetry;

/// Hardens this process, as far as the system allows, and chooses the TLS provider.
pub fn harden() {
    telemetry::hide_panics();
    // Where a system refuses these, the rest still holds; a log is not running yet.
    set_dumpable_behavior(DumpableBehavior::NotDumpable).ok();
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }).ok();
    // Only a second choice can fail, and then there is one already.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
}
