//! The control socket. A code without a page does not build.

use crate::cli::explain::Page;
use crate::domain::code::Control;

/// What a code means.
#[expect(clippy::too_many_lines, reason = "one page after the other, and no page twice")]
pub fn page(code: Control) -> Page {
    match code {
        Control::NotAllowed => Page {
            title: "the daemon does not listen to this account",
            happened: "A command reached the daemon's control socket as an account that may not \
                use it.",
            leaves: "Nothing was done. Consumers and keys are as they were.",
            by_itself: "Nothing.",
            to_do: "Type the command as root, as the daemon's own account, or as a member of the \
                socket's group where one is configured.",
            commands: &["sudo -u rekeyd rekeyd status"],
            rule: "The kernel says who connects; nobody else rotates keys here.",
        },
        Control::Version => Page {
            title: "the command and the daemon are of different versions",
            happened: "They do not speak the same version of the control socket's words.",
            leaves: "Nothing was done. Consumers and keys are as they were.",
            by_itself: "The daemon goes on.",
            to_do: "Restart the daemon after an update, or call the program that it runs.",
            commands: &["systemctl restart rekeyd", "rekeyd --version"],
            rule: "A command is never half understood.",
        },
        Control::Garbled => Page {
            title: "something else than a rekeyd command spoke to the daemon",
            happened: "What came over the control socket is no message, or is too long.",
            leaves: "Nothing was done. Consumers and keys are as they were.",
            by_itself: "The daemon goes on.",
            to_do: "Use the command of the same version as the daemon.",
            commands: &["rekeyd --version"],
            rule: "Messages are JSON objects, one a line, of at most 64 KiB.",
        },
        Control::Busy => Page {
            title: "too many commands are at the daemon",
            happened: "Every place of the control socket is taken. A command whose terminal was \
                closed keeps its place until its work is over.",
            leaves: "Nothing was done. Consumers and keys are as they were.",
            by_itself: "Places become free as commands end; the daemon's own work goes on.",
            to_do: "Type it again in a while. What is at work is in the status.",
            commands: &["rekeyd status"],
            rule: "Everything is bounded.",
        },
        Control::OtherPlaces => Page {
            title: "the daemon works on other places than the command names",
            happened: "Flags or settings name a state or policies directory that the daemon which \
                answers does not use.",
            leaves: "Nothing was done. Consumers and keys are as they were.",
            by_itself: "Nothing.",
            to_do: "Leave the flags out to reach this daemon. To work on the other places, name \
                their state directory, so that their own daemon is asked.",
            commands: &["rekeyd status", "rekeyd --config FILE --state-dir DIR status"],
            rule: "A command never acts on another journal than is meant.",
        },
        Control::NotServed => Page {
            title: "the daemon does not run that command for others",
            happened: "Only commands that change something go over the control socket.",
            leaves: "Nothing was done. Consumers and keys are as they were.",
            by_itself: "Nothing.",
            to_do: "Type it in a process of its own.",
            commands: &["rekeyd --help"],
            rule: "What only reads needs no daemon.",
        },
        Control::Unopened => Page {
            title: "the daemon's control socket may not be opened",
            happened: "It is there, and this account may not use it, or the system refused.",
            leaves: "Nothing was done. Consumers and keys are as they were.",
            by_itself: "It never takes the next place in the list: the command must not act \
                beside a daemon that it cannot see.",
            to_do: "Type it as the account that rekeyd runs as, or as root.",
            commands: &["sudo -u rekeyd rekeyd status"],
            rule: "README, \"Where things are looked for\".",
        },
        Control::Untrusted => Page {
            title: "somebody else answers at the control socket",
            happened: "The process that listens there belongs neither to root, nor to this \
                account, nor to the owner of the state directory.",
            leaves: "Nothing was said to it. Consumers and keys are as they were.",
            by_itself: "Nothing.",
            to_do: "Find out who put it there before you type a credential.",
            commands: &["ls -l /run/rekeyd", "rekeyd status"],
            rule: "A credential is handed only to the daemon.",
        },
        Control::TooLong => Page {
            title: "the command line is too long for the daemon",
            happened: "It does not fit a message of 64 KiB, or holds bytes that are no text.",
            leaves: "Nothing was done. Consumers and keys are as they were.",
            by_itself: "Nothing.",
            to_do: "Name fewer policies at once.",
            commands: &["rekeyd rotate NAME"],
            rule: "Messages are JSON objects, one a line, of at most 64 KiB.",
        },
        Control::Broken => Page {
            title: "the connection to the daemon ended before the command did",
            happened: "The daemon stopped, or dropped a reader that was too slow.",
            leaves: "What was asked for may be recorded, and then goes on: in the daemon, or when \
                it starts again. Consumers keep a key that works.",
            by_itself: "The daemon goes on from its journal.",
            to_do: "Look where the policy stands before you ask again.",
            commands: &["rekeyd status NAME", "rekeyd history NAME"],
            rule: "A request is durable at once, and no step waits for who follows it.",
        },
        Control::NoDaemon => Page {
            title: "no daemon runs",
            happened: "Nobody answers at the control socket, and the command is for a daemon only.",
            leaves: "Nothing was done. Consumers and keys are as they were.",
            by_itself: "Every command reads the files anew when no daemon runs.",
            to_do: "Nothing, if none is meant to run; else start it.",
            commands: &["systemctl start rekeyd", "rekeyd check"],
            rule: "A daemon reads its policies when it starts and when it is told.",
        },
        Control::NoSocket => Page {
            title: "the daemon cannot take commands",
            happened: "Its control socket could not be made, or not taken over from systemd.",
            leaves: "The daemon did not start. Consumers and keys are as they were.",
            by_itself: "Nothing.",
            to_do: "Mend the directory that the message names, and start it again.",
            commands: &["ls -la /run/rekeyd", "systemctl restart rekeyd"],
            rule: "A daemon that nobody can tell of a leak is not ready.",
        },
        Control::NoGroup => Page {
            title: "the control socket's group is not there",
            happened: "The settings name a group that this machine does not know.",
            leaves: "The daemon did not start. Consumers and keys are as they were.",
            by_itself: "Nothing.",
            to_do: "Make the group, or name another in `daemon.socket_group`.",
            commands: &["getent group", "systemctl restart rekeyd"],
            rule: "Root, the daemon's account, and that group may give commands; nobody else.",
        },
    }
}
