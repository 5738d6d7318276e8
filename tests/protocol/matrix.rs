//! Every fault at every call of four kinds of rotation, and where each ends, as tables that a person
//! can read. A cell holds the endings over every call of that kind; what parked was then resumed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use rekeyd::domain::state::{Ending, Phase, Request, State};
use rekeyd::engine::{Engine, Goal, Halt, Stop};
use rekeyd::port::SecretStore;
use rekeyd::sandbox::{CallKind, Fault as IssuerFault, What};

use crate::rotation::assert_sound;
use crate::world::{Call, Fault, HOUR, SECOND, World, leak, rotate, tester};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Scheduled,
    Leaked,
    RolledBack,
    Reverted,
}

/// Where a fault strikes, in the order of a rotation's first use.
const ISSUER: [(&str, CallKind); 6] = [
    ("exchange", CallKind::TokenExchange),
    ("current user", CallKind::CurrentUser),
    ("list", CallKind::ApiKeys),
    ("create", CallKind::CreateApiKey),
    ("update", CallKind::UpdateApiKey),
    ("delete", CallKind::DeleteApiKey),
];
const STORE: [(&str, Call); 7] = [
    ("describe", Call::Describe),
    ("read", Call::Read),
    ("claim", Call::Claim),
    ("put", Call::Stage),
    ("move current", Call::Promote),
    ("clear pending", Call::Unstage),
    ("clear previous", Call::DropPrevious),
];

fn issuer_faults() -> Vec<(&'static str, What)> {
    let late = |after_ms| What::LateLanding { after_ms, hang_ms: 0 };
    let status =
        |status, after_effect| What::Status { status, retry_after_seconds: None, after_effect };
    vec![
        ("lost, not done", What::LostBefore),
        ("lost, done", What::LostAfter),
        ("lands after 20 s", late(20_000)),
        ("lands after 5 min", late(300_000)),
        ("429", status(429, false)),
        ("502, done", status(502, true)),
        ("denied", What::PermissionDenied),
        ("rejected", What::Unauthorized),
    ]
}

fn store_faults() -> Vec<(&'static str, Fault)> {
    vec![
        ("lost, not done", Fault::LostBefore),
        ("lost, done", Fault::LostAfter),
        ("lands after 20 s", Fault::Late { after_ms: 20 * SECOND }),
        ("lands after 5 min", Fault::Late { after_ms: 300 * SECOND }),
        ("throttled", Fault::Throttled),
        ("denied", Fault::Denied),
    ]
}

/// The first dozen calls of a kind, then every seventh.
fn nths() -> impl Iterator<Item = u32> {
    (1..=12).chain((19..).step_by(7))
}

/// Asks for the rotation, and for the abort that turns it back.
async fn begin(world: &World, kind: Kind, engine: &mut Engine) -> Halt {
    let wish = if kind == Kind::Leaked { leak(engine.state(), false) } else { rotate() };
    engine.request(wish, tester()).await.unwrap();
    if let Kind::RolledBack | Kind::Reverted = kind {
        let wanted = if kind == Kind::RolledBack { Phase::Verified } else { Phase::Drained };
        for _ in 0..5_000 {
            let phase = engine.state().rotation.as_ref().map(|r| r.phase);
            if phase == Some(wanted) || engine.state().parked.is_some() {
                break;
            }
            match engine.turn().await.unwrap() {
                rekeyd::engine::Turn::Waiting { ms, .. } => world.pass(ms),
                rekeyd::engine::Turn::Moved => {}
                rekeyd::engine::Turn::Resting => break,
            }
        }
        if engine.state().rotation.is_some() {
            engine.request(Request::Abort, tester()).await.unwrap();
        }
    }
    world.go_on(engine).await
}

fn ending(halt: &Halt, state: &State) -> String {
    if let (Halt::Parked, Some(park)) = (halt, &state.parked) {
        return format!("parked {}", park.reason.code());
    }
    if let Halt::Troubled { step, .. } = halt {
        return format!("troubled {step}");
    }
    let orphan = if state.orphans.is_empty() { "" } else { " + orphan" };
    if let Some((_, why)) = &state.refused
        && state.last.is_none()
    {
        let code = rekeyd::domain::code::Refused::from(why).name();
        return format!("{}{orphan}", code.replace('/', " "));
    }
    match state.last.as_ref().map(|last| last.ending) {
        Some(Ending::Complete) => format!("complete{orphan}"),
        Some(Ending::RolledBack) => format!("rolled back{orphan}"),
        Some(Ending::Superseded) => format!("superseded{orphan}"),
        None => format!("not begun{orphan}"),
    }
}

/// Runs one case to its end; a park is resumed once the fault is over.
async fn case(world: &World, kind: Kind, name: &str) -> String {
    case_on(world, Arc::new(world.clone()), kind, name).await
}

