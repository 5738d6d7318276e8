//! SIGTERM and SIGINT while each kind of call hangs, and in each wait: the process ends by itself
//! with 128 + the signal's number, says what it leaves, and the next run ends sound (R27).

use std::time::Duration;

use rekeyd::sandbox::{CallKind, Fault, What};
use rustix::process::{Pid, Signal, kill_process};

use crate::consumers::Consumer;
use crate::crash::{ROTATE, SIDE_BY_SIDE, finish};
use crate::stage::{Stage, came};

/// No stop may take longer: the critical section's time-outs, and some slack for a busy machine.
const BOUND: Duration = Duration::from_secs(100);

/// Sends the signal while the n-th call of a kind hangs. Says whether there was such a call.
async fn stopped_at(on: CallKind, nth: u32, signal: Signal) -> bool {
    let case = format!("{signal:?} at {on:?} {nth}");
    let stage = Stage::new().await;
    let tenant = stage.sandbox.tenant();
    let consumer = Consumer::start(tenant, stage.secret_file());
    let what = What::Delay { ms: 60_000 };
    tenant.add_fault(Fault { on, nth, count: 1, key: None, what }).unwrap();
    let mut child = stage.command(&ROTATE).spawn().unwrap();
    let pid = Pid::from_child(&child);
    let struck = || tenant.ledger().iter().any(|entry| entry.kind == on && entry.fault.is_some());
    let over = || struck() || child.try_wait().unwrap().is_some();
    assert!(came(Duration::from_secs(60), over).await, "{case}: neither struck nor over");
    let was_struck = struck();
    if was_struck {
        kill_process(pid, signal).unwrap();
    }
    assert!(came(BOUND, || child.try_wait().unwrap().is_some()).await, "{case}: it goes on");
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    if was_struck {
        // A call that was answered by then may have been the last one.
        let code = output.status.code();
        assert!([Some(128 + signal.as_raw()), Some(0)].contains(&code), "{case}: {code:?} {told}");
    }
    finish(&stage, &case).await;
    assert_eq!(consumer.failures(), 0, "{case}");
    was_struck
}

async fn stopped_at_each(on: CallKind, most: u32, signal: Signal) {
    let points: Vec<u32> = (1..=most).collect();
    let mut struck = 0;
    for batch in points.chunks(SIDE_BY_SIDE) {
        let mut running = tokio::task::JoinSet::new();
        for nth in batch {
            running.spawn(stopped_at(on, *nth, signal));
        }
        let before = struck;
        while let Some(done) = running.join_next().await {
            struck += usize::from(done.unwrap());
        }
        if struck == before {
            break;
        }
    }
    assert!(struck > 0, "{on:?} was never struck");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_at_a_create_is_heeded_once_the_key_is_staged() {
    stopped_at_each(CallKind::CreateApiKey, 2, Signal::TERM).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_at_an_update_or_a_delete_is_heeded_and_loses_nothing() {
    stopped_at_each(CallKind::UpdateApiKey, 3, Signal::INT).await;
    stopped_at_each(CallKind::DeleteApiKey, 2, Signal::TERM).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_at_a_look_is_heeded_and_loses_nothing() {
    stopped_at_each(CallKind::ApiKeys, 6, Signal::TERM).await;
    stopped_at_each(CallKind::CurrentUser, 4, Signal::INT).await;
}
