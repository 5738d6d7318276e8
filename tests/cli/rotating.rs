//! Rotations and leaks through the real binary, judged by sandbox, store, and exit code.

use insta::assert_snapshot;
use rekeyd::sandbox::{CallKind, Fault, What};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::stage::{Stage, until};

#[tokio::test(flavor = "multi_thread")]
async fn rotate_now_publishes_a_new_key_and_run_once_retires_the_old_one() {
    let stage = Stage::new().await;
    let old = stage.current();
    let ended = stage.run(&["--rotate-now", "demo", "--reason", "a drill"]).await;
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    let new = stage.current();
    assert_ne!(new, old);
    assert!(stage.alive(&new) && stage.alive(&old));
    assert!(ended.out.contains(&format!("old key {old} lives on")), "{}", ended.out);
    assert!(ended.out.contains("drain ends 20"), "{}", ended.out);
    assert!(ended.out.ends_with("next: rekeyd run --once\n"), "{}", ended.out);

    // Every later command repeats that.
    let ended = stage.run(&["history", "demo"]).await;
    assert!(ended.out.contains("asked: rotate (a drill)"), "{}", ended.out);
    assert!(ended.err.contains(&format!("old key {old} lives on")), "{}", ended.err);

    let ended = stage.run(&["run", "--once"]).await;
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    assert_eq!(stage.current(), new);
    assert!(stage.alive(&new) && !stage.alive(&old));
    assert_eq!(stage.effects(CallKind::CreateApiKey), 1);
    assert_eq!(stage.effects(CallKind::DeleteApiKey), 1);
    assert_eq!(stage.status().await["last_rotation"]["outcome"], "complete");
    // Nothing is due: another run makes nothing.
    assert_eq!(stage.run(&["run", "--once"]).await.code, 0);
    assert_eq!(stage.effects(CallKind::CreateApiKey), 1);
}

