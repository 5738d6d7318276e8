//! No secret byte outside memory and the store, raw or encoded (invariant 2).

use std::path::Path;
use std::time::Duration;

use rekeyd::sandbox::{CallKind, Fault, What};

use crate::stage::{POLICY, Stage, came, kill};

/// Every way a secret is likely to be written down.
fn spellings(secret: &str) -> Vec<Vec<u8>> {
    let bytes = secret.as_bytes();
    let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    let url: String = bytes.iter().map(|b| format!("%{b:02X}")).collect();
    let reversed: String = secret.chars().rev().collect();
    let mut found = vec![
        bytes.to_vec(),
        hex.clone().into_bytes(),
        hex.to_uppercase().into_bytes(),
        url.into_bytes(),
        reversed.into_bytes(),
    ];
    // Base64 at each of the three alignments: the middle is the same whatever stands around it.
    for shift in 0..3 {
        let padded = [&vec![b'x'; shift][..], bytes].concat();
        let text = base64(&padded);
        found.push(text.as_bytes()[4..text.len() - 4].to_vec());
    }
    found
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word =
            chunk.iter().fold(0u32, |word, b| word << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let six = word >> (18 - 6 * place) & 63;
            text.push(if place <= chunk.len() { char::from(ALPHABET[six as usize]) } else { '=' });
        }
    }
    text
}

struct Search {
    needles: Vec<Vec<u8>>,
}

impl Search {
    fn of(stage: &Stage) -> Self {
        let secrets = stage.sandbox.tenant().every_secret();
        assert!(secrets.len() >= 3, "nothing was planted");
        Self { needles: secrets.iter().flat_map(|secret| spellings(secret)).collect() }
    }

    fn assert_clean(&self, hay: &[u8], place: &str) {
        for needle in &self.needles {
            let found = hay.windows(needle.len()).any(|window| window == needle.as_slice());
            assert!(!found, "a secret stands in {place}");
        }
    }

    fn assert_clean_directory(&self, dir: &Path) {
        let mut files = 0;
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            // The reserve is 4 MiB of nothing; every other file is searched.
            if path.is_file() && !path.ends_with("journal.reserve") {
                self.assert_clean(&std::fs::read(&path).unwrap(), &path.display().to_string());
                files += 1;
            }
        }
        assert!(files > 0, "nothing to search in {}", dir.display());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_stands_in_any_output_log_or_journal() {
    let stage = Stage::new().await;
    let mut said = Vec::new();
    let commands: &[&[&str]] = &[
        &["--rotate-now", POLICY, "--wait", "complete", "--log-level", "trace"],
        &["--rotate-now", POLICY, "--leaked", "--log-level", "trace", "--log-format", "json"],
        &["status", "--output", "json", "--log-level", "trace"],
        &["history", POLICY, "--decisions", "--log-level", "trace"],
        &["history", POLICY],
        &["audit", "export", "--log-level", "trace"],
        &["audit", "verify", "--log-level", "trace"],
        &["plan", POLICY, "--log-level", "trace"],
        &["check", "--log-level", "trace"],
    ];
    for arguments in commands {
        let output = stage.run(arguments).await;
        said.push((format!("{arguments:?} stdout"), output.stdout));
        said.push((format!("{arguments:?} stderr"), output.stderr));
    }
    let search = Search::of(&stage);
    for (place, text) in &said {
        search.assert_clean(text, place);
    }
    search.assert_clean_directory(&stage.path("state"));
    assert!(said.iter().any(|(_, text)| text.len() > 1_000), "nothing was said");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_stands_in_an_error_when_servers_echo_it() {
    // The sandbox's web pages and statuses quote the caller's own secret or token back.
    for what in [
        What::Html { status: 502, after_effect: false },
        What::Html { status: 200, after_effect: false },
        What::Status { status: 500, retry_after_seconds: None, after_effect: false },
        What::Status { status: 403, retry_after_seconds: None, after_effect: false },
    ] {
        for on in [CallKind::TokenExchange, CallKind::ApiKeys, CallKind::CreateApiKey] {
            let stage = Stage::new().await;
            let fault = Fault { on, nth: 3, count: 2, key: None, what: what.clone() };
            stage.sandbox.tenant().add_fault(fault).unwrap();
            let arguments = ["--rotate-now", POLICY, "--budget", "20s", "--log-level", "trace"];
            let output = stage.run(&arguments).await;
            let search = Search::of_any(&stage);
            search.assert_clean(&output.stdout, "stdout");
            search.assert_clean(&output.stderr, "stderr");
            search.assert_clean_directory(&stage.path("state"));
        }
    }
}

impl Search {
    fn of_any(stage: &Stage) -> Self {
        let secrets = stage.sandbox.tenant().every_secret();
        Self { needles: secrets.iter().flat_map(|secret| spellings(secret)).collect() }
    }
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn no_secret_stands_in_the_command_line_or_the_environment_of_the_process() {
    let stage = Stage::new().await;
    let tenant = stage.sandbox.tenant();
    let on = CallKind::ApiKeys;
    let what = What::Delay { ms: 20_000 };
    tenant.add_fault(Fault { on, nth: 2, count: 1, key: None, what }).unwrap();
    let child = stage.command(&["--rotate-now", POLICY]).spawn().unwrap();
    let struck = || tenant.ledger().iter().any(|e| e.kind == on && e.fault.is_some());
    assert!(came(Duration::from_secs(30), struck).await);
    let search = Search::of_any(&stage);
    for file in ["cmdline", "environ"] {
        let path = format!("/proc/{}/{file}", child.id());
        search.assert_clean(&std::fs::read(&path).unwrap(), &path);
    }
    kill(child).await;
}
