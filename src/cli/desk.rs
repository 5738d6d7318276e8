//! A command inside the daemon works on what the daemon lends it: its policies, its journal, its
//! engines. It takes no lock and makes no engine of its own.

use std::sync::Arc;

use crate::app::{App, Home};
use crate::engine::Stop;
use crate::port::Journal;

/// What the daemon lends to a command.
#[derive(Clone)]
pub struct Desk {
    /// The daemon's settings and its current set of policies.
    pub app: Arc<App>,
    /// The daemon holds its lock.
    pub journal: Arc<dyn Journal>,
    pub home: Arc<dyn Home>,
}

/// One command's place in the daemon.
pub struct Seat {
    pub desk: Desk,
    /// The account that asks.
    pub who: String,
    /// The daemon ends.
    pub stop: Stop,
}