/// It ended with 6 after half a minute: for a right that is missing nobody has to decide anything.
#[tokio::test(flavor = "multi_thread")]
async fn a_create_that_is_always_denied_took_long_and_did_not_say_that_it_was_rejected() {
    let stage = Stage::new().await;
    let what = What::PermissionDenied;
    let denied = Fault { on: CallKind::CreateApiKey, nth: 1, count: 1_000, key: None, what };
    stage.sandbox.tenant().add_fault(denied).unwrap();
    let ended = stage.run(&["rotate", "demo"]).await;
    assert_eq!(ended.code, 4, "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("[parked/trouble]"), "{}", ended.out);
    assert!(ended.out.ends_with("next: rekeyd resume demo\n"), "{}", ended.out);
    assert_eq!(stage.effects(CallKind::CreateApiKey), 0);
    let sent = |entry: &&rekeyd::sandbox::Entry| entry.kind == CallKind::CreateApiKey;
    assert_eq!(stage.sandbox.tenant().ledger().iter().filter(sent).count(), 3, "{}", ended.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn status_has_the_documented_shape() {
    let stage = Stage::with_drain("1h").await;
    let old = stage.current();
    assert_eq!(stage.run(&["rotate", "demo"]).await.code, 0);
    let text = stage.run(&["status", "--output", "json"]).await.out;
    let value: Value = serde_json::from_str(&text).unwrap();
    let rotation = value["policies"][0]["rotation"]["id"].as_str().unwrap().to_owned();
    let text = text.replace(&old, "OLD").replace(&stage.current(), "NEW").replace(&rotation, "ID");
    let times = without_times(&text);
    assert_snapshot!(times, @r#"
    {
      "policies": [
        {
          "name": "demo",
          "state": "waiting",
          "live_keys": [
            {
              "key_id": "NEW",
              "role": "current",
              "since": "TIME"
            },
            {
              "key_id": "OLD",
              "role": "old",
              "since": "TIME"
            }
          ],
          "key_issued_at": "TIME",
          "key_age_seconds": AGE,
          "next_due": null,
          "suspects": [],
          "last_rotation": null,
          "rotation": {
            "id": "ID",
            "state": "promoted",
            "since": "TIME",
            "deadline": "TIME",
            "waiting_for": [
              "drain"
            ],
            "old_key": "OLD",
            "new_key": "NEW",
            "acks_missing": []
          },
          "decommission": null,
          "withheld": null,
          "store_holds": null,
          "requested": [],
          "problems": []
        }
      ],
      "orphans": [],
      "unwatched": [],
      "daemon": null
    }
    "#);
}

/// Every time becomes `TIME`, every age `AGE`.
fn without_times(text: &str) -> String {
    let line = |line: &str| match line.split_once(": \"20") {
        Some((name, rest)) => {
            format!("{name}: \"TIME\"{}", if rest.ends_with(',') { "," } else { "" })
        }
        None if line.contains("key_age_seconds") => "      \"key_age_seconds\": AGE,".to_owned(),
        None => line.to_owned(),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_table_fits_eighty_columns() {
    let stage = Stage::with_drain("1h").await;
    assert_eq!(stage.run(&["rotate", "demo"]).await.code, 0);
    let out = stage.run(&["status"]).await.out;
    assert!(out.lines().all(|line| line.chars().count() <= 80), "{out}");
    assert!(out.contains("waiting"), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leaked_key_is_replaced_and_proven_dead() {
    let stage = Stage::with_drain("1h").await;
    let leaked = stage.current();
    let ended = stage.run(&["--rotate-now", "demo", "--leaked"]).await;
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    let new = stage.current();
    assert!(!stage.alive(&leaked) && stage.alive(&new));
    let status = stage.status().await;
    assert_eq!(status["suspects"][0]["key_id"], leaked.as_str());
    assert!(status["suspects"][0]["dead_at"].is_string());
    assert_eq!(stage.run(&["run", "--once"]).await.code, 0);
    assert_eq!(stage.status().await["state"], "idle");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_changes_nothing_and_leaves_no_journal() {
    let stage = Stage::new().await;
    let before = std::fs::read(stage.secret()).unwrap();
    for arguments in [&["plan"][..], &["rotate", "demo", "--dry-run"]] {
        let ended = stage.run(arguments).await;
        assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
        assert!(ended.out.contains("would be to create a key"), "{}", ended.out);
    }
    let leak = ["rotate", "demo", "--leaked", "--dry-run", "--output", "json"];
    assert_eq!(stage.run(&leak).await.json()["plans"][0]["next_step"], "issue");
    let ledger = stage.sandbox.tenant().ledger();
    assert!(ledger.iter().all(|entry| entry.kind == CallKind::Person || !entry.effect_applied));
    assert_eq!(std::fs::read(stage.secret()).unwrap(), before);
    assert!(!stage.path("state").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn abort_puts_the_old_key_back_and_removes_the_new_one() {
    let stage = Stage::new().await;
    let old = stage.current();
    assert_eq!(stage.run(&["rotate", "demo"]).await.code, 0);
    let new = stage.current();
    let ended = stage.run(&["abort", "demo"]).await;
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    assert_eq!(stage.current(), old);
    assert!(stage.alive(&old) && !stage.alive(&new));
    let ended = stage.run(&["abort", "demo"]).await;
    assert_eq!(ended.code, 2);
    assert!(ended.out.contains("no rotation is open"), "{}", ended.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn decisions_are_json_lines_without_fingerprints() {
    let stage = Stage::with_drain("1h").await;
    assert_eq!(stage.run(&["rotate", "demo"]).await.code, 0);
    let ended = stage.run(&["history", "demo", "--decisions"]).await;
    let rows: Vec<Value> =
        ended.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows[0]["step"], "adopted");
    assert_eq!(rows[0]["event"]["held"]["proof"]["fingerprint"], "secret 1");
    let minted = rows.iter().find(|row| row["event"]["outcome"]["outcome"] == "minted").unwrap();
    assert_eq!(minted["event"]["outcome"]["proof"]["fingerprint"], "secret 2");
    assert_eq!(minted["phase_after"], "issued");
    let positions: Vec<u64> = rows.iter().map(|row| row["position"].as_u64().unwrap()).collect();
    assert_eq!(positions, (1..=positions.len() as u64).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_ends_a_wait_and_says_what_is_left() {
    let stage = Stage::with_drain("1h").await;
    let old = stage.current();
    let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("rekeyd"));
    let child = command
        .arg("--config")
        .arg(stage.path("rekeyd.toml"))
        .arg("--policies")
        .arg(stage.path("policies"))
        .arg("--state-dir")
        .arg(stage.path("state"))
        .args(["rotate", "demo", "--wait", "complete"])
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    until("the promote", || stage.current() != old).await;
    let id = i32::try_from(child.id()).unwrap();
    kill_process(Pid::from_raw(id).unwrap(), Signal::INT).unwrap();
    let output =
        tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(130), "{out}");
    assert!(out.contains("stopped by a signal"), "{out}");
    assert!(out.contains("run --once"), "{out}");
    assert!(stage.alive(&old) && stage.alive(&stage.current()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_ends_well_only_when_the_counts_say_so() {
    let ended = Stage::new().await.run(&["demo", "--output", "json"]).await;
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    let counted = ended.json();
    assert!(counted["consumer_requests"].as_u64().unwrap() > 100, "{counted}");
    assert_eq!(counted["failures_during_rotation"], 0);
    assert_eq!(counted["rejections_during_rotation"], 0);
    assert_eq!(counted["failures_during_leak"], 0);
    assert_eq!(counted["keys_created"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_a_lost_reply_may_have_made_is_never_left_unsaid() {
    let stage = Stage::with_drain("1h").await;
    let lost =
        Fault { on: CallKind::CreateApiKey, nth: 1, count: 1, key: None, what: What::LostAfter };
    stage.sandbox.tenant().add_fault(lost).unwrap();
    let ended = stage.run(&["rotate", "demo"]).await;
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    let minted = stage.sandbox.tenant().keys();
    assert_eq!(minted.len(), 3);
    let orphan = &minted[1].client_id;
    assert!(ended.out.contains(orphan.as_str()), "{}", ended.out);
    assert!(stage.run(&["status"]).await.out.contains(orphan.as_str()));
    let ended = stage.run(&["orphans", "keep", orphan]).await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(stage.run(&["orphans"]).await.out.contains("may live (ruled)"));
    assert!(!stage.run(&["status"]).await.out.contains(orphan.as_str()));
}
