//! What the engine asks of the outside, as traits with their contracts in MUST words.
//! Adapters implement them; the engine knows nothing else. No adapter and no decision lives here.

pub mod actor;
pub mod clock;
pub mod error;
pub mod issuer;
pub mod journal;
pub mod neighbours;
pub mod pace;
pub mod random;
pub mod store;
pub mod unreached;
pub mod urgency;
pub mod verifier;

pub use actor::CredentialSource;
pub use clock::{Clock, DateLog};
pub use error::{Cause, Class, PortError};
pub use issuer::{Issuer, Listing};
pub use journal::{Journal, JournalError, Recorded};
pub use neighbours::Neighbours;
pub use pace::{CallKind, Pace};
pub use random::Random;
pub use store::{Content, SecretStore, StoreView, Stored, Which};
pub use urgency::{is_urgent, urgently};
pub use verifier::{Exchange, Verifier};
