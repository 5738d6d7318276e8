//! Nothing is due and nothing is open: whether that is as well as it is said to be.

use rekeyd::sandbox::{CallKind, Edit, Fault, SERVICE_ACCOUNT, What};

use crate::stage::Stage;

/// A stage whose policy is adopted.
async fn adopted() -> Stage {
    let stage = Stage::with_drain("1h").await;
    let ended = stage.run(&["run", "--once", "--budget", "0s"]).await;
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    stage
}

fn closed_port() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

fn credential(key: &str, secret: &str) -> String {
    serde_json::json!({ "clientId": key, "clientSecret": secret }).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_garbage_or_gone_is_not_called_well() {
    let stage = adopted().await;
    let secret = std::fs::read_to_string(stage.secret()).unwrap();
    for is_gone in [false, true] {
        if is_gone {
            std::fs::remove_file(stage.secret()).unwrap();
        } else {
            std::fs::write(stage.secret(), "garbage").unwrap();
        }
        let ended = stage.run(&["run", "--once", "--budget", "0s"]).await;
        assert_eq!(ended.code, 6, "{}{}", ended.out, ended.err);
        assert!(ended.out.contains("[parked/current_malformed]"), "{}", ended.out);
        let status = stage.status().await;
        assert_eq!(status["problems"][0]["code"], "parked/current_malformed");
        let table = stage.run(&["status"]).await.out;
        assert!(table.contains("(last known)"), "{table}");
        stage.write_secret(&secret);
        let ended = stage.run(&["run", "--once", "--budget", "0s"]).await;
        assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
        assert_eq!(stage.status().await["state"], "idle");
    }
    assert_eq!(stage.effects(CallKind::CreateApiKey), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_is_out_of_reach_is_not_called_well() {
    let stage = adopted().await;
    let current = stage.current();
    let closed = closed_port();
    stage.write_policy("demo", &closed, "1h");
    let ended = stage.run(&["run", "--once"]).await;
    assert_eq!(ended.code, 5, "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("could not be verified"), "{}", ended.out);
    assert!(ended.out.contains(&closed.replace("http://", "")), "{}", ended.out);
    assert!(ended.out.contains(&format!("key {current} is current")), "{}", ended.out);
    stage.write_policy("demo", &stage.sandbox.base_url(), "1h");
    assert_eq!(stage.run(&["run", "--once"]).await.code, 0);
    assert_eq!(stage.status().await["problems"], serde_json::json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_that_somebody_changed_is_not_called_ours() {
    let stage = adopted().await;
    let ours = std::fs::read_to_string(stage.secret()).unwrap();
    let known = stage.current();
    let key = stage.sandbox.tenant().mint(SERVICE_ACCOUNT).unwrap();
    stage.write_secret(&credential(&key.client_id, &key.client_secret));
    let ended = stage.run(&["run", "--once"]).await;
    assert_eq!(ended.code, 6, "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("[refused/current_changed]"), "{}", ended.out);
    assert!(ended.out.ends_with("next: rekeyd adopt demo\n"), "{}", ended.out);
    assert_eq!(stage.status().await["store_holds"], key.client_id);
    let table = stage.run(&["status"]).await.out;
    assert!(table.contains(&format!("current    {known}  (last known)")), "{table}");
    assert!(table.contains(&format!("in store   {}", key.client_id)), "{table}");
    assert_eq!(stage.current(), key.client_id);

    stage.write_secret(&ours);
    assert_eq!(stage.run(&["run", "--once"]).await.code, 0);
    assert_eq!(stage.status().await["store_holds"], serde_json::Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resume_that_worked_is_not_called_refused() {
    let stage = adopted().await;
    let leaked = stage.current();
    stage.sandbox.tenant().edit(&Edit::Disable { key: leaked.clone() }).unwrap();
    let ended = stage.run(&["--rotate-now", "demo", "--leaked", "--budget", "1s"]).await;
    assert_eq!(ended.code, 6, "{}{}", ended.out, ended.err);
    let problems = stage.status().await["problems"].clone();
    assert_eq!(problems[0]["code"], "parked/current_dead", "what leads out is not first");
    assert_eq!(problems[1]["code"], "leak/suspect_alive");
    assert_eq!(problems[0]["next_command"], problems[1]["next_command"]);

    stage.sandbox.tenant().edit(&Edit::Enable { key: leaked.clone() }).unwrap();
    let ended = stage.run(&["resume", "demo"]).await;
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    assert!(!ended.out.contains("refused"), "{}", ended.out);
    assert!(!stage.alive(&leaked) && stage.alive(&stage.current()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_credential_that_somebody_put_is_left_by_resume_and_not_in_a_circle() {
    let stage = Stage::with_drain("1h").await;
    assert_eq!(stage.run(&["rotate", "demo"]).await.code, 0);
    let new = stage.current();
    stage.write_secret(&credential("11111111-0000-4000-8000-000000000000", "nonsense"));
    let ended = stage.run(&["run", "--once"]).await;
    assert_eq!(ended.code, 6, "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("[parked/current_changed]"), "{}", ended.out);
    assert!(ended.out.contains("`resume` puts a key"), "{}", ended.out);
    let ended = stage.run(&["adopt", "demo"]).await;
    assert_eq!(ended.code, 6, "{}{}", ended.out, ended.err);
    assert!(ended.out.ends_with("next: rekeyd resume demo\n"), "{}", ended.out);
    let ended = stage.run_with_input(&["adopt", "demo", "--from-stdin"], "a\nb\n").await;
    assert!(ended.out.ends_with("next: rekeyd resume demo\n"), "{}", ended.out);

    let ended = stage.run(&["resume", "demo"]).await;
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    assert_eq!(stage.current(), new);
    // A second word finds nothing to lift, and is no error while the rotation goes on.
    assert_eq!(stage.run(&["resume", "demo"]).await.code, 0);
    assert_eq!(stage.status().await["problems"], serde_json::json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_failure_does_not_answer_a_new_request() {
    let stage = adopted().await;
    let (first, second) = (closed_port(), closed_port());
    stage.write_policy("demo", &first, "1h");
    let ended = stage.run(&["--rotate-now", "demo"]).await;
    assert_eq!(ended.code, 5, "{}{}", ended.out, ended.err);
    assert!(ended.out.ends_with("next: rekeyd run --once\n"), "{}", ended.out);
    let status = stage.status().await;
    assert_eq!(status["requested"], serde_json::json!(["rotate"]));
    assert_eq!(status["problems"][0]["next_command"], "rekeyd run --once");
    let table = stage.run(&["status"]).await.out;
    assert!(table.contains("asked for, and not done: rotate"), "{table}");

    stage.write_policy("demo", &second, "1h");
    let ended = stage.run(&["--rotate-now", "demo"]).await;
    assert_eq!(ended.code, 5, "{}{}", ended.out, ended.err);
    assert!(ended.out.contains(&second.replace("http://", "")), "{}", ended.out);
    stage.write_policy("demo", &stage.sandbox.base_url(), "1h");
    let ended = stage.run(&["--rotate-now", "demo"]).await;
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_that_is_too_short_is_told_with_its_file_and_before_it_is_refused() {
    let stage = Stage::with_drain("1s").await;
    let ended = stage.run(&["check"]).await;
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    assert!(ended.err.contains("warning[refused/drain_too_short]: demo.toml:"), "{}", ended.err);
    let ended = stage.run(&["rotate", "demo"]).await;
    assert_eq!(ended.code, 3, "{}{}", ended.out, ended.err);
    let said = "`retire.drain` in demo.toml is shorter than `consumers.cache_ttl` (1s) and the life \
                of a token (1s, by the auth server's answer) together; make it at least 2s";
    assert!(ended.out.contains(said), "{}", ended.out);
    assert_eq!(Stage::new().await.run(&["check"]).await.err, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_whose_file_is_gone_is_told_no_command_that_cannot_work() {
    let stage = Stage::new().await;
    stage.write_secret(r#"{"note":"kept"}"#);
    assert_eq!(stage.run(&["run", "--once"]).await.code, 6);
    std::fs::remove_file(stage.path("policies/demo.toml")).unwrap();
    let ended = stage.run(&["status"]).await;
    assert!(!ended.out.contains("rekeyd adopt"), "{}", ended.out);
    let ended = stage.run(&["run", "--once"]).await;
    assert!(ended.err.contains(&stage.path("policies").display().to_string()), "{}", ended.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_taken_back_is_not_said_to_be_rolling_back() {
    let stage = Stage::with_drain("1h").await;
    let old = stage.current();
    assert_eq!(stage.run(&["rotate", "demo"]).await.code, 0);
    let new = stage.current();
    let ended = stage.run(&["abort", "demo"]).await;
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    let said = format!(
        "the rotation is taken back: key {old} stays or becomes current, and new key {new} is \
         removed; drain ends 20"
    );
    assert!(ended.out.contains(&said), "{}", ended.out);
    let down = What::Status { status: 503, retry_after_seconds: None, after_effect: false };
    let down = Fault { on: CallKind::Any, nth: 1, count: 1_000, key: None, what: down };
    stage.sandbox.tenant().add_fault(down).unwrap();
    assert_eq!(stage.run(&["resume", "demo"]).await.code, 5);
}
