//! Commands to a daemon that works: they reach it over its socket, end with the README's codes, and
//! wait for nobody else's trouble.

use rekeyd::sandbox::{CallKind, Fault, SERVICE_ACCOUNT, What};
use serde_json::Value;

use crate::daemon::Daemon;
use crate::stage::{LONG, ON_DEMAND, ONCE, Stage, Terms};

const NAME: &str = "netsuite-sync";

fn promoted(one: &Value) -> bool {
    one["rotation"]["state"] == "promoted"
}

/// A daemon whose scheduled rotation is in its drain, and the key that is to go.
async fn in_drain(terms: Terms) -> (Stage, Daemon, String) {
    let stage = Stage::of(NAME, terms).await;
    let old = stage.current_key(NAME);
    let daemon = Daemon::start(&stage).await;
    stage.until(NAME, "promoted", promoted).await;
    (stage, daemon, old)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leak_in_the_drain_of_a_scheduled_rotation_kills_both_keys_at_once() {
    let (stage, daemon, old) = in_drain(ONCE).await;
    let new = stage.current_key(NAME);
    let ended = stage.run(&["--rotate-now", NAME, "--leaked"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}\n{}", stage.log());
    for key in [&old, &new] {
        assert!(!stage.tenant().alive(key), "the suspect {key} lives: {ended:?}");
    }
    assert!(stage.tenant().alive(&stage.current_key(NAME)));
    assert_eq!(stage.creates(), 2);
    daemon.stop(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abort_in_the_drain_brings_the_old_key_back() {
    let (stage, daemon, old) = in_drain(ONCE).await;
    let consumer = stage.consumer(NAME);
    let ended = stage.run(&["abort", NAME]).await;
    assert!([Some(0), Some(1)].contains(&ended.code), "{ended:?}");
    stage.policy(NAME, &stage.text(NAME, LONG));
    stage.comes("the revert", || stage.current_key(NAME) == old).await;
    assert_eq!(consumer.failures(), 0);
    let nothing = stage.run(&["abort", "nobody"]).await;
    assert_eq!(nothing.code, Some(2), "{nothing:?}");
    daemon.stop(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_rotation_goes_on_when_a_person_says_so() {
    let stage = Stage::of(NAME, ON_DEMAND).await;
    let daemon = Daemon::start(&stage).await;
    stage.until(NAME, "adopted", |one| one["state"] == "idle").await;
    let key = stage.current_key(NAME);
    let what = What::PermissionDenied;
    stage.fault(Fault { on: CallKind::CreateApiKey, nth: 1, count: 100_000, key: None, what });
    let refused = stage.run(&["--rotate-now", NAME]).await;
    assert!([Some(4), Some(6)].contains(&refused.code), "{refused:?}");
    stage.until(NAME, "parked", |one| one["state"] == "parked").await;
    stage.tenant().clear_faults();
    let ended = stage.run(&["resume", NAME]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    stage.comes("the promote", || stage.current_key(NAME) != key).await;
    stage.until(NAME, "its end", |one| one["last_rotation"]["outcome"] == "complete").await;
    daemon.stop(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_key_lives_until_each_consumer_said_that_it_moved() {
    let acks = "acks = [\"violet\"]";
    let (stage, daemon, old) = in_drain(Terms { drain: "2s", more: acks, ..ONCE }).await;
    let since_ms = stage.tenant().now_ms();
    stage.comes("the drain's end", || stage.tenant().now_ms() > since_ms + 5_000).await;
    assert!(stage.tenant().alive(&old), "its consumer had not moved");
    let one = stage.status_of(NAME).await;
    assert_eq!(one["rotation"]["acks_missing"], serde_json::json!(["violet"]), "{one}");
    let wrong = stage.run(&["ack", NAME, "violett"]).await;
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
    let ended = stage.run(&["ack", NAME, "violet"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    stage.comes("the old key's end", || !stage.tenant().alive(&old)).await;
    daemon.stop(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ruling_on_an_orphan_is_kept_while_the_daemon_works_on_its_secret() {
    let (stage, daemon, _) = in_drain(ONCE).await;
    // Appears after the leak began, by nobody that we know.
    let since = "2020-01-01T00:00:00Z";
    let stranger = stage.tenant().mint(SERVICE_ACCOUNT).unwrap().client_id;
    let leaked = stage.run(&["--rotate-now", NAME, "--leaked", "--since", since]).await;
    assert!([Some(0), Some(6)].contains(&leaked.code), "{leaked:?}");
    let listed = stage.run(&["orphans", "list"]).await;
    assert!(listed.out.contains(&stranger), "{listed:?}\n{leaked:?}");
    let kept = stage.run(&["orphans", "keep", &stranger]).await;
    assert_eq!(kept.code, Some(0), "{kept:?}");
    let none = stage.run(&["orphans", "keep", "11111111-2222-4333-8444-555555555555"]).await;
    assert_eq!(none.code, Some(2), "{none:?}");
    assert!(stage.tenant().alive(&stranger));
    assert_eq!(stage.status().await["orphans"].as_array().unwrap().len(), 0);
    daemon.stop(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leak_is_answered_while_thirty_two_others_hang() {
    let stage = Stage::of(NAME, ON_DEMAND).await;
    let names: Vec<String> = (0..32).map(|n| format!("hangs{n}")).collect();
    // Before the first look at the account: what appears later may be a thief's.
    names.iter().for_each(|name| stage.seed(name));
    let daemon = Daemon::start(&stage).await;
    stage.until(NAME, "adopted", |one| one["state"] == "idle").await;
    for name in &names {
        let key = Some(stage.current_key(name));
        let what = What::LateLanding { after_ms: 600_000, hang_ms: 600_000 };
        stage.fault(Fault { on: CallKind::TokenExchange, nth: 1, count: 100_000, key, what });
        stage.policy(name, &stage.text(name, ON_DEMAND));
    }
    let struck = || {
        let ledger = stage.tenant().ledger();
        ledger.iter().filter(|entry| entry.fault.is_some()).count() >= names.len()
    };
    stage.comes("thirty-two that hang", struck).await;
    let old = stage.current_key(NAME);
    let begun = std::time::Instant::now();
    let ended = stage.run(&["--rotate-now", NAME, "--leaked"]).await;
    eprintln!("a leak beside 32 that hang: {:?}", begun.elapsed());
    assert_eq!(ended.code, Some(0), "{ended:?}\n{}", stage.log());
    assert!(!stage.tenant().alive(&old));
    daemon.kill();
}
