//! A state directory that was copied to another machine (a restored backup, a cloned image) while
//! the original goes on: one of the two rotates, the other is held off by the claim (R24).

use std::path::{Path, PathBuf};

use rekeyd::sandbox::Entry;

use crate::aws::OnAws;
use crate::stage::POLICY;

const COMPLETE: [&str; 4] = ["--rotate-now", POLICY, "--wait", "complete"];
const ONCE: [&str; 4] = ["run", "--once", "--budget", "60s"];

/// The state directory as another machine would have it.
fn copied(aws: &OnAws) -> PathBuf {
    let (from, to) = (aws.stage.path("state"), aws.stage.path("copy"));
    std::fs::create_dir(&to).unwrap();
    std::fs::set_permissions(&to, from.metadata().unwrap().permissions()).unwrap();
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
    to
}

/// Whatever changed anything.
fn changes(aws: &OnAws) -> Vec<Entry> {
    aws.tenant().ledger().into_iter().filter(|entry| entry.effect_applied).collect()
}

/// The copy ends with this code, names a command, and changes nothing.
async fn is_held_off(aws: &OnAws, copy: &Path, code: i32, arguments: &[&str]) {
    let before = changes(aws);
    let ended = aws.run_on(copy, arguments).await;
    assert_eq!(ended.code, Some(code), "{ended:?}");
    assert!(ended.out.contains("next: rekeyd "), "{ended:?}");
    assert_eq!(changes(aws), before, "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_another_machine_began_bars_the_copy() {
    let aws = OnAws::new("1h", "").await;
    let adopted = aws.run(&["run", "--once", "--budget", "0s"]).await;
    assert_eq!(adopted.code, Some(0), "{adopted:?}");
    let copy = copied(&aws);
    let ended = aws.run(&["--rotate-now", POLICY]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    is_held_off(&aws, &copy, 7, &["--rotate-now", POLICY]).await;
    assert_eq!(aws.consumer.failures(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_another_machine_completed_is_a_persons_business_to_the_copy() {
    let aws = OnAws::new("2s", "").await;
    let ended = aws.run(&COMPLETE).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let copy = copied(&aws);
    let ended = aws.run(&COMPLETE).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    is_held_off(&aws, &copy, 6, &COMPLETE).await;
    aws.assert_sound("rotated since").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_an_open_rotation_finds_it_finished_and_changes_nothing() {
    let aws = OnAws::new("2s", "").await;
    let ended = aws.run(&["--rotate-now", POLICY]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let copy = copied(&aws);
    let finished = aws.run(&ONCE).await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let before = changes(&aws);
    let ended = aws.run_on(&copy, &ONCE).await;
    assert!([Some(0), Some(6), Some(7)].contains(&ended.code), "{ended:?}");
    assert_eq!(changes(&aws), before, "{ended:?}");
    aws.assert_sound("finished by the original").await;
    aws.assert_one_lives("finished by the original");
}

/// Both hold the same claim: what keeps them apart are etags, create-once puts, and looking again.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_goes_on_beside_the_original_breaks_nothing() {
    let aws = OnAws::new("2s", "").await;
    let ended = aws.run(&["--rotate-now", POLICY]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let copy = copied(&aws);
    let state = aws.stage.path("state");
    let (one, other) = tokio::join!(aws.run_on(&state, &ONCE), aws.run_on(&copy, &ONCE));
    for ended in [&one, &other] {
        assert!([Some(0), Some(6), Some(7)].contains(&ended.code), "{one:?} {other:?}");
    }
    // Where either was held up by the other, a person says that it may go on.
    let resumed = aws.run(&["resume", POLICY]).await;
    let mut last = aws.run(&ONCE).await;
    if last.code == Some(7) {
        // The copy has ended the rotation, and the claim is its own.
        let adopted = aws.run(&["adopt", POLICY]).await;
        assert_eq!(adopted.code, Some(0), "{one:?} {other:?} {resumed:?} {adopted:?}");
        last = aws.run(&ONCE).await;
    }
    assert_eq!(last.code, Some(0), "{one:?} {other:?} {resumed:?} {last:?}");
    aws.assert_sound("side by side").await;
    aws.assert_one_lives("side by side");
}
