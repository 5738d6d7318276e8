//! Journals that earlier versions wrote are read for good: a fixture a version, never written again.

use std::fmt::Write as _;
use std::path::Path;

use rekeyd::domain::ids::SecretKey;
use rekeyd::domain::state::{Phase, Request, State};
use rekeyd::engine::replay;
use rekeyd::journal::{JOURNAL_FILE, SqliteJournal};
use rekeyd::port::Journal;

use crate::world::{Call, Fault, World, leak, rotate};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/journals");

/// What a person would miss if a journal were misread.
fn summary(stream: &SecretKey, events: usize, state: &State) -> String {
    let mut text = format!("{stream}: {events} events, {:?}\n", state.adoption);
    for (key, managed) in &state.keys {
        let _ = writeln!(text, "  key {key}: {:?}, gone {}", managed.origin, managed.is_gone());
    }
    for (key, suspect) in &state.suspects {
        let _ = writeln!(text, "  suspect {key}: dead {}", suspect.dead.is_some());
    }
    for key in state.orphans.keys() {
        let _ = writeln!(text, "  orphan {key}");
    }
    let phase = state.rotation.as_ref().map(|r| r.phase.name());
    let park = state.parked.as_ref().map(|park| park.reason.code());
    let last = state.last.as_ref().map(|last| last.ending);
    let open = state.questions.len();
    let _ = writeln!(text, "  phase {phase:?}, parked {park:?}, last {last:?}, {open} questions");
    text
}

async fn told(file: &Path) -> String {
    let dir = tempfile::tempdir().unwrap();
    std::fs::copy(file, dir.path().join(JOURNAL_FILE)).unwrap();
    let journal = SqliteJournal::open(dir.path()).unwrap();
    let mut text = String::new();
    for stream in journal.streams().await.unwrap() {
        let events = journal.replay(&stream).await.unwrap().len();
        let (state, _) = replay(&journal, &stream).await.unwrap();
        text.push_str(&summary(&stream, events, &state));
    }
    text
}

#[tokio::test]
async fn a_journal_of_any_version_since_the_first_is_read_as_it_was_meant() {
    let mut names: Vec<_> =
        std::fs::read_dir(FIXTURES).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.retain(|path| path.extension().is_some_and(|extension| extension == "sqlite3"));
    names.sort();
    assert!(!names.is_empty());
    for path in names {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        insta::assert_snapshot!(name, told(&path).await);
    }
}

/// Stories that use most of the protocol's events.
async fn stories() -> Vec<(&'static str, World)> {
    let complete = World::new();
    let mut engine = complete.adopted().await;
    complete.ask(&mut engine, rotate()).await;

    let leaked = World::new();
    let mut engine = leaked.adopted().await;
    let report = leak(engine.state(), false);
    leaked.ask(&mut engine, report).await;

    let rolled_back = World::new();
    drop(rolled_back.adopted().await);
    let mut engine = rolled_back.rotating(Phase::Verified).await;
    rolled_back.ask(&mut engine, Request::Abort).await;

    let reverted = World::new();
    drop(reverted.adopted().await);
    let mut engine = reverted.rotating(Phase::Soaked).await;
    reverted.ask(&mut engine, Request::Abort).await;

    let open = World::new();
    drop(open.adopted().await);
    open.store.fault(Call::Promote, Fault::LostAfter);
    let mut engine = open.rotating(Phase::Verified).await;
    while engine.state().questions.is_empty() {
        engine.turn().await.unwrap();
    }

    let parked = World::new();
    drop(parked.adopted().await);
    let mut engine = parked.rotating(Phase::Promoted).await;
    parked.store.roll_back_by_hand();
    parked.go_on(&mut engine).await;
    vec![
        ("file:complete", complete),
        ("file:leaked", leaked),
        ("file:rolled-back", rolled_back),
        ("file:reverted", reverted),
        ("file:open", open),
        ("file:parked", parked),
    ]
}

/// For a new version: `REKEYD_WRITE_FIXTURE=tests/fixtures/journals/VERSION.sqlite3 cargo test --test
/// protocol -- --ignored the_fixture_of_a_new_version`.
#[tokio::test]
#[ignore = "writes a file of the repository"]
async fn the_fixture_of_a_new_version() {
    let path = std::env::var("REKEYD_WRITE_FIXTURE").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let journal = SqliteJournal::open(dir.path()).unwrap();
    for (name, world) in stories().await {
        let stream = SecretKey::new(name).unwrap();
        for (position, row) in (0..).zip(world.replay(&stream).await.unwrap()) {
            journal.append(&stream, position, &row.at, &[row.event]).await.unwrap();
        }
    }
    drop(journal);
    std::fs::copy(dir.path().join(JOURNAL_FILE), path).unwrap();
}
