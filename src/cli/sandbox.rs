//! `sandbox`: stand-ins for ION and AWS Secrets Manager on loopback, to try policies on.

use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use serde_json::json;
use tokio::net::TcpListener;

use super::args::{SandboxArgs, Schema};
use super::context::{Context, Signals};
use super::error::{CliError, Exit};
use crate::domain::code::Own;
use crate::sandbox::{Issued, Refusal, Sandbox, SchemaKind, Settings};
use crate::settings::for_shell;

/// How often new calls are printed.
const LEDGER_EVERY: Duration = Duration::from_millis(200);

pub async fn sandbox(context: &Context, args: &SandboxArgs) -> Result<Exit, CliError> {
    let failed = |why: io::Error| {
        let said = format!("the sandbox cannot start on port {}: {why}", args.port);
        CliError::new(Exit::Configuration, Own::Sandbox, said).next("rekeyd sandbox --port 0")
    };
    let signals = Signals::listen()?;
    let listener = TcpListener::bind(("127.0.0.1", args.port)).await.map_err(failed)?;
    let sandbox = Sandbox::start(listener, settings(args)).map_err(failed)?;
    if let Some(path) = &args.secret_file {
        let issued = sandbox.seed_key().map_err(|refusal| no_first_key(&refusal))?;
        write_secret(path, &issued).map_err(|why| {
            let there = why.kind() == io::ErrorKind::AlreadyExists;
            let fate = if there { ". It was left alone: remove it, or name another" } else { "" };
            let said = format!("{} cannot be written: {why}{fate}", path.display());
            let next = format!("ls -ld {}", for_shell(path));
            CliError::new(Exit::Configuration, Own::SandboxSecretFile, said).next(next)
        })?;
    }
    if let Some(name) = &args.secret_id {
        sandbox.seed_secret(name, &args.region).map_err(|refusal| no_first_key(&refusal))?;
    }
    // With the ledger on stdout, what is meant for people goes to stderr.
    if args.ledger {
        context.out.note(sandbox.describe().trim_end());
    } else {
        context.out.data(sandbox.describe().trim_end());
    }
    let (mut after, mut stop) = (0, signals.stop.clone());
    while !signals.stop.is_asked() {
        tokio::select! {
            () = stop.asked() => {}
            () = tokio::time::sleep(LEDGER_EVERY), if args.ledger => {
                for entry in sandbox.tenant().ledger_after(after) {
                    after = entry.sequence;
                    context.out.data(&serde_json::to_string(&entry).unwrap_or_default());
                }
            }
        }
    }
    sandbox.shutdown().await;
    Ok(signals.exit())
}

fn no_first_key(refusal: &Refusal) -> CliError {
    let said = format!("no first key: {refusal}");
    CliError::new(Exit::Configuration, Own::Sandbox, said)
}

fn settings(args: &SandboxArgs) -> Settings {
    let life = u32::try_from(args.token_life / 1000).unwrap_or(u32::MAX).max(1);
    Settings {
        schema: match args.schema {
            Schema::Documented => SchemaKind::Documented,
            Schema::Extended => SchemaKind::Extended,
        },
        token_life_seconds: life,
        seed: args.seed,
        ..Settings::default()
    }
}

/// A new file that only we may read. One that is there already is left alone.
pub fn write_secret(path: &Path, issued: &Issued) -> io::Result<()> {
    use io::Write;
    let mut file =
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let value = json!({ "clientId": issued.client_id, "clientSecret": issued.client_secret });
    writeln!(file, "{value}")
}
