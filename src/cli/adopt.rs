//! `adopt`: an operator's word that what the store holds is right, or that a first key be minted, or
//! a credential from standard input, which is exchanged before anything is written. Never from the command line or the
//! environment, where others could read it.

use std::io::{IsTerminal, Read};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use secrecy::SecretString;
use zeroize::Zeroizing;

use super::args::AdoptArgs;
use super::context::Context;
use super::drive::{Bench, Job, conclude, drive};
use super::error::{CliError, Exit, refusal};
use super::verdict::{Asked, Verdict};
use super::wish::Wish;
use crate::domain::code::Call;
use crate::domain::facts::Exchange;
use crate::domain::ids::KeyId;
use crate::domain::policy::{Fields, Policy, Store};
use crate::domain::report::why_failed;
use crate::domain::secret::Credential;
use crate::domain::state::{Refusal, Request, RequestKind};
use crate::store::actor::credential_in;

/// A credential is far smaller.
pub const MAX_INPUT_BYTES: usize = 64 * 1024;

pub async fn adopt(context: &Context, args: &AdoptArgs) -> Result<Exit, CliError> {
    let app = context.app_for(std::slice::from_ref(&args.name))?;
    let policy = app.policy(&args.name)?.clone();
    let request = if args.issue { Request::AdoptIssued } else { Request::Adopt };
    let wish = Wish { request, asked: Asked::Adopt };
    let job: Arc<dyn Job> = if args.from_stdin {
        let credential = read(context, &policy).await?;
        Arc::new(Install { credential: Mutex::new(Some(credential)), wish })
    } else {
        Arc::new(wish)
    };
    let held = context.hold(&app)?;
    let verdicts = drive(context, &app, &held.journal, vec![policy], job).await?;
    let exit = conclude(&context.out, &verdicts);
    context.remind(&app, held.journal.as_ref(), std::slice::from_ref(&args.name)).await?;
    Ok(exit)
}

struct Install {
    credential: Mutex<Option<Credential>>,
    wish: Wish,
}

#[async_trait]
impl Job for Install {
    async fn work(&self, bench: &mut Bench<'_>) -> Result<Verdict, CliError> {
        let name = bench.policy.name.to_string();
        let taken = self.credential.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(credential) = taken else {
            return Err(CliError::usage("no credential was given"));
        };
        let state = bench.engine.state();
        if state.decommission.is_some() {
            let error = refusal(&name, RequestKind::Adopt, &Refusal::Decommissioning);
            return Ok(Verdict { outcome: "refused".into(), ..Verdict::failed(&name, error) });
        }
        if state.rotation.is_some() || !state.questions.is_empty() {
            let said = "a rotation or a request without a reply is open, and nothing is written \
                        under it. `resume` lets it go on, and puts a key of its own in the \
                        place of a current one that is rejected. Otherwise put the credential into \
                        the store as current by hand, then adopt it";
            let error = CliError::new(Exit::Operator, Call::AdoptRotationOpen, said);
            return Err(error.next(format!("rekeyd resume {name}")));
        }
        let journal: Arc<dyn crate::port::Journal> = Arc::new(crate::journal::MemoryJournal::new());
        let verifier = bench.app.ports(bench.policy, journal).await?.verifier;
        let place = verifier.place();
        authenticates(&name, &place, verifier.authenticate(&credential).await)?;
        let before = bench.engine.state().trouble.clone();
        bench.engine.install(credential).await?;
        let trouble = bench
            .engine
            .state()
            .trouble
            .as_ref()
            .filter(|_| bench.engine.state().trouble != before);
        if let Some(trouble) = trouble.filter(|t| t.step == "install") {
            let why = why_failed(trouble.class, trouble.said.as_deref());
            let said = format!("the credential could not be written: {why}");
            let error = CliError::new(Exit::of_class(trouble.class), Call::AdoptNotWritten, said);
            return Err(error.next(format!("rekeyd plan {name}")));
        }
        self.wish.work(bench).await
    }
}

