//! The examples that the repository ships are policies that rekeyd accepts.

use std::collections::BTreeSet;
use std::path::Path;

use rekeyd::settings::{Loaded, load_policies};

fn examples() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/policies"))
}

#[test]
fn every_example_policy_is_right() {
    let policies = load_policies(examples())
        .and_then(Loaded::whole)
        .unwrap_or_else(|findings| panic!("{findings}"));
    let names: Vec<&str> = policies.iter().map(|policy| policy.name.as_str()).collect();
    assert_eq!(names, ["netsuite-sync", "on-demand", "one-machine"]);
}

#[test]
fn every_choice_that_an_example_leaves_in_a_comment_is_right_too() {
    let text = std::fs::read_to_string(examples().join("netsuite-sync.toml")).unwrap();
    let with = |from: &str, to: &str| {
        assert!(text.contains(from), "the example no longer says {from}");
        text.replace(from, to)
    };
    let variants = [
        with("# scheme = ", "scheme = "),
        with("# audience = ", "audience = "),
        with("cron = \"0 3 * * SUN\"", "every = \"30d\""),
        with("actor = \"self\"", "actor = { secret_id = \"prod/ion/rekeyd\" }"),
        with("actor = \"self\"", "actor = { credential = \"ion-admin\" }"),
        with("environment = \"app.firstresonance.io\"", "")
            .replace("#   auth_url", "auth_url")
            .replace("#   api_url", "api_url"),
    ];
    let policies: BTreeSet<String> = variants
        .iter()
        .map(|text| match rekeyd::domain::policy::parse("example.toml", text) {
            Ok(policy) => format!("{policy:?}"),
            Err(findings) => panic!("{findings:#?}\n{text}"),
        })
        .collect();
    assert_eq!(policies.len(), variants.len(), "two variants mean the same");
}
