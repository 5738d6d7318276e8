//! A first key for a secret that holds none (R31): from an operator's word until *current* holds it.
//! No rotation is open meanwhile, for there is no old key.

use crate::domain::class::Class;
use crate::domain::facts::KeyProof;
use crate::domain::ids::KeyId;

/// How far a first key has got.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum FirstKey {
    /// Asked for; one create may be sent.
    Wanted,
    /// It exists. Until *current* holds it, only the memory of the process that minted it does.
    Minted {
        key: KeyId,
        /// Absent: the reply held no secret.
        proof: Option<KeyProof>,
        /// How often it was tried to write it as *current*.
        installs: u32,
    },
    /// The create came to nothing, or its reply was lost: what it may have made is an orphan.
    Failed { class: Class },
}

impl FirstKey {
    #[must_use]
    pub fn proof(&self) -> Option<&KeyProof> {
        match self {
            Self::Minted { proof, .. } => proof.as_ref(),
            _ => None,
        }
    }
    #[must_use]
    pub fn is_minted(&self) -> bool {
        matches!(self, Self::Minted { .. })
    }
}
