//! `audit`: the chain from outside, with heads that the logs have, and with rows that were changed.

use rusqlite::Connection;
use serde_json::Value;

use crate::stage::{Ended, Stage};

const RUN: &[&str] = &["run", "--once", "--budget", "0s", "--log-level", "info"];

/// The heads that a run's log names, with their rows.
fn heads(ended: &Ended) -> Vec<(u64, String)> {
    let lines = ended.err.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let head = |line: Value| {
        let row = line["journal_sequence"].as_u64()?;
        Some((row, line["journal_head"].as_str()?.to_owned()))
    };
    lines.filter_map(head).collect()
}

/// Adopts the key, then asks for a rotation and aborts it: rows of two runs. Both heads.
async fn two_runs(stage: &Stage) -> [(u64, String); 2] {
    let json: &[&str] = &["--log-format", "json", "--log-level", "info"];
    let first = stage.run(&[RUN, &["--log-format", "json"]].concat()).await;
    assert_eq!(first.code, 0, "{}", first.err);
    let rotate = ["rotate", "demo", "--reason", "a drill, of the audit"];
    let second = stage.run(&[&rotate[..], json].concat()).await;
    assert_eq!(second.code, 0, "{}", second.err);
    let (first, second) = (heads(&first), heads(&second));
    assert_eq!((first.len(), second.len()), (1, 1), "one head a run");
    [first[0].clone(), second[0].clone()]
}

