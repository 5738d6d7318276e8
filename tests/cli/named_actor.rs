//! A named actor through the real binary: what it may do, and as whom it acts, is known before a
//! key is minted (R17, R22).

use std::collections::BTreeSet;

use rekeyd::sandbox::{CallKind, Edit, Issued, PERSON, SERVICE_ACCOUNT};

use crate::stage::{Ended, Stage, end};

pub(crate) const ALL: [&str; 4] = ["CreateAPIKey", "UpdateAPIKey", "DeleteAPIKey", "ReadAPIKey"];

/// A key of `user` that was minted while the user had only these permissions.
pub(crate) fn narrow_key(stage: &Stage, user: &str, permissions: &[&str]) -> Issued {
    let permit = |permissions: &[&str]| {
        let permissions = permissions.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
        stage.sandbox.tenant().edit(&Edit::Permit { user: user.into(), permissions }).unwrap();
    };
    permit(permissions);
    let key = stage.sandbox.tenant().mint(user).unwrap();
    permit(&ALL);
    key
}

/// The one policy, with this key as its actor.
pub(crate) fn name_actor(stage: &Stage, actor: &Issued, identity: Option<&str>) {
    let url = stage.sandbox.base_url();
    let identity = identity.map_or_else(String::new, |who| format!("identity = \"{who}\"\n"));
    let policy = format!(
        "[issuer.ion]\nauth_url = \"{url}\"\napi_url = \"{url}\"\n{identity}\
         actor = {{ credential = \"ion-admin\" }}\n[store.file]\npath = \"{}\"\n\
         [consumers]\ncache_ttl = \"1s\"\n[retire]\ndrain = \"2s\"\nsoak = \"1s\"\n",
        stage.secret().display()
    );
    std::fs::write(stage.path("policies/demo.toml"), policy).unwrap();
    let credential = serde_json::json!({
        "clientId": actor.client_id, "clientSecret": actor.client_secret,
    });
    std::fs::create_dir_all(stage.path("credentials")).unwrap();
    std::fs::write(stage.path("credentials/ion-admin"), credential.to_string()).unwrap();
}

pub(crate) async fn run(stage: &Stage, arguments: &[&str]) -> Ended {
    let mut command = stage.command(arguments);
    command.env("CREDENTIALS_DIRECTORY", stage.path("credentials"));
    tokio::task::spawn_blocking(move || end(&mut command)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_actor_that_could_not_retire_a_key_mints_none() {
    let stage = Stage::new().await;
    let old = stage.current();
    name_actor(&stage, &narrow_key(&stage, SERVICE_ACCOUNT, &["CreateAPIKey", "ReadAPIKey"]), None);
    let ended = run(&stage, &["rotate", "demo"]).await;
    assert_eq!(ended.code, 4, "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("refused/rights"), "{}", ended.out);
    assert!(ended.out.contains("the named actor may not update, delete keys"), "{}", ended.out);

    let ended = run(&stage, &["rotate", "demo", "--leaked"]).await;
    assert_eq!(ended.code, 6, "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("parked/preflight_refused"), "{}", ended.out);
    assert!(ended.out.contains("the named actor may not update, delete keys"), "{}", ended.out);
    assert_eq!(stage.effects(CallKind::CreateApiKey), 0);
    assert_eq!(stage.effects(CallKind::UpdateApiKey), 0);
    assert_eq!(stage.effects(CallKind::DeleteApiKey), 0);
    assert!(stage.current() == old && stage.alive(&old));

    // Once that is mended the leak's rotation starts by itself.
    name_actor(&stage, &narrow_key(&stage, SERVICE_ACCOUNT, &ALL), None);
    let ended = run(&stage, &["run", "--once"]).await;
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    assert!(stage.current() != old && !stage.alive(&old));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_actor_of_another_account_mints_none() {
    for identity in [None, Some("netsuite-sync@example.com")] {
        let stage = Stage::new().await;
        name_actor(&stage, &narrow_key(&stage, PERSON, &ALL), identity);
        let ended = run(&stage, &["rotate", "demo"]).await;
        assert_eq!(ended.code, 6, "{identity:?}: {}{}", ended.out, ended.err);
        assert!(ended.out.contains("refused/other_identity"), "{identity:?}: {}", ended.out);
        assert!(ended.out.contains("acts as pat@example.com"), "{identity:?}: {}", ended.out);
        assert_eq!(stage.effects(CallKind::CreateApiKey), 0, "{identity:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_actor_of_the_adopted_account_mints_whatever_the_policy_declares() {
    let stage = Stage::new().await;
    let old = stage.current();
    name_actor(&stage, &narrow_key(&stage, SERVICE_ACCOUNT, &ALL), Some("renamed@example.com"));
    assert_eq!(run(&stage, &["adopt", "demo"]).await.code, 0);
    let ended = run(&stage, &["rotate", "demo", "--wait", "complete"]).await;
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    assert!(stage.current() != old && stage.alive(&stage.current()) && !stage.alive(&old));
}
