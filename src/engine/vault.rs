//! Credentials in memory: the one between *issue* and *stage*, and those read since the last
//! effect. Never journaled, never printed.

use std::collections::BTreeMap;

use crate::domain::facts::KeyProof;
use crate::domain::secret::Credential;

#[derive(Default)]
pub(super) struct Vault {
    minted: Option<Credential>,
    read: BTreeMap<KeyProof, Credential>,
}

impl Vault {
    pub fn hold_minted(&mut self, credential: Credential) {
        self.minted = Some(credential);
    }
    pub fn forget_minted(&mut self) {
        self.minted = None;
    }
    pub fn minted_proof(&self) -> Option<KeyProof> {
        self.minted.as_ref().map(proof)
    }
    pub fn hold_read(&mut self, credential: Credential) -> KeyProof {
        let proof = proof(&credential);
        self.read.insert(proof.clone(), credential);
        proof
    }
    pub fn forget_read(&mut self) {
        self.read.clear();
    }
    pub fn get(&self, wanted: &KeyProof) -> Option<Credential> {
        let minted = self.minted.as_ref().filter(|credential| proof(credential) == *wanted);
        minted.or_else(|| self.read.get(wanted)).cloned()
    }
}

pub(super) fn proof(credential: &Credential) -> KeyProof {
    KeyProof { key: credential.key().clone(), fingerprint: credential.fingerprint() }
}
