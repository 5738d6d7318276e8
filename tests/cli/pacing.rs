//! What a policy makes its rotations wait for: consumers' words, its group, its windows.

use serde_json::json;

use crate::neighbours::write_twin;
use crate::stage::{Ended, Stage};

/// More lines in a policy's file, each in the table that its name begins with.
fn add(stage: &Stage, policy: &str, table: &str, lines: &str) {
    let path = stage.path("policies").join(format!("{policy}.toml"));
    let text = std::fs::read_to_string(&path).unwrap();
    let header = format!("[{table}]\n");
    let text = if text.contains(&header) {
        text.replace(&header, &format!("{header}{lines}\n"))
    } else {
        format!("{text}{header}{lines}\n")
    };
    std::fs::write(path, text).unwrap();
}

fn assert_said(ended: &Ended, code: i32, parts: &[&str]) {
    let all = format!("{}{}", ended.out, ended.err);
    assert_eq!(ended.code, code, "{all}");
    let flat = all.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in parts {
        assert!(flat.contains(part), "{part} is not in: {all}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_lives_until_every_consumer_said_that_it_moved_and_each_mistake_is_told() {
    let stage = Stage::new().await;
    add(&stage, "demo", "consumers", "acks = [\"violet-labs\", \"erp\"]");
    let old = stage.current();
    assert_eq!(stage.run(&["run", "--once"]).await.code, 0);
    let early = stage.run(&["ack", "demo", "erp"]).await;
    assert_said(&early, 2, &["refused/nothing_open", "nothing was noted"]);
    assert_eq!(stage.run(&["rotate", "demo"]).await.code, 0);
    let unknown = stage.run(&["ack", "demo", "violet-lab"]).await;
    assert_said(&unknown, 2, &["policy/unknown-consumer", "did you mean `violet-labs`?"]);

    let first = stage.run(&["--reason", "deployed", "ack", "demo", "erp"]).await;
    assert_said(&first, 0, &["erp uses the new key; still waited for: violet-labs."]);
    let again = stage.run(&["ack", "demo", "erp"]).await;
    assert_said(&again, 0, &["still waited for: violet-labs."]);
    // The drain is over, and the word of one is missing.
    let run = stage.run(&["run", "--once", "--budget", "4s"]).await;
    assert_said(&run, 0, &["it waits for the word of violet-labs"]);
    assert!(stage.alive(&old));
    let status = stage.status().await;
    assert_eq!(status["rotation"]["acks_missing"], json!(["violet-labs"]));
    assert_eq!(status["state"], "waiting");

    let last = stage.run(&["ack", "demo", "violet-labs"]).await;
    assert_said(&last, 0, &["no consumer is waited for any more."]);
    assert_eq!(stage.run(&["run", "--once"]).await.code, 0);
    assert!(!stage.alive(&old));
    let history = stage.run(&["history", "demo"]).await.out;
    let told: Vec<&str> =
        history.lines().filter(|line| line.contains("uses the new key")).collect();
    assert_eq!(told.len(), 2, "{history}");
    assert!(told[0].contains("erp") && told[0].contains("deployed"), "{history}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_of_a_group_waits_for_the_other_one_and_says_for_which() {
    let stage = Stage::with_drain("1h").await;
    let key = stage.sandbox.seed_key().unwrap();
    write_twin(&stage, &key.client_id, &key.client_secret);
    for policy in ["demo", "twin"] {
        add(&stage, policy, "schedule", "group = \"pair\"");
    }
    assert_eq!(stage.run(&["run", "--once"]).await.code, 0);
    assert_eq!(stage.run(&["rotate", "demo"]).await.code, 0);
    let twin = ["rotate", "twin", "--budget", "1s"];
    let waits = stage.run(&twin).await;
    let parts = ["twin: not started yet", "policy demo of group pair", "--leaked does not wait"];
    assert_said(&waits, 0, &parts);
    let status = stage.run(&["status", "--output", "json"]).await.json();
    assert_eq!(status["policies"][1]["withheld"]["waiting_for"], "group");
    assert_eq!(status["policies"][1]["state"], "waiting");
    assert!(stage.alive(&key.client_id));
    let table = stage.run(&["status", "twin"]).await;
    assert_said(&table, 0, &["the start of a rotation waits for policy demo of group pair"]);
    // A policy that was removed is of its group still, by what the journal kept of it.
    std::fs::remove_file(stage.path("policies/demo.toml")).unwrap();
    assert_said(&stage.run(&twin).await, 0, &["policy demo of group pair"]);

    // Two policies share the account here, so the other one's new key awaits a ruling after that.
    let leaked = stage.run(&["rotate", "twin", "--leaked"]).await;
    assert_said(&leaked, 6, &["every suspect is proven dead"]);
    assert!(!stage.alive(&key.client_id));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_is_due_outside_of_its_window_waits_and_says_until_when() {
    let stage = Stage::new().await;
    // Never open today nor tomorrow, wherever the clock stands in UTC.
    let today = date(0);
    let tomorrow = date(1);
    let lines = format!("every = \"1s\"\nblackout = [\"{today}/{tomorrow}\"]");
    add(&stage, "demo", "schedule", &lines);
    let key = stage.current();
    assert_eq!(stage.run(&["run", "--once"]).await.code, 0);
    let mut run = stage.run(&["run", "--once", "--budget", "2s"]).await;
    for _ in 0..100 {
        // Not due yet: a second has not passed since the adoption.
        if run.out.contains("not started yet") {
            break;
        }
        run = stage.run(&["run", "--once", "--budget", "2s"]).await;
    }
    let opens = format!("it opens {}T00:00:00Z", date(2));
    let waits = "not started yet: the start of a rotation waits for the policy's window";
    assert_said(&run, 0, &[waits, &opens]);
    assert_eq!(stage.status().await["withheld"]["until"], format!("{}T00:00:00Z", date(2)));
    assert_said(&stage.run(&["history", "demo"]).await, 0, &[&opens]);
    // A person does not wait.
    assert_eq!(stage.run(&["rotate", "demo"]).await.code, 0);
    assert_ne!(stage.current(), key);
    let left = stage.run(&["run", "--once", "--budget", "5s"]).await;
    assert_said(&left, 0, &["the policy's window opens"]);
    assert!(stage.alive(&key));
}

/// So many days from now, by the date in UTC.
#[expect(clippy::disallowed_methods, reason = "the binary reads this machine's clock")]
fn date(days: i64) -> String {
    let at = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * days);
    at.strftime("%Y-%m-%d").to_string()
}
