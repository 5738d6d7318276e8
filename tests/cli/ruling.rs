//! `orphans disable` and `orphans delete` through the real binary: how each end is told.

use rekeyd::sandbox::{CallKind, Fault, SERVICE_ACCOUNT, What};

use crate::stage::Stage;

/// A stage on whose record a stranger stands.
async fn with_a_stranger() -> (Stage, String) {
    let stage = Stage::with_drain("1h").await;
    assert_eq!(stage.run(&["run", "--once", "--budget", "0s"]).await.code, 0);
    let stranger = stage.sandbox.tenant().mint(SERVICE_ACCOUNT).unwrap().client_id;
    assert_eq!(stage.run(&["--rotate-now", "demo", "--leaked"]).await.code, 6);
    (stage, stranger)
}

fn exists(stage: &Stage, key: &str) -> bool {
    stage.sandbox.tenant().keys().iter().any(|truth| truth.client_id == key && !truth.deleted)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_orphan_is_told_of_and_can_be_deleted_afterwards() {
    let (stage, stranger) = with_a_stranger().await;
    let arguments = ["orphans", "disable", &stranger, "--reason", "nobody minted it"];
    let ended = stage.run(&arguments).await;
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    assert!(
        ended.out.contains(&format!("key {stranger} is disabled, by the list")),
        "{}",
        ended.out
    );
    assert!(!stage.alive(&stranger) && exists(&stage, &stranger));
    let listed = stage.run(&["orphans", "list"]).await.out;
    assert!(listed.contains("is disabled (ruled)"), "{listed}");
    let table = stage.run(&["status"]).await.out;
    assert!(table.contains(&format!("orphan     {stranger}  is disabled (ruled)")), "{table}");
    let status = stage.run(&["status", "--output", "json"]).await.json();
    assert_eq!(status["orphans"][0]["ruling"], "disable");
    assert_eq!(status["orphans"][0]["ruling_state"], "done");
    let told = stage.run(&["history", "demo"]).await.out;
    assert!(told.contains(&format!("ruled that key {stranger} is to be disabled")), "{told}");
    let events = stage.run(&["history", "demo", "--decisions"]).await.out;
    assert!(events.contains("nobody minted it"), "the reason is lost");

    let ended = stage.run(&["orphans", "delete", &stranger]).await;
    assert_eq!(ended.code, 2, "{}{}", ended.out, ended.err);
    assert!(ended.err.contains("by the engine of policy demo; say --yes"), "{}", ended.err);
    assert!(ended.err.contains(&format!("next: rekeyd orphans delete {stranger} --yes")));
    assert!(exists(&stage, &stranger));

    let ended = stage.run(&["orphans", "delete", &stranger, "--yes"]).await;
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("a complete list no longer has it"), "{}", ended.out);
    assert!(!exists(&stage, &stranger) && stage.alive(&stage.current()));
    assert!(stage.run(&["orphans"]).await.out.contains("no orphans"));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_orphan_is_ruled_on() {
    let (stage, stranger) = with_a_stranger().await;
    let current = stage.current();
    for word in [&["orphans", "disable", &current][..], &["orphans", "delete", &current, "--yes"]] {
        let ended = stage.run(word).await;
        assert_eq!(ended.code, 2, "{word:?}: {}{}", ended.out, ended.err);
        assert!(ended.err.contains("policy demo manages it"), "{}", ended.err);
    }
    let other = stage.sandbox.tenant().mint(SERVICE_ACCOUNT).unwrap().client_id;
    let ended = stage.run(&["orphans", "delete", &other, "--yes"]).await;
    assert_eq!(ended.code, 2, "{}{}", ended.out, ended.err);
    assert!(ended.err.contains("not on the record of orphans"), "{}", ended.err);
    assert!(ended.err.contains("next: rekeyd orphans list"), "{}", ended.err);
    assert!([&current, &other, &stranger].into_iter().all(|key| stage.alive(key)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ruling_that_the_issuer_refuses_ends_with_what_to_type() {
    let (stage, stranger) = with_a_stranger().await;
    let refused = Fault {
        on: CallKind::UpdateApiKey,
        nth: 1,
        count: 1_000,
        key: None,
        what: What::PermissionDenied,
    };
    stage.sandbox.tenant().add_fault(refused).unwrap();
    let ended = stage.run(&["orphans", "disable", &stranger]).await;
    assert_eq!(ended.code, 4, "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("[ruling/failed]"), "{}", ended.out);
    assert!(
        ended.out.contains(&format!("next: rekeyd orphans disable {stranger}")),
        "{}",
        ended.out
    );
    assert!(stage.alive(&stranger));
    let problems = stage.status().await["problems"].clone();
    assert_eq!(problems[0]["code"], "ruling/failed", "{problems}");
    let list = stage.run(&["orphans", "list"]).await.out;
    let next = format!("  next: rekeyd orphans disable {stranger}\n");
    assert!(list.contains("[ruling/failed]") && list.contains(&next), "{list}");
    stage.sandbox.tenant().clear_faults();
    assert_eq!(stage.run(&["orphans", "disable", &stranger]).await.code, 0);
    assert!(!stage.alive(&stranger));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orphan_that_another_secret_names_lives_and_the_end_is_6() {
    let (stage, _) = with_a_stranger().await;
    // Another secret of the account takes the stranger's credential up, and only looks at it.
    let minted = stage.sandbox.tenant().mint(SERVICE_ACCOUNT).unwrap();
    let stranger = minted.client_id.clone();
    assert_eq!(stage.run(&["--rotate-now", "demo", "--leaked"]).await.code, 6);
    let policy = std::fs::read_to_string(stage.path("policies/demo.toml")).unwrap();
    let other = policy.replace("demo.json", "other.json");
    let other =
        other.replace("[issuer.ion]\n", "[issuer.ion]\nidentity = \"nobody@example.com\"\n");
    std::fs::write(stage.path("policies/other.toml"), other).unwrap();
    let secret = serde_json::json!({
        "clientId": minted.client_id, "clientSecret": minted.client_secret,
    });
    std::fs::write(stage.path("secrets/other.json"), secret.to_string()).unwrap();
    let mode = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o600);
    std::fs::set_permissions(stage.path("secrets/other.json"), mode).unwrap();
    assert_eq!(stage.run(&["rotate", "other"]).await.code, 6, "read-only");
    let ended = stage.run(&["orphans", "disable", &stranger]).await;
    assert_eq!(ended.code, 6, "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("the secret of policy other names that key"), "{}", ended.out);
    assert!(ended.out.contains("[ruling/named_elsewhere]"), "{}", ended.out);
    assert!(stage.alive(&stranger));
}
