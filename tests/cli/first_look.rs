//! What a reader with nothing but the README stumbled over: words that sounded wrong, or commands
//! that could not be typed.

use rekeyd::sandbox::{CallKind, Fault, SERVICE_ACCOUNT, What};

use crate::stage::Stage;

/// Words only: a table breaks its lines.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_check_whose_next_command_forgot_the_places_cannot_be_typed() {
    let stage = Stage::new().await;
    std::fs::remove_file(stage.secret()).unwrap();
    let ended = stage.run_as_it_is(&["check", "--online"]).await;
    let places = format!("next: rekeyd --config {} ", stage.path("rekeyd.toml").display());
    let next: Vec<&str> = ended.out.lines().filter(|line| line.contains("next: ")).collect();
    assert!(!next.is_empty() && next.iter().all(|line| line.contains(&places)), "{next:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abort_while_the_issuer_is_away_sounded_lost() {
    let stage = Stage::with_drain("1h").await;
    let old = stage.current();
    assert_eq!(stage.run(&["--rotate-now", "demo"]).await.code, 0);
    let new = stage.current();
    let (on, what) = (CallKind::TokenExchange, What::LostBefore);
    let away = Fault { on, nth: 1, count: 1000, key: None, what };
    stage.sandbox.tenant().add_fault(away).unwrap();
    let ended = stage.run(&["abort", "demo"]).await;
    assert_eq!(ended.code, 5, "{}{}", ended.out, ended.err);
    for said in [
        "What was asked (abort) is recorded, and the next run that gets through takes it up.",
        &format!("What was begun stays open: key {new} is current; old key {old} lives on"),
        "next: rekeyd run --once",
    ] {
        assert!(ended.out.contains(said), "{said}: {}", ended.out);
    }

    // And so it is.
    stage.sandbox.tenant().clear_faults();
    let ended = stage.run(&["run", "--once", "--budget", "0s"]).await;
    assert!(ended.out.contains("the rotation is taken back"), "{}{}", ended.out, ended.err);
    assert_eq!(stage.current(), old);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_value_that_was_written_again_sent_people_to_break_glass() {
    let stage = Stage::new().await;
    let older = std::fs::read_to_string(stage.secret()).unwrap();
    assert_eq!(stage.run(&["--rotate-now", "demo", "--wait", "complete"]).await.code, 0);
    let (good, key) = (std::fs::read_to_string(stage.secret()).unwrap(), stage.current());
    for time in 1..=3 {
        stage.write_secret(&older);
        let ended = stage.run(&["run", "--once"]).await;
        assert_eq!(ended.code == 6, time == 3, "{time}: {}{}", ended.out, ended.err);
        assert_eq!(stage.current(), key, "{time}");
        assert_eq!(std::fs::read_to_string(stage.secret()).unwrap(), good, "{time}");
    }
    let history = words(&stage.run(&["history", "demo"]).await.out);
    assert!(history.contains(&format!("the last key that works, {key}, is put back")), "{history}");
    let ended = stage.run(&["run", "--once"]).await;
    assert!(ended.out.contains("[parked/current_overwritten]"), "{}", ended.out);
    assert!(ended.out.ends_with("next: rekeyd resume demo\n"), "{}", ended.out);
    assert_eq!(stage.run(&["resume", "demo"]).await.code, 0);
    assert_eq!(stage.status().await["state"], "idle");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decommission_under_a_rotation_named_the_key_that_goes_anyway() {
    let stage = Stage::with_drain("1h").await;
    assert_eq!(stage.run(&["--rotate-now", "demo"]).await.code, 0);
    let ended = stage.run(&["decommission", "demo"]).await;
    assert_eq!(ended.code, 6, "{}{}", ended.out, ended.err);
    assert!(ended.err.contains("refused/rotation_open"), "{}", ended.err);
    assert!(ended.err.contains("next: rekeyd abort demo"), "{}", ended.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_words_on_an_orphan_cannot_be_typed_as_printed() {
    let stage = Stage::new().await;
    assert_eq!(stage.run(&["run", "--once", "--budget", "0s"]).await.code, 0);
    let stranger = stage.sandbox.tenant().mint(SERVICE_ACCOUNT).unwrap().client_id;
    assert_eq!(stage.run(&["--rotate-now", "demo", "--leaked"]).await.code, 6);
    let listed = stage.run_as_it_is(&["orphans", "list"]).await.out;
    let typed = listed.lines().filter(|line| line.contains("rekeyd --config "));
    let typed: Vec<String> = typed.map(words).collect();
    for word in ["keep", "disable", "delete"] {
        let word = format!(" orphans {word} {stranger}");
        assert!(typed.iter().any(|line| line.contains(&word)), "{word}: {listed}");
    }
}
