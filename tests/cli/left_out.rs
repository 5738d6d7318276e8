//! A policies directory that is missing, and files in it that are wrong: what still goes on.

use rekeyd::sandbox::{CallKind, SERVICE_ACCOUNT};
use serde_json::Value;

use crate::stage::Stage;

const WARNING: &str =
    "warning[policy/left-out]: bad.toml is left out: 1 finding; next: rekeyd check\n";

/// A stage that has adopted, beside whose policy stands one with a typing mistake.
async fn beside_a_wrong_file() -> Stage {
    let stage = Stage::with_drain("1h").await;
    assert_eq!(stage.run(&["run", "--once", "--budget", "0s"]).await.code, 0);
    let policy = std::fs::read_to_string(stage.path("policies/demo.toml")).unwrap();
    let wrong = policy.replace("demo.json", "bad.json").replace("soak", "sook");
    std::fs::write(stage.path("policies/bad.toml"), wrong).unwrap();
    stage
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_policies_directory_says_what_to_type() {
    let stage = Stage::new().await;
    let policies = stage.path("policies");
    std::fs::remove_dir_all(&policies).unwrap();
    for arguments in [&["check"][..], &["run", "--once"], &["status"], &["rotate", "demo"]] {
        let ended = stage.run(arguments).await;
        assert_eq!((ended.code, ended.out.as_str()), (3, ""), "{arguments:?}");
        let said = format!(
            "error[settings/no-policies]: there is no policies directory `{0}`; make it, \
             or name another with --policies DIR\n\
             next: mkdir -p {0}\n",
            policies.display()
        );
        assert_eq!(ended.err, said, "{arguments:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_about_all_policies_stops_at_one_wrong_file() {
    let stage = beside_a_wrong_file().await;
    for arguments in [&["check"][..], &["plan"], &["run", "--once"], &["rotate", "--all", "--yes"]]
    {
        let ended = stage.run(arguments).await;
        assert_eq!(ended.code, 3, "{arguments:?}: {}", ended.err);
        let told = format!("{}{}", ended.out, ended.err);
        assert!(told.contains("unknown field `sook`"), "{arguments:?}: {told}");
        assert!(!told.contains("warning"), "{arguments:?}: {told}");
    }
    assert_eq!(stage.effects(CallKind::CreateApiKey), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_names_another_policy_or_only_looks_goes_on_with_one_warning() {
    let stage = beside_a_wrong_file().await;
    let leaked = stage.current();
    for (arguments, code) in [
        (&["plan", "demo"][..], 0),
        (&["rotate", "demo", "--dry-run"], 0),
        (&["--rotate-now", "demo", "--leaked"], 0),
        (&["resume", "demo"], 2),
        (&["adopt", "demo"], 0),
        (&["abort", "demo"], 2),
        (&["status"], 0),
        (&["history", "demo"], 0),
        (&["orphans"], 0),
    ] {
        let ended = stage.run(arguments).await;
        // The leak's rotation may be over by then, or still have a key to prove gone.
        let goes_on = arguments.first() == Some(&"resume") && ended.code == 0;
        assert!(goes_on || ended.code == code, "{arguments:?}: {}{}", ended.out, ended.err);
        assert_eq!(ended.err.matches("warning[").count(), 1, "{arguments:?}: {}", ended.err);
        assert!(ended.err.starts_with(WARNING), "{arguments:?}: {}", ended.err);
    }
    assert!(!stage.alive(&leaked) && stage.alive(&stage.current()));
    let ended = stage.run(&["status", "--output", "json"]).await;
    let warning: Value = serde_json::from_str(&ended.err).unwrap();
    assert_eq!(warning["warning"]["code"], "policy/left-out");
    assert_eq!(warning["warning"]["next_command"], "rekeyd check");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_names_a_wrong_policy_tells_its_findings_and_does_nothing() {
    let stage = beside_a_wrong_file().await;
    for arguments in [&["--rotate-now", "bad"][..], &["rotate", "demo", "bad"], &["plan", "bad"]] {
        let ended = stage.run(arguments).await;
        assert_eq!(ended.code, 3, "{arguments:?}: {}", ended.err);
        assert!(ended.err.starts_with("error[policy/findings]: bad.toml:"), "{}", ended.err);
        assert!(ended.err.contains("unknown field `sook`"), "{}", ended.err);
    }
    assert_eq!(stage.effects(CallKind::CreateApiKey), 0);
    let ended = stage.run(&["rotate", "bat"]).await;
    assert!(ended.err.contains("did you mean `bad`?"), "{}", ended.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_policies_on_one_secret_are_both_wrong() {
    let stage = Stage::new().await;
    assert_eq!(stage.run(&["run", "--once", "--budget", "0s"]).await.code, 0);
    std::fs::copy(stage.path("policies/demo.toml"), stage.path("policies/twin.toml")).unwrap();
    let both = &["demo", "twin"][..];
    for names in [&["demo"], &["twin"], both] {
        let ended = stage.run(&[&["rotate"], names].concat()).await;
        assert_eq!(ended.code, 3, "{names:?}: {}", ended.err);
        for (name, other) in [("demo", "twin"), ("twin", "demo")] {
            let named = names.contains(&name);
            assert_eq!(ended.err.contains(&format!("{name}.toml:")), named, "{}", ended.err);
            let told = ended.err.contains(&format!("`{other}.toml` is on the same secret"));
            assert_eq!(told, named, "{names:?}: {}", ended.err);
        }
    }
    let checked = stage.run(&["check"]).await.out;
    assert!(checked.contains("demo.toml:") && checked.contains("\ntwin.toml:"), "{checked}");
    assert_eq!(stage.effects(CallKind::CreateApiKey), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_almost_named_as_a_policy_was_passed_over_in_silence() {
    let stage = Stage::new().await;
    for name in ["other.tml", "notes.txt", "demo.toml.bak"] {
        std::fs::write(stage.path("policies").join(name), "").unwrap();
    }
    let (file, meant) = (stage.path("policies/other.tml"), stage.path("policies/other.toml"));
    let said = format!(
        "warning[policy/near-miss]: `other.tml` is passed over: only files that end with `.toml` are \
         policies. If it is one, it is to be named `other.toml`; next: mv -n {} {}\n",
        file.display(),
        meant.display()
    );
    let ended = stage.run(&["check"]).await;
    assert_eq!((ended.code, ended.err.matches("warning").count()), (0, 1), "{}", ended.err);
    assert!(ended.err.contains(&said), "{}", ended.err);
    assert!(ended.out.contains("1 policy is good"), "{}", ended.out);
    // It is said beside findings, too.
    std::fs::write(stage.path("policies/wrong.toml"), "").unwrap();
    let ended = stage.run(&["check"]).await;
    assert_eq!(ended.code, 3);
    assert!(ended.err.contains(&said), "{}", ended.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_whose_policy_is_wrong_is_still_told_of_and_ruled_on() {
    let stage = beside_a_wrong_file().await;
    std::fs::remove_file(stage.path("policies/bad.toml")).unwrap();
    let stranger = stage.sandbox.tenant().mint(SERVICE_ACCOUNT).unwrap().client_id;
    assert_eq!(stage.run(&["--rotate-now", "demo", "--leaked"]).await.code, 6);
    let demo = stage.path("policies/demo.toml");
    let policy = std::fs::read_to_string(&demo).unwrap();
    std::fs::write(&demo, policy.replace("soak", "sook")).unwrap();

    let status = stage.status().await;
    assert_eq!(status["name"], "demo");
    assert_eq!(status["live_keys"][0]["key_id"], stage.current().as_str());
    let problems = status["problems"].as_array().unwrap();
    let codes: Vec<&str> = problems.iter().map(|p| p["code"].as_str().unwrap()).collect();
    assert!(codes.contains(&"policy_file") && !codes.contains(&"no_policy"), "{codes:?}");
    let ended = stage.run(&["history", "demo"]).await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(ended.out.contains("1 key appeared around the leak"), "{}", ended.out);
    let ended = stage.run(&["orphans", "keep", &stranger]).await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(stage.run(&["orphans"]).await.out.contains("may live (ruled)"));
}
