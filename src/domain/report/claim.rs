//! The texts about a claim that is not ours (R24, R26). Nothing was done.

use super::problem::adopt;

/// Another journal's claim heads the chain: what that means, and what to type.
pub(super) fn held_elsewhere(policy: &str, ended: bool) -> (String, String) {
    let said = if ended {
        format!(
            "another rekeyd, with a journal of its own, has rotated this secret since this journal \
             last did. If that one is out of use, `{}` goes on from what is current now",
            adopt(policy)
        )
    } else {
        format!(
            "another rekeyd, with a journal of its own, holds the claim on this secret and may be \
             rotating it. Let that one finish. If its journal is lost, `{}` takes over; keys that \
             it minted and nothing accounts for are then yours to find (`rekeyd orphans list`)",
            adopt(policy)
        )
    };
    (said, adopt(policy))
}

/// The claim was lost in the middle of a rotation.
pub(super) fn lost(policy: &str) -> (String, String) {
    let said = format!(
        "another rekeyd, with a journal of its own, has claimed this secret since this rotation \
         began. Nothing more is done here, so that the two do not work against each other. When \
         the other one is stopped, `{}` goes on.",
        adopt(policy)
    );
    (said, adopt(policy))
}
