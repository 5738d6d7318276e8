//! Where the sandbox listens, how it ends, and what it imports.

use std::path::{Path, PathBuf};

use rekeyd::sandbox::{CallKind, Sandbox, Settings, What, serve_until};
use serde_json::json;
use tokio::net::TcpListener;

use super::bench::{Bench, LIST};

#[tokio::test]
async fn it_refuses_to_serve_beyond_loopback() {
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    assert!(Sandbox::start(listener, Settings::default()).is_err());
}

#[tokio::test]
async fn the_same_seed_gives_the_same_keys_and_another_gives_others() {
    let mut issued = Vec::new();
    for seed in [Some(7), Some(7), Some(8), None, None] {
        issued.push(Bench::with(Settings { seed, ..Settings::default() }).await.key);
    }
    assert_eq!(issued[0], issued[1]);
    for (one, other) in [(0, 2), (0, 3), (3, 4)] {
        assert_ne!(issued[one], issued[other]);
    }
}

#[tokio::test]
async fn it_describes_itself_without_a_secret() {
    let bench = Bench::documented().await;
    let text = bench.sandbox.describe();
    assert!(text.contains(&bench.sandbox.base_url()));
    assert!(text.contains(&bench.key.client_id));
    assert!(!text.contains(&bench.key.client_secret));
    let variable = format!("AWS_ENDPOINT_URL_SECRETS_MANAGER={} ", bench.sandbox.base_url());
    assert!(text.contains(&variable), "{text}");
}

#[tokio::test]
async fn it_ends_when_told_also_in_the_middle_of_an_answer() {
    let bench = Bench::documented().await;
    let token = bench.token().await;
    bench.fault(CallKind::ApiKeys, What::Delay { ms: 600_000 });
    let url = format!("{}/graphql", bench.sandbox.base_url());
    let request = bench.http.post(&url).header("authorization", token);
    let asking = tokio::spawn(request.json(&json!({ "query": LIST })).send());
    while bench.tenant().ledger().iter().all(|entry| entry.kind != CallKind::ApiKeys) {
        tokio::task::yield_now().await;
    }
    let http = bench.http.clone();
    bench.sandbox.shutdown().await;
    assert!(asking.await.unwrap().is_err());
    assert!(http.post(&url).send().await.is_err());
}

#[tokio::test]
async fn serve_until_announces_and_ends() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut announced = String::new();
    let announce = |sandbox: &Sandbox| {
        sandbox.seed_key().unwrap();
        announced = sandbox.describe();
        Ok(())
    };
    serve_until(listener, Settings::default(), announce, async {}).await.unwrap();
    assert!(announced.contains("netsuite-sync@example.com"));
}

#[test]
fn settings_read_from_toml_and_refuse_unknown_fields() {
    let settings: Settings = toml::from_str("schema = \"extended\"\npage_size = 5\n").unwrap();
    assert_eq!((settings.page_size, settings.token_life_seconds), (5, 300));
    assert!(toml::from_str::<Settings>("tokenlife = 5").is_err());
}

#[test]
fn it_imports_nothing_of_the_product() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sandbox"), &mut files);
    assert!(files.len() > 10);
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let depth_of_room = file.components().rev().position(|c| c.as_os_str() == "sandbox");
        let allowed = depth_of_room.unwrap() - usize::from(file.ends_with("mod.rs"));
        for line in text.lines() {
            assert!(!line.contains("crate::"), "{}: {line}", file.display());
            let ups = line.matches("super::").count();
            assert!(ups <= allowed, "{}: {line}", file.display());
        }
    }
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else {
            found.push(path);
        }
    }
}
