//! `adopt --issue`: the first key of a secret that holds none, through the real binary (R31).

use rekeyd::sandbox::{CallKind, SERVICE_ACCOUNT};

use crate::named_actor::{ALL, name_actor, narrow_key, run};
use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn a_first_key_is_minted_written_and_adopted() {
    for empty in [Some(r#"{"note":"kept"}"#), None] {
        let stage = Stage::new().await;
        match empty {
            Some(text) => stage.write_secret(text),
            None => std::fs::remove_file(stage.secret()).unwrap(),
        }
        name_actor(&stage, &narrow_key(&stage, SERVICE_ACCOUNT, &ALL), None);
        let ended = run(&stage, &["adopt", "demo", "--issue"]).await;
        assert_eq!(ended.code, 0, "{empty:?}: {}{}", ended.out, ended.err);
        assert_eq!(stage.effects(CallKind::CreateApiKey), 1);
        let text = std::fs::read_to_string(stage.secret()).unwrap();
        assert_eq!(text.contains("kept"), empty.is_some(), "{text}");
        let first = stage.current();
        assert!(stage.alive(&first));
        assert_eq!(stage.status().await["state"], "idle");
        let history = stage.run(&["history", "demo"]).await.out;
        assert!(history.contains("asked: mint a first key and adopt it"), "{history}");
        // From then on it is a key like any other.
        let ended = run(&stage, &["rotate", "demo", "--wait", "complete"]).await;
        assert_eq!(ended.code, 0, "{empty:?}: {}{}", ended.out, ended.err);
        assert!(!stage.alive(&first) && stage.alive(&stage.current()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_self_as_actor_it_says_to_pipe_a_credential_in() {
    let stage = Stage::new().await;
    stage.write_secret("{}");
    let ended = stage.run(&["adopt", "demo", "--issue"]).await;
    assert_eq!(ended.code, 4, "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("refused/no_named_actor"), "{}", ended.out);
    assert!(ended.out.contains("next: rekeyd adopt demo --from-stdin"), "{}", ended.out);
    assert_eq!(stage.effects(CallKind::CreateApiKey), 0);
    assert_eq!(stage.run(&["adopt", "demo", "--issue", "--from-stdin"]).await.code, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_can_take_no_field_leaves_no_key_behind() {
    let stage = Stage::new().await;
    let others = stage.current();
    stage.write_secret("not an object");
    let actor = narrow_key(&stage, SERVICE_ACCOUNT, &ALL);
    name_actor(&stage, &actor, None);
    let ended = run(&stage, &["adopt", "demo", "--issue"]).await;
    assert_ne!(ended.code, 0, "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("nothing was adopted: step `install` failed"), "{}", ended.out);
    let keys = stage.sandbox.tenant().keys();
    let live: Vec<&str> =
        keys.iter().filter(|k| stage.alive(&k.client_id)).map(|k| k.client_id.as_str()).collect();
    assert_eq!(live, [others.as_str(), actor.client_id.as_str()], "{}{}", ended.out, ended.err);
    assert_eq!(std::fs::read_to_string(stage.secret()).unwrap(), "not an object");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_actor_whose_auth_server_is_out_of_reach_is_told_by_its_host() {
    let stage = Stage::new().await;
    stage.write_secret("{}");
    name_actor(&stage, &narrow_key(&stage, SERVICE_ACCOUNT, &ALL), None);
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().to_string()
    };
    let policy = std::fs::read_to_string(stage.path("policies/demo.toml")).unwrap();
    let lost = policy.replace(&stage.sandbox.base_url(), &format!("http://{closed}"));
    std::fs::write(stage.path("policies/demo.toml"), lost).unwrap();
    let ended = run(&stage, &["adopt", "demo", "--issue"]).await;
    assert_eq!(ended.code, 5, "{}{}", ended.out, ended.err);
    let said =
        format!("the auth server at {closed} could not be reached: the connection was refused");
    assert!(ended.out.contains(&said), "{}", ended.out);
}
