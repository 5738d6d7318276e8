//! What `status` shows of a secret beside a park. A code without a page does not build.

use crate::cli::explain::Page;
use crate::domain::code::Concern;

/// What a code means.
#[expect(clippy::too_many_lines, reason = "one page after the other, and no page twice")]
pub fn page(code: Concern) -> Page {
    match code {
        Concern::SuspectAlive => Page {
            title: "a key is reported leaked and not proven dead",
            happened: "A leak report is open, and this key still works or nobody could prove \
                that it does not.",
            leaves: "Whoever holds the leaked secret may use it. Consumers are served as \
                `status` says.",
            by_itself: "Each run goes on with the kill as soon as it is safe.",
            to_do: "Run once and read its last line. If it must die at once, disable it in \
                ION's console.",
            commands: &["rekeyd run --once", "rekeyd status NAME"],
            rule: "The kill is a loop beside the machine: parked or rolled back is no excuse \
                (R16); dead needs rejections beside a working key (R20).",
        },
        Concern::UnknownKey => Page {
            title: "a key that was reported leaked is known to nobody",
            happened: "`--key` named a key that this policy neither manages nor has seen, and that \
                is not in the issuer's list: a slip of the keyboard, or a key of another \
                organisation, or one that is deleted already.",
            leaves: "Nothing was killed. If another key was meant, it still works.",
            by_itself: "Nothing. Where the list can be read the report is not recorded; where it \
                could not, the report ended with this.",
            to_do: "Compare the id, and report the leak again. A key that was made within the last \
                minute may not be listed yet.",
            commands: &["rekeyd status NAME", "rekeyd --rotate-now NAME --leaked --key ID"],
            rule: "Only a proven death is called one (R20).",
        },
        Concern::Orphan => Page {
            title: "a key lives that may be ours, and nobody has ruled on it",
            happened: "A create whose reply was lost may have made it, or it appeared around a \
                leak.",
            leaves: "Consumers are not affected. The key lives, and nobody here holds its secret.",
            by_itself: "It is reported, never deleted. The entry goes when the key is proven \
                dead or a complete list lacks it.",
            to_do: "Keep it if it is yours; otherwise delete it in ION.",
            commands: &["rekeyd orphans list", "rekeyd orphans keep KEY"],
            rule: "What is not provably ours is never deleted (R3, R17).",
        },
        Concern::PolicyUnknown => Page {
            title: "a policy was removed with something open, and the journal does not have it",
            happened: "Its file is gone, and the rotation began before the journal kept policies.",
            leaves: "What was reached stays as it is. Consumers use what current holds; the old and \
                the new key may both live.",
            by_itself: "Nothing: hosts and times are not known without the policy.",
            to_do: "Put the file back under its old name and go on; remove it when nothing is open.",
            commands: &["rekeyd status", "rekeyd run --once"],
            rule: "An open rotation finishes with the policy it started with (R28).",
        },
        Concern::PolicyRemoved => Page {
            title: "a policy was removed with something open; it ends by the policy as it was",
            happened: "Its file is gone. The journal kept the policy as it was at the start.",
            leaves: "Consumers use what current holds, as ever.",
            by_itself: "Each run goes on: after the promote the rotation finishes; before it, it is \
                rolled back.",
            to_do: "Let it end, then forget the secret or put the file back.",
            commands: &["rekeyd run --once", "rekeyd forget NAME --yes"],
            rule: "An open rotation finishes with the policy it started with (R28).",
        },
        Concern::ForgetOpen => Page {
            title: "the secret cannot be forgotten yet",
            happened: "Something of it is open: a rotation, a request without a reply, a key that \
                awaits a ruling, or a suspect that is not proven dead.",
            leaves: "Nothing was done. Its keys live and are remembered; consumers are not affected.",
            by_itself: "Each run goes on with what is open.",
            to_do: "Do what the message says, then forget it again.",
            commands: &["rekeyd run --once", "rekeyd orphans list", "rekeyd forget NAME --yes"],
            rule: "No live key of ours is forgotten (invariant 6, R28).",
        },
        Concern::RulingOpen => Page {
            title: "a person ruled on an orphan, and that is not carried out yet",
            happened: "`orphans disable` or `orphans delete` was typed; the run ended before \
                it was done.",
            leaves: "Consumers are not affected. The key lives on, or is disabled if that was \
                reached.",
            by_itself: "Each run goes on with it.",
            to_do: "Run once.",
            commands: &["rekeyd run --once", "rekeyd orphans list"],
            rule: "A word is durable and is carried out beside any park (R17).",
        },
        Concern::RulingNamedHere => Page {
            title: "the key to remove is named by the policy's own secret",
            happened: "The orphan that a person ruled on is current or pending in the secret.",
            leaves: "Consumers hold that key, so it was left as it is.",
            by_itself: "Nothing.",
            to_do: "Put another credential into the secret, then rule again; or let the key \
                live.",
            commands: &["rekeyd status NAME", "rekeyd orphans keep KEY"],
            rule: "What a secret names is not retired (invariant 4).",
        },
        Concern::RulingNamedElsewhere => Page {
            title: "the key to remove is named by another policy's secret",
            happened: "The orphan that a person ruled on is current or pending in another \
                secret.",
            leaves: "The other secret's consumers hold that key, so it was left as it is.",
            by_itself: "Nothing.",
            to_do: "Rotate the other policy first; once its drain is over, rule again.",
            commands: &["rekeyd rotate NAME", "rekeyd orphans list"],
            rule: "What another policy names is not retired (R22).",
        },
        Concern::RulingElsewhereUnreadable => Page {
            title: "it cannot be told whether another secret names the key to remove",
            happened: "Another secret's journal or store could not be read.",
            leaves: "Consumers may hold that key, so it was left as it is.",
            by_itself: "Nothing.",
            to_do: "Mend what cannot be read, then rule again.",
            commands: &["rekeyd check", "rekeyd orphans list"],
            rule: "What cannot be read is not taken for free (R22).",
        },
        Concern::RulingIsActor => Page {
            title: "the key to remove is the policy's named actor",
            happened: "The orphan that a person ruled on is the credential that calls ION.",
            leaves: "Consumers are not affected. The key was left as it is.",
            by_itself: "Nothing.",
            to_do: "Name another actor first, or let the key live.",
            commands: &["rekeyd orphans keep KEY"],
            rule: "The credential that the clean-up needs is not removed by it (R17).",
        },
        Concern::RulingNoActor => Page {
            title: "no other credential can call ION to remove the key",
            happened: "Neither current nor a named actor authenticates.",
            leaves: "Consumers may be failing. The key was left as it is: it may be the last \
                one that works.",
            by_itself: "Nothing.",
            to_do: "Mend current or the actor, then rule again; or act in ION by hand.",
            commands: &["rekeyd status NAME", "rekeyd orphans list"],
            rule: "The last credential that authenticates is never removed (invariant 10).",
        },
        Concern::RulingPinDiffers => Page {
            title: "somebody changed the key after it was disabled here",
            happened: "Its etag is no longer the one that the disable left.",
            leaves: "Consumers are not affected. The key lives on, or is disabled if that was \
                reached.",
            by_itself: "Nothing: a person's act is not overwritten.",
            to_do: "Rule again if the removal is still meant.",
            commands: &["rekeyd orphans list", "rekeyd orphans delete KEY --yes"],
            rule: "A delete goes by the pin of our own disable (R13, R21).",
        },
        Concern::RulingKeepsReviving => Page {
            title: "the key comes back to life again and again",
            happened: "Each time it was disabled, somebody enabled it.",
            leaves: "Consumers are not affected. The key lives.",
            by_itself: "Nothing more.",
            to_do: "Find who enables it, then rule again.",
            commands: &["rekeyd orphans list", "rekeyd orphans disable KEY"],
            rule: "Every loop has a bound.",
        },
        Concern::RulingDeletesSpent => Page {
            title: "an orphan that was ruled out is disabled, and cannot be deleted",
            happened: "As many deletes as are sent for one word were sent, and the key is still \
                listed.",
            leaves: "Consumers are not affected. The key is disabled: nobody can use it.",
            by_itself: "Nothing more is sent.",
            to_do: "Look at the key in ION. Give the same word again, or delete it there by hand: a \
                key that is no longer listed closes its entry.",
            commands: &["rekeyd orphans list", "rekeyd orphans delete KEY --yes"],
            rule: "Every loop has a bound.",
        },
        Concern::RulingFailed => Page {
            title: "carrying out a ruling failed again and again",
            happened: "A call that the removal needs was refused, or came to nothing.",
            leaves: "Consumers are not affected. The key lives on, or is disabled if that was \
                reached.",
            by_itself: "Failures that may pass are tried again after ten minutes.",
            to_do: "Mend what the message says, then run once or rule again.",
            commands: &["rekeyd run --once", "rekeyd orphans list"],
            rule: "Every retry has a bound (F5).",
        },
        Concern::RulingPolicyFile => Page {
            title: "the policy file of an orphan's secret has findings",
            happened: "Nobody can act on the key while the file that says how to call is \
                wrong.",
            leaves: "Nothing was done. Consumers are not affected; the key lives.",
            by_itself: "Nothing.",
            to_do: "Mend the file.",
            commands: &["rekeyd check"],
            rule: "A wrong file stops only what is about its policy.",
        },
        Concern::RulingNoPolicy => Page {
            title: "no policy names the secret of an orphan any more",
            happened: "Nobody can act on the key: hosts and credentials stand in policies.",
            leaves: "Nothing was done. Consumers are not affected; the key lives.",
            by_itself: "Nothing.",
            to_do: "Disable it in ION by hand, then close its entry.",
            commands: &["rekeyd orphans keep KEY"],
            rule: "What is remembered is not dropped without a word (invariant 6).",
        },
        Concern::NotProven => Page {
            title: "a decommissioned key is absent, not proven dead",
            happened: "The key was the only credential of its account and was deleted with \
                its own last token.",
            leaves: "No consumer can use it any more, as far as ION's answer says. No \
                credential is left that could list the keys.",
            by_itself: "Nothing.",
            to_do: "Look in ION's console that the key is gone.",
            commands: &["rekeyd history NAME"],
            rule: "Dead is recorded only beside a positive control (R20, R30).",
        },
        Concern::LeftOver => Page {
            title: "keys of ours are no longer served and not deleted yet",
            happened: "An adoption put another key in their place, and no rotation has removed \
                them since.",
            leaves: "Consumers are not affected. The keys may be alive, as the message says of \
                each.",
            by_itself: "The next rotation deletes them.",
            to_do: "Rotate, or let the schedule do it.",
            commands: &["rekeyd --rotate-now NAME"],
            rule: "At the end of a rotation only current's key lives (R14).",
        },
        Concern::NoPolicy => Page {
            title: "no policy names this secret any more",
            happened: "Its policy file was removed, or now names another secret.",
            leaves: "Its keys are left as they are: alive, and rotated by nobody. Consumers are \
                not affected.",
            by_itself: "It is remembered in `status` and in the journal.",
            to_do: "Put the file back, or take the key out of use in ION by hand.",
            commands: &["rekeyd check", "rekeyd status"],
            rule: "A key that nobody remembers is what must never be (R28).",
        },
        Concern::PolicyFile => Page {
            title: "the file of this policy has findings",
            happened: "The policy cannot be used until its file is mended.",
            leaves: "Its keys are left as they are. An open rotation stands still; consumers \
                keep what current holds.",
            by_itself: "It goes on when the file is right.",
            to_do: "Mend the findings.",
            commands: &["rekeyd check"],
            rule: "One wrong file must never quietly drop a policy.",
        },
        Concern::Trouble => Page {
            title: "the same step keeps failing",
            happened: "A call to the issuer or the store failed at least three times in a row. \
                The message says which, and why.",
            leaves: "Consumers keep what current holds. What was begun stays open.",
            by_itself: "It tries again, with growing pauses.",
            to_do: "Mend what the message says.",
            commands: &["rekeyd run --once", "rekeyd check"],
            rule: "Retries back off, and end in a visible park (R18).",
        },
        Concern::MaxAge => Page {
            title: "the key is older than the policy allows",
            happened: "`schedule.max_age` is passed, and no rotation has replaced the key.",
            leaves: "Consumers are not affected. The key lives, older than it should be.",
            by_itself: "A schedule rotates it when due; `max_age` alone is an alarm, never a \
                reason to break a consumer.",
            to_do: "Rotate it.",
            commands: &["rekeyd --rotate-now NAME"],
            rule: "The drain is never shortened by `max_age` (R12).",
        },
        Concern::Overdue => Page {
            title: "a rotation is due and has not started",
            happened: "The schedule's time is past. No run has come since, or a run could not \
                start it.",
            leaves: "Consumers are not affected. The key lives.",
            by_itself: "The next run starts it.",
            to_do: "Run once; see that the timer runs.",
            commands: &["rekeyd run --once", "systemctl list-timers rekeyd.timer"],
            rule: "What is due is started by whatever runs next; no clock step makes a rotation \
                due twice (R19).",
        },
        Concern::AcksHalfTime => Page {
            title: "half of the time that consumers have to move is gone",
            happened: "The new key is current, and a consumer that the policy's `consumers.acks` \
                names has not said that it uses it.",
            leaves: "Both keys live; consumers are served by either.",
            by_itself: "The rotation goes on when all have said so, and parks at the deadline.",
            to_do: "Let the consumer read the secret again, then say so.",
            commands: &["rekeyd ack NAME CONSUMER", "rekeyd status NAME"],
            rule: "The old key lives until every named consumer has moved (table, row Promoted).",
        },
        Concern::AcksLastCall => Page {
            title: "the time that consumers have to move is nearly over",
            happened: "Nine tenths of the `ack_deadline` are gone, and a consumer has not said that \
                it uses the new key.",
            leaves: "Both keys live; consumers are served by either.",
            by_itself: "At the deadline the rotation parks; nothing is taken from a consumer.",
            to_do: "Let the consumer read the secret again, then say so.",
            commands: &["rekeyd ack NAME CONSUMER", "rekeyd status NAME"],
            rule: "The old key lives until every named consumer has moved (table, row Promoted).",
        },
    }
}
