//! The daemon: policies rotate by themselves. It keeps time and order; what is done to a key is the
//! engine's business, and what is decided the planner's.
//!
//! ```text
//! heartbeat ──▶ fleet ──▶ slice ──▶ engine
//!   reload ─────▲  ▲
//!   control ───────┘ (commands borrow engines)
//! ```
//!
//! The caller owns the journal's lock, the listener, the clocks, and the stop.

pub mod agenda;
mod charge;
pub mod control;
mod fleet;
mod heartbeat;
mod reload;
mod slice;
mod systemd;
mod watch;
mod workshop;

pub use charge::{Charge, is_busy};
pub use fleet::{Bounds, Fleet, FleetReport, Handle, Reloaded, Stopping};
pub use heartbeat::{Heartbeat, HeartbeatError};
pub use reload::{Reader, Reloader, follow};
pub use systemd::Notifier;
pub use workshop::{Workshop, WorkshopError, bug};
