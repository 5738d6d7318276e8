//! Errors: an exit code, a code, what happened, the next command.

use insta::assert_snapshot;
use rekeyd::journal::StateLock;
use rekeyd::sandbox::SERVICE_ACCOUNT;
use serde_json::Value;

use crate::stage::{Stage, end, rekeyd};

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_policy_is_usage_and_names_the_nearest() {
    let stage = Stage::new().await;
    let ended = stage.run(&["--rotate-now", "dmeo"]).await;
    assert_eq!((ended.code, ended.out.as_str()), (2, ""));
    assert_snapshot!(ended.err, @r#"
    error[policy/unknown]: there is no policy `dmeo`; did you mean `demo`?
    next: rekeyd status
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_can_be_read_by_machines() {
    let stage = Stage::new().await;
    let ended = stage.run(&["rotate", "dmeo", "--output", "json"]).await;
    let error: Value = serde_json::from_str(&ended.err).unwrap();
    assert_eq!(error["error"]["code"], "policy/unknown");
    assert_eq!(error["error"]["exit_code"], 2);
    assert_eq!(error["error"]["next_command"], "rekeyd status");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_finding_of_every_file_is_said_at_once() {
    let stage = Stage::new().await;
    std::fs::write(stage.path("policies/b.toml"), "[schedule]\ncorn = \"0 3 * * *\"\n").unwrap();
    let ended = stage.run(&["check"]).await;
    assert_eq!((ended.code, ended.err.as_str()), (3, ""));
    assert_snapshot!(ended.out, @r#"
    b.toml:1:1: the table `issuer.ion` is missing [policy/missing-field]
      help: add [issuer.ion] with `environment`, or with `auth_url` and `api_url`
    b.toml:1:1: the table `store` is missing [policy/missing-field]
      help: add [store.aws_secrets_manager] or [store.file]
    b.toml:2:1: unknown field `corn` in `schedule` [policy/unknown-field]
      2 | corn
        | ^^^^
      help: did you mean `cron`?
    3 findings
    "#);
    let ended = stage.run(&["run", "--once"]).await;
    assert_eq!((ended.code, ended.out.as_str()), (3, ""));
    assert!(ended.err.contains("error[policy/findings]"), "{}", ended.err);
    assert!(ended.err.contains("did you mean `cron`?"), "{}", ended.err);
    let ended = stage.run(&["check", "--output", "json"]).await;
    assert_eq!(ended.json()["findings"][0]["file"], "b.toml");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_go_together_is_refused_before_anything_is_sent() {
    let stage = Stage::new().await;
    for (arguments, said) in [
        (&["rotate"][..], "which policy?"),
        (&["rotate", "--all"], "say --yes"),
        (&["rotate", "demo", "--all", "--yes"], "not both"),
        (&["rotate", "demo", "--key", "k"], "--key goes with --leaked"),
        (&["rotate", "demo", "--kill-first"], "--kill-first goes with --leaked"),
        (&["rotate", "demo", "--leaked", "--wait", "current"], "leave --wait out"),
        (&["orphans", "keep", "k"], "awaits no ruling"),
    ] {
        let ended = stage.run(arguments).await;
        assert_eq!(ended.code, 2, "{arguments:?}: {}", ended.err);
        assert!(ended.err.contains(said), "{arguments:?}: {}", ended.err);
    }
    assert!(stage.sandbox.tenant().ledger().iter().all(|entry| entry.as_key.is_none()));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_process_keeps_the_lock_and_status_works_beside_it() {
    let stage = Stage::new().await;
    assert_eq!(stage.run(&["run", "--once", "--budget", "0s"]).await.code, 0);
    let lock = StateLock::acquire(&stage.path("state")).unwrap();
    let ended = stage.run(&["run", "--once"]).await;
    assert_eq!(ended.code, 7, "{}", ended.err);
    assert!(ended.err.contains(&format!("process {}", std::process::id())), "{}", ended.err);
    assert_eq!(stage.status().await["state"], "idle");
    assert_eq!(stage.run(&["plan"]).await.code, 0);
    drop(lock);
    assert_eq!(stage.run(&["run", "--once"]).await.code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_journal_is_refused() {
    let stage = Stage::new().await;
    assert_eq!(stage.run(&["run", "--once", "--budget", "0s"]).await.code, 0);
    let journal = stage.path("state/journal.sqlite3");
    std::fs::write(&journal, "no journal at all, and long enough to be looked at").unwrap();
    for arguments in [&["status"][..], &["run", "--once"], &["check"]] {
        let ended = stage.run(arguments).await;
        assert_eq!(ended.code, 8, "{arguments:?}: {}", ended.err);
        assert!(ended.err.contains("error[journal/"), "{}", ended.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_is_unreachable_and_leaves_nothing_asked_for() {
    let stage = Stage::new().await;
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    stage.write_policy("demo", &closed, "2s");
    let ended = stage.run(&["run", "--once", "--budget", "0s"]).await;
    assert_eq!(ended.code, 5, "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("next: rekeyd run --once"), "{}", ended.out);
    let host = closed.replace("http://", "");
    let said =
        format!("the auth server at {host} could not be reached: the connection was refused");
    assert!(ended.out.contains(&said), "{}", ended.out);
    assert_eq!(stage.status().await["state"], "unadopted");
    let told = stage.run(&["history", "demo"]).await.out;
    assert!(told.contains(&format!("`exchange` failed: {said}")), "{told}");
    let ended = stage.run(&["plan", "demo"]).await;
    assert_eq!(ended.code, 5, "{}{}", ended.out, ended.err);
    let words: Vec<&str> = ended.out.split_whitespace().collect();
    assert!(words.join(" ").contains(&said), "{}", ended.out);

    let key = stage.sandbox.tenant().mint(SERVICE_ACCOUNT).unwrap();
    let piped = format!("{}\n{}\n", key.client_id, key.client_secret);
    let ended = stage.run_with_input(&["adopt", "demo", "--from-stdin"], &piped).await;
    assert_eq!(ended.code, 5, "{}{}", ended.out, ended.err);
    assert!(ended.out.contains(&said), "{}", ended.out);
    assert!(!ended.out.contains(&key.client_secret) && !ended.err.contains(&key.client_secret));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_is_out_of_reach_is_named_by_its_host_and_not_the_auth_server() {
    let stage = Stage::new().await;
    assert_eq!(stage.run(&["run", "--once", "--budget", "0s"]).await.code, 0);
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().to_string()
    };
    let policy = std::fs::read_to_string(stage.path("policies/demo.toml")).unwrap();
    let api = format!("api_url = \"{}\"", stage.sandbox.base_url());
    let lost = policy.replace(&api, &format!("api_url = \"http://{closed}\""));
    assert_ne!(lost, policy);
    std::fs::write(stage.path("policies/demo.toml"), lost).unwrap();
    let ended = stage.run(&["--rotate-now", "demo", "--budget", "0s"]).await;
    assert_eq!(ended.code, 5, "{}{}", ended.out, ended.err);
    let said = format!("ION at {closed} could not be reached: the connection was refused");
    assert!(ended.out.contains(&said), "{}", ended.out);
    let secret = std::fs::read_to_string(stage.secret()).unwrap();
    let secret: Value = serde_json::from_str(&secret).unwrap();
    let secret = secret["clientSecret"].as_str().unwrap();
    assert!(!ended.out.contains(secret) && !ended.err.contains(secret));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_broken_policy_delays_no_other() {
    let stage = Stage::new().await;
    let policy = std::fs::read_to_string(stage.path("policies/demo.toml")).unwrap();
    let lost = policy.replace("demo.json", "lost.json").replace("demo", "lost");
    std::fs::write(stage.path("policies/lost.toml"), lost).unwrap();
    let ended = stage.run(&["run", "--once", "--budget", "0s", "--output", "json"]).await;
    let results = ended.json()["results"].clone();
    assert_eq!(results[0]["policy"], "demo");
    assert_eq!(results[0]["exit_code"], 0);
    assert_eq!(results[1]["policy"], "lost");
    assert_ne!(results[1]["exit_code"], 0);
    assert_eq!(Value::from(ended.code), results[1]["exit_code"]);
}

#[test]
fn a_new_journal_in_a_place_not_named_needs_a_word() {
    let home = tempfile::tempdir().unwrap();
    let policies = home.path().join("policies");
    std::fs::create_dir(&policies).unwrap();
    let run = |more: &[&str]| {
        let mut command = rekeyd(home.path());
        command.arg("--policies").arg(&policies).args(["run", "--once"]).args(more);
        end(&mut command)
    };
    let ended = run(&[]);
    assert_eq!(ended.code, 3, "{}", ended.err);
    assert!(ended.err.contains("error[journal/new]"), "{}", ended.err);
    assert!(ended.err.contains("--init"), "{}", ended.err);
    let state = home.path().join(".local/state/rekeyd");
    assert!(!state.exists());
    assert_eq!(run(&["--init"]).code, 0);
    let mode = std::os::unix::fs::MetadataExt::mode(&state.metadata().unwrap());
    assert_eq!(mode & 0o777, 0o700);
    assert_eq!(run(&[]).code, 0);
}
