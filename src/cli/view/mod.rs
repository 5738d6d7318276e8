//! What commands show: data on stdout, everything else on stderr. Decides nothing.

pub mod daemon;
pub mod out;
pub mod prints;
pub mod progress;
pub mod reminder;
pub mod sink;
pub mod status;
pub mod wrap;
