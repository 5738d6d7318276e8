//! `--leaked`: what is said of suspects, and of keys that appeared around the leak.

use rekeyd::sandbox::SERVICE_ACCOUNT;

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
