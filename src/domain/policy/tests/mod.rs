//! What a policy file may say.

mod findings;

use super::*;
use crate::domain::policy::duration::{DAY_MS, HOUR_MS, MINUTE_MS};
use crate::domain::schedule::{Blackout, Window};

const SMALLEST: &str = r#"
[issuer.ion]
environment = "app.firstresonance.io"
[store.file]
path = "/srv/a.json"
"#;

const FULL: &str = r#"
description = "NetSuite purchasing sync"
owner = "platform@example.com"

[schedule]
cron = "0 3 * * SUN"
timezone = "america/los_angeles"
jitter = "30m"
max_age = "90d"
windows = ["Mon-Fri 09:00-17:00", "Sat 22:00-02:00"]
blackout = ["2026-12-20/2027-01-02", "2026-11-27"]
group = "netsuite"
spacing = "2h"

[issuer.ion]
auth_url = "https://auth.example.com/auth/"
api_url = "https://api.example.com"
identity = "netsuite-sync@example.com"
actor = { secret_id = "prod/ion/rekeyd" }
exclusive = true
scheme = "bare"
audience = "ion"

[store.aws_secrets_manager]
secret_id = "prod/ion/netsuite-sync"
region = "us-west-2"
fields = { client_id = "id", client_secret = "secret" }

[consumers]
cache_ttl = "2h"
acks = ["violet-labs", "netsuite"]
ack_deadline = "3d"

[verify]
canaries = ["{ parts { edges { node { id } } } }"]

[retire]
drain = "1d12h"
soak = "2h"

[watch]
on_dead_key = "rotate"
"#;

fn policy(text: &str) -> Policy {
    parse("a.toml", text).unwrap_or_else(|findings| panic!("{}", shown(findings)))
}

fn shown(findings: Vec<Finding>) -> String {
    Findings::new(findings).to_string()
}

/// The smallest policy with more lines in `[issuer.ion]`.
fn with_issuer(lines: &str) -> String {
    format!("[store.file]\npath = \"/srv/a.json\"\n[issuer.ion]\n{lines}\n")
}

#[test]
fn the_smallest_policy_has_the_documented_defaults() {
    let policy = policy(SMALLEST);
    assert_eq!(policy.name.as_str(), "a");
    assert_eq!(
        policy.schedule,
        Schedule {
            when: When::OnDemand,
            timezone: "UTC".into(),
            jitter_ms: 0,
            max_age_ms: None,
            openings: Openings { timezone: "UTC".into(), ..Openings::default() },
            group: None,
        }
    );
    assert_eq!(
        policy.issuer,
        IonIssuer {
            token_url:
                "https://auth.buildwithion.com/realms/api-keys/protocol/openid-connect/token".into(),
            graphql_url: "https://api.buildwithion.com/graphql".into(),
            identity: None,
            actor: ActorSource::OwnKey,
            exclusive: false,
            scheme: AuthorizationScheme::Bearer,
            audience: None,
        }
    );
    let fields = Fields { client_id: "clientId".into(), client_secret: "clientSecret".into() };
    assert_eq!(policy.store, Store::File { path: "/srv/a.json".into(), fields });
    let (acks, ack_deadline_ms) = (Vec::new(), 7 * DAY_MS);
    assert_eq!(policy.consumers, Consumers { cache_ttl_ms: HOUR_MS, acks, ack_deadline_ms });
    assert_eq!(policy.verify.canaries, [canary::DEFAULT]);
    assert_eq!(policy.retire, Retire { drain_ms: DAY_MS, soak_ms: HOUR_MS });
    assert_eq!(policy.watch, Watch { on_dead_key: OnDeadKey::Report });
}

