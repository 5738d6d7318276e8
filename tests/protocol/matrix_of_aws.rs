//! The fault matrix once more, through the real adapter of AWS Secrets Manager: AWS's own client
//! talks HTTP to the sandbox's Secrets Manager, and every fault that the sandbox has for it strikes.
//! To end in time each strikes about one change and a few reads, in each kind of rotation others;
//! `REKEYD_MATRIX=full` strikes each call by all of them, and compares with no snapshot.
//! No read is further behind than the time that the rules allow for (`lag_ms`).
//!
//! A cell holds the endings over the calls that were struck; what parked was then resumed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use rekeyd::sandbox::{CallKind, Code, Entry, SecretEdit, Typed, What};

use crate::matrix::{Kind, case_on};
use crate::world::{Aws, World};

const READS: [CallKind; 2] = [CallKind::DescribeSecret, CallKind::GetSecretValue];
const CHANGES: [CallKind; 2] = [CallKind::PutSecretValue, CallKind::UpdateSecretVersionStage];
/// AWS's client tries a read so often, the adapter a put.
const TRIES: u32 = 3;
/// What outlasts two calls with all their tries.
const AN_OUTAGE: u32 = 2 * TRIES;

struct Column {
    name: &'static str,
    what: What,
    count: u32,
}

fn column(name: &'static str, count: u32, what: What) -> Column {
    Column { name, what, count }
}

fn status(status: u16, after_effect: bool) -> What {
    What::Status { status, retry_after_seconds: None, after_effect }
}

fn exception(code: Code, after_effect: bool) -> What {
    What::Exception { code, after_effect }
}

fn person() -> What {
    let value = Typed::new("typed by hand");
    Aws::person(SecretEdit::Field { field: "owner".to_owned(), value })
}

fn on_changes() -> Vec<Column> {
    let late = |after_ms| What::LateLanding { after_ms, hang_ms: 0 };
    let html = |after_effect| What::Html { status: 503, after_effect };
    let reset = |after_effect| What::Reset { after_effect };
    vec![
        column("lost, not done", 1, What::LostBefore),
        column("lost, done", 1, What::LostAfter),
        column("lost, an outage", AN_OUTAGE, What::LostBefore),
        column("lands after 20 s", 1, late(20_000)),
        column("lands after 1 min", 1, late(60_000)),
        column("answered late", 1, What::Delay { ms: 20 }),
        column("reset, not done", 1, reset(false)),
        column("reset, done", 1, reset(true)),
        column("429", 1, status(429, false)),
        column("502, not done", 1, status(502, false)),
        column("502, done", 1, status(502, true)),
        column("503, an outage", AN_OUTAGE, status(503, false)),
        column("a web page, not done", 1, html(false)),
        column("a web page, done", 1, html(true)),
        column("a flood, done", 1, What::Flood { bytes: 1_000_000 }),
        column("an empty answer, done", 1, What::NullData),
        column("a date that is none", 1, What::GarbageDate),
        column("throttled", 1, exception(Code::Throttling, false)),
        column("throttled, done", 1, exception(Code::Throttling, true)),
        column("throttled, an outage", AN_OUTAGE, exception(Code::Throttling, false)),
        column("internal error", 1, exception(Code::InternalServiceError, false)),
        column("internal error, done", 1, exception(Code::InternalServiceError, true)),
        column("limit exceeded", 1, exception(Code::LimitExceeded, false)),
        column("encryption failure", 1, exception(Code::EncryptionFailure, false)),
        column("resource exists", 1, exception(Code::ResourceExists, false)),
        column("invalid parameter", 1, exception(Code::InvalidParameter, false)),
        column("invalid request", 1, exception(Code::InvalidRequest, false)),
        column("not found", 1, exception(Code::ResourceNotFound, false)),
        column("signature expired", 1, exception(Code::ExpiredToken, false)),
        column("unknown signer", 1, What::Unauthorized),
        column("denied", 1, What::PermissionDenied),
        column("denied, an outage", AN_OUTAGE, What::PermissionDenied),
        column("a person edits a field", 1, person()),
    ]
}

fn on_reads() -> Vec<Column> {
    let html = What::Html { status: 503, after_effect: false };
    vec![
        column("lost once", 1, What::LostAfter),
        column("lost", TRIES, What::LostAfter),
        column("lost, an outage", AN_OUTAGE, What::LostBefore),
        column("reset", TRIES, What::Reset { after_effect: false }),
        column("429", TRIES, status(429, false)),
        column("502", TRIES, status(502, false)),
        column("a web page", TRIES, html),
        column("a flood", TRIES, What::Flood { bytes: 1_000_000 }),
        column("an empty answer", TRIES, What::NullData),
        column("an empty value", TRIES, What::NullSecret),
        column("a date that is none", TRIES, What::GarbageDate),
        column("throttled", TRIES, exception(Code::Throttling, false)),
        column("internal error", TRIES, exception(Code::InternalServiceError, false)),
        column("decryption failure", 1, exception(Code::DecryptionFailure, false)),
        column("invalid request", 1, exception(Code::InvalidRequest, false)),
        column("not found", 1, exception(Code::ResourceNotFound, false)),
        column("unknown signer", 1, What::Unauthorized),
        column("denied", 1, What::PermissionDenied),
        column("denied, an outage", AN_OUTAGE, What::PermissionDenied),
        column("as before 1 change", 1, What::StaleChanges { changes: 1 }),
        column("30 s behind", 1, What::StaleMs { ms: 30_000 }),
        column("30 s behind for a while", 10, What::StaleMs { ms: 30_000 }),
        column("a person edits a field", 1, person()),
    ]
}

