//! What people do behind the product's back, in process and through the tests' own doors.

use std::collections::BTreeSet;

use rekeyd::sandbox::{CREATE as MAY_CREATE, Edit, NEWEST, PERSON, READ, SERVICE_ACCOUNT};
use serde_json::{Value, json};

use super::bench::{Bench, CREATE, DELETE, UPDATE, error_of};

#[tokio::test]
async fn deactivating_a_user_kills_their_keys_and_nobody_elses() {
    let bench = Bench::documented().await;
    let theirs = bench.tenant().mint(PERSON).unwrap();
    bench.tenant().edit(&Edit::Deactivate { user: SERVICE_ACCOUNT.into() }).unwrap();
    let (status, _) = bench.exchange(&bench.key.client_id, &bench.key.client_secret).await;
    assert_eq!(status, 401);
    assert_eq!(bench.exchange(&theirs.client_id, &theirs.client_secret).await.0, 200);
    assert!(bench.tenant().seed_key().is_err());
}

#[tokio::test]
async fn a_key_keeps_the_permissions_of_its_minting() {
    let bench = Bench::documented().await;
    let permissions = BTreeSet::from([READ.to_owned(), MAY_CREATE.to_owned()]);
    let edit = Edit::Permit { user: SERVICE_ACCOUNT.into(), permissions };
    bench.tenant().edit(&edit).unwrap();

    // The old key may still delete; the key that it mints may not.
    let old = bench.token().await;
    let minted = bench.create(&old).await;
    let (_, grant) = bench.exchange(&minted.client_id, &minted.client_secret).await;
    let new = grant["access_token"].as_str().unwrap();
    let nobody = json!({ "input": { "clientId": "none", "_etag": "none" } });
    for mutation in [UPDATE, DELETE] {
        let with_old = bench.query(&old, mutation, nobody.clone()).await;
        assert!(error_of(&with_old).contains("not found"), "{with_old}");
        let with_new = bench.query(new, mutation, nobody.clone()).await;
        assert!(error_of(&with_new).starts_with("You do not have permission"), "{with_new}");
    }
    assert_eq!(bench.list(new).await.len(), 2);
    assert_eq!(bench.query(new, CREATE, json!({})).await.get("errors"), None);
}

#[tokio::test]
async fn a_key_acts_as_the_user_who_created_it() {
    let bench = Bench::documented().await;
    let theirs = bench.tenant().mint(PERSON).unwrap();
    let (_, grant) = bench.exchange(&theirs.client_id, &theirs.client_secret).await;
    let token = grant["access_token"].as_str().unwrap();
    bench.create(token).await;
    assert_eq!(bench.tenant().keys().pop().unwrap().created_by, PERSON);
    let body = bench.query(token, "{ currentUser { id } }", json!({})).await;
    assert_eq!(body["data"]["currentUser"]["id"], PERSON);
}

#[tokio::test]
async fn the_tests_own_doors_do_what_people_do() {
    let bench = Bench::documented().await;
    let door = |path: &str| format!("{}/_sandbox/{path}", bench.sandbox.base_url());
    let post = |path: &str| bench.http.post(door(path));

    let minted = post("keys").json(&json!({ "user": PERSON })).send().await.unwrap();
    assert_eq!(minted.status(), 201);
    let minted: Value = minted.json().await.unwrap();
    let id = minted["client_id"].as_str().unwrap();
    let secret = minted["client_secret"].as_str().unwrap();
    for (edit, alive) in [("disable", 401), ("enable", 200)] {
        let done = post(&format!("keys/{id}/{edit}")).send().await.unwrap();
        assert_eq!(done.status(), 204);
        assert_eq!(bench.exchange(id, secret).await.0, alive);
    }
    let again = post(&format!("keys/{NEWEST}/regenerate")).send().await.unwrap();
    let again: Value = again.json().await.unwrap();
    assert_eq!(again["client_id"], id);
    assert_eq!(bench.exchange(id, secret).await.0, 401);
    assert_eq!(bench.exchange(id, again["client_secret"].as_str().unwrap()).await.0, 200);
    assert_eq!(post(&format!("keys/{id}/delete")).send().await.unwrap().status(), 204);
    assert_eq!(post(&format!("keys/{id}/enable")).send().await.unwrap().status(), 404);
    assert_eq!(post(&format!("keys/{id}/polish")).send().await.unwrap().status(), 404);

    let none = json!({ "permissions": [] });
    let permit = post(&format!("users/{PERSON}/permissions")).json(&none).send().await.unwrap();
    assert_eq!(permit.status(), 204);
    let path = format!("users/{SERVICE_ACCOUNT}/deactivate");
    assert_eq!(post(&path).send().await.unwrap().status(), 204);

    let keys: Value = bench.http.get(door("keys")).send().await.unwrap().json().await.unwrap();
    let brief: Vec<_> = keys
        .as_array()
        .unwrap()
        .iter()
        .map(|key| (key["alive"].clone(), key["deleted"].clone()))
        .collect();
    assert_eq!(brief, [(json!(false), json!(false)), (json!(false), json!(true))]);
    let ledger = door("ledger?after=2");
    let ledger: Value = bench.http.get(ledger).send().await.unwrap().json().await.unwrap();
    assert_eq!(ledger[0]["sequence"], 3);
    assert_eq!(ledger[0]["kind"], "person");
}