#[test]
fn every_field_reaches_the_policy() {
    let policy = policy(FULL);
    assert_eq!(policy.description.as_deref(), Some("NetSuite purchasing sync"));
    assert_eq!(policy.owner.as_deref(), Some("platform@example.com"));
    assert_eq!(
        policy.schedule,
        Schedule {
            when: When::Cron("0 3 * * SUN".into()),
            timezone: "America/Los_Angeles".into(),
            jitter_ms: 30 * MINUTE_MS,
            max_age_ms: Some(90 * DAY_MS),
            openings: Openings {
                timezone: "America/Los_Angeles".into(),
                windows: vec![
                    Window::parse("Mon-Fri 09:00-17:00").unwrap(),
                    Window::parse("Sat 22:00-02:00").unwrap(),
                ],
                blackout: vec![
                    Blackout::parse("2026-12-20/2027-01-02").unwrap(),
                    Blackout::parse("2026-11-27").unwrap(),
                ],
            },
            group: Some(Group {
                name: GroupName::new("netsuite").unwrap(),
                spacing_ms: 2 * HOUR_MS,
            }),
        }
    );
    assert_eq!(
        policy.issuer,
        IonIssuer {
            token_url:
                "https://auth.example.com/auth/realms/api-keys/protocol/openid-connect/token".into(),
            graphql_url: "https://api.example.com/graphql".into(),
            identity: Some("netsuite-sync@example.com".into()),
            actor: ActorSource::SecretId("prod/ion/rekeyd".into()),
            exclusive: true,
            scheme: AuthorizationScheme::Bare,
            audience: Some("ion".into()),
        }
    );
    assert_eq!(
        policy.store,
        Store::AwsSecretsManager {
            secret_id: "prod/ion/netsuite-sync".into(),
            region: Some("us-west-2".into()),
            fields: Fields { client_id: "id".into(), client_secret: "secret".into() },
        }
    );
    let acks = ["violet-labs", "netsuite"].map(|name| ConsumerName::new(name).unwrap()).into();
    let ack_deadline_ms = 3 * DAY_MS;
    assert_eq!(policy.consumers, Consumers { cache_ttl_ms: 2 * HOUR_MS, acks, ack_deadline_ms });
    assert_eq!(policy.verify.canaries, ["{ parts { edges { node { id } } } }"]);
    assert_eq!(policy.retire, Retire { drain_ms: 36 * HOUR_MS, soak_ms: 2 * HOUR_MS });
    assert_eq!(policy.watch, Watch { on_dead_key: OnDeadKey::Rotate });
}

#[test]
fn actors_and_schemes_are_read() {
    for (line, actor) in [
        ("actor = \"self\"", ActorSource::OwnKey),
        ("actor = { credential = \"ion-admin\" }", ActorSource::Credential("ion-admin".into())),
        ("actor = { secret_id = \"a/b\" }", ActorSource::SecretId("a/b".into())),
    ] {
        let text = with_issuer(&format!("environment = \"app.ion-gov.com\"\n{line}"));
        assert_eq!(policy(&text).issuer.actor, actor);
    }
    for (scheme, read) in
        [("Bearer", AuthorizationScheme::Bearer), ("Token", AuthorizationScheme::Token)]
    {
        let text =
            with_issuer(&format!("environment = \"app.ion-gov.com\"\nscheme = \"{scheme}\""));
        assert_eq!(policy(&text).issuer.scheme, read);
    }
}

#[test]
fn token_url_replaces_the_whole_token_endpoint() {
    for beside in ["environment = \"app.ion-gov.com\"", "api_url = \"https://api.example.com\""] {
        let text = with_issuer(&format!("{beside}\ntoken_url = \"https://x.example/token\""));
        assert_eq!(policy(&text).issuer.token_url, "https://x.example/token");
    }
}

#[test]
fn an_arn_says_its_region() {
    let arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:a-AbCdEf";
    let text = format!(
        "[issuer.ion]\nenvironment = \"app.ion-gov.com\"\n\
         [store.aws_secrets_manager]\nsecret_id = \"{arn}\""
    );
    let Store::AwsSecretsManager { region, .. } = policy(&text).store else {
        panic!("another store");
    };
    assert_eq!(region.as_deref(), Some("eu-central-1"));
}
