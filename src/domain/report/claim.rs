//! The texts about a claim that is not ours (R24, R26). Nothing was done.

use super::problem::{adopt, plan};

/// Another journal's claim heads the chain: what that means, and what to type.
pub(super) fn held_elsewhere(policy: &str, ended: bool) -> (String, String) {
    if ended {
        let said = "another rekeyd, with a journal of its own, has rotated this secret since this \
                    journal last did. If that one is out of use, `adopt` goes on from what is \
                    current now";
        return (said.to_owned(), adopt(policy));
    }
    let said = "another rekeyd, with a journal of its own, holds the claim on this secret and may \
                be rotating it. Let that one finish. Only if its journal is lost, `adopt` takes \
                over, and what that one minted has to be looked for in ION by hand";
    (said.to_owned(), plan(policy))
}

/// The claim was lost in the middle of a rotation.
pub(super) fn lost(policy: &str) -> (String, String) {
    let said = "another rekeyd, with a journal of its own, has claimed this secret since this \
                rotation began. Nothing more is done here, so that the two do not work against \
                each other. When the other one is stopped, `adopt` goes on.";
    (said.to_owned(), adopt(policy))
}
