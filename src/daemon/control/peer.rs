//! Who may speak to the daemon: the kernel says who the other side is.

use std::io;

use tokio::net::UnixStream;

use super::{CONFIGURATION, refused};
use crate::domain::code::Control;
use crate::settings::accounts;
use crate::wire::Refused;

/// Who is at the other side, as it was when it connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    pub account: u32,
    /// Its first group.
    pub group: u32,
    /// For people; decided on by nothing.
    pub pid: Option<u32>,
}

impl Peer {
    /// # Errors
    /// When the system does not say.
    pub fn of(stream: &UnixStream) -> io::Result<Self> {
        let facts = stream.peer_cred()?;
        let pid = facts.pid().and_then(|pid| u32::try_from(pid).ok());
        Ok(Self { account: facts.uid(), group: facts.gid(), pid })
    }

    /// The account's name.
    #[must_use]
    pub fn name(&self) -> String {
        accounts::label(self.account)
    }
}

/// Root, the daemon's own account, and one group's members where one is named. A member is whoever
/// has it as first group, or is listed in `/etc/group`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub own: u32,
    pub group: Option<u32>,
}

impl Rule {
    /// For the account of this process.
    #[must_use]
    pub fn own(group: Option<u32>) -> Self {
        Self { own: rustix::process::geteuid().as_raw(), group }
    }

    #[must_use]
    pub fn allows(&self, peer: &Peer) -> bool {
        let is_member = |group| peer.group == group || accounts::is_member(peer.account, group);
        peer.account == 0 || peer.account == self.own || self.group.is_some_and(is_member)
    }

    /// # Errors
    /// A refusal that names the rule.
    pub fn admit(&self, peer: &Peer) -> Result<(), Refused> {
        if self.allows(peer) {
            return Ok(());
        }
        let own = accounts::label(self.own);
        let group = self.group.map(|group| {
            let name = accounts::group_name(group).unwrap_or_else(|| group.to_string());
            format!(", and members of the group {name}")
        });
        let (group, who) = (group.unwrap_or_default(), peer.name());
        let said = format!(
            "the daemon listens to root, to {own}, whose account it runs as{group}, and not to \
             {who}. Nothing was done"
        );
        Err(refused(
            CONFIGURATION,
            Control::NotAllowed,
            said,
            &format!("sudo -u {own} rekeyd status"),
        ))
    }
}