/// What a struck call was for.
fn row(entry: &Entry) -> String {
    let stage = entry.detail.split_whitespace().find_map(|word| word.split_once('='));
    let stage = stage.map_or("a version", |(_, stage)| stage);
    let cleared = entry.detail.ends_with("to=absent");
    match entry.kind {
        CallKind::DescribeSecret => "describe".to_owned(),
        CallKind::GetSecretValue => format!("get {stage}"),
        CallKind::PutSecretValue => format!("put {stage}"),
        _ if cleared => format!("clear {stage}"),
        _ => format!("move {stage}"),
    }
}

type Rows = BTreeMap<String, BTreeMap<usize, BTreeSet<String>>>;

/// How many calls of a kind there are where nothing goes wrong.
async fn undisturbed(kind: Kind, on: CallKind) -> usize {
    let world = World::hurried();
    let aws = Aws::serving(&world).await;
    world.poll();
    drop(world.adopted_on(aws.store.clone()).await);
    let before = world.tenant.ledger().len();
    case_on(&world, aws.store.clone(), kind, "undisturbed").await;
    world.tenant.ledger().iter().skip(before).filter(|entry| entry.kind == on).count()
}

/// Strikes the n-th call of a kind. What it was for, and how the rotation ended.
async fn struck(kind: Kind, on: CallKind, nth: u32, how: &Column) -> (String, String) {
    let name = format!("{kind:?}: {} at {on:?} {nth}", how.name);
    let world = World::hurried();
    let aws = Aws::serving(&world).await;
    world.poll();
    drop(world.adopted_on(aws.store.clone()).await);
    world.tenant.add_fault(Aws::fault(on, nth, how.count, how.what.clone())).unwrap();
    let end = case_on(&world, aws.store.clone(), kind, &name).await;
    let ledger = world.tenant.ledger();
    let entry = ledger.iter().find(|entry| entry.fault.is_some());
    assert!(entry.is_some(), "{name}: nothing was struck");
    (entry.map(row).unwrap(), end)
}

fn is_full() -> bool {
    std::env::var("REKEYD_MATRIX").is_ok_and(|value| value == "full")
}

/// Each fault at every `step`-th call of these kinds, each fault and each kind of rotation from
/// another call on.
async fn strike(kind: Kind, calls: [CallKind; 2], faults: &[Column], step: usize) -> Rows {
    let mut rows = Rows::new();
    for on in calls {
        let most = undisturbed(kind, on).await;
        for (column, how) in faults.iter().enumerate() {
            let first = 1 + (column * 5 + kind as usize * 2) % step;
            for nth in (first..=most).step_by(step) {
                let nth = u32::try_from(nth).unwrap();
                let (row, end) = struck(kind, on, nth, how).await;
                rows.entry(row).or_default().entry(column).or_default().insert(end);
            }
        }
    }
    rows
}

fn drawn(text: &mut String, rows: &Rows, faults: &[Column]) {
    for (row, cells) in rows {
        let _ = writeln!(text, "{row}");
        for (column, ends) in cells {
            let ends: Vec<&str> = ends.iter().map(String::as_str).collect();
            let _ = writeln!(text, "  {:<24} {}", faults[*column].name, ends.join(" | "));
        }
    }
}

async fn table(kind: Kind) -> String {
    let (changes, reads) = (on_changes(), on_reads());
    let (change_step, read_step) = match kind {
        _ if is_full() => (1, 1),
        // A leak takes several times as many calls.
        Kind::Leaked => (27, 16 * reads.len()),
        _ => (9, 6 * reads.len()),
    };
    let mut text = String::new();
    drawn(&mut text, &strike(kind, CHANGES, &changes, change_step).await, &changes);
    drawn(&mut text, &strike(kind, READS, &reads, read_step).await, &reads);
    text
}

async fn compare(name: &str, kind: Kind) {
    let table = table(kind).await;
    if is_full() {
        eprintln!("{table}");
    } else {
        insta::assert_snapshot!(name, table);
    }
}

#[tokio::test]
async fn every_fault_of_aws_in_a_scheduled_rotation() {
    compare("aws_scheduled", Kind::Scheduled).await;
}

#[tokio::test]
async fn every_fault_of_aws_in_a_leak() {
    compare("aws_leaked", Kind::Leaked).await;
}

#[tokio::test]
async fn every_fault_of_aws_in_a_rotation_that_is_rolled_back() {
    compare("aws_rolled_back", Kind::RolledBack).await;
}

#[tokio::test]
async fn every_fault_of_aws_in_a_rotation_that_is_reverted() {
    compare("aws_reverted", Kind::Reverted).await;
}
