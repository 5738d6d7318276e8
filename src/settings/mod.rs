//! What the operator wrote: `rekeyd.toml`, the policies directory, and where they are looked for.
//! Reads files and the environment, changes nothing, and calls nobody.

pub mod accounts;
mod bounded_file;
mod daemon_settings;
mod directory;
mod lookup;
mod near_miss;
mod shell_word;

pub use daemon_settings::{DeadAfter, Limits, Settings, VerifySettings, json_schema, parse};
pub use directory::{Loaded, MAX_POLICIES, load_policies};
pub use lookup::{
    Flags, LocateError, Located, Outside, Presence, Sockets, System, control_sockets, locate,
    sockets,
};
pub use near_miss::{NearMiss, near_misses};
pub use shell_word::{for_shell, word_for_shell};
