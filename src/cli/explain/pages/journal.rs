//! The journal and its lock. A code without a page does not build.

use crate::cli::explain::Page;
use crate::domain::code::Journal;

/// What a code means.
#[expect(clippy::too_many_lines, reason = "one page after the other, and no page twice")]
pub fn page(code: Journal) -> Page {
    match code {
        Journal::New => Page {
            title: "there is no journal yet in a place that was not named",
            happened: "The command would begin a new journal, which knows of no key and no open \
                rotation.",
            leaves: "Nothing was done. Consumers and keys are as they were.",
            by_itself: "On a terminal it asks; elsewhere it refuses.",
            to_do: "If the journal is elsewhere, name its directory. If this is the beginning, \
                say so.",
            commands: &["rekeyd --state-dir DIR status", "rekeyd --init run --once"],
            rule: "A second engine must never start on an empty journal (README, \"Where things \
                are looked for\").",
        },
        Journal::Absent => Page {
            title: "there is no journal to audit",
            happened: "The state directory holds no journal. Either it is not the right one, or \
                the journal was removed.",
            leaves: "Nothing was done; none was created. Consumers and keys are as they were.",
            by_itself: "Nothing.",
            to_do: "Name the right state directory. If the journal is lost, put it back from a \
                copy before anything runs.",
            commands: &["rekeyd --state-dir DIR audit verify"],
            rule: "An audit of nothing must not look like a good one.",
        },
        Journal::Broken => Page {
            title: "the journal is not what rekeyd wrote",
            happened: "A row was changed, moved, or removed, or the file is damaged. The \
                message names the first row that does not hold.",
            leaves: "No command that changes anything works on it. Keys live as they were; \
                consumers keep what current holds. An open rotation stands still, a leaked key \
                is not killed.",
            by_itself: "It refuses to act, and never repairs a chain.",
            to_do: "Keep the file for whoever looks into it. Put back a copy whose head your \
                logs know, and verify it.",
            commands: &["rekeyd audit verify", "rekeyd audit verify --head HASH"],
            rule: "The chain is verified before the first replay, and one that does not hold is \
                refused.",
        },
        Journal::HeadUnknown => Page {
            title: "a head that was logged is not in the journal",
            happened: "The chain holds, and the hash that you gave is none of its rows': rows \
                were removed from its end, or it was put back from an older copy, or it is \
                another journal.",
            leaves: "What the missing rows recorded is not known here: keys may live that this \
                journal does not name.",
            by_itself: "Nothing: from inside, a shortened chain looks good. That is what the \
                outside copy is for.",
            to_do: "Compare the journal's id and the time of the log line. Put the right \
                journal back before anything runs; compare the key list in ION with `status`.",
            commands: &["rekeyd audit verify --head HASH", "rekeyd status"],
            rule: "The head's hash goes out with the logs, so that an outside copy catches a \
                rewrite.",
        },
        Journal::Replay => Page {
            title: "the journal of a secret does not replay",
            happened: "The rows are as they were written, but do not fit together: written by \
                another version, or by a bug.",
            leaves: "Nothing is done for this secret: its keys live as they were. The other \
                secrets go on.",
            by_itself: "Nothing, until a rekeyd that understands it runs.",
            to_do: "Use the version that wrote it. Report it with the exported rows; they hold \
                no secret.",
            commands: &["rekeyd audit export NAME", "rekeyd --version"],
            rule: "State is what the journal replays to; nothing is decided on a guess.",
        },
        Journal::Newer => Page {
            title: "a later rekeyd wrote the journal",
            happened: "Its format is newer than what this program knows.",
            leaves: "Nothing was done. Consumers and keys are as they were.",
            by_itself: "Nothing: an old engine must not act on a record that it only half reads.",
            to_do: "Use the newer version.",
            commands: &["rekeyd --version"],
            rule: "A file that is newer is not changed.",
        },
        Journal::NotOurs => Page {
            title: "the journal cannot be opened",
            happened: "It belongs to another account, others may write to it, or there is none. \
                The message says what to type.",
            leaves: "Nothing was done. Consumers and keys are as they were.",
            by_itself: "Nothing.",
            to_do: "Run as the account that owns it, or mend owner and mode.",
            commands: &["ls -l DIR", "rekeyd --state-dir DIR status"],
            rule: "The state directory is one account's alone.",
        },
        Journal::Unwritable => Page {
            title: "the disk refused to take an event",
            happened: "It is full, read-only, or failing.",
            leaves: "What was sent before has its intent in the journal; nothing is sent \
                without one. An open rotation stands still; consumers keep what current holds.",
            by_itself: "A reserve of 4 MiB is given up for what is under way. The next run goes \
                on.",
            to_do: "Make room, then run once.",
            commands: &["df -h", "rekeyd run --once"],
            rule: "A create is sent only while the journal can surely take its outcome (R4).",
        },
        Journal::MovedOn => Page {
            title: "somebody else appended to the journal meanwhile",
            happened: "Two processes wrote to one stream, which the lock should have prevented.",
            leaves: "Nothing was appended by the second one. Consumers and keys are as the \
                first one left them.",
            by_itself: "The next run reads again.",
            to_do: "See that no other program uses the state directory.",
            commands: &["rekeyd status", "rekeyd run --once"],
            rule: "An append names the position that it builds on: compare-and-append.",
        },
        Journal::LockHeld => Page {
            title: "another rekeyd uses this state directory",
            happened: "One process a state directory. The message names it where it can.",
            leaves: "Nothing was done here. Consumers and keys are as the other process leaves them.",
            by_itself: "Nothing: it does not wait.",
            to_do: "Wait until it ends, or end it: a run that waits ends within seconds on SIGTERM \
                and loses nothing. Then type the command again: a leak report was not recorded. \
                `status`, `history`, and `audit` work beside it.",
            commands: &["rekeyd status", "kill PID"],
            rule: "One engine a journal, so that nothing is sent twice.",
        },
        Journal::LockNotOurs => Page {
            title: "the lock file is another account's, or others may write to it",
            happened: "The state directory or its lock is not this account's alone. The message \
                says what to type.",
            leaves: "Nothing was done. Consumers and keys are as they were.",
            by_itself: "Nothing.",
            to_do: "Run as the account that owns it, or mend owner and mode.",
            commands: &["ls -l DIR", "rekeyd --state-dir DIR status"],
            rule: "The state directory is one account's alone.",
        },
        Journal::LockUnusable => Page {
            title: "the lock cannot be taken",
            happened: "The file system refused, or the lock file keeps being replaced.",
            leaves: "Nothing was done. Consumers and keys are as they were.",
            by_itself: "Nothing.",
            to_do: "Use a local file system that knows locks, and see what replaces the file.",
            commands: &["ls -l DIR", "rekeyd --state-dir DIR status"],
            rule: "One engine a journal, so that nothing is sent twice.",
        },
    }
}
