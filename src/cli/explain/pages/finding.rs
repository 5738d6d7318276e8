//! What is wrong with a policy's file or the settings file, by the kind of finding. A kind without
//! a page does not build.

use crate::cli::explain::Page;
use crate::domain::code::Room;
use crate::domain::policy::diagnostic::Problem;

/// What a finding's code means.
pub fn page(room: Room, problem: Problem) -> Page {
    let (title, happened, to_do) = text(problem);
    match room {
        Room::Policy => Page {
            title,
            happened,
            leaves: "Nothing is done for this policy: its keys are left as they are, an open \
                rotation stands still, and consumers keep what current holds.",
            by_itself: "It goes on when the file is right. Commands that name other policies work.",
            to_do,
            commands: &["rekeyd check", "rekeyd schema policy"],
            rule: "README, \"A policy file with a mistake\".",
        },
        Room::Settings => Page {
            title,
            happened,
            leaves: "No command that needs the settings runs. Consumers and keys are as they were; \
                open rotations stand still.",
            by_itself: "It goes on when the file is right.",
            to_do,
            commands: &["rekeyd check", "rekeyd schema settings"],
            rule: "README, \"rekeyd.toml\".",
        },
    }
}

/// Title, what happened, what to do.
#[expect(clippy::too_many_lines, reason = "one kind after the other")]
fn text(problem: Problem) -> (&'static str, &'static str, &'static str) {
    match problem {
        Problem::Syntax => (
            "the file is not TOML",
            "A bracket, quote, or equals sign is missing or wrong, at the line and column that \
                is named.",
            "Mend the line; the findings that follow from it go with it.",
        ),
        Problem::UnknownField => (
            "the file has a field that rekeyd does not know",
            "A misspelt name, or a field of another version. The nearest known name is offered.",
            "Correct or remove it; the schema lists all names.",
        ),
        Problem::UnknownValue => (
            "a field has a value that is none of those allowed",
            "The field takes one of a few words. The help names them.",
            "Write one of those.",
        ),
        Problem::WrongType => (
            "a field has a value of the wrong type",
            "Text where a table is wanted, a number where text is wanted, and so on.",
            "Write the type that the message names.",
        ),
        Problem::MissingField => (
            "a field or table that is needed is missing",
            "Without it the file does not say enough. The help names what to add.",
            "Add it.",
        ),
        Problem::Conflict => (
            "two fields exclude each other",
            "Both were given, and only one can hold.",
            "Remove one of the two.",
        ),
        Problem::BadText => (
            "a text is empty, too long, or holds a character that it may not",
            "The message says which.",
            "Shorten or correct it.",
        ),
        Problem::BadDuration => (
            "a time is not written as one",
            "Times need a unit, as in 30s, 10m, 24h, 7d.",
            "Write it with a unit.",
        ),
        Problem::OutOfBounds => (
            "a value is too small or too large",
            "The message names the bounds.",
            "Choose a value within them.",
        ),
        Problem::BadCron => (
            "the schedule is no cron line that can ever come due",
            "Five or six fields are wanted, and a date that exists.",
            "Correct it, or use `every`.",
        ),
        Problem::BadTimezone => (
            "the time zone is not known",
            "An IANA name is wanted, such as America/Los_Angeles.",
            "Correct the name.",
        ),
        Problem::BadWindow => (
            "a window is no time of day that can open",
            "Days, if any, and two times are wanted, as in \"Mon-Fri 09:00-17:00\"; 22:00-02:00 \
                passes midnight. The message says which part is wrong.",
            "Correct the part that is marked.",
        ),
        Problem::BadBlackout => (
            "a blackout is no date, or leaves no time for a rotation",
            "A date or two with a slash between are wanted, at most 366 days; together with the \
                windows they must leave a rotation a time within 400 days.",
            "Correct the dates. To stop rotations for good, leave `cron` and `every` out.",
        ),
        Problem::BadUrl => (
            "an address cannot be used",
            "https with a host is wanted; http only on loopback; no user, query, or fragment.",
            "Correct it.",
        ),
        Problem::BadSecretId => (
            "the secret's name or ARN cannot be used",
            "AWS would not accept it, or its parts do not fit together.",
            "Copy the name or the full ARN from AWS.",
        ),
        Problem::BadPath => (
            "the path cannot be used",
            "An absolute path to a file is wanted. The message says what is wrong with this one.",
            "Write it in full.",
        ),
        Problem::BadCanary => (
            "a canary is no read-only query",
            "It must be one GraphQL query, never a mutation or subscription.",
            "Correct it.",
        ),
        Problem::DrainTooShort => (
            "the drain is shorter than consumers cache the secret",
            "`retire.drain` must be at least `consumers.cache_ttl`, or a consumer would hold a \
                key that is disabled.",
            "Raise the drain, or declare a shorter cache time if that is true.",
        ),
        Problem::UnsafeName => (
            "the file's name cannot be a policy's name",
            "Up to 64 letters, digits, dots, underscores, and dashes are wanted, a letter or \
                digit first, and the ending .toml.",
            "Rename the file.",
        ),
        Problem::SameName => (
            "two policies' names differ in case only",
            "On another file system they would be one file.",
            "Rename one of them.",
        ),
        Problem::SameSecret => (
            "two policies are on the same secret",
            "Two rotations of one secret would work against each other, so neither is used.",
            "Give each secret one policy. If they are two secrets, write both full ARNs.",
        ),
        Problem::NotUtf8 => (
            "the file is not UTF-8 text",
            "It was saved in another encoding, or is no text.",
            "Save it as UTF-8.",
        ),
        Problem::TooLarge => (
            "the file is larger than 1 MiB",
            "No policy and no settings need that much.",
            "See whether it is the right file.",
        ),
        Problem::TooMany => (
            "there is too much of something",
            "Policies, canaries, or findings are more than are taken. The message says which.",
            "Mend the findings that are shown, or split what is too many.",
        ),
        Problem::OutsideDirectory => (
            "a symbolic link leads out of the policies directory",
            "A link may lead anywhere inside the directory, never out of it.",
            "Put the file itself into the directory.",
        ),
        Problem::Unreadable => (
            "the file or directory cannot be read",
            "Its owner or mode forbids it, it is no regular file, or the disk fails.",
            "Mend owner and mode, or put the right file there.",
        ),
    }
}
