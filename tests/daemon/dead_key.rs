//! A current key that dies between rotations is noticed, said, and replaced only where the policy
//! says so and somebody is there who can.

use rekeyd::sandbox::{Edit, SERVICE_ACCOUNT};

use crate::daemon::Daemon;
use crate::stage::{ON_DEMAND, Stage};

/// A policy with a named actor, and what it says about a key that died.
fn add(stage: &Stage, name: &str, watch: &str) {
    stage.seed(name);
    let text = stage.text(name, ON_DEMAND);
    let text = text.replace("[issuer.ion]\n", "[issuer.ion]\nactor = { credential = \"admin\" }\n");
    stage.policy(name, &format!("{text}{watch}"));
}

fn admin(stage: &Stage) -> String {
    let issued = stage.tenant().mint(SERVICE_ACCOUNT).unwrap();
    let credential = serde_json::json!({
        "clientId": issued.client_id, "clientSecret": issued.client_secret,
    });
    let dir = stage.path("credentials");
    std::fs::create_dir(&dir).unwrap();
    std::fs::write(dir.join("admin"), credential.to_string()).unwrap();
    dir.display().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_dies_is_reported_and_replaced_only_where_the_policy_says_so() {
    let stage = Stage::new().await;
    let settings = std::fs::read_to_string(stage.path("rekeyd.toml")).unwrap();
    let settings = settings.replace("watch_every = \"15m\"", "watch_every = \"1s\"");
    std::fs::write(stage.path("rekeyd.toml"), settings).unwrap();
    let credentials = admin(&stage);
    add(&stage, "reports", "");
    add(&stage, "replaces", "[watch]\non_dead_key = \"rotate\"\n");
    let mut daemon = Daemon::begin(&stage, &[("CREDENTIALS_DIRECTORY", &credentials)]);
    daemon.is_ready(&stage).await;
    for name in ["reports", "replaces"] {
        stage.until(name, "adopted", |one| one["state"] == "idle").await;
    }
    let before = stage.creates();
    let dead = ["reports", "replaces"].map(|name| stage.current_key(name));
    for key in &dead {
        stage.tenant().edit(&Edit::Delete { key: key.clone() }).unwrap();
    }
    let parked = |one: &serde_json::Value| one["problems"][0]["code"] == "parked/current_dead";
    stage.until("reports", "parked", parked).await;
    let replaced = |one: &serde_json::Value| {
        one["state"] == "idle" && one["last_rotation"]["outcome"] == "complete"
    };
    stage.until("replaces", "a new key", replaced).await;
    assert!(stage.tenant().alive(&stage.current_key("replaces")));
    assert_eq!(stage.current_key("reports"), dead[0], "nobody said that it may be replaced");
    assert_eq!(stage.creates(), before + 1, "{}", stage.log());
    daemon.stop(&stage).await;
}
