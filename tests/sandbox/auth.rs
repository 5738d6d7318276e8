//! The auth server gives the answers that were seen on a real Keycloak.

use rekeyd::sandbox::{CallKind, Edit, SERVICE_ACCOUNT, Settings};
use serde_json::{Value, json};

use super::bench::{Bench, credentials};

const SAME: &str = "Invalid client or Invalid client credentials";

#[tokio::test]
async fn a_good_key_gets_a_token_and_no_date() {
    let bench = Bench::documented().await;
    let key = &bench.key;
    let answer = bench.form("api-keys", &credentials(&key.client_id, &key.client_secret)).await;
    assert_eq!(answer.status(), 200);
    for absent in ["date", "etag", "retry-after", "www-authenticate"] {
        assert!(answer.headers().get(absent).is_none(), "{absent}");
    }
    let mut body: Value = answer.json().await.unwrap();
    assert!(body["access_token"].take().as_str().is_some_and(|token| token.len() > 100));
    let rest = json!({
        "access_token": null, "expires_in": 300, "refresh_expires_in": 0,
        "token_type": "Bearer", "not-before-policy": 0, "scope": "profile email",
    });
    assert_eq!(body, rest);
}

#[tokio::test]
async fn the_table_of_rejections_holds() {
    let bench = Bench::documented().await;
    let (id, secret) = (bench.key.client_id.clone(), bench.key.client_secret.clone());
    let disabled = bench.tenant().mint(SERVICE_ACCOUNT).unwrap();
    bench.tenant().edit(&Edit::Disable { key: disabled.client_id.clone() }).unwrap();
    let deleted = bench.tenant().mint(SERVICE_ACCOUNT).unwrap();
    bench.tenant().edit(&Edit::Delete { key: deleted.client_id.clone() }).unwrap();
    let unknown = "6f7a1c1e-0000-4000-8000-000000000000";

    for (id, secret, error) in [
        (id.as_str(), "wrong", "unauthorized_client"),
        (&id, "", "unauthorized_client"),
        (unknown, &secret, "invalid_client"),
        (&disabled.client_id, &disabled.client_secret, "invalid_client"),
        (&deleted.client_id, &deleted.client_secret, "invalid_client"),
    ] {
        let expected = json!({ "error": error, "error_description": SAME });
        assert_eq!(bench.exchange(id, secret).await, (401, expected), "{id}");
    }

    let client = [("client_id", id.as_str()), ("client_secret", secret.as_str())];
    for (grant, status, error) in [
        (None, 400, "invalid_request"),
        (Some("password"), 400, "unsupported_grant_type"),
        (Some("client_credentials"), 200, ""),
    ] {
        let mut fields = client.to_vec();
        fields.extend(grant.map(|grant| ("grant_type", grant)));
        let answer = bench.form("api-keys", &fields).await;
        assert_eq!(answer.status().as_u16(), status, "{grant:?}");
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["error"].as_str().unwrap_or_default(), error);
    }

    let no_client = bench.form("api-keys", &[("grant_type", "client_credentials")]).await;
    assert_eq!(no_client.status(), 401);
    let no_realm = bench.form("master", &credentials(&id, &secret)).await;
    assert_eq!(no_realm.status(), 404);
    let body: Value = no_realm.json().await.unwrap();
    assert_eq!(body, json!({ "error": "Realm does not exist" }));
}

#[tokio::test]
async fn an_old_keycloak_rejects_with_400() {
    let settings = Settings { old_keycloak: true, ..Settings::default() };
    let bench = Bench::with(settings).await;
    let (status, body) = bench.exchange(&bench.key.client_id, "wrong").await;
    assert_eq!((status, &body["error"]), (400, &json!("unauthorized_client")));
    let (status, body) = bench.exchange("nobody", "wrong").await;
    assert_eq!((status, &body["error"]), (400, &json!("invalid_client")));
}

#[tokio::test]
async fn the_older_path_works_too() {
    let bench = Bench::documented().await;
    let url =
        format!("{}/auth/realms/api-keys/protocol/openid-connect/token", bench.sandbox.base_url());
    let fields = credentials(&bench.key.client_id, &bench.key.client_secret);
    assert_eq!(bench.http.post(url).form(&fields).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn an_old_token_survives_the_disable_of_its_key_until_it_expires() {
    let bench = Bench::documented().await;
    let token = bench.token().await;
    let key = bench.key.client_id.clone();
    bench.tenant().edit(&Edit::Disable { key: key.clone() }).unwrap();

    assert!(!bench.tenant().alive(&key));
    assert_eq!(bench.exchange(&key, &bench.key.client_secret).await.0, 401);
    bench.advance_ms(299_999);
    assert_eq!(bench.list(&token).await.len(), 1);
    bench.advance_ms(1);
    let answer = bench.try_query(&token, "{ currentUser { id } }", json!({})).await.unwrap();
    assert_eq!(answer.status(), 401);
    assert_eq!(bench.last(CallKind::CurrentUser).outcome, "unauthorized");
}

#[tokio::test]
async fn where_tokens_die_with_their_key_they_do() {
    let settings = Settings { tokens_die_with_key: true, ..Settings::default() };
    let bench = Bench::with(settings).await;
    let token = bench.token().await;
    assert_eq!(bench.list(&token).await.len(), 1);
    bench.tenant().edit(&Edit::Disable { key: bench.key.client_id.clone() }).unwrap();
    let answer = bench.try_query(&token, "{ currentUser { id } }", json!({})).await.unwrap();
    assert_eq!(answer.status(), 401);
}

#[tokio::test]
async fn the_ledger_names_keys_and_never_what_may_be_a_secret() {
    let bench = Bench::documented().await;
    let swapped = bench.key.client_secret.clone();
    bench.exchange(&swapped, &bench.key.client_id).await;
    bench.exchange(&bench.key.client_id, "wrong").await;
    bench.create(&bench.token().await).await;

    let entry = bench.last(CallKind::CreateApiKey);
    assert_eq!(entry.as_key.as_deref(), Some(bench.key.client_id.as_str()));
    assert_eq!((entry.keys.len(), entry.effect_applied), (1, true));
    let shown = serde_json::to_string(&bench.tenant().ledger()).unwrap();
    let secrets = bench.tenant().every_secret();
    assert_eq!(secrets.len(), 3);
    for secret in secrets {
        assert!(!shown.contains(&secret));
    }
    assert!(!format!("{:?}", bench.key).contains(&bench.key.client_secret));
}
