//! Why a policy waits for an operator. A code without a page does not build.

use crate::cli::explain::Page;
use crate::domain::code::Parked;

/// What a code means.
#[expect(clippy::too_many_lines, reason = "one page after the other, and no page twice")]
pub fn page(code: Parked) -> Page {
    match code {
        Parked::CurrentChanged => Page {
            title: "somebody put another credential into the store as current",
            happened: "The secret's current version holds a credential that is neither the old \
                nor the new key of this rotation. A person or another tool wrote it.",
            leaves: "Consumers read what that person wrote; rekeyd left it alone. The old and \
                the new key live on.",
            by_itself: "It keeps looking. If current holds a key of this rotation again, it \
                goes on.",
            to_do: "If the new value works and is right, adopt it. If it works and is wrong, put \
                the old version back as current and resume. If it is rejected, resume: a key of \
                the rotation that works takes its place.",
            commands: &["rekeyd adopt NAME", "rekeyd resume NAME"],
            rule: "A person's choice of credential is never overwritten (R6), but on an \
                operator's word, and only if it does not work.",
        },
        Parked::CurrentMovedBack => Page {
            title: "somebody moved current back to the old key after the promote",
            happened: "The new key was promoted, and then current named the old key again by \
                somebody else's hand.",
            leaves: "Consumers use the old key, which works. Both keys live.",
            by_itself: "Nothing, except what keeps current working.",
            to_do: "Abort, and the new key is removed; or move current forward in the store and \
                resume.",
            commands: &["rekeyd abort NAME", "rekeyd resume NAME"],
            rule: "A move by somebody else is taken for a decision, not for an accident (R6, R13).",
        },
        Parked::CurrentDead => Page {
            title: "current does not work, and nothing known can take its place",
            happened: "The credential that consumers read is rejected, and no other key that \
                rekeyd knows may replace it. Its key was disabled or deleted in ION, or somebody \
                (Terraform, say) put an older value into the store, and the last key that worked \
                is rejected too, was reported leaked, or is in no version of the secret any more.",
            leaves: "Consumers are failing, or will when their token ends.",
            by_itself: "It looks again, and heals once a known key works: between rotations it \
                puts the last key that worked back as current, beside the other fields as they \
                are now.",
            to_do: "Break-glass: create a key in ION by hand, as the same service account. Pipe \
                it in; only what works is written. Where a rotation is open, put it into the \
                store as current and adopt it.",
            commands: &["rekeyd adopt NAME --from-stdin < credential.json", "rekeyd adopt NAME"],
            rule: "Heal comes before every other step, and enables only what our own disable \
                disabled (R11, R13).",
        },
        Parked::CurrentOverwritten => Page {
            title: "somebody writes a credential that does not work, again and again",
            happened: "With no rotation open, current was overwritten with a key that is \
                rejected: most often an older value that Terraform, or another tool, still holds. \
                Three times within a day rekeyd put the last key that works back.",
            leaves: "The message says whether the last put-back stands, so that consumers work, \
                or the bad value is there again, so that they fail. No key was made or removed.",
            by_itself: "A day after the first of the three it would put the key back again. It \
                stays parked, so that somebody looks.",
            to_do: "Find who writes the secret and stop it: in Terraform ignore changes of the \
                value, or take the version out of its state. Then resume: where the bad value is \
                there, the working key goes back at once.",
            commands: &["rekeyd history NAME", "rekeyd resume NAME"],
            rule: "A credential that works is a person's choice and stays; one that does not is \
                healed, and every retry ends in a visible park (R11, R13).",
        },
        Parked::BothDead => Page {
            title: "neither the old nor the new key works",
            happened: "Both keys of the open rotation are rejected. Somebody disabled or \
                deleted them, or the account was closed.",
            leaves: "Consumers are failing. No key of this rotation is alive.",
            by_itself: "It looks again; if one of the two works, it goes on with that one.",
            to_do: "Break-glass: create a key in ION by hand, put it into the store as current, \
                then adopt it.",
            commands: &["rekeyd adopt NAME", "rekeyd history NAME"],
            rule: "A rotation goes back only to a key that works now, and forward only with one \
                that works (R10, R11).",
        },
        Parked::CurrentMalformed => Page {
            title: "the current version holds no credential",
            happened: "The secret is gone, or its current version is no JSON object, or lacks one \
                of the two fields that the policy names.",
            leaves: "Consumers cannot read a credential. The keys that rekeyd knows are left as \
                they are.",
            by_itself: "It looks again and goes on when the value is a credential.",
            to_do: "Mend the value in the store and resume. With no rotation open, a credential \
                can be piped in.",
            commands: &["rekeyd resume NAME", "rekeyd adopt NAME --from-stdin < credential.json"],
            rule: "What cannot be read is not replaced by a guess (R6).",
        },
        Parked::ForeignPending => Page {
            title: "a pending version that is not ours is in the store",
            happened: "Another tool, or a person, staged a version of this secret while the \
                rotation was under way.",
            leaves: "Consumers are not affected: current is untouched. The rotation's keys live \
                on.",
            by_itself: "It goes on when the pending label is gone.",
            to_do: "Find who stages it and end that. Remove the label (AWSPENDING) in the \
                store, then resume.",
            commands: &["rekeyd resume NAME"],
            rule: "Pending of a version that is not this rotation's is never taken (R8).",
        },
        Parked::ProfileDiffers => Page {
            title: "the new key does not act as the old one did",
            happened: "The new key acts as another account, answers a canary differently, or \
                lacks a right that rotating needs. The message says which.",
            leaves: "Consumers are not affected: the new key was not promoted. Both keys live.",
            by_itself: "It does not promote the key.",
            to_do: "Where a right is missing, give it back and resume. Where the difference is \
                right, adopt. Otherwise abort: the new key is removed.",
            commands: &["rekeyd abort NAME", "rekeyd adopt NAME", "rekeyd resume NAME"],
            rule: "Identity and canary answers are compared with the baseline, because a new \
                key takes its creator's permissions of now (R23).",
        },
        Parked::TooManyCreates => Page {
            title: "three keys were made and none could be promoted",
            happened: "One rotation made three keys. Each lost its secret, was reported leaked, \
                or did not work.",
            leaves: "Consumers are not affected: the old key is current. Keys of the failed \
                attempts may live until they are removed.",
            by_itself: "It makes no further key.",
            to_do: "Read the history for the cause, mend it, then abort: what is left over is \
                removed. Then rotate again.",
            commands: &["rekeyd history NAME", "rekeyd abort NAME"],
            rule: "At most three creates a rotation (R3), so that no fault fills the account \
                with keys.",
        },
        Parked::TooManyAttempts => Page {
            title: "the secret was edited ten times while the new key was being staged",
            happened: "Other fields of the secret kept changing, so that each staged version \
                was out of date before it could be promoted.",
            leaves: "Consumers are not affected: the old key is current. The new key lives.",
            by_itself: "It stages nothing more.",
            to_do: "Stop what writes to the secret, then resume.",
            commands: &["rekeyd resume NAME"],
            rule: "A promote never undoes another's edit: it compares with the version that it \
                was built on (R6).",
        },
        Parked::Orphans => Page {
            title: "two or more keys may be ours and nobody has ruled on them",
            happened: "Creates lost their replies, and the key list does not say which key came \
                of them.",
            leaves: "Consumers are not affected. The keys in question live, and somebody may \
                hold their secrets: nobody knows.",
            by_itself: "It makes no further key while two are unruled. It never deletes what it \
                cannot prove to be ours.",
            to_do: "List them. A key that is yours you keep; one that nobody needs you delete \
                in ION. Then let it go on.",
            commands: &["rekeyd orphans list", "rekeyd orphans keep KEY", "rekeyd resume NAME"],
            rule: "A key is ours by a journaled outcome or by creator and time, never by \
                likelihood (R3).",
        },
        Parked::PinDiffers => Page {
            title: "somebody changed a key after it was disabled here",
            happened: "The etag of the old key is not the one that our own disable left, or the \
                key is enabled again.",
            leaves: "Consumers are not affected: current holds the new key. The old key was not \
                deleted and may be alive.",
            by_itself: "It does not delete the key.",
            to_do: "Find who changed it, and why. If the key is still to go, resume: it is \
                disabled again and soaks anew. If it is still needed, abort.",
            commands: &["rekeyd resume NAME", "rekeyd abort NAME"],
            rule: "A delete carries the etag that our own disable left, so that it cannot hit a \
                key that somebody revived (R21).",
        },
        Parked::NamedElsewhere => Page {
            title: "another policy's secret names the key that is to be retired",
            happened: "The old key of this policy is also the current or pending key of another \
                policy.",
            leaves: "Consumers of both work. The old key lives: the other's consumers would \
                lose it.",
            by_itself: "Once the other policy has rotated and its drain is over, this one goes on.",
            to_do: "Rotate the other policy, which the message names. If it no longer matters, \
                adopt: that is your word that the key may go.",
            commands: &["rekeyd rotate OTHER", "rekeyd adopt NAME"],
            rule: "Before a disable no store may name the key (R22).",
        },
        Parked::ElsewhereUnreadable => Page {
            title: "it cannot be told whether another secret names the old key",
            happened: "The journal of another secret does not replay, and the old key was \
                adopted, not made here: that secret may hold it too.",
            leaves: "Consumers are not affected. The old key lives.",
            by_itself: "It goes on when that secret's journal replays.",
            to_do: "If nobody else has the key, adopt: that is your word. Otherwise mend the \
                other secret's journal from a copy.",
            commands: &["rekeyd adopt NAME", "rekeyd audit verify"],
            rule: "An unreadable index blocks only the disable of an adopted key (R22).",
        },
        Parked::ClaimLost => Page {
            title: "another journal has claimed the secret since this rotation began",
            happened: "Where the secret lives, the claim chain (in AWS: the version labelled \
                REKEYD) shows a newer claim than this journal's.",
            leaves: "Whatever was reached stays as it is. Consumers use what current holds; a key \
                that this rotation minted lives on and is remembered.",
            by_itself: "It keeps looking and sends nothing, so that two do not work against each \
                other.",
            to_do: "Find the other rekeyd and stop it, or let it finish. Then say that this one \
                goes on.",
            commands: &["rekeyd status NAME", "rekeyd adopt NAME"],
            rule: "A process that does not head the chain changes nothing (R24).",
        },
        Parked::StagedChanged => Page {
            title: "a version that was staged here is gone or holds something else",
            happened: "The version that this rotation wrote cannot be found, or no longer holds \
                the credential that was written.",
            leaves: "Consumers are not affected while current works. The new key lives; its \
                secret may be lost.",
            by_itself: "Nothing is promoted that was not read back and exchanged.",
            to_do: "Abort: the new key is removed. Then rotate again.",
            commands: &["rekeyd abort NAME", "rekeyd rotate NAME"],
            rule: "Every promote follows an exchange of exactly that version (R7).",
        },
        Parked::NoActor => Page {
            title: "no credential is left that may call ION",
            happened: "Neither current's key, nor another key of the rotation, nor a named \
                actor can be used to manage keys.",
            leaves: "Consumers may still work with what current holds. No key can be made, \
                disabled, or deleted.",
            by_itself: "It tries again, and goes on when a credential is accepted.",
            to_do: "Give the account its rights back, or create a key in ION by hand and pipe \
                it in. A named actor avoids this for good.",
            commands: &["rekeyd adopt NAME --from-stdin < credential.json", "rekeyd adopt NAME"],
            rule: "The actor is the first credential that authenticates now (R17).",
        },
        Parked::KeepsReviving => Page {
            title: "a disabled key comes back to life again and again",
            happened: "The old key was disabled here several times, and each time somebody or \
                something enabled it.",
            leaves: "Consumers are not affected. The old key is alive.",
            by_itself: "It no longer disables the key, so that two hands do not fight.",
            to_do: "Find who enables it, and end that. Then resume.",
            commands: &["rekeyd history NAME", "rekeyd resume NAME"],
            rule: "Every wait and retry is bounded and ends in a visible park.",
        },
        Parked::Trouble => Page {
            title: "the same step failed again and again",
            happened: "A call to the issuer or the store keeps failing. The message names the \
                step and what was answered.",
            leaves: "Consumers keep what current holds. An open rotation's keys live on.",
            by_itself: "A step that only reads, and a call that found the other side out of \
                reach, is tried again, and it goes on when that succeeds. A change that was \
                refused waits for you.",
            to_do: "Mend what the message says: network, credentials, rights, or addresses. \
                Resume where it does not say that it goes on by itself.",
            commands: &["rekeyd plan NAME", "rekeyd resume NAME"],
            rule: "Every retry is bounded and ends in a visible park; a leak report is never \
                dropped (R18).",
        },
        Parked::PreflightRefused => Page {
            title: "the rotation that a leak asks for cannot start",
            happened: "A key is reported leaked, and the check before its replacement found \
                something that would break the rotation. The message says what.",
            leaves: "The leaked key lives, and consumers use it. Nothing was made.",
            by_itself: "The report stays open; it starts by itself once what is wrong is mended.",
            to_do: "Mend what the message says, then resume. If the key itself is the reason, \
                pipe in one that you made in ION. If it cannot wait, disable the key in ION: \
                consumers fail until they have another.",
            commands: &["rekeyd resume NAME", "rekeyd adopt NAME --from-stdin < credential.json"],
            rule: "Preflight comes before every create (R22); a leak report outlives its \
                refusal (R14).",
        },
        Parked::LeakRolledBack => Page {
            title: "the rotation that a leak started was rolled back",
            happened: "The replacement of a leaked key was aborted, or failed twice.",
            leaves: "The leaked key lives and is current: consumers use it.",
            by_itself: "Nothing more without your word; the report stays open.",
            to_do: "Read the history for the cause, then resume: it tries again.",
            commands: &["rekeyd history NAME", "rekeyd resume NAME"],
            rule: "An abort withdraws the remaining steps of a leak's rotation, never its \
                suspects (R14).",
        },
        Parked::AckMissing => Page {
            title: "a consumer has not said in time that it uses the new key",
            happened: "The policy's `consumers.acks` names consumers that must say so after the \
                promote, and the time for it, `ack_deadline`, has passed.",
            leaves: "Both keys live. Consumers that have read the store use the new key; the old \
                one is not retired.",
            by_itself: "It goes on as soon as the last consumer that is missing has said so.",
            to_do: "Let the consumer read the secret again, see that it works, and say so.",
            commands: &["rekeyd ack NAME CONSUMER", "rekeyd status NAME", "rekeyd abort NAME"],
            rule: "The old key lives until every named consumer has moved (table, row Promoted).",
        },
    }
}
