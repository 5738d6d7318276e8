//! The command itself and its machine. A code without a page does not build.

use crate::cli::explain::Page;
use crate::domain::code::Own;

/// What a code means.
#[expect(clippy::too_many_lines, reason = "one page after the other, and no page twice")]
pub fn page(code: Own) -> Page {
    match code {
        Own::Usage => Page {
            title: "the command line does not say what to do",
            happened: "Words are missing, unknown, or do not go together.",
            leaves: "Nothing was done. Consumers and keys are as they were.",
            by_itself: "Nothing.",
            to_do: "Read what the command takes.",
            commands: &["rekeyd --help", "rekeyd rotate --help"],
            rule: "What does not go together is refused before anything is sent.",
        },
        Own::OutputLost => Page {
            title: "what was to be printed could not be written",
            happened: "Standard output refused it: a full disk, most likely. A reader that went \
                away is not this.",
            leaves: "The command did its work; only its words are lost. What is in the file is \
                not complete.",
            by_itself: "It goes on with its work: a rotation does not stop because nobody can \
                read of it.",
            to_do: "Make room, and ask again.",
            commands: &["df -h", "rekeyd status"],
            rule: "An audit trail that is cut short must not look complete.",
        },
        Own::ManUnwritable => Page {
            title: "the manual pages could not be written",
            happened: "The directory of `man --dir` is not there or not writable.",
            leaves: "Some pages may have been written. Consumers and keys are not touched.",
            by_itself: "Nothing.",
            to_do: "Make the directory, and type the command again.",
            commands: &["rekeyd man --dir DIR"],
            rule: "README, \"Reference\".",
        },
        Own::Runtime => Page {
            title: "the program could not start its threads",
            happened: "The system refused resources: limits on processes or memory.",
            leaves: "Nothing was done. Consumers and keys are as they were.",
            by_itself: "Nothing.",
            to_do: "Look at the limits of this account or unit.",
            commands: &["ulimit -a", "rekeyd status"],
            rule: "Nothing is sent before the program can also record it.",
        },
        Own::Signals => Page {
            title: "the program cannot listen to signals",
            happened: "The system refused. Without them a stop could not be orderly.",
            leaves: "Nothing was done. Consumers and keys are as they were.",
            by_itself: "Nothing.",
            to_do: "Look at the limits of this account or unit.",
            commands: &["ulimit -a", "rekeyd status"],
            rule: "A stop waits for the step between issue and stage (R27).",
        },
        Own::Stopping => Page {
            title: "the daemon is stopping",
            happened: "It was told to stop, and takes no new work.",
            leaves: "What you asked for was not recorded. Consumers and keys are as they were.",
            by_itself: "The next start of the daemon goes on with what is open.",
            to_do: "Ask again when it runs, or run the command yourself once it has ended.",
            commands: &["rekeyd status", "systemctl status rekeyd"],
            rule: "A stop waits for the step between issue and stage, at most 90 s (R27).",
        },
        Own::Heartbeat => Page {
            title: "the daemon's scheduler does not start",
            happened: "The timer that beats every second was refused.",
            leaves: "Nothing was done. Consumers and keys are as they were.",
            by_itself: "Nothing.",
            to_do: "Start it again; until then `rekeyd run --once` on a timer does the same work.",
            commands: &["rekeyd run", "rekeyd run --once"],
            rule: "A rotation that nobody starts is forgotten, so a daemon without its beat ends.",
        },
        Own::Demo => Page {
            title: "the demo did not come to its end",
            happened: "Its sandbox could not start, or the machine is too slow for its times.",
            leaves: "Only the sandbox's own keys are concerned: they end with it.",
            by_itself: "Nothing.",
            to_do: "Run it again on a quieter machine; report it if it fails again.",
            commands: &["rekeyd demo"],
            rule: "The demo's exit code is 0 only when its counts say that nobody was broken.",
        },
        Own::Sandbox => Page {
            title: "the sandbox could not start",
            happened: "The port is taken, most likely.",
            leaves: "No real key is concerned.",
            by_itself: "Nothing.",
            to_do: "Take another port; 0 takes a free one.",
            commands: &["rekeyd sandbox --port 0"],
            rule: "The sandbox serves on loopback only.",
        },
        Own::SandboxSecretFile => Page {
            title: "the sandbox's first key could not be written",
            happened: "The file is there already, or its directory is not writable.",
            leaves: "No real key is concerned. The file was left alone.",
            by_itself: "Nothing.",
            to_do: "Remove the file, or name another.",
            commands: &["rekeyd sandbox --secret-file PATH"],
            rule: "A file that may hold a secret is never overwritten.",
        },
        Own::Bug => Page {
            title: "rekeyd refused a step of its own",
            happened: "A step did not fit the state. It was stopped before it was sent.",
            leaves: "Nothing is half done: what was sent has its intent in the journal. \
                Consumers keep what current holds.",
            by_itself: "The next run starts from the journal.",
            to_do: "Report it with the exported rows; they hold no secret.",
            commands: &["rekeyd audit export NAME", "rekeyd status NAME"],
            rule: "Nothing is sent that the state refuses.",
        },
    }
}
