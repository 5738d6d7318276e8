//! Calls to the issuer and the store, and credentials that are to be written.
//! A code without a page does not build.

use crate::cli::explain::Page;
use crate::domain::code::Call;

/// What a code means.
#[expect(clippy::too_many_lines, reason = "one page after the other, and no page twice")]
pub fn page(code: Call) -> Page {
    match code {
        Call::Retryable => Page {
            title: "the other side is out of reach, or asks to be left alone",
            happened: "The issuer or the store refused the connection or throttled the call. It \
                certainly had no effect.",
            leaves: "Consumers keep what current holds. What was begun stays open.",
            by_itself: "It tries again, not sooner than the server asked for.",
            to_do: "Look at the network; let it go on.",
            commands: &["rekeyd run --once", "rekeyd plan NAME"],
            rule: "Errors decide by their class: certainly no effect, may succeed later.",
        },
        Call::Rejected => Page {
            title: "the other side knows us and says no",
            happened: "Credentials or permissions were refused. The call certainly had no effect.",
            leaves: "Consumers keep what current holds. What was begun stays open.",
            by_itself: "It does not ask again and again.",
            to_do: "Mend rights or credentials: of the key, of the named actor, or of this \
                machine at AWS.",
            commands: &["rekeyd plan NAME", "rekeyd resume NAME"],
            rule: "Errors decide by their class: certainly no effect, and the answer stands.",
        },
        Call::Conflict => Page {
            title: "what the call was built on has changed",
            happened: "Somebody changed the secret or the key between our read and our call. It \
                certainly had no effect.",
            leaves: "Consumers keep what current holds, as that person left it.",
            by_itself: "It reads again and decides anew.",
            to_do: "Look where the policy stands.",
            commands: &["rekeyd status NAME", "rekeyd run --once"],
            rule: "A promote compares with the version that it was built on (R6); a delete \
                carries the pin (R21).",
        },
        Call::Misconfigured => Page {
            title: "the settings do not fit the other side",
            happened: "Host, realm, region, or schema are not what the other side knows. The \
                call certainly had no effect.",
            leaves: "Consumers keep what current holds.",
            by_itself: "It does not ask again and again.",
            to_do: "Compare the policy with the tenant or the AWS account.",
            commands: &["rekeyd check", "rekeyd plan NAME"],
            rule: "A wrong realm rejects every key, so it proves nothing about one (R20).",
        },
        Call::Unknown => Page {
            title: "no usable answer came",
            happened: "The call may have had its effect, or may yet have it.",
            leaves: "If it was a change, it is an open question: nothing that could collide \
                with it is sent. Consumers keep what current holds.",
            by_itself: "It looks for the effect, and concludes that there was none only when it \
                can no longer land.",
            to_do: "Wait, then run once; the time is shown by `status`.",
            commands: &["rekeyd status NAME", "rekeyd run --once"],
            rule: "A mutation whose reply is lost stays open until it can no longer land (R1).",
        },
        Call::AdoptRejected => Page {
            title: "the issuer rejects the credential that was piped in",
            happened: "Its secret is wrong, or the key is disabled or deleted, or it is another \
                tenant's.",
            leaves: "Nothing was written. Consumers keep what the store holds.",
            by_itself: "Nothing.",
            to_do: "Look at the key in ION, and pipe in one that works.",
            commands: &["rekeyd adopt NAME --from-stdin < credential.json"],
            rule: "Only a credential that was exchanged is written (R31).",
        },
        Call::AdoptMisconfigured => Page {
            title: "the token endpoint does not know this realm, or this way of asking",
            happened: "The credential could not be tried: the policy's addresses do not fit the \
                tenant.",
            leaves: "Nothing was written. Consumers keep what the store holds.",
            by_itself: "Nothing.",
            to_do: "Compare `environment`, or `auth_url` and `api_url`, with the tenant's.",
            commands: &["rekeyd check", "rekeyd plan NAME"],
            rule: "Only a credential that was exchanged is written (R31).",
        },
        Call::AdoptUnreachable => Page {
            title: "the credential could not be tried",
            happened: "The token endpoint is out of reach, or gave no usable answer.",
            leaves: "Nothing was written. Consumers keep what the store holds.",
            by_itself: "Nothing.",
            to_do: "Look at the network, and type the command again.",
            commands: &["rekeyd plan NAME", "rekeyd adopt NAME --from-stdin < credential.json"],
            rule: "Only a credential that was exchanged is written (R31).",
        },
        Call::AdoptNotWritten => Page {
            title: "the credential works and could not be written",
            happened: "The store refused it, or could not be read before.",
            leaves: "Nothing was written. Consumers keep what the store holds; the key that you \
                made lives.",
            by_itself: "Nothing: the credential is not kept.",
            to_do: "Mend what the message says, and pipe it in again.",
            commands: &["rekeyd plan NAME", "rekeyd adopt NAME --from-stdin < credential.json"],
            rule: "A secret exists in memory and in the store, and nowhere else.",
        },
        Call::AdoptRotationOpen => Page {
            title: "a rotation or a lost request is open",
            happened: "Nothing is written from standard input under an open rotation or an open \
                question.",
            leaves: "Nothing was written. Consumers keep what current holds; the rotation \
                stands where it stood.",
            by_itself: "The rotation goes on by itself where it can.",
            to_do: "Let it end: `resume` also puts a key of the rotation in the place of a current \
                one that is rejected. Or put the credential into the store as current by hand, \
                and adopt it.",
            commands: &["rekeyd resume NAME", "rekeyd run --once", "rekeyd adopt NAME"],
            rule: "One writer at a time: while a request is unresolved no second one is sent (R1).",
        },
    }
}
