//! `--kill-first` where it would lock rekeyd out: the command says what to do by hand, and that
//! works (R18).

use rekeyd::sandbox::{CallKind, Edit, Fault, SERVICE_ACCOUNT, What};

use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn kill_first_that_would_lock_out_prints_break_glass_and_that_ends_the_leak() {
    let stage = Stage::new().await;
    assert_eq!(stage.run(&["run", "--once"]).await.code, 0);
    let leaked = stage.current();
    let denied = Fault {
        on: CallKind::CreateApiKey,
        nth: 1,
        count: 1_000,
        key: None,
        what: What::PermissionDenied,
    };
    stage.sandbox.tenant().add_fault(denied).unwrap();
    let leak = ["rotate", "demo", "--leaked", "--kill-first", "--budget", "2s"];
    let ended = stage.run(&leak).await;
    assert_eq!(ended.code, 6, "{}{}", ended.out, ended.err);
    for said in [
        "refused/kill_first_locks_out",
        "open ION's console as an administrator",
        &format!("disable key {leaked}"),
        "create a key as the same service account",
        "put it into the secret as current",
        "next: rekeyd adopt demo",
    ] {
        assert!(ended.out.contains(said), "{said}: {}", ended.out);
    }
    assert!(stage.alive(&leaked), "locked out");
    assert!(stage.run(&["status"]).await.out.contains("[refused/kill_first_locks_out]"));

    // The steps, by hand.
    let tenant = stage.sandbox.tenant();
    tenant.edit(&Edit::Disable { key: leaked.clone() }).unwrap();
    let key = tenant.mint(SERVICE_ACCOUNT).unwrap();
    let secret = serde_json::json!({
        "clientId": key.client_id, "clientSecret": key.client_secret, "note": "kept",
    });
    stage.write_secret(&secret.to_string());
    stage.run(&["adopt", "demo"]).await;
    let ended = stage.run(&["run", "--once"]).await;
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    let status = stage.status().await;
    assert_eq!(status["state"], "idle", "{status}");
    assert_eq!(status["problems"], serde_json::json!([]), "{status}");
    assert!(status["suspects"][0]["dead_at"].is_string(), "{status}");
    assert_eq!(stage.current(), key.client_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leak_without_kill_first_prints_no_break_glass() {
    let stage = Stage::new().await;
    let denied = Fault {
        on: CallKind::CreateApiKey,
        nth: 1,
        count: 1_000,
        key: None,
        what: What::PermissionDenied,
    };
    stage.sandbox.tenant().add_fault(denied).unwrap();
    let ended = stage.run(&["rotate", "demo", "--leaked", "--budget", "2s"]).await;
    assert_eq!(ended.code, 6, "{}{}", ended.out, ended.err);
    assert!(!ended.out.contains("kill_first_locks_out"), "{}", ended.out);
}