/// Only a credential that works is written.
fn authenticates(policy: &str, place: &str, exchange: Exchange) -> Result<(), CliError> {
    let (exit, code, said) = match exchange {
        Exchange::Alive { .. } => return Ok(()),
        Exchange::Rejected => (
            Exit::Rejected,
            Call::AdoptRejected,
            "the issuer rejects that credential: wrong secret, or a disabled or deleted key".into(),
        ),
        Exchange::Misconfigured => (
            Exit::Configuration,
            Call::AdoptMisconfigured,
            "the token endpoint does not know this realm, or refuses this way of asking".into(),
        ),
        Exchange::Unreachable(why) => (
            Exit::Unreachable,
            Call::AdoptUnreachable,
            format!("{place} could not be reached: {}", why.words()),
        ),
        Exchange::Unknown => (
            Exit::Unreachable,
            Call::AdoptUnreachable,
            "the token endpoint gave no usable answer".into(),
        ),
    };
    let said = format!("{said}. Nothing was written");
    Err(CliError::new(exit, code, said).next(format!("rekeyd plan {policy}")))
}

/// Standard input, for `adopt NAME --from-stdin`.
///
/// # Errors
/// When it is a terminal or cannot be read. Of what is too long, a little more than may be is read.
pub async fn standard_input(name: &str) -> Result<Zeroizing<Vec<u8>>, CliError> {
    let next = format!("rekeyd adopt {name} --from-stdin <credential.json");
    if std::io::stdin().is_terminal() {
        let said = "--from-stdin reads a pipe or a file, so that no terminal shows the secret";
        return Err(CliError::usage(said).next(next));
    }
    let read = tokio::task::spawn_blocking(|| {
        // As large as it may become, so that no copy stays behind when it grows.
        let mut bytes = Zeroizing::new(Vec::with_capacity(2 * MAX_INPUT_BYTES));
        let most = MAX_INPUT_BYTES as u64 + 1;
        std::io::stdin().take(most).read_to_end(&mut bytes).map(|_| bytes)
    });
    let unreadable = || CliError::usage("standard input is not text").next(next.clone());
    read.await.map_err(|_| unreadable())?.map_err(|_| unreadable())
}

async fn read(context: &Context, policy: &Policy) -> Result<Credential, CliError> {
    let next = format!("rekeyd adopt {} --from-stdin <credential.json", policy.name);
    let bytes = context.standard_input(policy.name.as_str()).await?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| CliError::usage("standard input is not text").next(next.clone()))?;
    let (Store::File { fields, .. } | Store::AwsSecretsManager { fields, .. }) = &policy.store;
    parse(text, fields).map_err(|why| {
        let said = format!(
            "standard input holds no credential: {why}; give a JSON object with \"clientId\" and \
             \"clientSecret\", or both on a line each"
        );
        CliError::usage(said).next(next)
    })
}

/// A JSON object with the policy's field names or ION's own, or two lines.
fn parse(text: &str, fields: &Fields) -> Result<Credential, &'static str> {
    if text.len() > MAX_INPUT_BYTES {
        return Err("it is larger than 64 KiB");
    }
    if text.trim_start().starts_with('{') {
        let own = Fields { client_id: "clientId".into(), client_secret: "clientSecret".into() };
        return credential_in(text, fields)
            .or_else(|why| credential_in(text, &own).map_err(|_| why));
    }
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    match (lines.next(), lines.next(), lines.next()) {
        (Some(id), Some(secret), None) => {
            let key = KeyId::new(id).map_err(|_| "its first line is no client id")?;
            Ok(Credential::new(key, SecretString::from(secret.to_owned())))
        }
        _ => Err("it is neither a JSON object nor two lines"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields() -> Fields {
        Fields { client_id: "id".into(), client_secret: "pw".into() }
    }

    #[test]
    fn a_credential_is_read_in_three_forms() {
        for text in [
            r#"{"id":"a","pw":"s"}"#,
            r#" {"clientId":"a","clientSecret":"s"} "#,
            "a\ns\n",
            "a\r\n\r\ns",
        ] {
            let credential = parse(text, &fields()).unwrap();
            assert_eq!((credential.key().as_str(), credential.expose()), ("a", "s"), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused_without_quoting_it() {
        let secret = "s3cr3t";
        for text in
            ["", "a", "{}", "a\nb\nc", "[1]", "a b\ns3cr3t", r#"{"id":"s3cr3t"}"#, "{s3cr3t"]
        {
            let why = parse(text, &fields()).unwrap_err();
            assert!(!why.contains(secret), "{why}");
        }
    }
}
