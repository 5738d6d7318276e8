//! Why a secret is only looked at. A code without a page does not build.

use crate::cli::explain::Page;
use crate::domain::code::ReadOnly;

/// What a code means.
pub fn page(code: ReadOnly) -> Page {
    match code {
        ReadOnly::NoValue => Page {
            title: "the secret has no value yet",
            happened: "The store has the secret, and nothing is in it.",
            leaves: "Nothing was changed. Consumers read nothing; no key is managed here.",
            by_itself: "It looks again at each run.",
            to_do: "Pipe a first credential in, or let a named actor mint one.",
            commands: &[
                "rekeyd adopt NAME --from-stdin < credential.json",
                "rekeyd adopt NAME --issue",
            ],
            rule: "First contact adopts only a credential that works (R31).",
        },
        ReadOnly::Malformed => Page {
            title: "the current version holds no credential",
            happened: "It is no JSON object, or lacks one of the two fields that the policy names.",
            leaves: "Nothing was changed. Consumers cannot read a credential.",
            by_itself: "It looks again at each run, and adopts when the value is one.",
            to_do: "Mend the value or the policy's `fields`, or pipe a credential in.",
            commands: &[
                "rekeyd adopt NAME --from-stdin < credential.json",
                "rekeyd adopt NAME --issue",
            ],
            rule: "First contact adopts only a credential that works (R31).",
        },
        ReadOnly::PendingPresent => Page {
            title: "a pending version is in the store already",
            happened: "Somebody else may be rotating this secret.",
            leaves: "Nothing was changed. Consumers keep the current key, which may work.",
            by_itself: "It looks again at each run, and adopts when the label is gone.",
            to_do: "End the other rotation; if there is none, adopt.",
            commands: &["rekeyd adopt NAME"],
            rule: "Pending of another's is never taken (R8, R31).",
        },
        ReadOnly::CurrentRejected => Page {
            title: "the current credential does not authenticate",
            happened: "The issuer rejects what the store holds: a wrong secret, a disabled or \
                deleted key, or another tenant's.",
            leaves: "Nothing was changed. Consumers are failing, or will when their token ends.",
            by_itself: "It looks again at each run, and adopts when it works.",
            to_do: "Pipe in one that works, or mend the value in the store.",
            commands: &["rekeyd adopt NAME --from-stdin < credential.json"],
            rule: "First contact adopts only a credential that works (R31).",
        },
        ReadOnly::OtherIdentity => Page {
            title: "the key acts as somebody else than the policy says",
            happened: "The credential works, as another account than the policy's `identity`.",
            leaves: "Nothing was changed. Consumers keep the current key, which lives.",
            by_itself: "It looks again at each run.",
            to_do: "Mend `identity` in the policy, or adopt the key as it is.",
            commands: &["rekeyd adopt NAME", "rekeyd check"],
            rule: "The identity that the policy names is part of the consent (R31).",
        },
        ReadOnly::Claimed => Page {
            title: "another journal has rotated this secret",
            happened: "This journal does not know the secret, but the claim chain beside it (in \
                AWS: the version labelled REKEYD) shows that a rekeyd with another journal does.",
            leaves: "Nothing was done. Consumers use what current holds.",
            by_itself: "It only looks.",
            to_do: "If the other journal is out of use or lost, adopt what current holds. If not, \
                use that one, and take the policy away here.",
            commands: &["rekeyd check", "rekeyd adopt NAME"],
            rule: "A chain of another journal makes a secret read-only until a person rules (R26).",
        },
        ReadOnly::NamedElsewhere => Page {
            title: "another policy names the same key",
            happened: "Two secrets hold one key, so that neither policy may retire it.",
            leaves: "Nothing was changed. Both policies' consumers keep the key.",
            by_itself: "It looks again at each run.",
            to_do: "Put a key of its own into one of the two secrets, or adopt: the key is then \
                this policy's.",
            commands: &["rekeyd adopt NAME", "rekeyd status"],
            rule: "A key has one owner (R22, R31).",
        },
    }
}
