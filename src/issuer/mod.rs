//! Adapters of the systems that mint and revoke keys, one folder each. They implement the ports
//! and decide nothing: what a failure means for a rotation is the engine's business.

pub mod ion;
