//! `--leaked`: what is said of suspects, and of keys that appeared around the leak.

use rekeyd::sandbox::{CallKind, Fault, SERVICE_ACCOUNT, What};
use serde_json::Value;

use crate::stage::Stage;

/// A stage whose policy is adopted.
async fn adopted() -> Stage {
    let stage = Stage::with_drain("1h").await;
    let ended = stage.run(&["run", "--once", "--budget", "0s"]).await;
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    stage
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_that_appeared_around_the_leak_is_counted_as_one_until_it_is_ruled_on() {
    let stage = adopted().await;
    let stranger = stage.sandbox.tenant().mint(SERVICE_ACCOUNT).unwrap().client_id;
    let ended = stage.run(&["--rotate-now", "demo", "--leaked"]).await;
    assert_eq!(ended.code, 6, "{}{}", ended.out, ended.err);
    let said = "but 1 key appeared around the leak and awaits a ruling.";
    assert!(ended.out.contains(said), "{}", ended.out);
    assert!(ended.err.contains("1 key appeared around the leak"), "{}", ended.err);

    assert_eq!(stage.run(&["orphans", "keep", &stranger]).await.code, 0);
    let ended = stage.run(&["--rotate-now", "demo", "--leaked"]).await;
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    assert!(ended.err.contains("no key appeared around the leak"), "{}", ended.err);
    assert!(stage.alive(&stranger));
}

/// A timer that watches the exit code saw nothing once the report itself had ended.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_ended_well_while_a_stranger_of_the_leak_awaited_a_ruling() {
    let stage = adopted().await;
    let stranger = stage.sandbox.tenant().mint(SERVICE_ACCOUNT).unwrap().client_id;
    assert_eq!(stage.run(&["--rotate-now", "demo", "--leaked"]).await.code, 6);
    let once = ["run", "--once", "--budget", "0s"];
    let ended = stage.run(&once).await;
    assert_eq!(ended.code, 6, "{}{}", ended.out, ended.err);
    assert!(ended.out.contains(&stranger), "{}", ended.out);
    assert_eq!(stage.run(&["orphans", "keep", &stranger]).await.code, 0);
    let ended = stage.run(&once).await;
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leak_whose_rotation_cannot_start_says_why_and_goes_on_once_that_is_mended() {
    let stage = adopted().await;
    let leaked = stage.current();
    let secret = std::fs::read_to_string(stage.secret()).unwrap();
    let large = secret.replace("kept", &"x".repeat(62_000));
    stage.write_secret(&large);
    let ended = stage.run(&["--rotate-now", "demo", "--leaked"]).await;
    assert_eq!(ended.code, 6, "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("so large that a new one might not fit"), "{}", ended.out);
    assert!(ended.out.contains("[parked/preflight_refused]"), "{}", ended.out);
    assert!(ended.out.ends_with("next: rekeyd resume demo\n"), "{}", ended.out);
    assert!(stage.alive(&leaked));

    stage.write_secret(&secret);
    let ended = stage.run(&["resume", "demo"]).await;
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    assert!(!stage.alive(&leaked) && stage.alive(&stage.current()));
}

/// A stage with a key that rekeyd neither minted nor adopted.
async fn with_a_foreign_key() -> (Stage, String) {
    let stage = Stage::with_drain("1h").await;
    let foreign = stage.sandbox.tenant().mint(SERVICE_ACCOUNT).unwrap().client_id;
    assert_eq!(stage.run(&["run", "--once", "--budget", "0s"]).await.code, 0);
    (stage, foreign)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_key_is_said_to_be_disabled_and_not_proven_dead() {
    let (stage, foreign) = with_a_foreign_key().await;
    let current = stage.current();
    let ended = stage.run(&["--rotate-now", "demo", "--leaked", "--key", &foreign]).await;
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    let said = format!(
        "demo: key {foreign} is disabled, by the list; its secret is not known here, so no \
         exchange could prove it. An unsuspected key is current.\n"
    );
    assert_eq!(ended.out, said);
    assert!(!ended.err.contains("proven dead;"), "{}", ended.err);
    assert!(!stage.alive(&foreign) && stage.alive(&current));
    assert_eq!(stage.current(), current);
    assert_eq!(stage.effects(CallKind::DeleteApiKey), 0);

    let suspect = stage.status().await["suspects"][0].clone();
    assert_eq!(suspect["key_id"], foreign.as_str());
    assert_eq!(suspect["state"], "disabled");
    assert!(suspect["disabled_at"].is_string() && suspect["dead_at"].is_null(), "{suspect}");
    let table = stage.run(&["status"]).await.out;
    assert!(table.contains(&format!("suspect    {foreign}  disabled, by the list")), "{table}");
    let told = stage.run(&["history", "demo"]).await.out;
    assert!(told.contains("proven dead, or disabled by the list"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_key_that_could_not_be_disabled_stays_a_living_suspect() {
    let (stage, foreign) = with_a_foreign_key().await;
    let denied = Fault {
        on: CallKind::UpdateApiKey,
        nth: 1,
        count: 1_000,
        key: None,
        what: What::PermissionDenied,
    };
    stage.sandbox.tenant().add_fault(denied).unwrap();
    let arguments = ["--rotate-now", "demo", "--leaked", "--key", &foreign, "--budget", "1s"];
    let ended = stage.run(&arguments).await;
    assert_eq!(ended.code, 6, "{}{}", ended.out, ended.err);
    assert!(ended.out.contains(&format!("the kill of {foreign} is not done")), "{}", ended.out);
    let status = stage.status().await;
    assert_eq!(status["suspects"][0]["state"], "alive");
    assert_eq!(status["suspects"][0]["dead_at"], Value::Null);
    assert_eq!(status["problems"][0]["code"], "leak/suspect_alive");
    assert!(stage.run(&["status"]).await.out.contains(&format!("suspect    {foreign}  alive")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_and_a_managed_suspect_are_told_apart() {
    let (stage, foreign) = with_a_foreign_key().await;
    let managed = stage.current();
    let keys = ["--key", &foreign, "--key", &managed];
    let arguments = [&["--rotate-now", "demo", "--leaked"][..], &keys].concat();
    let ended = stage.run(&arguments).await;
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    assert!(
        ended.out.contains(&format!("key {foreign} is disabled, by the list")),
        "{}",
        ended.out
    );
    let rest = "Every other suspect is proven dead, and an unsuspected key is current.";
    assert!(ended.out.contains(rest), "{}", ended.out);
    assert!(!stage.alive(&foreign) && !stage.alive(&managed));
    let suspects = stage.status().await["suspects"].clone();
    let state = |key: &str| {
        let mut all = suspects.as_array().unwrap().iter();
        all.find(|one| one["key_id"] == key).unwrap()["state"].clone()
    };
    assert_eq!(state(&foreign), "disabled");
    // That it is gone too may take longer than the report.
    assert!(["dead", "gone"].contains(&state(&managed).as_str().unwrap()), "{suspects}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistyped_key_is_not_called_proven_dead_while_the_leaked_one_lives() {
    let stage = adopted().await;
    let leaked = stage.current();
    let mut mistyped = leaked.clone();
    mistyped.pop();
    let arguments = ["--rotate-now", "demo", "--leaked", "--key", &mistyped];
    let ended = stage.run(&arguments).await;
    assert_eq!(ended.code, 2, "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("The report was NOT recorded"), "{}", ended.out);
    assert!(ended.out.contains(&format!("Did you mean {leaked}?")), "{}", ended.out);
    assert!(ended.out.ends_with("next: rekeyd status demo\n"), "{}", ended.out);
    assert!(stage.alive(&leaked));
    assert_eq!(stage.status().await["suspects"], serde_json::json!([]));
    assert_eq!(stage.run(&[&arguments[..], &["--dry-run"]].concat()).await.code, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_nobody_knows_is_recorded_where_no_list_can_be_read() {
    let stage = adopted().await;
    let down = What::Status { status: 503, retry_after_seconds: None, after_effect: false };
    let down = Fault { on: CallKind::ApiKeys, nth: 1, count: 1_000, key: None, what: down };
    stage.sandbox.tenant().add_fault(down).unwrap();
    let arguments = ["--rotate-now", "demo", "--leaked", "--key", "nobody-knows", "--budget", "1s"];
    let ended = stage.run(&arguments).await;
    assert_ne!(ended.code, 2, "{}{}", ended.out, ended.err);
    assert_ne!(ended.code, 0, "{}{}", ended.out, ended.err);
    assert_eq!(stage.status().await["suspects"][0]["key_id"], "nobody-knows");
}
