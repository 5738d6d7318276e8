//! What only `check --online` finds. It changes nothing, so no page tells of a change.
//! A code without a page does not build.

use crate::cli::explain::Page;
use crate::domain::code::Check;

/// Of every page: the check is a look.
const NOTHING: &str = "Nothing: a check only looks.";

/// What a code means.
#[expect(clippy::too_many_lines, reason = "one page after the other, and no page twice")]
pub fn page(code: Check) -> Page {
    match code {
        Check::AuthUnreachable => Page {
            title: "the auth server cannot be reached",
            happened: "No connection came about: its name is not known (DNS), nothing listens \
                there, TLS could not be agreed on, or it took too long. The message says which.",
            leaves: "Nothing was changed. Whether the key works is not known.",
            by_itself: NOTHING,
            to_do: "Compare the host in the message with the tenant's; then look at DNS, \
                firewall, proxy, and certificates of this machine.",
            commands: &["rekeyd check --online NAME"],
            rule: "Silence proves nothing about a key (R20).",
        },
        Check::Realm => Page {
            title: "the auth server does not know this realm, or this way of asking",
            happened: "It answers 404 (no such realm or path), 403 (the realm is closed, or asks \
                for TLS), or refuses the grant or the audience.",
            leaves: "Nothing was changed. Whether the key works is not known.",
            by_itself: NOTHING,
            to_do: "Compare `environment`, or `auth_url`, `token_url`, and `audience`, with the \
                tenant's. A key is valid in one environment only.",
            commands: &["rekeyd check --online NAME"],
            rule: "A wrong realm rejects every key, so it proves nothing about one (R20).",
        },
        Check::ApiUnreachable => Page {
            title: "the API cannot be reached",
            happened: "No connection came about: its name is not known (DNS), nothing listens \
                there, TLS could not be agreed on, or it took too long. The message says which.",
            leaves: "Nothing was changed. The key authenticates; what it may do is not known.",
            by_itself: NOTHING,
            to_do: "Compare the host in the message with the tenant's; then look at DNS, \
                firewall, proxy, and certificates of this machine.",
            commands: &["rekeyd check --online NAME"],
            rule: "Preflight asks for the actor's rights before any create (R22).",
        },
        Check::ApiAddress => Page {
            title: "there is no API at this address",
            happened: "A server answers, and not as the GraphQL API: another path, a redirect, or \
                another service.",
            leaves: "Nothing was changed. The key authenticates; what it may do is not known.",
            by_itself: NOTHING,
            to_do: "Compare `environment`, or `api_url`, with the tenant's.",
            commands: &["rekeyd check --online NAME"],
            rule: "Preflight asks for the actor's rights before any create (R22).",
        },
        Check::StoreUnreachable => Page {
            title: "the store cannot be reached",
            happened: "No connection came about: nothing listens there, TLS could not be agreed \
                on, or it took too long. The message says which.",
            leaves: "Nothing was changed. Consumers may be unable to read the secret too.",
            by_itself: NOTHING,
            to_do: "Look at firewall, proxy, VPC endpoint, and AWS_ENDPOINT_URL_SECRETS_MANAGER.",
            commands: &["rekeyd check --online NAME"],
            rule: "What cannot be published must not be minted (R22).",
        },
        Check::Region => Page {
            title: "the region is wrong or not named",
            happened: "Neither the policy nor AWS's chain names a region; or no host of the named \
                region is known, which is a typing mistake or a DNS failure.",
            leaves: "Nothing was changed. Whether consumers can read the secret is not known.",
            by_itself: NOTHING,
            to_do: "Name the secret's region in the policy: `region`.",
            commands: &["rekeyd check --online NAME"],
            rule: "README, \"A policy for a real tenant\".",
        },
        Check::Credentials => Page {
            title: "this machine has no credentials that AWS takes",
            happened: "AWS's chain (environment, profile, role, web identity) found none, or AWS \
                refuses the ones that it found: expired, deleted, or of another partition.",
            leaves: "Nothing was changed. Consumers read with credentials of their own.",
            by_itself: NOTHING,
            to_do: "Give this account or unit a role; look at AWS_PROFILE and at the clock.",
            commands: &["aws sts get-caller-identity", "rekeyd check --online NAME"],
            rule: "Credentials come by AWS's own chain alone.",
        },
        Check::SecretMissing => Page {
            title: "there is no such secret",
            happened: "AWS knows no secret of that name in that region and account.",
            leaves: "Nothing was changed. Consumers of that name read nothing.",
            by_itself: "Nothing: rekeyd never creates the secret itself.",
            to_do: "Compare name, region, and account; create the secret if it is not there yet.",
            commands: &["aws secretsmanager list-secrets", "rekeyd check --online NAME"],
            rule: "The secret is yours, and is created by you (R31).",
        },
        Check::StoreDenied => Page {
            title: "a permission on the secret is missing",
            happened: "AWS knows this machine's role, and does not let it make the call that the \
                message names.",
            leaves: "Nothing was changed. Consumers read with credentials of their own.",
            by_itself: NOTHING,
            to_do: "Give the role the four actions on this secret.",
            commands: &["rekeyd check --print-iam NAME", "rekeyd check --online NAME"],
            rule: "README, \"A policy for a real tenant\".",
        },
        Check::KmsDenied => Page {
            title: "the secret's encryption key may not be used",
            happened: "The secret is encrypted with a KMS key of your own, which this machine's \
                role may not use, or which is disabled or deleted.",
            leaves: "Nothing was changed. Consumers with another role may still read it.",
            by_itself: NOTHING,
            to_do: "Give the role kms:Decrypt and kms:GenerateDataKey on that key, and look at the \
                key's own policy.",
            commands: &["rekeyd check --print-iam NAME", "rekeyd check --online NAME"],
            rule: "README, \"A policy for a real tenant\".",
        },
        Check::Actor => Page {
            title: "the named actor cannot be used",
            happened: "Its credential cannot be read, or the issuer rejects it.",
            leaves: "Nothing was changed. Consumers and their keys are not touched by it. The \
                current key calls in its place, where that works and may.",
            by_itself: NOTHING,
            to_do: "Mend the actor's secret or credential file; it is rotated by hand.",
            commands: &["rekeyd check --online NAME"],
            rule: "The first credential that authenticates calls the issuer (R17).",
        },
        Check::IdentityUntold => Page {
            title: "nobody can tell as whom the key acts",
            happened: "The API has no `currentUser`.",
            leaves: "Nothing was changed. The key works. A new key's account cannot be compared \
                with the old one's.",
            by_itself: "A rotation goes on; canaries are compared all the same.",
            to_do: "Give the policy canary queries whose answers depend on the account.",
            commands: &["rekeyd check --online NAME"],
            rule: "Identity and canaries are compared before a promote (R23).",
        },
        Check::RightsUnclear => Page {
            title: "it cannot be told what the key may do",
            happened: "The answers about a key id that nobody has were neither a denial nor \
                \"not found\".",
            leaves: "Nothing was changed. Consumers keep the current key, which lives.",
            by_itself: "A rotation goes on: what is not denied is tried.",
            to_do: "Compare the account's permissions with the README's.",
            commands: &["rekeyd check --online NAME"],
            rule: "Rights are probed with an id that no key has (R17).",
        },
        Check::ListIncomplete => Page {
            title: "the list of keys proves nothing",
            happened: "It is cut short or not well formed, or lacks a key that works.",
            leaves: "Nothing was changed. Consumers keep the current key. A rotation could mint a \
                key and not prove the old one gone.",
            by_itself: NOTHING,
            to_do: "Look again in a minute: lists may lag. If it stays so, ask the vendor.",
            commands: &["rekeyd check --online NAME"],
            rule: "A key is gone only when a complete list lacks it that has a live one (R20).",
        },
        Check::EtagsMissing => Page {
            title: "a delete is not protected by an etag",
            happened: "The list tells no etag of some keys, or the issuer took a change with a \
                stale one.",
            leaves: "Nothing was changed. Consumers and keys are as they were. A person's act just \
                before a delete would go unnoticed.",
            by_itself: "A key is disabled, soaks, and is looked at again before it is deleted.",
            to_do: "Choose a soak that is long enough to notice a mistake.",
            commands: &["rekeyd history NAME", "rekeyd check --online NAME"],
            rule: "A delete carries the etag that our own disable left (R21).",
        },
        Check::SchemaLacks => Page {
            title: "the API lacks what a rotation needs",
            happened: "Its schema has not the operation or field that the message names.",
            leaves: "Nothing was changed. Consumers keep the current key, which lives.",
            by_itself: NOTHING,
            to_do: "Is it the right API? If it is, this rekeyd does not know this tenant's form: \
                report it with the message.",
            commands: &["rekeyd check --online NAME"],
            rule: "The schema is read by introspection, where that is allowed.",
        },
        Check::SchemaDiffers => Page {
            title: "the API is not as documented, and can be used",
            happened: "Its schema calls something otherwise than the vendor's pages do.",
            leaves: "Nothing was changed. Consumers and keys are as they were.",
            by_itself: "It speaks to the API as the schema says.",
            to_do: "Nothing; know it when you read the vendor's pages.",
            commands: &["rekeyd check --online NAME"],
            rule: "The schema is read by introspection, where that is allowed.",
        },
        Check::Canary => Page {
            title: "a canary query is not answered",
            happened: "The issuer refused it, or answered with an error: a field that is not \
                there, or a right that the account lacks.",
            leaves: "Nothing was changed. Consumers keep the current key, which lives.",
            by_itself: NOTHING,
            to_do: "Mend the query in the policy's `verify.canaries`, or the account's rights.",
            commands: &["rekeyd check --online NAME"],
            rule: "A new key must answer canaries as the old one does (R23).",
        },
        Check::NoWitness => Page {
            title: "no server tells the time",
            happened: "No reply of issuer or store carried a Date.",
            leaves: "Nothing was changed. Consumers and keys are as they were. Deadlines that \
                permit a kill wait for the time that rekeyd itself has watched pass.",
            by_itself: "It never trusts this machine's clock alone.",
            to_do: "Let rekeyd run often or all the time: time that nobody watched does not count.",
            commands: &["rekeyd check --online NAME"],
            rule: "A deadline passes when the clock and a second witness say so (R19).",
        },
    }
}
