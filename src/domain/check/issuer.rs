//! The lines about the issuer's hosts and the current key: are they the right ones, and does it work.

use super::Case;
use super::line::{Blame, Checked, Line};
use super::looked::Look;
use crate::domain::cause::Cause;
use crate::domain::class::Class;
use crate::domain::code::{Call, Check};
use crate::domain::facts::{Exchange, Offers, Survey};
use crate::domain::policy::canary;
use crate::domain::policy::duration::format_ms;
use crate::domain::state::Refusal;

pub(super) fn lines(case: &Case<'_>) -> Vec<Line> {
    let mut lines = vec![auth(case), key(case), drain(case), api(case), schema(case)];
    lines.extend(canaries(case));
    lines
}

/// Whether the auth server is there and knows the realm. A refused key proves that too.
fn auth(case: &Case<'_>) -> Line {
    let check = Checked::Auth;
    match &case.looked.auth {
        Look::Skipped(because) => Line::skipped(check, because),
        Look::Failed(failed) => {
            Line::failed(check, failed, Call::from(failed.class), "", case.again())
        }
        Look::Seen(exchange) => of_exchange(case, check, *exchange),
    }
}

/// What an exchange says of the server; of the key only that it was looked at.
pub(super) fn of_exchange(case: &Case<'_>, check: Checked, exchange: Exchange) -> Line {
    let place = &case.looked.auth_place;
    match exchange {
        Exchange::Alive { .. } | Exchange::Rejected => {
            Line::ok(check, format!("{place} answers, and knows the realm"))
        }
        Exchange::Misconfigured => {
            let said = format!(
                "{place} answers, and does not know this realm or path (404), is closed to it \
                 (403), or refuses this way of asking. That proves nothing about the key. Compare \
                 `environment`, or `auth_url` and `audience`, with the tenant's"
            );
            let blame = Blame::Class(Class::Misconfigured);
            Line::fail(check, blame, Check::Realm, said + ".", case.again())
        }
        Exchange::Unreachable(why) => {
            let said = format!("{place} could not be reached: {}.", why.words());
            let blame = Blame::Class(Class::Retryable);
            Line::fail(check, blame, Check::AuthUnreachable, said, case.again())
        }
        Exchange::Unknown => {
            let said = format!("{place} gave no answer that proves anything: an error, or silence");
            Line::fail(check, Blame::Class(Class::Unknown), Call::Unknown, said + ".", case.again())
        }
    }
}

fn key(case: &Case<'_>) -> Line {
    let check = Checked::Key;
    let Some(key) = case.looked.current_key() else {
        return Line::skipped(check, "the store holds no credential that could be tried");
    };
    match &case.looked.key {
        Look::Skipped(because) => Line::skipped(check, because),
        Look::Failed(failed) => {
            Line::failed(check, failed, Call::from(failed.class), "", case.again())
        }
        Look::Seen(Exchange::Alive { token_life_ms }) => {
            let life = token_life_ms.map(|ms| format!("; a token lives {}", format_ms(ms)));
            Line::ok(check, format!("key {key} authenticates{}", life.unwrap_or_default()))
        }
        Look::Seen(Exchange::Rejected) => {
            let mut line = Line::refused(check, case.name(), Refusal::CurrentDead);
            line.message = format!("key {key}: {}", line.message);
            line
        }
        Look::Seen(_) => Line::skipped(check, "the auth server gave no answer about a key"),
    }
}

/// The drain covers what consumers were promised (R12).
fn drain(case: &Case<'_>) -> Line {
    let check = Checked::Drain;
    let Some(Exchange::Alive { token_life_ms }) = case.looked.key.seen() else {
        return Line::skipped(check, "a token's life is known when the key authenticates");
    };
    let cache_ms = case.policy.consumers.cache_ttl_ms;
    let needed_ms = cache_ms.saturating_add(token_life_ms.unwrap_or(0));
    let drain_ms = case.policy.retire.drain_ms;
    if drain_ms < needed_ms {
        let token_life_ms = *token_life_ms;
        let why = Refusal::DrainTooShort { needed_ms, token_life_ms };
        return Line::refused(check, case.name(), why);
    }
    let (drain, needed) = (format_ms(drain_ms), format_ms(needed_ms));
    Line::ok(check, format!("{drain} cover the consumers' cache and a token's life ({needed})"))
}

fn api(case: &Case<'_>) -> Line {
    let check = Checked::Api;
    let place = &case.looked.api_place;
    match &case.looked.api {
        Look::Skipped(because) => Line::skipped(check, because),
        Look::Seen(()) => Line::ok(check, format!("{place} answers")),
        Look::Failed(failed) => match (failed.cause, failed.class) {
            (Some(Cause::Unreached(_)), _) => {
                Line::failed(check, failed, Check::ApiUnreachable, "", case.again())
            }
            (_, Class::Misconfigured) => {
                let advice = "Compare `environment`, or `api_url`, with the tenant's.";
                Line::failed(check, failed, Check::ApiAddress, advice, case.again())
            }
            (_, class) => Line::failed(check, failed, Call::from(class), "", case.again()),
        },
    }
}

fn schema(case: &Case<'_>) -> Line {
    let check = Checked::Schema;
    match &case.looked.survey {
        Look::Skipped(because) => Line::skipped(check, because),
        Look::Failed(failed) => {
            let said = format!("{}; the API is spoken to as documented", failed.said);
            Line::warn(check, Call::from(failed.class), said, case.again())
        }
        Look::Seen(Survey::Untold) => {
            let said = "the API tells nobody its schema; it is spoken to as documented";
            Line::ok(check, said)
        }
        Look::Seen(Survey::Told(offers)) => compared(case, offers),
    }
}

fn compared(case: &Case<'_>, offers: &Offers) -> Line {
    let check = Checked::Schema;
    if !offers.lacking.is_empty() {
        let lacking = offers.lacking.join("; ");
        let said = format!("the API lacks what a rotation needs: {lacking}");
        let blame = Blame::Class(Class::Misconfigured);
        return Line::fail(check, blame, Check::SchemaLacks, said + ".", case.again());
    }
    if !offers.differing.is_empty() {
        let said =
            format!("not as documented, and gone along with: {}", offers.differing.join("; "));
        return Line::warn(check, Check::SchemaDiffers, said + ".", case.again());
    }
    Line::ok(
        check,
        match offers.beyond.as_slice() {
            [] => "as documented".to_owned(),
            beyond => format!("as documented, and beyond it: {}", beyond.join(", ")),
        },
    )
}

/// One line for all, or one for each that fails.
fn canaries(case: &Case<'_>) -> Vec<Line> {
    let check = Checked::Canaries;
    let looks = &case.looked.canaries;
    let mut lines = Vec::new();
    for (at, look) in looks.iter().enumerate() {
        match look {
            Look::Seen(()) => {}
            Look::Skipped(because) => return vec![Line::skipped(check, because)],
            Look::Failed(failed) => {
                let advice = which_canary(case, at);
                lines.push(Line::failed(check, failed, Check::Canary, &advice, case.again()));
            }
        }
    }
    if lines.is_empty() && !looks.is_empty() {
        lines.push(Line::ok(check, "every canary query is answered"));
    }
    lines
}

/// A policy that names none has one built in, which stands at no place of the file.
fn which_canary(case: &Case<'_>, at: usize) -> String {
    if case.policy.verify.canaries == [canary::DEFAULT] {
        "It is the canary that is built in, where a policy names none.".to_owned()
    } else {
        format!("It is the canary at place {} of the policy.", at + 1)
    }
}
