//! One policy's trouble is no other's (F17).

use std::fs;
use std::os::unix::fs::PermissionsExt;

use rekeyd::sandbox::{CallKind, Fault, What};
use serde_json::Value;

use crate::daemon::Daemon;
use crate::stage::{ONCE, Stage, Terms, named};

const DUE: Terms = Terms { drain: "2s", ..ONCE };

#[tokio::test(flavor = "multi_thread")]
async fn nine_rotate_on_time_beside_one_denied_one_that_hangs_and_one_parked() {
    // Three of them could take every place.
    let stage = Stage::with("concurrency = 4").await;
    let names: Vec<String> = (0..9).map(|n| format!("good{n}")).collect();
    names.iter().for_each(|name| stage.add(name, DUE));
    for name in ["denied", "hangs", "parks"] {
        stage.add(name, DUE);
    }
    // Root may read every mode, so the file is no file.
    fs::remove_file(stage.secret_file("denied")).unwrap();
    fs::create_dir(stage.secret_file("denied")).unwrap();
    fs::set_permissions(stage.secret_file("denied"), fs::Permissions::from_mode(0o000)).unwrap();
    let forever = |on, key: String, what| Fault { on, nth: 1, count: 100_000, key: Some(key), what };
    let hang = What::LateLanding { after_ms: 600_000, hang_ms: 600_000 };
    stage.fault(forever(CallKind::TokenExchange, stage.current_key("hangs"), hang));
    let parked = stage.current_key("parks");
    let consumers: Vec<_> = names.iter().map(|name| stage.consumer(name)).collect();
    let first: Vec<String> = names.iter().map(|name| stage.current_key(name)).collect();
    // It may adopt, and then its key may mint nothing.
    stage.fault(forever(CallKind::CreateApiKey, parked.clone(), What::PermissionDenied));
    let daemon = Daemon::start(&stage).await;
    for (name, old) in names.iter().zip(&first) {
        stage.comes(name, || !stage.tenant().alive(old)).await;
    }
    assert!(consumers.iter().all(|consumer| consumer.failures() == 0));
    let status = stage.status().await;
    for name in ["denied", "hangs"] {
        let one = named(&status, name);
        assert_eq!(one["state"], "unadopted", "{one}");
    }
    let one = stage.until("parks", "a park", |one| !one["problems"].as_array().unwrap().is_empty());
    let one: Value = one.await;
    assert!(one["problems"][0]["next_command"].as_str().unwrap().starts_with("rekeyd"), "{one}");
    assert_eq!(stage.current_key("parks"), parked);
    assert!(stage.tenant().alive(&parked));
    // The log names each that is in trouble.
    for name in ["denied", "hangs"] {
        stage.comes(name, || stage.log().contains(&format!("policy=\"{name}\""))).await;
    }
    daemon.stop(&stage).await;
}