/// The same on a store of the caller's.
pub async fn case_on(world: &World, store: Arc<dyn SecretStore>, kind: Kind, name: &str) -> String {
    let mut engine = world.open_on(store).await.unwrap();
    engine.run(Goal::Nothing, HOUR, &mut Stop::never()).await.unwrap();
    let mut halt = begin(world, kind, &mut engine).await;
    let mut end = ending(&halt, engine.state());
    assert_sound_or_parked(world, &halt, engine.state(), name);
    for _ in 0..3 {
        match halt {
            Halt::Parked => halt = world.ask(&mut engine, Request::Resume).await,
            Halt::Troubled { .. } => halt = world.go_on(&mut engine).await,
            _ => break,
        }
        let then = ending(&halt, engine.state());
        if !end.ends_with(&then) {
            end = format!("{end}, then {then}");
        }
    }
    assert_sound(world, &halt, engine.state(), name);
    assert_eq!(halt, Halt::Reached, "{name}: {:?}", engine.state().parked);
    let counted = world.counted();
    assert_eq!(counted.failures_after_reread, 0, "{name}");
    assert!(kind == Kind::Leaked || counted.failures == 0, "{name}: {counted:?}");
    for key in engine.state().suspects.keys() {
        assert!(!world.tenant.alive(key.as_str()), "{name}: suspect {key} lives");
    }
    end
}

fn assert_sound_or_parked(world: &World, halt: &Halt, state: &State, name: &str) {
    if !matches!(halt, Halt::Troubled { .. }) {
        assert_sound(world, halt, state, name);
    }
}

pub type Cells = BTreeMap<(usize, usize), BTreeSet<String>>;

async fn issuer_table(kind: Kind) -> Cells {
    let mut cells = Cells::new();
    for (row, (call, on)) in ISSUER.into_iter().enumerate() {
        for (column, (fault, what)) in issuer_faults().into_iter().enumerate() {
            for nth in nths() {
                let name = format!("{kind:?}: {fault} at {call} {nth}");
                let world = World::new();
                world.poll();
                drop(world.adopted().await);
                let fault = IssuerFault { on, nth, count: 1, key: None, what: what.clone() };
                world.tenant.add_fault(fault).unwrap();
                let end = case(&world, kind, &name).await;
                if !world.tenant.faults().is_empty() {
                    break;
                }
                cells.entry((row, column)).or_default().insert(end);
            }
        }
    }
    cells
}

async fn store_table(kind: Kind) -> Cells {
    let mut cells = Cells::new();
    for (row, (call, on)) in STORE.into_iter().enumerate() {
        for (column, (fault, what)) in store_faults().into_iter().enumerate() {
            // A read is lost, or it is not.
            if matches!(on, Call::Describe | Call::Read) && column > 0 {
                continue;
            }
            for nth in nths() {
                let name = format!("{kind:?}: {fault} at {call} {nth}");
                let world = World::new();
                world.poll();
                drop(world.adopted().await);
                world.store.fault_nth(on, nth, what);
                let end = case(&world, kind, &name).await;
                if !world.store.faults_are_spent() {
                    break;
                }
                cells.entry((row, column)).or_default().insert(end);
            }
        }
    }
    cells
}

pub fn drawn(rows: &[&str], columns: &[&str], cells: &Cells) -> String {
    let mut text = String::new();
    for (row, name) in rows.iter().enumerate() {
        let _ = writeln!(text, "{name}");
        for (column, fault) in columns.iter().enumerate() {
            if let Some(ends) = cells.get(&(row, column)) {
                let ends: Vec<&str> = ends.iter().map(String::as_str).collect();
                let _ = writeln!(text, "  {fault:<18} {}", ends.join(" | "));
            }
        }
    }
    text
}

async fn table(kind: Kind) -> String {
    let (issuer, store) = (issuer_table(kind).await, store_table(kind).await);
    let issuer_rows = ISSUER.map(|(name, _)| name);
    let store_rows = STORE.map(|(name, _)| name);
    let names = |all: Vec<&'static str>| all;
    let issuer_columns = names(issuer_faults().into_iter().map(|(name, _)| name).collect());
    let store_columns = names(store_faults().into_iter().map(|(name, _)| name).collect());
    format!(
        "ISSUER\n{}\nSTORE\n{}",
        drawn(&issuer_rows, &issuer_columns, &issuer),
        drawn(&store_rows, &store_columns, &store)
    )
}

#[tokio::test]
async fn every_fault_at_every_call_of_a_scheduled_rotation() {
    insta::assert_snapshot!("scheduled", table(Kind::Scheduled).await);
}

#[tokio::test]
async fn every_fault_at_every_call_of_a_leak() {
    insta::assert_snapshot!("leaked", table(Kind::Leaked).await);
}

#[tokio::test]
async fn every_fault_at_every_call_of_a_rotation_that_is_rolled_back() {
    insta::assert_snapshot!("rolled_back", table(Kind::RolledBack).await);
}

#[tokio::test]
async fn every_fault_at_every_call_of_a_rotation_that_is_reverted() {
    insta::assert_snapshot!("reverted", table(Kind::Reverted).await);
}
