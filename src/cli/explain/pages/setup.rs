//! Settings and policies as a whole. A code without a page does not build.

use crate::cli::explain::Page;
use crate::domain::code::Setup;

/// What a code means.
#[expect(clippy::too_many_lines, reason = "one page after the other, and no page twice")]
pub fn page(code: Setup) -> Page {
    match code {
        Setup::NoPermission => Page {
            title: "a file or directory may not be read",
            happened: "Settings, policies, or state are in a place that this account may not read.",
            leaves: "Nothing was done. Consumers and keys are as they were.",
            by_itself: "It never takes the next place in the list: a second engine must not \
                start on an empty journal.",
            to_do: "Run as the account that rekeyd runs as, or name places of your own.",
            commands: &["sudo -u rekeyd rekeyd status", "rekeyd --config FILE status"],
            rule: "README, \"Where things are looked for\".",
        },
        Setup::NoSuchFile => Page {
            title: "the named settings file is not there",
            happened: "`--config` or `$CONFIGURATION_DIRECTORY` names a file that does not exist.",
            leaves: "Nothing was done. Consumers and keys are as they were.",
            by_itself: "It looks nowhere else once a file is named.",
            to_do: "Name the right file.",
            commands: &["rekeyd --config FILE status"],
            rule: "README, \"Where things are looked for\".",
        },
        Setup::Nowhere => Page {
            title: "nothing says where to look",
            happened: "Neither HOME nor an XDG directory is set, and no flag names the place.",
            leaves: "Nothing was done. Consumers and keys are as they were.",
            by_itself: "Nothing.",
            to_do: "Name the places.",
            commands: &["rekeyd --policies DIR --state-dir DIR status"],
            rule: "README, \"Where things are looked for\".",
        },
        Setup::SettingsFindings => Page {
            title: "the settings file has findings",
            happened: "`rekeyd.toml` has mistakes. Each is told with line, column, and help.",
            leaves: "Nothing was done. Consumers and keys are as they were.",
            by_itself: "Nothing starts with settings that are half understood.",
            to_do: "Mend them; `check` tells all at once, and an editor knows the format by its \
                schema.",
            commands: &["rekeyd check", "rekeyd schema settings"],
            rule: "README, \"rekeyd.toml\".",
        },
        Setup::NoPolicies => Page {
            title: "there is no policies directory",
            happened: "The directory that the flags or the settings name does not exist.",
            leaves: "Nothing was done. Consumers and keys are as they were.",
            by_itself: "Nothing: an empty list of policies would look as if all were well.",
            to_do: "Make it, or name the right one.",
            commands: &["rekeyd --policies DIR check"],
            rule: "README, \"Where things are looked for\".",
        },
        Setup::StateDir => Page {
            title: "the state directory cannot be made",
            happened: "The directory for the journal does not exist, and could not be created.",
            leaves: "Nothing was done: without a journal nothing is sent. Consumers and keys \
                are as they were.",
            by_itself: "Nothing.",
            to_do: "Make it, for the account that rekeyd runs as, with mode 0700.",
            commands: &["install -d -m 0700 DIR", "rekeyd --state-dir DIR status"],
            rule: "Every mutation has an earlier durable intent, so the journal comes first.",
        },
        Setup::PolicyFindings => Page {
            title: "policy files have findings",
            happened: "One or more policies have mistakes, and the command is about all of them.",
            leaves: "Nothing was done. Consumers and keys are as they were; open rotations \
                stand still.",
            by_itself: "A command that names good policies still works.",
            to_do: "Mend the findings; `check` tells all at once.",
            commands: &["rekeyd check", "rekeyd --rotate-now NAME"],
            rule: "README, \"A policy file with a mistake\".",
        },
        Setup::LeftOut => Page {
            title: "another policy's file has a mistake (a warning)",
            happened: "The command goes on with the policies that it names; this other one is \
                left out.",
            leaves: "The left-out policy's keys are as they were, and it does not rotate.",
            by_itself: "It is taken in again when its file is right.",
            to_do: "Mend it.",
            commands: &["rekeyd check"],
            rule: "README, \"A policy file with a mistake\".",
        },
        Setup::NearMiss => Page {
            title: "a file is almost named as a policy (a warning)",
            happened: "Only files that end with `.toml` are policies. This one's ending is a letter \
                or two away from it, so it is passed over.",
            leaves: "The file is not read. If it is meant as a policy, its key does not rotate.",
            by_itself: "Nothing: no file is ever renamed.",
            to_do: "If it is a policy, name it so; if not, move it out of the directory.",
            commands: &["mv -n FILE.tml FILE.toml", "rekeyd check"],
            rule: "One wrong file must never quietly drop a policy.",
        },
        Setup::UnknownPolicy => Page {
            title: "there is no policy of that name",
            happened: "No file of the policies directory has this stem. A near name is offered \
                where there is one.",
            leaves: "Nothing was done. Consumers and keys are as they were.",
            by_itself: "Nothing.",
            to_do: "Look at the names.",
            commands: &["rekeyd status"],
            rule: "A policy's name is its file's stem.",
        },
        Setup::UnknownConsumer => Page {
            title: "the policy waits for no consumer of that name",
            happened: "`ack` takes a consumer that the policy's `consumers.acks` names. A near name \
                is offered where there is one.",
            leaves: "Nothing was noted. Consumers and keys are as they were.",
            by_itself: "Nothing.",
            to_do: "Look at the policy's file, and write the name as it stands there.",
            commands: &["rekeyd status NAME", "rekeyd ack NAME CONSUMER"],
            rule: "Only who is waited for has a word.",
        },
        Setup::PolicyName => Page {
            title: "the policy's secret has no usable name",
            happened: "The store's place cannot be written as the name of a stream of the journal.",
            leaves: "Nothing was done. Consumers and keys are as they were.",
            by_itself: "Nothing.",
            to_do: "Look at the policy's store table.",
            commands: &["rekeyd check"],
            rule: "A secret's name is what its history is kept under (R28).",
        },
        Setup::NoCredentials => Page {
            title: "the actor is a systemd credential, and there is no credentials directory",
            happened: "The policy names `actor = { credential = … }`, and \
                `$CREDENTIALS_DIRECTORY` is not set.",
            leaves: "Nothing was done. Consumers and keys are as they were.",
            by_itself: "Nothing.",
            to_do: "Run it from a unit with LoadCredential=, or set the directory for a run by \
                hand.",
            commands: &["systemctl edit rekeyd"],
            rule: "README, \"A policy for a real tenant\".",
        },
    }
}