fn sql(stage: &Stage, statement: &str) {
    Connection::open(stage.path("state/journal.sqlite3"))
        .unwrap()
        .execute_batch(statement)
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logged_head_vouches_for_the_rows_up_to_it_and_for_no_later_one() {
    let stage = Stage::new().await;
    let [(row, early), (last, late)] = two_runs(&stage).await;
    assert!(row < last);
    let ended = stage.run(&["audit", "verify", "--head", &early]).await;
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("the chain holds"), "{}", ended.out);
    let words: Vec<&str> = ended.out.split_whitespace().collect();
    let said = format!("rows 1 to {row}. Not yet: rows {} to {last}.", row + 1);
    assert!(words.join(" ").contains(&said), "{}", ended.out);

    let both = ["audit", "verify", "--output", "json", "--head", &early, "--head", &late];
    let told = stage.run(&both).await.json();
    assert_eq!(told["rows"], last);
    assert_eq!(told["head"]["hash"], late.as_str());
    assert_eq!(told["heads"][0]["sequence"], row);
    assert_eq!((&told["anchored_rows"], &told["unanchored_rows"]), (&last.into(), &0.into()));
    assert_eq!(told["secrets"][0]["policy"], "demo");

    let ended = stage.run(&["audit", "verify"]).await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(ended.out.contains("rekeyd audit verify --head HASH"), "{}", ended.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_cut_from_the_end_are_missed_by_the_head_that_was_logged() {
    let stage = Stage::new().await;
    let [(row, early), (_, late)] = two_runs(&stage).await;
    sql(&stage, &format!("DELETE FROM events WHERE sequence > {row}"));
    assert_eq!(stage.run(&["audit", "verify"]).await.code, 0, "the chain alone cannot show it");
    let ended = stage.run(&["audit", "verify", "--head", &early, "--head", &late]).await;
    assert_eq!(ended.code, 8, "{}{}", ended.out, ended.err);
    assert!(ended.err.contains("error[journal/head-unknown]"), "{}", ended.err);
    assert!(ended.err.contains(&late) && !ended.err.contains(&early), "{}", ended.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_row_is_named_and_ends_with_8() {
    let stage = Stage::new().await;
    two_runs(&stage).await;
    sql(&stage, "UPDATE events SET at = replace(at, 'wall_ms', 'wall_mz') WHERE sequence = 3");
    for arguments in [&["audit", "verify"][..], &["audit", "export"]] {
        let ended = stage.run(arguments).await;
        assert_eq!((ended.code, ended.out.as_str()), (8, ""), "{}", ended.err);
        assert!(ended.err.contains("error[journal/broken]"), "{}", ended.err);
        assert!(ended.err.contains("row 3 was changed after it was written"), "{}", ended.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_of_nothing_is_no_good_one_and_makes_no_journal() {
    let stage = Stage::new().await;
    for arguments in [&["audit", "verify"][..], &["audit", "export"]] {
        let ended = stage.run(arguments).await;
        assert_eq!((ended.code, ended.out.as_str()), (8, ""));
        assert!(ended.err.contains("error[journal/absent]"), "{}", ended.err);
    }
    assert!(!stage.path("state").exists());
    assert_eq!(stage.run(&["audit", "verify", "--head", "abc"]).await.code, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_the_whole_journal_in_order_and_links_row_to_row() {
    let stage = Stage::new().await;
    let [_, (last, late)] = two_runs(&stage).await;
    let ended = stage.run(&["audit", "export"]).await;
    assert_eq!((ended.code, ended.err.as_str()), (0, ""));
    let rows: Vec<Value> =
        ended.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len() as u64, last);
    for (before, row) in rows.iter().zip(&rows[1..]) {
        assert_eq!(row["previous_hash"], before["hash"]);
        assert_eq!(row["sequence"], before["sequence"].as_u64().unwrap() + 1);
    }
    assert_eq!(rows[rows.len() - 1]["hash"], late.as_str());
    assert!(rows.iter().all(|row| row["policy"] == "demo" && row["time"].is_string()));
    let asked = rows.iter().find(|row| row["event"] == "requested").unwrap();
    assert_eq!(asked["reason"], "a drill, of the audit");
    let started = rows.iter().find(|row| row["event"] == "started").unwrap();
    assert_eq!(started["rotation_id"], started["details"]["rotation"]);
    // What tells two secrets apart is a number, never what the journal keeps.
    let digests = serde_json::to_string(&rows).unwrap();
    assert!(digests.contains("\"fingerprint\":\"secret 1\""), "{digests}");

    let time = rows[0]["time"].as_str().unwrap();
    let since = stage.run(&["audit", "export", "demo", "--since", time]).await;
    assert_eq!(since.out, ended.out);
    let later = stage.run(&["audit", "export", "demo", "--since", "2999-01-01T00:00:00Z"]).await;
    assert_eq!((later.code, later.out.as_str()), (0, ""));
    let ended = stage.run(&["audit", "export", "dmeo"]).await;
    assert_eq!(ended.code, 2, "{}", ended.err);
    assert!(ended.err.contains("did you mean `demo`?"), "{}", ended.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_works_beside_a_process_that_holds_the_journal() {
    let stage = Stage::new().await;
    two_runs(&stage).await;
    let _lock = rekeyd::journal::StateLock::acquire(&stage.path("state")).unwrap();
    let writer = rekeyd::journal::SqliteJournal::open(&stage.path("state")).unwrap();
    assert_eq!(stage.run(&["audit", "verify"]).await.code, 0);
    assert_eq!(stage.run(&["audit", "export"]).await.code, 0);
    drop(writer);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reason_is_told_in_the_history_and_bounded() {
    let stage = Stage::new().await;
    assert_eq!(stage.run(RUN).await.code, 0);
    for command in
        [&["rotate", "demo"][..], &["abort", "demo"], &["resume", "demo"], &["adopt", "demo"]]
    {
        let reason = format!("because of {}", command[0]);
        stage.run(&[command, &["--reason", &reason]].concat()).await;
    }
    let told = stage.run(&["history", "demo"]).await.out;
    for command in ["rotate", "abort", "resume", "adopt"] {
        assert!(told.contains(&format!("(because of {command})")), "{command}: {told}");
    }
    let long = "x".repeat(1001);
    for (reason, said) in [
        (long.as_str(), "longer than 1000"),
        ("a\nb", "control"),
        ("a\u{202e}b", "control"),
        (" ", "empty"),
    ] {
        let ended = stage.run(&["rotate", "demo", "--reason", reason]).await;
        assert_eq!(ended.code, 2, "{}", ended.err);
        assert!(ended.err.contains(said), "{}", ended.err);
    }
}
