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
    }
}
