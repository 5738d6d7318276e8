//! What people and tests do to a tenant, and how they look into it.

use super::super::fault::Fault;
use super::super::ledger::Entry;
use super::super::person::Edit;
use super::super::reply::{Issued, Refusal};
use super::super::settings::SERVICE_ACCOUNT;
use super::Tenant;
use super::credential::is_alive;
use super::keys::KeyTruth;

/// What people and tests do.
impl Tenant {
    /// A person's edit by hand.
    ///
    /// # Errors
    /// The key or the user is not there.
    pub fn edit(&self, edit: &Edit) -> Result<Option<Issued>, Refusal> {
        self.settled().edit(edit, self.now_ms())
    }

    /// A person mints a key as that user.
    ///
    /// # Errors
    /// The user is not there or not active, or the sandbox is full.
    pub fn mint(&self, user: &str) -> Result<Issued, Refusal> {
        self.edit(&Edit::Mint { user: user.into() })?.ok_or(Refusal::NotFound)
    }

    /// A key of the first user: the one that a store holds before the first rotation.
    ///
    /// # Errors
    /// There is no active user, or the sandbox is full.
    pub fn seed_key(&self) -> Result<Issued, Refusal> {
        let first = self.world().settings.users.first().map(|user| user.id.clone());
        self.mint(first.as_deref().unwrap_or(SERVICE_ACCOUNT))
    }

    /// Orders a fault.
    ///
    /// # Errors
    /// Which bound it breaks.
    pub fn add_fault(&self, fault: Fault) -> Result<(), String> {
        let mut world = self.settled();
        let now = world.changes();
        world.faults.add(fault, now)
    }

    /// Takes back every fault that has not struck yet. Effects on their way still land.
    pub fn clear_faults(&self) {
        self.world().faults.clear();
    }

    /// The faults that have not struck yet.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        self.world().faults.waiting()
    }

    /// Every call so far, oldest first.
    #[must_use]
    pub fn ledger(&self) -> Vec<Entry> {
        self.ledger_after(0)
    }

    /// The calls after that sequence number.
    #[must_use]
    pub fn ledger_after(&self, sequence: u64) -> Vec<Entry> {
        self.settled().ledger.after(sequence)
    }

    /// Every key there ever was, in the order of minting.
    #[must_use]
    pub fn keys(&self) -> Vec<KeyTruth> {
        self.settled().keys.truths()
    }

    /// Whether the key would authenticate now.
    #[must_use]
    pub fn alive(&self, client_id: &str) -> bool {
        is_alive(&self.settled(), client_id)
    }

    /// Every secret and token ever made (the latest 20,000), to search outputs for.
    #[must_use]
    pub fn every_secret(&self) -> Vec<String> {
        self.settled().keys.secrets()
    }

    /// A user's email.
    #[must_use]
    pub fn email_of(&self, user: &str) -> Option<String> {
        self.world().user(user).map(|user| user.email.clone())
    }

    /// By the sandbox's clock.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        (self.clock)()
    }
}
