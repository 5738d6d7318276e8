//! What a newcomer is told to type next: it must be typeable as it stands, and it must help.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use rekeyd::journal::StateLock;

use crate::stage::{Ended, Stage, end, rekeyd};

/// The command that was printed to be typed next.
fn next_of(ended: &Ended) -> String {
    let all = format!("{}{}", ended.out, ended.err);
    let next = all.lines().filter_map(|line| line.trim().strip_prefix("next: ")).next_back();
    assert!(next.is_some(), "{all}");
    next.unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_next_command_that_forgot_config_and_state_dir_cannot_be_typed() {
    let stage = Stage::with_drain("1h").await;
    let places = format!(
        "rekeyd --config {} --policies {} --state-dir {} ",
        stage.path("rekeyd.toml").display(),
        stage.path("policies").display(),
        stage.path("state").display()
    );
    let ended = stage.run_as_it_is(&["--rotate-now", "demo"]).await;
    assert_eq!(next_of(&ended), format!("{places}run --once"));
    let ended = stage.run_as_it_is(&["status"]).await;
    assert_eq!(next_of(&ended), format!("{places}run --once"));
    let ended = stage.run_as_it_is(&["history", "demo"]).await;
    assert!(ended.err.contains(&format!("next: {places}run --once")), "{}", ended.err);
    let ended = stage.run_as_it_is(&["rotate", "demo", "--output", "json"]).await;
    let json = ended.json();
    assert_eq!(json["results"][0]["next_command"], format!("{places}run --once"));
    let ended = stage.run_as_it_is(&["rotate", "dmeo", "--output", "json"]).await;
    assert!(ended.err.contains(&format!("\"next_command\":\"{places}status\"")), "{}", ended.err);

    // Typed as printed, by a shell, it does what it says.
    let printed = next_of(&stage.run_as_it_is(&["--rotate-now", "demo"]).await);
    let program = rekeyd(&stage.path(".")).get_program().to_owned();
    let line = printed.replacen("rekeyd", &program.to_string_lossy(), 1) + " --budget 0s";
    let shell = move || Command::new("sh").arg("-c").arg(line).output().unwrap();
    let output = tokio::task::spawn_blocking(shell).await.unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leak_report_that_the_lock_kept_out_is_not_believed_to_be_recorded() {
    let stage = Stage::with_drain("1h").await;
    assert_eq!(stage.run(&["run", "--once", "--budget", "0s"]).await.code, 0);
    let lock = StateLock::acquire(&stage.path("state")).unwrap();
    let ended = stage.run(&["--rotate-now", "demo", "--leaked"]).await;
    assert_eq!(ended.code, 7, "{}", ended.err);
    assert!(ended.err.contains("The leak report was NOT recorded"), "{}", ended.err);
    assert!(ended.err.contains("SIGTERM"), "{}", ended.err);
    assert_eq!(next_of(&ended), format!("kill {}", std::process::id()));
    drop(lock);
    assert_eq!(stage.status().await["suspects"], serde_json::json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_for_a_missing_flag_says_the_whole_command() {
    let stage = Stage::new().await;
    for (arguments, more) in [
        (&["rotate", "--all"][..], " rotate --all --yes"),
        (&["--rotate-now", "demo", "--grace", "5s"], " --rotate-now demo --grace 5s --leaked"),
    ] {
        let ended = stage.run(arguments).await;
        assert_eq!(ended.code, 2, "{arguments:?}: {}", ended.err);
        assert!(next_of(&ended).ends_with(more), "{arguments:?}: {}", ended.err);
    }
}

#[test]
fn a_refused_new_journal_says_a_command_and_no_riddle() {
    let home = tempfile::tempdir().unwrap();
    let policies = home.path().join("policies");
    std::fs::create_dir(&policies).unwrap();
    let mut command = rekeyd(home.path());
    command.arg("--policies").arg(&policies).args(["run", "--once", "--reason", "it's me"]);
    let ended = end(&mut command);
    assert_eq!(ended.code, 3, "{}", ended.err);
    let policies = policies.display();
    let typed = format!(r"rekeyd --init --policies {policies} run --once --reason 'it'\''s me'");
    assert_eq!(next_of(&ended), typed);
    let mut command = rekeyd(home.path());
    let ended = end(command.args(["--config", "none/rekeyd.toml", "status"]));
    assert_eq!((ended.code, next_of(&ended).as_str()), (3, "ls -l none"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_directory_that_others_may_read_is_not_taken_in_silence() {
    let stage = Stage::new().await;
    let quiet = stage.run(&["run", "--once", "--budget", "0s"]).await.err;
    assert!(!quiet.contains("warning"), "{quiet}");
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(stage.path("state"), open).unwrap();
    let ended = stage.run(&["run", "--once", "--budget", "0s"]).await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(ended.err.contains("mode 0755"), "{}", ended.err);
    assert!(ended.err.contains("next: chmod 0700 "), "{}", ended.err);
}
