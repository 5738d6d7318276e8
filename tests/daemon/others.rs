//! One policy's trouble is no other's (F17).

use std::fs;

use rekeyd::sandbox::{CallKind, Fault, What};
use serde_json::Value;

use crate::daemon::Daemon;
use crate::stage::{ON_DEMAND, ONCE, Stage, Terms};

const DUE: Terms = Terms { drain: "2s", ..ONCE };

#[tokio::test(flavor = "multi_thread")]
async fn nine_rotate_on_time_beside_one_denied_one_that_hangs_and_one_parked() {
    // Three of them could take every place.
    // Three of them could take every place.
    let stage = Stage::with("concurrency = 4").await;
    let names: Vec<String> = (0..9).map(|n| format!("good{n}")).collect();
    let all = || names.iter().map(String::as_str).chain(["denied", "hangs", "parks"]);
    all().for_each(|name| stage.add(name, ON_DEMAND));
    let daemon = Daemon::start(&stage).await;
    for name in all() {
        stage.until(name, "adopted", |one| one["state"] == "idle").await;
    }
    let first: Vec<String> = names.iter().map(|name| stage.current_key(name)).collect();
    let (hung, parked) = (stage.current_key("hangs"), stage.current_key("parks"));
    let consumers: Vec<_> = names.iter().map(|name| stage.consumer(name)).collect();
    break_three(&stage, &hung, &parked);
    all().for_each(|name| stage.policy(name, &stage.text(name, DUE)));
    for (name, old) in names.iter().zip(&first) {
        stage.comes(name, || !stage.tenant().alive(old)).await;
    }
    assert!(consumers.iter().all(|consumer| consumer.failures() == 0));
    let minted: Vec<_> = stage.effects(CallKind::CreateApiKey);
    for key in [&hung, &parked] {
        assert!(stage.tenant().alive(key));
        assert!(minted.iter().all(|entry| entry.as_key.as_ref() != Some(key)), "{minted:?}");
    }
    let troubled = |one: &Value| {
        let next = &one["problems"][0]["next_command"];
        next.as_str().is_some_and(|next| next.starts_with("rekeyd"))
    };
    for name in ["denied", "hangs", "parks"] {
        stage.until(name, "a problem with what to type", troubled).await;
    }
    daemon.stop(&stage).await;
}

/// A store that cannot be read, an issuer that never answers, and one that lets nobody mint.
fn break_three(stage: &Stage, hung: &str, parked: &str) {
    // Root may read every mode, so the file is no file.
    fs::remove_file(stage.secret_file("denied")).unwrap();
    fs::create_dir(stage.secret_file("denied")).unwrap();
    let forever = |on, key: &str, what| {
        let key = Some(key.to_owned());
        stage.fault(Fault { on, nth: 1, count: 100_000, key, what });
    };
    let hang = What::LateLanding { after_ms: 600_000, hang_ms: 600_000 };
    forever(CallKind::TokenExchange, hung, hang);
    forever(CallKind::CreateApiKey, parked, What::PermissionDenied);
}
