//! `adopt`: an operator's word, and a credential from standard input.

use rekeyd::sandbox::SERVICE_ACCOUNT;

use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_without_a_credential_is_read_only_until_one_is_piped_in() {
    let stage = Stage::new().await;
    stage.write_secret(r#"{"note":"kept"}"#);
    let ended = stage.run(&["--rotate-now", "demo"]).await;
    assert_eq!(ended.code, 6, "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("read_only/malformed"), "{}", ended.out);
    assert!(ended.out.contains("rekeyd adopt demo --from-stdin"), "{}", ended.out);
    assert_eq!(stage.status().await["state"], "read_only");

    let key = stage.sandbox.tenant().mint(SERVICE_ACCOUNT).unwrap();
    let piped = format!("{}\n{}\n", key.client_id, key.client_secret);
    let ended = stage.run_with_input(&["adopt", "demo", "--from-stdin"], &piped).await;
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    assert_eq!(stage.current(), key.client_id);
    assert!(std::fs::read_to_string(stage.secret()).unwrap().contains("kept"));
    assert!(!ended.out.contains(&key.client_secret) && !ended.err.contains(&key.client_secret));
    assert_eq!(stage.status().await["state"], "idle");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_that_does_not_work_is_never_written() {
    let stage = Stage::new().await;
    let before = std::fs::read(stage.secret()).unwrap();
    let wrong = r#"{"clientId":"0b0f6a1e-0000-4000-8000-000000000000","clientSecret":"s3cr3t"}"#;
    let ended = stage.run_with_input(&["adopt", "demo", "--from-stdin"], wrong).await;
    assert_eq!(ended.code, 4, "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("adopt/rejected"), "{}", ended.out);
    assert!(!ended.out.contains("s3cr3t") && !ended.err.contains("s3cr3t"));
    assert_eq!(std::fs::read(stage.secret()).unwrap(), before);
    let ended = stage.run_with_input(&["adopt", "demo", "--from-stdin"], "nonsense").await;
    assert_eq!(ended.code, 2, "{}{}", ended.out, ended.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_persons_own_choice_is_adopted_on_their_word() {
    let stage = Stage::new().await;
    assert_eq!(stage.run(&["run", "--once", "--budget", "0s"]).await.code, 0);
    let key = stage.sandbox.tenant().mint(SERVICE_ACCOUNT).unwrap();
    let chosen = serde_json::json!({
        "clientId": key.client_id, "clientSecret": key.client_secret,
    });
    stage.write_secret(&chosen.to_string());
    let ended = stage.run(&["rotate", "demo"]).await;
    assert_eq!(ended.code, 6, "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("next: rekeyd adopt demo"), "{}", ended.out);
    let ended = stage.run(&["adopt", "demo"]).await;
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    assert_eq!(stage.run(&["rotate", "demo"]).await.code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_an_adoption_leaves_under_a_rotation_are_named_until_they_are_deleted() {
    let stage = Stage::new().await;
    let old = stage.current();
    assert_eq!(stage.run(&["rotate", "demo"]).await.code, 0);
    let new = stage.current();
    let chosen = stage.sandbox.tenant().mint(SERVICE_ACCOUNT).unwrap();
    let secret = serde_json::json!({
        "clientId": chosen.client_id, "clientSecret": chosen.client_secret,
    });
    stage.write_secret(&secret.to_string());
    let ended = stage.run(&["adopt", "demo"]).await;
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    for left in [&old, &new] {
        assert!(ended.out.contains(&format!("key {left} (alive)")), "{}", ended.out);
    }
    assert!(ended.out.ends_with("next: rekeyd --rotate-now demo\n"), "{}", ended.out);
    let problem = stage.status().await["problems"][0].clone();
    assert_eq!(problem["code"], "left_over");
    assert_eq!(problem["next_command"], "rekeyd --rotate-now demo");
    let said = problem["message"].as_str().unwrap();
    assert!(said.contains(&old) && said.contains(&new) && !said.contains(&chosen.client_id));

    let ended = stage.run(&["--rotate-now", "demo", "--wait", "complete"]).await;
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    assert!(!stage.alive(&old) && !stage.alive(&new));
    assert_eq!(stage.status().await["problems"], serde_json::json!([]));
}

/// The same claim was exit 7 for `check --online` and exit 6 for everything that met it first.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_state_directory_ends_as_one_that_another_journal_holds_off() {
    let stage = Stage::new().await;
    assert_eq!(stage.run(&["rotate", "demo"]).await.code, 0);
    let current = stage.current();
    // This journal is lost: for an empty one the claim is somebody else's.
    std::fs::rename(stage.path("state"), stage.path("lost")).unwrap();
    for words in [&["plan", "demo"][..], &["run", "--once"], &["rotate", "demo"]] {
        let ended = stage.run(words).await;
        assert_eq!(ended.code, 7, "{words:?}: {}{}", ended.out, ended.err);
        assert!(ended.out.contains("read_only/claimed"), "{words:?}: {}", ended.out);
    }
    assert_eq!(stage.current(), current);
}
