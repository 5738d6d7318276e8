//! Why a request was not followed. Nothing was done in any of these.
//! A code without a page does not build.

use crate::cli::explain::Page;
use crate::domain::code::Refused;

/// What a code means.
#[expect(clippy::too_many_lines, reason = "one page after the other, and no page twice")]
pub fn page(code: Refused) -> Page {
    match code {
        Refused::Store => Page {
            title: "the store must be mended first",
            happened: "The secret is scheduled for deletion, rotated by the store itself, out \
                of sync with a replica, full of versions, or not writable. The message says \
                which.",
            leaves: "Nothing was done. Consumers keep the current key, which lives.",
            by_itself: "The next run looks again.",
            to_do: "Mend the secret as the message says (the first two commands are for AWS), \
                then rotate again.",
            commands: &[
                "aws secretsmanager cancel-rotate-secret --secret-id ID",
                "aws secretsmanager restore-secret --secret-id ID",
                "rekeyd check --online NAME",
                "rekeyd rotate NAME",
            ],
            rule: "Preflight, before any create (R22): what cannot be published must not be \
                minted.",
        },
        Refused::NoCurrent => Page {
            title: "the secret has no current version",
            happened: "The store has the secret, and no version of it is labelled current.",
            leaves: "Nothing was done. Consumers read nothing.",
            by_itself: "The next run looks again.",
            to_do: "Pipe a credential in, or label a version current in the store.",
            commands: &["rekeyd adopt NAME --from-stdin < credential.json"],
            rule: "A rotation starts from a current credential that works (R22).",
        },
        Refused::CurrentMalformed => Page {
            title: "the current version holds no credential",
            happened: "The value is no JSON object, or lacks one of the two fields that the \
                policy names.",
            leaves: "Nothing was done. Consumers cannot read a credential.",
            by_itself: "The next run looks again.",
            to_do: "Mend the value, or the policy's `fields`, or pipe a credential in.",
            commands: &["rekeyd adopt NAME --from-stdin < credential.json", "rekeyd plan NAME"],
            rule: "A rotation starts from a current credential that works (R22).",
        },
        Refused::CurrentChanged => Page {
            title: "current is not the credential that was last rotated or adopted",
            happened: "Somebody put another credential into the store since.",
            leaves: "Nothing was done. Consumers use what that person wrote.",
            by_itself: "Nothing: a person's choice awaits your word.",
            to_do: "If the value is right, adopt it; otherwise put the earlier version back as \
                current.",
            commands: &["rekeyd adopt NAME", "rekeyd history NAME"],
            rule: "A rotation starts only from the key and secret last completed or adopted (R6).",
        },
        Refused::CurrentDead => Page {
            title: "the current credential does not authenticate",
            happened: "The issuer rejects the credential that consumers read.",
            leaves: "Nothing was done. Consumers are failing, or will when their token ends.",
            by_itself: "It heals by itself if a key that it knows works again.",
            to_do: "Create a key in ION by hand and pipe it in.",
            commands: &["rekeyd adopt NAME --from-stdin < credential.json"],
            rule: "A dead credential can mint nothing, and is no ground to build on (R22).",
        },
        Refused::ForeignPending => Page {
            title: "a pending version that is not ours is in the store",
            happened: "Another tool or a person is changing this secret.",
            leaves: "Nothing was done. Consumers keep the current key.",
            by_itself: "The next run looks again.",
            to_do: "End the other change, remove the pending label in the store, then rotate \
                again.",
            commands: &["rekeyd plan NAME", "rekeyd rotate NAME"],
            rule: "Pending of a version that is not this rotation's is never taken (R8).",
        },
        Refused::TooLarge => Page {
            title: "the secret's value is so large that a new one might not fit",
            happened: "The store takes 64 KiB, and a new credential might be longer than the \
                old one.",
            leaves: "Nothing was done. Consumers keep the current key.",
            by_itself: "The next run looks again.",
            to_do: "Shorten or move the secret's other fields.",
            commands: &["rekeyd plan NAME"],
            rule: "What cannot be published must not be minted (R22).",
        },
        Refused::Misconfigured => Page {
            title: "the token endpoint does not know this realm or this way of asking",
            happened: "The issuer answered that the client, realm, or way of asking is unknown. \
                Either the policy's addresses are wrong, or the tenant's have changed.",
            leaves: "Nothing was done. Whether the key works cannot be told by such an answer.",
            by_itself: "The next run asks again.",
            to_do: "Compare `environment`, or `auth_url` and `api_url`, with the tenant's.",
            commands: &["rekeyd check", "rekeyd plan NAME"],
            rule: "A wrong realm rejects every key, so it proves nothing about one (R20).",
        },
        Refused::Rights => Page {
            title: "a right that a rotation needs is missing",
            happened: "The credential that would call ION may not list, update, or delete keys. \
                The message says which.",
            leaves: "Nothing was done. Consumers keep the current key.",
            by_itself: "The next run probes again.",
            to_do: "Give the account its rights, or name an actor that has them. A key keeps \
                the rights of its creation, so it may have to be replaced by hand.",
            commands: &["rekeyd plan NAME", "rekeyd adopt NAME --from-stdin < credential.json"],
            rule: "Rights are probed without changing anything, before a key is made (R17, R22).",
        },
        Refused::OtherIdentity => Page {
            title: "the credential that would mint the new key acts as somebody else",
            happened: "A new key acts as its creator, and that one is not the policy's \
                `identity`, nor the adopted one.",
            leaves: "Nothing was done. Consumers keep the current key.",
            by_itself: "The next run looks again.",
            to_do: "Mend `identity` or the actor in the policy.",
            commands: &["rekeyd check", "rekeyd plan NAME"],
            rule: "A new key must act as the old one did (R23).",
        },
        Refused::NamedElsewhere => Page {
            title: "another policy names the same key",
            happened: "Two secrets hold one key, so retiring it for one would break the other.",
            leaves: "Nothing was done. Both policies' consumers keep the key.",
            by_itself: "The next run looks again.",
            to_do: "Give one of the two secrets a key of its own, or adopt: the key is then \
                this policy's.",
            commands: &["rekeyd adopt NAME", "rekeyd status"],
            rule: "No policy anywhere may name a key that is to be retired (R22).",
        },
        Refused::DrainTooShort => Page {
            title: "`retire.drain` is shorter than the consumers may hold the old key",
            happened: "The life of a token is known now, and cache time and token life together \
                are longer than the drain.",
            leaves: "Nothing was done. Consumers keep the current key.",
            by_itself: "The next run looks again.",
            to_do: "Raise `retire.drain` to what the message says, or declare a shorter \
                `cache_ttl` if that is true.",
            commands: &["rekeyd check", "rekeyd rotate NAME"],
            rule: "The drain is at least the cache time plus a token's life (R12).",
        },
        Refused::Claimed => Page {
            title: "another journal holds the claim on the secret, or rotated it last",
            happened: "Where the secret lives, the claim chain (in AWS: the version labelled \
                REKEYD) shows an entry that this journal did not write: another rekeyd with a \
                state directory of its own looks after the secret, or did.",
            leaves: "Nothing was done. Consumers use what current holds.",
            by_itself: "Nothing.",
            to_do: "Use the other one, or stop it. If its journal is lost, adopt: this journal \
                then goes on from what is current; look in ION for keys that the other one minted.",
            commands: &["rekeyd plan NAME", "rekeyd adopt NAME"],
            rule: "The next claim follows only an ended one that this journal knows (R24, R26).",
        },
        Refused::ClockSkew => Page {
            title: "this machine's clock and the server's differ too much",
            happened: "They differ by more than five minutes, so no deadline could be trusted.",
            leaves: "Nothing was done. Consumers keep the current key.",
            by_itself: "The next run compares again.",
            to_do: "Set the clock of this machine.",
            commands: &["timedatectl status", "rekeyd rotate NAME"],
            rule: "No deadline that permits a kill rests on one clock alone (R19).",
        },
        Refused::Moved => Page {
            title: "the policy was on another secret before, which still names a live key",
            happened: "The policy's place was changed. The old place is in the journal, and its \
                key was not retired.",
            leaves: "No rotation was started. Consumers of either place use what it holds.",
            by_itself: "Nothing. The old place stays in the guards: no policy retires its key.",
            to_do: "Let the consumers read the new place, then forget the old one; its key is left \
                as it is. Or name the old place in the policy again.",
            commands: &["rekeyd status", "rekeyd forget NAME --secret PLACE --yes"],
            rule: "A changed secret is a migration, never a silent start (R28).",
        },
        Refused::Departed => Page {
            title: "no policy names this secret any more",
            happened: "The command is about a secret whose policy was removed.",
            leaves: "Nothing was done. Its key lives and is remembered.",
            by_itself: "What is open ends by the policy as it was.",
            to_do: "Put the policy's file back, or forget the secret.",
            commands: &["rekeyd status", "rekeyd forget NAME --yes"],
            rule: "A removed policy starts nothing (R28).",
        },
        Refused::RotationOpen => Page {
            title: "a rotation is open",
            happened: "A decommission was asked for while a rotation is not over.",
            leaves: "Nothing was done. Consumers use what current holds.",
            by_itself: "Each run goes on with the rotation.",
            to_do: "Finish the rotation or take it back, then ask again.",
            commands: &["rekeyd run --once", "rekeyd abort NAME"],
            rule: "One change of a secret at a time (invariant 1).",
        },
        Refused::Decommissioning => Page {
            title: "the policy's key is being decommissioned",
            happened: "Something else was asked for meanwhile.",
            leaves: "Nothing was done. The key lives through its drain.",
            by_itself: "Each run goes on with the decommission.",
            to_do: "Let it end, or take it back.",
            commands: &["rekeyd run --once", "rekeyd abort NAME"],
            rule: "R30.",
        },
        Refused::Retired => Page {
            title: "the policy is retired",
            happened: "Its key was decommissioned; it never rotates and never heals.",
            leaves: "Nothing was done. No consumer should be using the secret.",
            by_itself: "Nothing.",
            to_do: "Put a credential that works into the secret and adopt it, or remove the \
                policy and forget the secret.",
            commands: &["rekeyd adopt NAME", "rekeyd forget NAME --yes"],
            rule: "R30.",
        },
        Refused::Orphans => Page {
            title: "two or more keys may be ours and nobody has ruled on them",
            happened: "Creates lost their replies, and the list does not tell which keys came \
                of them.",
            leaves: "Nothing was done. Consumers are not affected; the keys in question live.",
            by_itself: "It makes no further key.",
            to_do: "List them and rule on each.",
            commands: &["rekeyd orphans list", "rekeyd orphans keep KEY"],
            rule: "Issue refuses while two are unresolved; leaked work passes (R3).",
        },
        Refused::ReadOnly => Page {
            title: "the secret is not adopted",
            happened: "First contact found something that needs your ruling, so this secret is \
                only looked at.",
            leaves: "Nothing was done. Consumers keep what the store holds.",
            by_itself: "It looks again at each run, and adopts by itself when nothing is in the \
                way.",
            to_do: "`status` says why; adopt when it is right.",
            commands: &["rekeyd status NAME", "rekeyd adopt NAME"],
            rule: "Naming a secret in a policy is consent only where everything fits (R31).",
        },
        Refused::Trouble => Page {
            title: "a call that the request needed failed",
            happened: "The issuer or the store did not give a usable answer. The message names \
                the step.",
            leaves: "Nothing was done. Consumers keep the current key.",
            by_itself: "What was asked for by the schedule is tried again.",
            to_do: "Mend what the message says, and type the command again.",
            commands: &["rekeyd plan NAME"],
            rule: "A missing fact is never guessed (R22).",
        },
        Refused::NothingOpen => Page {
            title: "nothing is parked or open",
            happened: "There was nothing to resume, to abort, to rule on, or to move to.",
            leaves: "Nothing was done. Consumers are not affected.",
            by_itself: "Nothing.",
            to_do: "Look where the policy stands.",
            commands: &["rekeyd status NAME"],
            rule: "A request that applies to nothing is answered, not kept.",
        },
        Refused::NotPromoted => Page {
            title: "the rotation has no new key in use yet",
            happened: "A consumer was said to use the new key, and current is still the old one.",
            leaves: "Nothing was noted. Consumers use the old key, which lives.",
            by_itself: "The rotation goes on; after its promote the consumer's word counts.",
            to_do: "Say it again after the promote, once the consumer has read the new key.",
            commands: &["rekeyd status NAME", "rekeyd ack NAME CONSUMER"],
            rule: "A word counts for the rotation whose key it is about.",
        },
        Refused::TooLate => Page {
            title: "the old key is already gone",
            happened: "An abort was asked for after the old key was deleted.",
            leaves: "Consumers use the new key, which lives. The old one cannot be brought back.",
            by_itself: "The rotation goes on to its end.",
            to_do: "Let it end; rotate again if the new key is not wanted.",
            commands: &["rekeyd run --once", "rekeyd rotate NAME"],
            rule: "An abort is possible up to soaked, and later refused.",
        },
        Refused::OldKeyUnfit => Page {
            title: "the key to go back to is reported leaked or does not work",
            happened: "Going back would give consumers a key that fails, or one that others hold.",
            leaves: "Nothing was done. Consumers keep what current holds.",
            by_itself: "The rotation goes on with the new key.",
            to_do: "Let it go on. To adopt another key, pipe in one that works.",
            commands: &["rekeyd run --once", "rekeyd adopt NAME --from-stdin < credential.json"],
            rule: "Nothing enables or promotes a suspect, and a rollback needs an old key that \
                works now (R10, R15).",
        },
        Refused::NoNamedActor => Page {
            title: "no credential can mint the first key",
            happened: "With `actor = \"self\"` the key that would call ION is the one that is \
                missing.",
            leaves: "Nothing was done. The secret has no key yet, so consumers read none.",
            by_itself: "Nothing.",
            to_do: "Create the first key in ION by hand and pipe it in, or name an actor in the \
                policy.",
            commands: &["rekeyd adopt NAME --from-stdin < credential.json"],
            rule: "A first key is piped in, or minted by a named actor (R31).",
        },
        Refused::AlreadyAdopted => Page {
            title: "the secret is adopted already",
            happened: "`adopt --issue` mints a first key, and this secret has one.",
            leaves: "Nothing was done. Consumers keep the current key.",
            by_itself: "Nothing.",
            to_do: "Rotate: that mints a new key.",
            commands: &["rekeyd rotate NAME"],
            rule: "`adopt --issue` is for a secret that holds no credential (R31).",
        },
        Refused::KillFirstLocksOut => Page {
            title: "killing the leaked key first would lock rekeyd out",
            happened: "No other credential can serve now: killing this one would leave nobody \
                who may call ION.",
            leaves: "The leaked key lives; consumers use it. The report stays open.",
            by_itself: "It dies as soon as another credential is in the store.",
            to_do: "If that cannot wait: in ION's console, as an administrator, disable the \
                key, create one as the same account, put it into the secret as current, then \
                adopt it.",
            commands: &["rekeyd adopt NAME", "rekeyd run --once"],
            rule: "The last credential that authenticates is never removed without another in \
                the store (R16, R18).",
        },
    }
}
