//! Text to [`Policy`], or everything that is wrong with it. Reads no file and no environment.

mod consumers;
mod issuer;
mod schedule;
mod store;

use super::diagnostic::{Finding, Place, Problem, help_for, quoted};
use super::document::{Document, Table};
use super::report::Report;
use super::{KeptPolicy, OnDeadKey, Policy, Store, Verify, Watch, canary};
use crate::domain::code::Room;
use crate::domain::ids::PolicyName;

const MAX_DESCRIPTION_CHARS: usize = 1000;
const MAX_OWNER_CHARS: usize = 300;

/// What was made of one file.
#[derive(Debug)]
pub struct Examined {
    /// Present only when nothing is wrong.
    pub policy: Option<Policy>,
    /// The store, where that much could be read, and where it is named.
    pub store: Option<(Store, Place)>,
    pub findings: Vec<Finding>,
}

/// Reads a policy. `file_name` is the file's name, with or without its directory; its stem is the
/// policy's name. Files of more than 1 MiB are refused.
///
/// # Errors
/// All findings of the file, sorted by line and column.
pub fn parse(file_name: &str, text: &str) -> Result<Policy, Vec<Finding>> {
    let examined = examine(file_name, text);
    examined.policy.filter(|_| examined.findings.is_empty()).ok_or(examined.findings)
}

/// As [`parse`], and keeps what could be read of a file that is not right, so that findings about
/// several files are told at once with findings about one.
#[must_use]
pub fn examine(file_name: &str, text: &str) -> Examined {
    let mut report = Report::new(Room::Policy, file_name, text);
    let document = Document::parse(text, &mut report);
    let name = policy_name(file_name, &mut report);
    let mut root = document.root();

    let description = root.text("description", MAX_DESCRIPTION_CHARS, &mut report);
    let owner = root.text("owner", MAX_OWNER_CHARS, &mut report);
    let schedule = schedule::read(root.table("schedule", &mut report), &mut report);
    let issuer = issuer::read(&mut root, &mut report);
    let store = store::read(&mut root, &mut report);
    let verify = verify_of(root.table("verify", &mut report), &mut report);
    let (consumers, retire) = consumers::read(&mut root, &mut report);
    let watch = watch_of(root.table("watch", &mut report), &mut report);
    root.finish(&mut report);

    let own_secret = store.as_ref().map(|at| &at.value);
    if let (Some(issuer), Some(own)) = (&issuer, own_secret) {
        issuer::check_actor(issuer, own, &mut report);
    }
    let policy = name.zip(issuer).zip(store.clone()).map(|((name, issuer), store)| Policy {
        name,
        description: description.map(|at| at.value.to_owned()),
        owner: owner.map(|at| at.value.to_owned()),
        schedule,
        issuer: issuer.value,
        store: store.value,
        consumers,
        verify,
        retire,
        watch,
        kept: None,
    });
    let policy = policy.filter(|_| report.is_clean());
    Examined {
        policy: policy.map(|policy| Policy { kept: KeptPolicy::of(text), ..policy }),
        store: store.map(|at| (at.value, report.place(&at.span))),
        findings: report.finish(),
    }
}

fn policy_name(file_name: &str, report: &mut Report<'_>) -> Option<PolicyName> {
    let last = file_name.rsplit('/').next().unwrap_or(file_name);
    let Some(stem) = last.strip_suffix(".toml") else {
        report.add_whole(Problem::UnsafeName, "a policy's file name must end in .toml");
        return None;
    };
    match PolicyName::new(stem) {
        Ok(name) => Some(name),
        Err(why) => {
            let message = format!("{why}; the file's stem {} is the name", quoted(stem));
            report.add_whole(Problem::UnsafeName, message);
            None
        }
    }
}

fn verify_of(table: Option<Table<'_>>, report: &mut Report<'_>) -> Verify {
    let mut canaries = None;
    if let Some(mut table) = table {
        canaries = table.texts("canaries", report);
        table.finish(report);
    }
    let Some(canaries) = canaries else {
        return Verify { canaries: vec![canary::DEFAULT.to_owned()] };
    };
    for (index, at) in canaries.iter().enumerate() {
        if index == canary::MAX_CANARIES {
            let message = format!("more than {} canaries", canary::MAX_CANARIES);
            report.add(Problem::TooMany, &at.span, message, None);
            break;
        }
        if let Err(why) = canary::check(at.value) {
            let message = format!("the canary {why}");
            report.add(Problem::BadCanary, &at.span, message, None);
        }
    }
    Verify { canaries: canaries.into_iter().map(|at| at.value.to_owned()).collect() }
}

const ON_DEAD_KEY: [(&str, OnDeadKey); 2] =
    [("report", OnDeadKey::Report), ("rotate", OnDeadKey::Rotate)];

fn watch_of(table: Option<Table<'_>>, report: &mut Report<'_>) -> Watch {
    let mut on_dead_key = OnDeadKey::Report;
    let Some(mut table) = table else { return Watch { on_dead_key } };
    if let Some(at) = table.text("on_dead_key", 100, report) {
        match ON_DEAD_KEY.iter().find(|(name, _)| *name == at.value) {
            Some((_, known)) => on_dead_key = *known,
            None => {
                let help = help_for(at.value, "words", &ON_DEAD_KEY.map(|(name, _)| name));
                let message = format!("`watch.on_dead_key` cannot be {}", quoted(at.value));
                report.add(Problem::UnknownValue, &at.span, message, Some(help));
            }
        }
    }
    table.finish(report);
    Watch { on_dead_key }
}
