//! Why a call failed, beyond its class, as far as it can be told. For words and codes alone:
//! nothing is ever decided by it, so an adapter that cannot tell leaves it out.

use super::facts::Unreached;

/// What a person has to mend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// No connection came about.
    Unreached(Unreached),
    /// Nothing says in which region the secret is.
    NoRegion,
    /// This machine has no credentials for the store.
    NoCredentials,
    /// The store refuses this machine's credentials.
    CredentialsRefused,
    /// The store refuses a request because of the time that it carries.
    Clock,
    /// The store knows this machine, and does not let it do this.
    Denied { action: &'static str },
    /// The key that the secret is encrypted with may not be used.
    EncryptionKey,
    /// There is no such secret where it was looked for.
    NoSecret,
}
